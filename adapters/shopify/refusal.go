package shopify

import (
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
)

// userError is how Shopify says, in an answer that is otherwise a success, what it did not take.
type userError struct {
	Field   []value `json:"field"`
	Message string  `json:"message"`
	Code    value   `json:"code"`
}

// refusal is a user error of one mutation.
type refusal struct {
	mutation string
	userError
}

type refusals []refusal

// field is the name of the input's field; empty where the error is about none.
func (r refusal) field() string {
	if len(r.Field) == 0 {
		return ""
	}
	return string(r.Field[len(r.Field)-1])
}

// code says what is wrong, where Shopify has a code for it, or a message that it always words alike.
func (r refusal) code() string {
	switch {
	case word.MatchString(string(r.Code)):
		return string(r.Code)
	case strings.HasSuffix(r.Message, "already been taken"):
		return "TAKEN"
	case strings.HasSuffix(r.Message, "is invalid"):
		return "INVALID"
	}
	return ""
}

// taken says that a value that must be unique is another's.
func (all refusals) taken(field string) bool {
	return slices.ContainsFunc(all, func(r refusal) bool { return r.field() == field && r.code() == "TAKEN" })
}

// nameless says that an error is about no attribute: about the object itself, perhaps.
func (all refusals) nameless() bool {
	return slices.ContainsFunc(all, func(r refusal) bool { return r.path() == "" })
}

// attributes are those that inputs' fields hold.
var attributes = map[string]string{
	"firstName": "name", "lastName": "name", "email": "email", "phone": "phone", "locale": "locale", "note": "note", "tags": "tags",
	"taxExempt": "tax_status",
}

// addressParts are those that an address's fields hold.
var addressParts = map[string]string{
	"address1": "line1", "address2": "line2", "city": "city", "zip": "postal_code", "countryCode": "country_code", "country": "country_code",
	"provinceCode": "region", "province": "region", "company": "company", "phone": "phone", "firstName": "recipient", "lastName": "recipient",
}

// path is the attribute that was refused; empty where there is none.
func (r refusal) path() string {
	within := func(name value) bool { return slices.Contains(r.Field, name) }
	switch {
	case r.field() == "id" || r.field() == "customerId":
		return ""
	case r.mutation == "customerEmailMarketingConsentUpdate":
		return "marketing_consent.email"
	case r.mutation == "customerSmsMarketingConsentUpdate":
		return "marketing_consent.sms"
	case strings.HasPrefix(r.mutation, "customerAddress") || within("addresses") || within("shippingAddress"):
		if name, ok := addressParts[r.field()]; ok {
			return "shipping_address." + name
		}
		return ""
	case r.mutation == "orderUpdate" && r.field() == "email":
		return "customer_email"
	}
	return attributes[r.field()]
}

// reasons say a code in words.
var reasons = map[string]string{
	"TAKEN": "another customer has it", "INVALID": "Shopify does not take it for one", "BLANK": "Shopify wants one",
	"TOO_LONG": "it is too long for Shopify", "TOO_SHORT": "it is too short for Shopify", "INCLUSION": "it is not in Shopify's list",
}

func (r refusal) reason() string {
	if text, ok := reasons[r.code()]; ok {
		return text
	}
	if code := r.code(); code != "" {
		return "Shopify refuses it: " + code
	}
	return "Shopify refuses it"
}

// fault says which of the attributes being written Shopify did not take, and what else is wrong.
func (all refusals) fault(op string, paths []string) *fault.Error {
	f := &fault.Error{Category: fault.Permanent, Op: op, Code: all[0].code()}
	for _, r := range all {
		if path := r.path(); slices.Contains(paths, path) {
			if f.Refused == nil {
				f.Refused = map[string]string{}
			}
			f.Refused[path] = r.reason()
			continue
		}
		what := "the object"
		if word.MatchString(r.field()) {
			what = "field " + r.field()
		}
		f.Message = strings.TrimPrefix(f.Message+"; "+what+": "+r.reason(), "; ")
	}
	return f
}

package shopify

import (
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// value is a text as it is, nothing for null, anything else as it stands.
type value string

// UnmarshalJSON takes whatever there is.
func (v *value) UnmarshalJSON(b []byte) error {
	*v = value(mapping.Text(b))
	return nil
}

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
	case fault.IsWord(string(r.Code)):
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

// columns are the mapping's names for inputs' fields that it has others for.
var columns = map[string]string{
	"email": emailAddress, "phone": phoneNumber,
	"defaultAddress.countryCode": "defaultAddress.countryCodeV2", "defaultAddress.country": "defaultAddress.countryCodeV2",
	"shippingAddress.countryCode": "shippingAddress.countryCodeV2", "shippingAddress.country": "shippingAddress.countryCodeV2",
}

// column is the mapping's field that was refused. An id is none.
func (r refusal) column(k *kind) string {
	within := func(name value) bool { return slices.Contains(r.Field, name) }
	switch {
	case r.field() == "id" || r.field() == "customerId":
		return ""
	case r.mutation == "customerEmailMarketingConsentUpdate":
		return emailState
	case r.mutation == "customerSmsMarketingConsentUpdate":
		return smsState
	case strings.HasPrefix(r.mutation, "customerAddress") || within("addresses") || within("shippingAddress"):
		return k.address + "." + r.field()
	}
	return r.field()
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

// fault says which of the attributes being written Shopify did not take, and in its message what else is wrong.
func (all refusals) fault(op string, k *kind, paths []string) *fault.Error {
	f := &fault.Error{Category: fault.Permanent, Op: op, Code: all[0].code()}
	for _, r := range all {
		column := r.column(k)
		if k.Refuse(f, column, r.reason(), paths) || k.Refuse(f, columns[column], r.reason(), paths) {
			continue
		}
		what := "the object"
		if fault.IsWord(r.field()) {
			what = "field " + r.field()
		}
		f.Message = strings.TrimPrefix(f.Message+"; "+what+": "+r.reason(), "; ")
	}
	return f
}

package stripe

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// addressParts are the parts of an address that Stripe has.
var addressParts = []string{"line1", "line2", "city", "region", "postal_code", "country_code"}

func customerIn() []string { return append(customerOut(), "currency_code") }

func customerOut() []string {
	paths := []string{"name", "email", "phone", "locale", "tax_status", "note"}
	for _, part := range addressParts {
		paths = append(paths, "billing_address."+part, "shipping_address."+part)
	}
	return append(paths, "shipping_address.recipient", "shipping_address.phone", "custom.*")
}

var customerLosses = map[string]string{
	"name":                         "Stripe has one field for the whole name.",
	"billing_address.country_code": "Stripe keeps no name of a country that has no code.",
	"shipping_address.recipient":   "Stripe wants a name with a shipping address: without a recipient it is the customer's.",
	"tax_status":                   "Stripe has no empty tax status: a cleared one becomes taxable.",
	"custom.*":                     "Stripe's metadata are texts: other types come back as text.",
}

var customerLacks = map[adapters.Ability]string{
	adapters.Merges:   "Stripe merges no customers.",
	adapters.Counts:   "Stripe's lists do not tell how long they are.",
	adapters.Archives: "Stripe deletes customers for good, and ends their subscriptions with them.",
}

// customerObject is Stripe's customer, as far as it is carried.
type customerObject struct {
	ID               string            `json:"id"`
	Deleted          bool              `json:"deleted"`
	Name             *string           `json:"name"`
	Email            *string           `json:"email"`
	Phone            *string           `json:"phone"`
	Description      *string           `json:"description"`
	Currency         *string           `json:"currency"`
	TaxExempt        *string           `json:"tax_exempt"`
	PreferredLocales []string          `json:"preferred_locales"`
	Address          *addressObject    `json:"address"`
	Metadata         map[string]string `json:"metadata"`
	Shipping         *struct {
		Name    *string        `json:"name"`
		Phone   *string        `json:"phone"`
		Address *addressObject `json:"address"`
	} `json:"shipping"`
}

type addressObject struct {
	Line1      *string `json:"line1"`
	Line2      *string `json:"line2"`
	City       *string `json:"city"`
	State      *string `json:"state"`
	PostalCode *string `json:"postal_code"`
	Country    *string `json:"country"`
}

var taxStatuses = map[string]canonicalv1.TaxStatus{
	"none":    canonicalv1.TaxStatus_TAX_STATUS_TAXABLE,
	"exempt":  canonicalv1.TaxStatus_TAX_STATUS_EXEMPT,
	"reverse": canonicalv1.TaxStatus_TAX_STATUS_REVERSE_CHARGE,
}

// customKey is what the names of custom attributes look like.
var customKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (r *reading) customer(raw json.RawMessage) (adapters.Observation, error) {
	var in customerObject
	if err := json.Unmarshal(raw, &in); err != nil || in.ID == "" {
		return adapters.Observation{}, errShape
	}
	o := adapters.Observation{Object: adapters.Object{Kind: customer, ExternalID: adapters.ExternalID(in.ID)}, Gone: in.Deleted}
	if in.Deleted {
		return o, nil
	}
	c := &canonicalv1.Customer{
		Email: text(in.Email), Note: text(in.Description),
		BillingAddress: r.address("billing_address", in.Address),
	}
	if name := text(in.Name); name != nil {
		c.Name = &canonicalv1.PersonName{Full: name}
	}
	region := ""
	if in.Address != nil && in.Address.Country != nil {
		region = strings.ToUpper(*in.Address.Country)
	}
	c.Phone = r.phone("phone", in.Phone, region)
	if in.TaxExempt != nil {
		c.TaxStatus, c.TaxStatusRaw = enum(r, "tax_exempt", *in.TaxExempt, taxStatuses)
	}
	if in.Currency != nil && *in.Currency != "" {
		code := strings.ToUpper(*in.Currency)
		c.CurrencyCode = &code
	}
	if len(in.PreferredLocales) > 0 {
		if tag, ok := normal.Locale(in.PreferredLocales[0]); ok {
			c.Locale = &tag
		} else {
			r.cannotUse("locale", in.PreferredLocales[0], errors.New("it is no language tag of BCP 47"))
		}
	}
	if s := in.Shipping; s != nil {
		a := r.address("shipping_address", s.Address)
		phone := r.phone("shipping_address.phone", s.Phone, a.GetCountryCode())
		if a == nil && (text(s.Name) != nil || phone != nil) {
			a = &canonicalv1.Address{}
		}
		if a != nil {
			a.Recipient, a.Phone = text(s.Name), phone
		}
		c.ShippingAddress = a
	}
	r.metadata(&o, c, in.Metadata)
	o.Message = c
	return o, nil
}

var errShape = errors.New("the object does not have Stripe's shape")

func (r *reading) phone(path string, raw *string, region string) *string {
	if text(raw) == nil {
		return nil
	}
	number, err := normal.Phone(*raw, region)
	if err != nil {
		r.cannotUse(path, *raw, err)
		return nil
	}
	return &number
}

func (r *reading) address(path string, in *addressObject) *canonicalv1.Address {
	if in == nil {
		return nil
	}
	a := &canonicalv1.Address{Line1: text(in.Line1), Line2: text(in.Line2), City: text(in.City), Region: text(in.State), PostalCode: text(in.PostalCode)}
	if country := text(in.Country); country != nil {
		if code, ok := normal.Country(*country); ok {
			a.CountryCode = &code
		} else {
			r.cannotUse(path+".country_code", *country, errors.New("it is no country's code or name"))
		}
	}
	if a.Line1 == nil && a.Line2 == nil && a.City == nil && a.Region == nil && a.PostalCode == nil && a.CountryCode == nil {
		return nil
	}
	return a
}

// metadata are custom attributes, but for our own entry.
func (r *reading) metadata(o *adapters.Observation, c *canonicalv1.Customer, in map[string]string) {
	o.RecordID = adapters.ReadRecordID(in[recordIDKey])
	for _, key := range slices.Sorted(maps.Keys(in)) {
		switch {
		case key == recordIDKey || in[key] == "":
		case !customKey.MatchString(key):
			r.unknown = append(r.unknown, "metadata["+key+"]") // no name for a custom attribute: a-z, 0-9 and _ only
		default:
			if c.Custom == nil {
				c.Custom = map[string]*canonicalv1.CustomValue{}
			}
			c.Custom[key] = &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: in[key]}}
		}
	}
}

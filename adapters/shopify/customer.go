package shopify

import (
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type customer = canonicalv1.Customer

// customers is all that is carried of a customer. Nothing changes it.
var customers = describe(kind{
	name: "customer", gid: "Customer", one: "customer", many: "customers",
	carriage: adapters.Carriage{
		Create: true, Pull: adapters.Pull{MaxPage: 100, Changes: true, Lag: lag}, Losses: map[string]string{},
		Lacks: map[adapters.Ability]string{
			adapters.PullsDeletes: "Shopify's searches know nothing of deleted customers.",
			adapters.Archives:     "Shopify deletes customers for good, and those with orders not at all.",
		},
	},
}, slices.Concat([]row[*customer]{
	{path: "name", fields: []string{"firstName", "lastName"}, read: readName, write: writeName,
		loss: "Kept as first and last name: prefix, middle name and suffix are not held, and a name without parts is cut at its last word."},
	{path: "email", fields: []string{"defaultEmailAddress"}, read: readEmail, write: writeEmail,
		loss: "Shopify keeps addresses in lower case. One that has a consent is not cleared: the consent would go with it."},
	{path: "phone", fields: []string{"defaultPhoneNumber"}, read: readPhone, write: writePhone,
		loss: "A number belongs to one customer. One that has a consent is not cleared: the consent would go with it."},
	{path: "locale", fields: []string{"locale"}, read: readLocale, write: writeLocale,
		loss: "Shopify takes the languages of its own list alone."},
	{path: "tax_status", fields: []string{"taxExempt"}, read: readTax, write: writeTax,
		loss: "Shopify knows no reverse charge."},
	{path: "tags", fields: []string{"tags"}, read: readCustomerTags, write: writeCustomerTags, loss: tagsLoss},
	{path: "note", fields: []string{"note"},
		read:  func(r *reading, c *customer) { c.Note = some(r.text("note")) },
		write: func(c *customer, f *frozen) string { return f.set("note", c.GetNote()) }},
	{path: "marketing_consent.email", fields: []string{"defaultEmailAddress"}, read: readEmailConsent, write: writeEmailConsent,
		loss: "Shopify keeps whole seconds, takes back no decision, and keeps none without an address."},
	{path: "marketing_consent.sms", fields: []string{"defaultPhoneNumber"}, read: readSMSConsent, write: writeSMSConsent,
		loss: "Shopify keeps whole seconds, takes back no decision, and keeps none without a number."},
}, addressRows("shipping_address", "defaultAddress", shipping(func(c *customer) **canonicalv1.Address { return &c.ShippingAddress }))),
	map[string]string{
		"defaultEmailAddress": " { emailAddress marketingState marketingUpdatedAt }",
		"defaultPhoneNumber":  " { phoneNumber smsMarketingConsent { state updatedAt } }",
		"defaultAddress":      addressFields,
	}, nil)

// some is a text, nil where it is empty.
func some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func readName(r *reading, c *customer) {
	given, family := r.text("firstName"), r.text("lastName")
	if full := strings.TrimSpace(given + " " + family); full != "" {
		c.Name = &canonicalv1.PersonName{Full: &full, Given: some(given), Family: some(family)}
	}
}

func writeName(c *customer, f *frozen) string {
	given, family := c.GetName().GetGiven(), c.GetName().GetFamily()
	if given == "" && family == "" {
		given, family = normal.SplitName(c.GetName().GetFull())
	}
	f.set("firstName", given)
	return f.set("lastName", family)
}

func readEmail(r *reading, c *customer) {
	var in struct {
		Address string `json:"emailAddress"`
	}
	r.get("defaultEmailAddress", &in)
	c.Email = some(in.Address)
}

// kept is why an address or a number stays.
const kept = "Shopify would forget the consent that was given for it; withdraw the consent first"

func writeEmail(c *customer, f *frozen) string {
	if c.GetEmail() == "" && c.GetMarketingConsent().GetEmail() != nil {
		return kept
	}
	return f.set("email", c.GetEmail())
}

func readPhone(r *reading, c *customer) {
	var in struct {
		Number string `json:"phoneNumber"`
	}
	r.get("defaultPhoneNumber", &in)
	number, err := normal.Phone(in.Number, "")
	if err != nil {
		r.unusable(in.Number, err.Error())
	}
	c.Phone = some(number)
}

func writePhone(c *customer, f *frozen) string {
	if c.GetPhone() == "" && c.GetMarketingConsent().GetSms() != nil {
		return kept
	}
	return f.set("phone", c.GetPhone())
}

func readLocale(r *reading, c *customer) {
	raw := r.text("locale")
	if raw == "" {
		return
	}
	locale, ok := normal.Locale(raw)
	if !ok {
		r.unusable(raw, "it is no language tag")
		return
	}
	c.Locale = &locale
}

func writeLocale(c *customer, f *frozen) string {
	if c.GetLocale() == "" {
		return "a customer of Shopify's always has a language"
	}
	return f.set("locale", c.GetLocale())
}

func readTax(r *reading, c *customer) {
	var exempt *bool
	r.get("taxExempt", &exempt)
	switch {
	case exempt == nil:
	case *exempt:
		c.TaxStatus = canonicalv1.TaxStatus_TAX_STATUS_EXEMPT.Enum()
	default:
		c.TaxStatus = canonicalv1.TaxStatus_TAX_STATUS_TAXABLE.Enum()
	}
}

func writeTax(c *customer, f *frozen) string {
	switch c.GetTaxStatus() {
	case canonicalv1.TaxStatus_TAX_STATUS_EXEMPT:
		f.Input["taxExempt"] = true
	case canonicalv1.TaxStatus_TAX_STATUS_TAXABLE:
		f.Input["taxExempt"] = false
	default:
		return "Shopify knows customers who are exempt and customers who are not"
	}
	return ""
}

func readCustomerTags(r *reading, c *customer) { c.Tags = r.tags() }

func writeCustomerTags(c *customer, f *frozen) string { return f.tags(c.GetTags()) }

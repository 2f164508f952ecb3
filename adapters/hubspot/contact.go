package hubspot

import (
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const customer adapters.Kind = "customer"

// contacts is the mapping of contacts, one row an attribute.
func contacts() *kind {
	return kind{
		name: customer, one: "contact", many: "contacts", typeID: "0-1", modified: "lastmodifieddate",
		message: func() proto.Message { return &canonicalv1.Customer{} },
		create:  (*account).upsert,
	}.with(
		plain("email", "email", (*canonicalv1.Customer).GetEmail, func(c *canonicalv1.Customer, v string) { c.Email = &v }).
			losing("HubSpot keeps addresses in lower case."),
		mapped("name", []string{"firstname", "lastname"}, readName, writeName).
			losing("Kept as first and last name: prefix, middle name and suffix are not held, and a name without parts is cut at its last word."),
		telephone("phone", "phone", (*canonicalv1.Customer).GetPhone, func(c *canonicalv1.Customer, v string) { c.Phone = &v }),
		telephone("mobile_phone", "mobilephone", (*canonicalv1.Customer).GetMobilePhone, func(c *canonicalv1.Customer, v string) { c.MobilePhone = &v }),
		plain("company", "company", (*canonicalv1.Customer).GetCompany, func(c *canonicalv1.Customer, v string) { c.Company = &v }),
		part("billing_address.line1", "address", (*canonicalv1.Address).GetLine1, func(a *canonicalv1.Address, v string) { a.Line1 = &v }),
		part("billing_address.city", "city", (*canonicalv1.Address).GetCity, func(a *canonicalv1.Address, v string) { a.City = &v }),
		part("billing_address.region", "state", (*canonicalv1.Address).GetRegion, func(a *canonicalv1.Address, v string) { a.Region = &v }),
		part("billing_address.postal_code", "zip", (*canonicalv1.Address).GetPostalCode, func(a *canonicalv1.Address, v string) { a.PostalCode = &v }),
		mapped("billing_address.country_code", []string{"country"}, readCountryCode, writeCountry).
			losing("Kept as text, written as the country's English name."),
		mapped("billing_address.country_name", []string{"country"}, readCountryName, nil).
			losing("The one text has either a country that we know or another name; the latter is read and not written."),
		mapped("lifecycle_stage", []string{"lifecyclestage"}, readStage, writeStage).
			losing("HubSpot has no stage for a former customer; a stage that moves back is cleared first, which HubSpot's history shows."),
		mapped("locale", []string{"hs_language"}, readLocale, writeLocale).
			losing("HubSpot takes the languages of its own list alone."),
		mapped("further_emails", []string{"hs_additional_emails"}, readFurtherEmails, nil),
		mapped("account_owner", []string{"hubspot_owner_id"}, func(r *reading, c *canonicalv1.Customer) { c.AccountOwner = r.agent("hubspot_owner_id") }, nil),
	)
}

// part maps a part of the billing address.
func part(path, property string, get func(*canonicalv1.Address) string, set func(*canonicalv1.Address, string)) row {
	return plain(path, property,
		func(c *canonicalv1.Customer) string { return get(c.GetBillingAddress()) },
		func(c *canonicalv1.Customer, v string) { set(address(c), v) })
}

// telephone maps a telephone number. HubSpot keeps any text; one without a country code belongs to the contact's country.
func telephone(path, property string, get func(*canonicalv1.Customer) string, set func(*canonicalv1.Customer, string)) row {
	r := plain(path, property, get, set)
	r.read = func(r *reading, m proto.Message) {
		raw := strings.TrimSpace(r.value(property))
		e164, err := normal.Phone(raw, r.country())
		switch {
		case err != nil:
			r.unusable(path, raw, err.Error())
		case e164 != "":
			set(m.(*canonicalv1.Customer), e164)
		}
	}
	return r
}

func address(c *canonicalv1.Customer) *canonicalv1.Address {
	if c.BillingAddress == nil {
		c.BillingAddress = &canonicalv1.Address{}
	}
	return c.BillingAddress
}

package salesforce

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type party = canonicalv1.Customer

// customers is what the org takes for a customer.
func (o *org) customers() *kind {
	if o.byAccount {
		return accounts()
	}
	return o.contacts()
}

// contacts is the mapping of contacts, one row an attribute.
func (o *org) contacts() *kind {
	return &kind{
		name: customer, sobject: "Contact", prefix: "003", message: func() proto.Message { return &party{} }, page: maxPage, merges: true, archives: true,
		rows: slices.Concat([]row{
			is("party_type", canonicalv1.PartyType_PARTY_TYPE_PERSON),
			mapped("name", []string{"LastName", "FirstName", "Salutation", "Name"}, readName, writeName).required("a contact always has a last name").
				losing("Kept as salutation, first and last name: middle name and suffix are not held, and a name without parts is cut at its last word."),
			plain("email", "Email", func(c *party) string { return strings.ToLower(c.GetEmail()) }, func(c *party, v string) { c.Email = &v }).losing("Salesforce keeps addresses in lower case."),
			number("phone", "Phone", "MailingCountry", (*party).GetPhone, func(c *party, v string) { c.Phone = &v }),
			number("mobile_phone", "MobilePhone", "MailingCountry", (*party).GetMobilePhone, func(c *party, v string) { c.MobilePhone = &v }),
			plain("company", "Account.Name", (*party).GetCompany, func(c *party, v string) { c.Company = &v }).
				readOnly().losing("The name of the contact's account, which is not written."),
			plain("note", "Description", (*party).GetNote, func(c *party, v string) { v = lines(v); c.Note = &v }),
			owner(),
		}, addressRows("billing_address", "Mailing", func(c *party) **canonicalv1.Address { return &c.BillingAddress })),
		complete: func(fields map[string]any) string {
			if fields["LastName"] == nil {
				return "Salesforce takes no contact without a name"
			}
			if o.account != "" {
				fields["AccountId"] = o.account
			}
			return ""
		},
	}
}

// accounts is the mapping of accounts, one row an attribute.
func accounts() *kind {
	return &kind{
		name: customer, sobject: "Account", prefix: "001", message: func() proto.Message { return &party{} }, page: maxPage, merges: true,
		rows: slices.Concat([]row{
			is("party_type", canonicalv1.PartyType_PARTY_TYPE_ORGANISATION),
			mapped("name", []string{"Name"}, readFullName, writeFullName).required("an account always has a name").
				losing("Kept as one text; the parts are joined when they are written, and not read."),
			number("phone", "Phone", "BillingCountry", (*party).GetPhone, func(c *party, v string) { c.Phone = &v }),
			plain("note", "Description", (*party).GetNote, func(c *party, v string) { v = lines(v); c.Note = &v }),
			owner(),
		},
			addressRows("billing_address", "Billing", func(c *party) **canonicalv1.Address { return &c.BillingAddress }),
			addressRows("shipping_address", "Shipping", func(c *party) **canonicalv1.Address { return &c.ShippingAddress })),
		complete: func(fields map[string]any) string {
			if fields["Name"] == nil {
				return "Salesforce takes no account without a name"
			}
			return ""
		},
		lacks: map[adapters.Ability]string{adapters.Archives: "A deleted account takes its contacts, cases and orders with it."},
	}
}

// is maps an attribute that all rows of the kind have alike.
func is(path string, of canonicalv1.PartyType) row {
	return mapped(path, []string{"Id"}, func(_ *reading, c *party) { c.PartyType = &of }, nil)
}

func owner() row {
	return mapped("account_owner", []string{"OwnerId", "Owner.Name"}, func(r *reading, c *party) { c.AccountOwner = r.agent("OwnerId", "Owner.Name") }, nil)
}

func (r row) readOnly() row {
	r.write = nil
	return r
}

// number maps a telephone number. Salesforce keeps any text; one without a country code belongs to the address's country.
func number(path, field, country string, get func(*party) string, set func(*party, string)) row {
	r := plain(path, field, get, set)
	r.read = func(r *reading, m proto.Message) {
		raw := strings.TrimSpace(r.text(field))
		region, _ := normal.Country(r.text(country)) // none where it is not known
		e164, err := normal.Phone(raw, region)
		switch {
		case err != nil:
			r.unusable(raw, err.Error())
		case e164 != "":
			set(m.(*party), e164)
		}
	}
	return r
}

func readName(r *reading, c *party) {
	given, family, prefix := r.text("FirstName"), r.text("LastName"), r.text("Salutation")
	full := r.text("Name")
	if full == "" {
		full = strings.TrimSpace(given + " " + family)
	}
	if full+prefix == "" {
		return
	}
	c.Name = &canonicalv1.PersonName{Full: some(full), Given: some(given), Family: some(family), Prefix: some(prefix)}
}

// some is a text that is there; nil for an empty one.
func some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// writeName leaves the last name alone where there is only one: a contact has no other that must be there.
func writeName(c *party, fields map[string]any) string {
	given, family := c.GetName().GetGiven(), c.GetName().GetFamily()
	if given == "" && family == "" {
		given, family = normal.SplitName(c.GetName().GetFull())
	}
	if family == "" {
		given, family = "", given
	}
	fields["FirstName"], fields["LastName"], fields["Salutation"] = null(given), null(family), null(c.GetName().GetPrefix())
	return ""
}

func readFullName(r *reading, c *party) {
	if full := r.text("Name"); full != "" {
		c.Name = &canonicalv1.PersonName{Full: &full}
	}
}

func writeFullName(c *party, fields map[string]any) string {
	n := c.GetName()
	full := n.GetFull()
	if full == "" {
		full = strings.Join(strings.Fields(strings.Join([]string{n.GetPrefix(), n.GetGiven(), n.GetMiddle(), n.GetFamily(), n.GetSuffix()}, " ")), " ")
	}
	fields["Name"] = null(full)
	return ""
}

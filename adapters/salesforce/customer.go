package salesforce

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

type party = canonicalv1.Customer

// customers is the mapping of what the org takes for a customer, one row an attribute: of contacts, if not of accounts.
func (o *org) customers() *kind {
	if o.byAccount {
		return accounts()
	}
	return &kind{sobject: "Contact", prefix: "003", Kind: mapping.Kind{
		Name: customer, Message: func() proto.Message { return &party{} }, Complete: o.completeContact,
		Rows: slices.Concat([]mapping.Row{
			is("party_type", canonicalv1.PartyType_PARTY_TYPE_PERSON),
			mapping.Of("name", []string{"LastName", "FirstName", "Salutation", "Name"}, readName, writeName).Required("a contact always has a last name").
				Losing("Kept as salutation, first and last name: middle name and suffix are not held, and a name without parts is cut at its last word."),
			mapping.Lower("email", "Email").Losing("Salesforce keeps addresses in lower case."),
			// Salesforce keeps any text; a number without a country code belongs to the address's country.
			mapping.Phone("phone", "Phone", mapping.Region("MailingCountry")),
			mapping.Phone("mobile_phone", "MobilePhone", mapping.Region("MailingCountry")),
			mapping.Plain("company", "Account.Name").ReadOnly().Losing("The name of the contact's account, which is not written."),
			text("note", "Description"),
			owner("account_owner", ""),
		}, address("billing_address", "Mailing")),
	}}
}

// accounts is the mapping of accounts, one row an attribute.
func accounts() *kind {
	return &kind{sobject: "Account", prefix: "001", Kind: mapping.Kind{
		Name: customer, Message: func() proto.Message { return &party{} }, Complete: completeAccount,
		Rows: slices.Concat([]mapping.Row{
			is("party_type", canonicalv1.PartyType_PARTY_TYPE_ORGANISATION),
			mapping.FullName("name", "Name").Required("an account always has a name"),
			mapping.Phone("phone", "Phone", mapping.Region("BillingCountry")),
			text("note", "Description"),
			owner("account_owner", ""),
		}, address("billing_address", "Billing"), address("shipping_address", "Shipping")),
	}, lacks: map[adapters.Ability]string{adapters.Archives: "A deleted account takes its contacts, cases and orders with it."}}
}

// is maps an attribute that all rows of the kind have alike.
func is(path string, of canonicalv1.PartyType) mapping.Row {
	return mapping.Of(path, []string{"Id"}, func(_ *mapping.Reading, c *party) { c.PartyType = &of }, nil)
}

func readName(r *mapping.Reading, c *party) {
	given, family, prefix := r.Text("FirstName"), r.Text("LastName"), r.Text("Salutation")
	full := cmp.Or(r.Text("Name"), strings.TrimSpace(given+" "+family))
	if full+prefix == "" {
		return
	}
	c.Name = &canonicalv1.PersonName{Full: mapping.Some(full), Given: mapping.Some(given), Family: mapping.Some(family), Prefix: mapping.Some(prefix)}
}

// writeName leaves the last name alone where there is only one: a contact has no other that must be there.
func writeName(c *party, w mapping.Fields) string {
	given, family := mapping.NameParts(c.GetName())
	if family == "" {
		given, family = "", given
	}
	w["FirstName"], w["LastName"], w["Salutation"] = given, family, c.GetName().GetPrefix()
	return ""
}

func (o *org) completeContact(_ adapters.Patch, w mapping.Fields) (also mapping.Fields, missing string) {
	switch {
	case w["LastName"] == nil:
		return nil, "Salesforce takes no contact without a name"
	case o.account == "":
		return nil, ""
	}
	return mapping.Fields{"AccountId": o.account}, ""
}

func completeAccount(_ adapters.Patch, w mapping.Fields) (also mapping.Fields, missing string) {
	if w["Name"] == nil {
		return nil, "Salesforce takes no account without a name"
	}
	return nil, ""
}

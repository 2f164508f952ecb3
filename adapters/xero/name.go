package xero

import (
	"strings"

	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// names are a contact's: the person, whole or in parts, and the company.
type names struct{ first, last, full, company string }

// namesOf reads what Xero keeps as a first, a last and a contact's name: that is the person's own, or the company's. text
// reads a field.
func namesOf(text func(field string) string) names {
	n := names{first: tidy(text("FirstName")), last: tidy(text("LastName"))}
	whole := tidy(text("Name"))
	switch n.full = tidy(n.first + " " + n.last); n.full {
	case "":
		n.full = whole
	case whole:
	default:
		n.company = whole
	}
	return n
}

// tidy is a text without blanks around it, and with single ones in it: Xero takes no others in a name.
func tidy(text string) string { return strings.Join(strings.Fields(text), " ") }

func readName(r *mapping.Reading, c *canonicalv1.Customer) {
	if n := namesOf(r.Text); n.full != "" {
		c.Name = &canonicalv1.PersonName{Full: &n.full, Given: mapping.Some(n.first), Family: mapping.Some(n.last)}
	}
}

func readCompany(r *mapping.Reading, c *canonicalv1.Customer) {
	c.Company = mapping.Some(namesOf(r.Text).company)
}

func writeName(c *canonicalv1.Customer, w fields) string {
	n := c.GetName()
	first, last, full := tidy(n.GetGiven()), tidy(n.GetFamily()), tidy(n.GetFull())
	if first+last != "" {
		full = tidy(first + " " + last)
	}
	w["name"] = fields{"first": first, "last": last, "full": full}
	if full == "" {
		return "a contact always has a name"
	}
	return unnameable(full)
}

// cut says that one name is the other, which has no parts: beside a company Xero keeps none without.
func cut(has, w fields) bool {
	is, _ := has["name"].(fields)
	name, _ := w["name"].(fields)
	return name["first"] == "" && name["last"] == "" && name["full"] == is["full"]
}

func writeCompany(c *canonicalv1.Customer, w fields) string {
	company := tidy(c.GetCompany())
	w["company"] = company
	return unnameable(company)
}

func unnameable(name string) string {
	if strings.ContainsAny(name, "<>") {
		return "Xero takes no angle brackets in a name"
	}
	return mapping.TooLong(name, 255)
}

// settleNames are Xero's names of a contact, of what is written and otherwise of what is there.
func settleNames(now *object, w fields) fields {
	n := namesOf(now.text)
	if name, ok := w["name"].(fields); ok { // a create leaves out the parts that are empty
		n.first, _ = name["first"].(string)
		n.last, _ = name["last"].(string)
		n.full, _ = name["full"].(string)
	}
	if company, ok := w["company"].(string); ok {
		n.company = company
	}
	switch {
	case n.company == "":
		n.company = n.full
	case n.company == n.full: // one name, which is no person's
		n.first, n.last = "", ""
	case n.first+n.last == "":
		n.first, n.last = normal.SplitName(n.full)
	}
	return fields{"Name": n.company, "FirstName": n.first, "LastName": n.last}
}

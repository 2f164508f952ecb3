package xero

import (
	"regexp"
	"strings"

	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// list is one of Xero's lists that have a slot for each type.
type list struct {
	field, kind string
	// parts are the fields of a slot.
	parts []string
}

var (
	phones    = list{field: "Phones", kind: "PhoneType", parts: []string{"PhoneNumber", "PhoneAreaCode", "PhoneCountryCode"}}
	addresses = list{field: "Addresses", kind: "AddressType", parts: []string{
		"AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4", "City", "Region", "PostalCode", "Country", "AttentionTo",
	}}
)

// slots are the ones that are written, as Xero takes them: a telephone number replaces the slot, an address' parts some of it.
func slots(now *object, of list, w fields) []any {
	var out []any
	for _, name := range []string{"DEFAULT", "MOBILE", postal, physical} {
		written, ok := w[name].(fields)
		if !ok {
			continue
		}
		slot := fields{of.kind: name}
		held := map[string]string{}
		if now != nil && of.field == addresses.field {
			held, _ = now.slot(of, name)
		}
		for _, part := range of.parts {
			slot[part] = held[part]
			if value, is := written[part]; is {
				slot[part] = value
			}
		}
		out = append(out, slot)
	}
	return out
}

// part is what is written of a slot.
func part(w fields, list, slot string) fields {
	all, ok := w[list].(fields)
	if !ok {
		all = fields{}
		w[list] = all
	}
	one, ok := all[slot].(fields)
	if !ok {
		one = fields{}
		all[slot] = one
	}
	return one
}

// of gives a customer's address, and makes it.
type of func(*canonicalv1.Customer) **canonicalv1.Address

func billing(c *canonicalv1.Customer) **canonicalv1.Address  { return &c.BillingAddress }
func shipping(c *canonicalv1.Customer) **canonicalv1.Address { return &c.ShippingAddress }

func (a of) make(c *canonicalv1.Customer) *canonicalv1.Address {
	address := a(c)
	if *address == nil {
		*address = &canonicalv1.Address{}
	}
	return *address
}

// addressRows map the parts of one of a customer's addresses to one of Xero's.
func addressRows(path, slot string, address of) []row {
	text := func(name, field string, most int, get func(*canonicalv1.Address) string, set func(*canonicalv1.Address, string)) row {
		return mapped(path+"."+name, "Addresses",
			func(r *reading, c *canonicalv1.Customer) {
				if is, ok := r.slot(path+"."+name, addresses, slot); ok && is[field] != "" {
					set(address.make(c), is[field])
				}
			},
			func(c *canonicalv1.Customer, w fields) string {
				part(w, "Addresses", slot)[field] = get(*address(c))
				return tooLong(get(*address(c)), most)
			})
	}
	return []row{
		text("line1", "AddressLine1", 500, (*canonicalv1.Address).GetLine1, func(a *canonicalv1.Address, v string) { a.Line1 = &v }),
		furtherLines(path+".line2", slot, address),
		text("city", "City", 255, (*canonicalv1.Address).GetCity, func(a *canonicalv1.Address, v string) { a.City = &v }),
		text("region", "Region", 255, (*canonicalv1.Address).GetRegion, func(a *canonicalv1.Address, v string) { a.Region = &v }),
		text("postal_code", "PostalCode", 50, (*canonicalv1.Address).GetPostalCode, func(a *canonicalv1.Address, v string) { a.PostalCode = &v }),
		countryCode(path+".country_code", slot, address),
		countryName(path+".country_name", slot, address),
		text("recipient", "AttentionTo", 255, (*canonicalv1.Address).GetRecipient, func(a *canonicalv1.Address, v string) { a.Recipient = &v }),
	}
}

// further are the fields of an address' lines behind the first.
var further = []string{"AddressLine2", "AddressLine3", "AddressLine4"}

func furtherLines(path, slot string, address of) row {
	return mapped(path, "Addresses",
		func(r *reading, c *canonicalv1.Customer) {
			is, _ := r.slot(path, addresses, slot)
			var lines []string
			for _, field := range further {
				if is[field] != "" {
					lines = append(lines, is[field])
				}
			}
			if text := strings.Join(lines, "\n"); text != "" {
				address.make(c).Line2 = &text
			}
		},
		func(c *canonicalv1.Customer, w fields) string {
			lines := strings.Split((*address(c)).GetLine2(), "\n")
			if len(lines) > len(further) {
				return "Xero keeps four lines of an address"
			}
			slot := part(w, "Addresses", slot)
			for i, field := range further {
				slot[field] = ""
				if i < len(lines) {
					slot[field] = lines[i]
				}
				if why := tooLong(slot[field].(string), 500); why != "" {
					return why
				}
			}
			return ""
		}).losing("Up to three lines; empty ones are left out.")
}

// letters are all that Xero takes in a country.
var letters = regexp.MustCompile(`^[A-Za-z ]{1,50}$`)

func countryCode(path, slot string, address of) row {
	return mapped(path, "Addresses",
		func(r *reading, c *canonicalv1.Customer) {
			is, _ := r.slot(path, addresses, slot)
			if code, ok := normal.Country(is["Country"]); ok {
				address.make(c).CountryCode = &code
			}
		},
		func(c *canonicalv1.Customer, w fields) string {
			// The name is what is printed. The code stands for one that Xero does not take, or that would be read as another.
			code := (*address(c)).GetCountryCode()
			name := normal.CountryName(code)
			if back, ok := normal.Country(name); code == "" || !ok || back != code || !letters.MatchString(name) {
				name = code
			}
			part(w, "Addresses", slot)["Country"] = name
			return ""
		}).losing("Kept as text, written as the country's English name where that has letters alone.")
}

func countryName(path, slot string, address of) row {
	return mapped(path, "Addresses",
		func(r *reading, c *canonicalv1.Customer) {
			is, _ := r.slot(path, addresses, slot)
			if name := is["Country"]; name != "" {
				if _, known := normal.Country(name); !known {
					address.make(c).CountryName = &name
				}
			}
		}, nil).losing("The one text has either a country that we know or another name; the latter is read and not written.")
}

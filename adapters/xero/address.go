package xero

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/normal"
)

// Xero's two addresses of a contact: where invoices go, and where the contact is to be found.
const (
	postal   = "POBOX"
	physical = "STREET"
)

// list is one of Xero's lists that have a slot for each type.
type list struct {
	field, kind string
	// types are those that are carried, parts the fields of a slot.
	types, parts []string
	// whole says that what is written replaces all of the slot.
	whole bool
}

var (
	phones = list{field: "Phones", kind: "PhoneType", types: []string{"DEFAULT", "MOBILE"}, whole: true,
		parts: []string{"PhoneNumber", "PhoneAreaCode", "PhoneCountryCode"}}
	addresses = list{field: "Addresses", kind: "AddressType", types: []string{postal, physical}, parts: []string{
		"AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4", "City", "Region", "PostalCode", "Country", "AttentionTo",
	}}
)

// slot is what an object has for a type; nothing where it has none. False where there is no list.
func (l list) slot(object map[string]json.RawMessage, name string) (map[string]json.RawMessage, bool) {
	var all []map[string]json.RawMessage
	if json.Unmarshal(object[l.field], &all) != nil && mapping.Text(object[l.field]) != "" {
		return nil, false
	}
	for _, slot := range all {
		if mapping.Text(slot[l.kind]) == name {
			return slot, true
		}
	}
	return nil, true
}

// row has a row's fields be in a slot.
func (l list) row(name string, r mapping.Row) mapping.Row {
	return r.Within(func(r *mapping.Reading) map[string]json.RawMessage {
		slot, ok := l.slot(r.Fields, name)
		if !ok {
			r.Unusable(r.Text(l.field), "it is no list")
		}
		return slot
	}, l.field, name)
}

// settle are the slots that are written, as Xero takes them: whole.
func (l list) settle(now *object, w fields) []any {
	var out []any
	for _, name := range l.types {
		written, ok := w[name].(fields)
		if !ok {
			continue
		}
		slot, held := fields{l.kind: name}, map[string]json.RawMessage(nil)
		if !l.whole {
			held, _ = l.slot(now.fields, name)
		}
		for _, part := range l.parts {
			slot[part] = mapping.Text(held[part])
			if value, is := written[part]; is {
				slot[part] = value
			}
		}
		out = append(out, slot)
	}
	return out
}

// addressRows map the parts of one of a customer's addresses to one of Xero's.
func addressRows(path, slot string) []mapping.Row {
	country := mapping.Country(path, "Country")
	rows := []mapping.Row{
		mapping.Plain(path+".line1", "AddressLine1").AtMost(500),
		furtherLines(path + ".line2"),
		mapping.Plain(path+".city", "City").AtMost(255),
		mapping.Plain(path+".region", "Region").AtMost(255),
		mapping.Plain(path+".postal_code", "PostalCode").AtMost(50),
		country[0].Written(lettered).Losing("Kept as text, written as the country's English name where that has letters alone."),
		country[1],
		mapping.Plain(path+".recipient", "AttentionTo").AtMost(255),
	}
	for i, row := range rows {
		rows[i] = addresses.row(slot, row)
	}
	return rows
}

// further are the fields of an address' lines behind the first.
var further = []string{"AddressLine2", "AddressLine3", "AddressLine4"}

func furtherLines(path string) mapping.Row {
	return mapping.TextOf(path, further,
		func(r *mapping.Reading) string {
			var lines []string
			for _, field := range further {
				lines = append(lines, r.Text(field))
			}
			return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
		},
		func(text string, w fields) string {
			lines := strings.Split(text, "\n")
			if len(lines) > len(further) {
				return "Xero keeps four lines of an address"
			}
			for i, field := range further {
				w[field] = ""
				if i < len(lines) {
					w[field] = lines[i]
				}
				if why := mapping.TooLong(w[field].(string), 500); why != "" {
					return why
				}
			}
			return ""
		}).Losing("Up to three lines; empty ones are left out.")
}

// letters are all that Xero takes in a country.
var letters = regexp.MustCompile(`^[A-Za-z ]{1,50}$`)

// lettered has a country's code stand for a name that Xero does not take.
func lettered(country string) string {
	if letters.MatchString(country) {
		return country
	}
	code, _ := normal.Country(country)
	return code
}

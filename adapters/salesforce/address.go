package salesforce

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// addressRows maps an address: to the fields that begin with a word of Salesforce's, a row each part.
func addressRows[M proto.Message](group, word string, of func(M) **canonicalv1.Address) []row {
	part := func(name, field string, get func(*canonicalv1.Address) string, set func(*canonicalv1.Address, string)) row {
		return plain(group+"."+name, word+field, func(m M) string { return get(*of(m)) }, func(m M, v string) { set(address(of(m)), v) })
	}
	country := word + "Country"
	streetLine := func(name, mark string, cut func(street string) string, get func(*canonicalv1.Address) string, set func(*canonicalv1.Address, string)) row {
		return mapped(group+"."+name, []string{word + "Street"},
			func(r *reading, m M) {
				if v := cut(lines(r.text(word + "Street"))); v != "" {
					set(address(of(m)), v)
				}
			},
			func(m M, fields map[string]any) string {
				fields[word+"Street"+mark] = null(get(*of(m)))
				return ""
			})
	}
	return []row{
		streetLine("line1", first, firstLine, (*canonicalv1.Address).GetLine1, func(a *canonicalv1.Address, v string) { a.Line1 = &v }),
		streetLine("line2", further, furtherLines, (*canonicalv1.Address).GetLine2, func(a *canonicalv1.Address, v string) { a.Line2 = &v }).
			losing("All lines are one field: what is below the first is read as the second, and a second without a first becomes the first."),
		part("city", "City", (*canonicalv1.Address).GetCity, func(a *canonicalv1.Address, v string) { a.City = &v }),
		part("region", "State", (*canonicalv1.Address).GetRegion, func(a *canonicalv1.Address, v string) { a.Region = &v }),
		part("postal_code", "PostalCode", (*canonicalv1.Address).GetPostalCode, func(a *canonicalv1.Address, v string) { a.PostalCode = &v }),
		mapped(group+".country_code", []string{country},
			func(r *reading, m M) {
				if code, ok := normal.Country(r.text(country)); ok {
					address(of(m)).CountryCode = &code
				}
			},
			func(m M, fields map[string]any) string {
				fields[country] = null(countryText(*of(m)))
				return ""
			}).losing("Kept as text, written as the country's English name."),
		mapped(group+".country_name", []string{country},
			func(r *reading, m M) {
				name := r.text(country)
				if _, known := normal.Country(name); !known && name != "" {
					address(of(m)).CountryName = &name
				}
			}, nil).losing("The one text has either a country that we know or another name; the latter is read and not written."),
	}
}

func address(at **canonicalv1.Address) *canonicalv1.Address {
	if *at == nil {
		*at = &canonicalv1.Address{}
	}
	return *at
}

// What the lines of a field are called while they are apart. No field can have such a name.
const (
	first   = "/first"
	further = "/further"
)

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func furtherLines(text string) string {
	_, below, _ := strings.Cut(text, "\n")
	return below
}

// joined are fields with their lines in one text. A line that is not written stays as the row has it; now is nil for a row
// that is made. headless are the fields whose first line is cleared from above others.
func joined(fields map[string]any, now *object) (out map[string]any, headless []string) {
	out = map[string]any{}
	for name, value := range fields {
		field, _, apart := strings.Cut(name, "/")
		if !apart {
			out[name] = value
			continue
		}
		text := ""
		if now != nil {
			text = lines(now.text(field))
		}
		top, writesTop := line(fields, field+first, firstLine(text))
		below, _ := line(fields, field+further, furtherLines(text))
		if writesTop && top == "" && below != "" && !slices.Contains(headless, field) {
			headless = append(headless, field)
		}
		out[field] = null(strings.Trim(top+"\n"+below, "\n"))
	}
	return out, headless
}

// line is one that is written, or else the one that is there.
func line(fields map[string]any, name, there string) (text string, written bool) {
	value, written := fields[name]
	if !written {
		return there, false
	}
	text, _ = value.(string) // null is none
	return text, true
}

// lines has line feeds alone between them.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// countryText is a country as Salesforce's users write it. A code whose name would not be read back as that code is
// written itself. Without a code the record's own name for the country stays.
func countryText(a *canonicalv1.Address) string {
	code := a.GetCountryCode()
	if code == "" {
		return a.GetCountryName()
	}
	name := normal.CountryName(code)
	if back, ok := normal.Country(name); !ok || back != code {
		return code
	}
	return name
}

package salesforce

import (
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
	street := part("line1", "Street", street, func(a *canonicalv1.Address, v string) { v = lines(v); a.Line1 = &v }).
		losing("One field of several lines: a second line is written below the first, and read as part of it.")
	return []row{
		street,
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

// street is both lines of an address in one text.
func street(a *canonicalv1.Address) string {
	if a.GetLine1() == "" || a.GetLine2() == "" {
		return a.GetLine1()
	}
	return a.GetLine1() + "\n" + a.GetLine2()
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

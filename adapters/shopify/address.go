package shopify

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// addressFields is what is asked for of an address.
const addressFields = " { id firstName lastName company address1 address2 city province provinceCode zip country countryCodeV2 phone }"

// address is Shopify's.
type address struct {
	ID           string  `json:"id"`
	FirstName    *string `json:"firstName"`
	LastName     *string `json:"lastName"`
	Company      *string `json:"company"`
	Address1     *string `json:"address1"`
	Address2     *string `json:"address2"`
	City         *string `json:"city"`
	Province     *string `json:"province"`
	ProvinceCode *string `json:"provinceCode"`
	Zip          *string `json:"zip"`
	Country      *string `json:"country"`
	CountryCode  *string `json:"countryCodeV2"`
	Phone        *string `json:"phone"`
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// side is one address of a message.
type side[M proto.Message] struct {
	at func(M) **canonicalv1.Address
	// written says whether it can be set.
	written bool
}

func shipping[M proto.Message](at func(M) **canonicalv1.Address) side[M] { return side[M]{at, true} }

func billing[M proto.Message](at func(M) **canonicalv1.Address) side[M] { return side[M]{at, false} }

// part maps one part of an address.
type part struct {
	name string
	read func(*reading, address) *string
	get  func(*canonicalv1.Address) string
	set  func(*canonicalv1.Address, *string)
	// write puts the part into an input of Shopify's, or says why it cannot hold it; nil where it cannot be set.
	write func(text string, into map[string]any) (refusal string)
	loss  string
}

// parts are those of an address, one row each.
var parts = []part{
	plain("line1", "address1", func(a address) *string { return a.Address1 }, (*canonicalv1.Address).GetLine1, func(a *canonicalv1.Address, v *string) { a.Line1 = v }),
	plain("line2", "address2", func(a address) *string { return a.Address2 }, (*canonicalv1.Address).GetLine2, func(a *canonicalv1.Address, v *string) { a.Line2 = v }),
	plain("city", "city", func(a address) *string { return a.City }, (*canonicalv1.Address).GetCity, func(a *canonicalv1.Address, v *string) { a.City = v }),
	plain("postal_code", "zip", func(a address) *string { return a.Zip }, (*canonicalv1.Address).GetPostalCode, func(a *canonicalv1.Address, v *string) { a.PostalCode = v }),
	plain("company", "company", func(a address) *string { return a.Company }, (*canonicalv1.Address).GetCompany, func(a *canonicalv1.Address, v *string) { a.Company = v }),
	{name: "country_code", read: func(_ *reading, a address) *string { return some(text(a.CountryCode)) }, write: writeCountry,
		get: (*canonicalv1.Address).GetCountryCode, set: func(a *canonicalv1.Address, v *string) { a.CountryCode = v }},
	{name: "country_name", read: readCountryName, get: (*canonicalv1.Address).GetCountryName, set: func(a *canonicalv1.Address, v *string) { a.CountryName = v }},
	{name: "region", read: readRegion, write: writeRegion, get: (*canonicalv1.Address).GetRegion, set: func(a *canonicalv1.Address, v *string) { a.Region = v },
		loss: "Kept as a code where Shopify has one for it, and not at all in countries for which it has no regions."},
	{name: "recipient", read: readRecipient, write: writeRecipient, get: (*canonicalv1.Address).GetRecipient, set: func(a *canonicalv1.Address, v *string) { a.Recipient = v },
		loss: "Kept as first and last name, cut at the last word. A customer's own name on the address is not told."},
	{name: "phone", read: readAddressPhone, write: put("phone"),
		get: (*canonicalv1.Address).GetPhone, set: func(a *canonicalv1.Address, v *string) { a.Phone = v }},
}

// plain maps a part to a field as it is.
func plain(name, field string, from func(address) *string, get func(*canonicalv1.Address) string, set func(*canonicalv1.Address, *string)) part {
	return part{name: name, get: get, set: set, read: func(_ *reading, a address) *string { return some(text(from(a))) },
		write: put(field)}
}

// put writes a text as it is.
func put(field string) func(string, map[string]any) string {
	return func(text string, into map[string]any) string {
		into[field] = null(text)
		return ""
	}
}

// null is a text as an input has it: to clear is to send null.
func null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// addressRows maps an address of a message to a field, a row each part.
func addressRows[M proto.Message](group, field string, s side[M]) []row[M] {
	var rows []row[M]
	for _, p := range parts {
		r := row[M]{path: group + "." + p.name, fields: []string{field}, read: func(r *reading, m M) {
			var in address
			r.get(field, &in)
			if v := p.read(r, in); v != nil {
				out := &canonicalv1.Address{}
				p.set(out, v)
				*s.at(m) = out
			}
		}}
		if s.written && p.write != nil {
			r.loss = p.loss
			r.write = func(m M, f *frozen) string {
				return p.write(p.get(*s.at(m)), f.Address)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func readCountryName(_ *reading, a address) *string {
	if a.CountryCode != nil {
		return nil
	}
	return some(text(a.Country))
}

func readRegion(_ *reading, a address) *string {
	if code := text(a.ProvinceCode); code != "" {
		return &code
	}
	return some(text(a.Province))
}

// regionCode is what the second half of a code of ISO 3166-2 looks like.
var regionCode = regexp.MustCompile(`^[A-Z0-9]{1,3}$`)

func writeRegion(region string, into map[string]any) string {
	into["provinceCode"], into["province"] = nil, null(region)
	if regionCode.MatchString(region) {
		into["provinceCode"], into["province"] = region, nil
	}
	return ""
}

// without are the codes that Shopify has no country for: territories are regions of theirs.
var without = []string{"AQ", "AS", "CP", "DG", "FM", "GU", "MH", "MP", "PR", "PW", "VI"}

func writeCountry(code string, into map[string]any) string {
	if slices.Contains(without, code) {
		return "Shopify has no such country; it takes most territories for regions of the country that they belong to"
	}
	return put("countryCode")(code, into)
}

// readRecipient is the name on the address, unless it is the customer's own, as it is where nobody wrote another. An order
// has no name beside those on its addresses.
func readRecipient(r *reading, a address) *string {
	name := strings.TrimSpace(text(a.FirstName) + " " + text(a.LastName))
	if r.has([]string{"firstName", "lastName"}) && name == strings.TrimSpace(r.text("firstName")+" "+r.text("lastName")) {
		return nil
	}
	return some(name)
}

func writeRecipient(name string, into map[string]any) string {
	given, family := normal.SplitName(name)
	into["firstName"], into["lastName"] = null(given), null(family)
	return ""
}

func readAddressPhone(r *reading, a address) *string {
	number, err := normal.Phone(text(a.Phone), text(a.CountryCode))
	if err != nil {
		r.unusable(text(a.Phone), err.Error())
	}
	return some(number)
}

// over is an input that leaves an address as it is but for what changes: Shopify replaces it whole.
func (a address) over(changes map[string]any) map[string]any {
	out := map[string]any{
		"firstName": a.FirstName, "lastName": a.LastName, "company": a.Company, "address1": a.Address1, "address2": a.Address2,
		"city": a.City, "zip": a.Zip, "countryCode": a.CountryCode, "phone": a.Phone, "provinceCode": a.ProvinceCode,
	}
	if a.ProvinceCode == nil {
		out["province"] = a.Province
	}
	if _, changed := changes["countryCode"]; a.CountryCode == nil && !changed {
		out["country"] = a.Country
	}
	maps.Copy(out, changes)
	return out
}

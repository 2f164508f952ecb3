package shopify

import (
	"cmp"
	"maps"
	"regexp"
	"slices"

	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/normal"
)

// addressFields is what is asked for of an address alone.
const addressFields = " { id firstName lastName company address1 address2 city province provinceCode zip country countryCodeV2 phone }"

// address maps the address at a path, which a field holds, a row each part.
func address(path, field string) []mapping.Row {
	path, field = path+".", field+"."
	country, code := field+"country", field+"countryCodeV2"
	province, provinceCode := field+"province", field+"provinceCode"
	first, last := field+"firstName", field+"lastName"
	return []mapping.Row{
		mapping.Plain(path+"line1", field+"address1"),
		mapping.Plain(path+"line2", field+"address2"),
		mapping.Plain(path+"city", field+"city"),
		mapping.Plain(path+"postal_code", field+"zip"),
		mapping.Plain(path+"company", field+"company"),
		mapping.TextOf(path+"country_code", []string{code},
			func(r *mapping.Reading) string { return r.Text(code) },
			func(text string, w mapping.Fields) string {
				w[field+"countryCode"] = text
				return noCountry(text)
			}),
		mapping.TextOf(path+"country_name", []string{country, code}, func(r *mapping.Reading) string {
			if r.Text(code) != "" {
				return ""
			}
			return r.Text(country)
		}, nil),
		mapping.TextOf(path+"region", []string{provinceCode, province},
			func(r *mapping.Reading) string { return cmp.Or(r.Text(provinceCode), r.Text(province)) },
			func(text string, w mapping.Fields) string {
				w[provinceCode], w[province] = "", text
				if regionCode.MatchString(text) {
					w[provinceCode], w[province] = text, ""
				}
				return ""
			}).Losing("Kept as a code where Shopify has one for it, and not at all in countries for which it has no regions."),
		mapping.TextOf(path+"recipient", []string{first, last},
			func(r *mapping.Reading) string { return recipient(r, first, last) },
			func(text string, w mapping.Fields) string {
				w[first], w[last] = normal.SplitName(text)
				return ""
			}).Losing("Kept as first and last name, cut at the last word. A customer's own name on the address is not told."),
		mapping.Phone(path+"phone", field+"phone", func(r *mapping.Reading) string { return r.Text(code) }),
	}
}

// regionCode is what the second half of a code of ISO 3166-2 looks like.
var regionCode = regexp.MustCompile(`^[A-Z0-9]{1,3}$`)

// without are the codes that Shopify has no country for: territories are regions of theirs.
var without = []string{"AQ", "AS", "CP", "DG", "FM", "GU", "MH", "MP", "PR", "PW", "VI"}

func noCountry(code string) (refusal string) {
	if slices.Contains(without, code) {
		return "Shopify has no such country; it takes most territories for regions of the country that they belong to"
	}
	return ""
}

// recipient is the name on the address, unless it is the customer's own, as it is where nobody wrote another. An order
// has no name beside those on its addresses.
func recipient(r *mapping.Reading, first, last string) string {
	name := fullName(r, first, last)
	if name == fullName(r, "firstName", "lastName") {
		return ""
	}
	return name
}

// over is an input that leaves an address as it is but for what changes: Shopify replaces it whole.
func over(now, changes mapping.Fields) mapping.Fields {
	if now == nil {
		return changes
	}
	out := mapping.Fields{"countryCode": now["countryCodeV2"]}
	maps.Copy(out, now)
	delete(out, "id")
	delete(out, "countryCodeV2")
	if now["provinceCode"] != nil {
		delete(out, "province")
	}
	if _, changed := changes["countryCode"]; changed || now["countryCodeV2"] != nil {
		delete(out, "country")
	}
	maps.Copy(out, changes)
	return out
}

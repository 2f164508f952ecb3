// Package normal brings what vendors write into canonical form: telephone numbers, countries, languages, names.
package normal

import (
	"errors"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// errPhone tells nothing of the number: it is personal data.
var errPhone = errors.New("it is no telephone number that can be written in E.164")

// Phone writes a telephone number in E.164. region, an ISO 3166-1 alpha-2 code or empty, is where a number without a
// country code belongs. Empty stays empty.
func Phone(raw, region string) (string, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return "", nil
	}
	if len(raw) > 100 {
		return "", errPhone
	}
	number, err := phonenumbers.Parse(raw, region)
	if err != nil || !phonenumbers.IsPossibleNumber(number) {
		return "", errPhone
	}
	return phonenumbers.Format(number, phonenumbers.E164), nil
}

// countries maps names in English and in the country's own main language, lower case, to ISO 3166-1 alpha-2.
var countries = sync.OnceValue(func() map[string]string {
	names := map[string]string{"usa": "US", "u.s.a.": "US", "uk": "GB", "great britain": "GB", "england": "GB", "holland": "NL", "czech republic": "CZ"}
	english := display.English.Regions()
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			region, ok := country(string(a) + string(b))
			if !ok {
				continue
			}
			code := region.String()
			names[strings.ToLower(english.Name(region))] = code
			tag, _ := language.Compose(language.Und, region)
			base, _ := tag.Base()
			if own := display.Regions(language.Make(base.String())); own != nil && own.Name(region) != "" {
				names[strings.ToLower(own.Name(region))] = code
			}
		}
	}
	return names
})

// country reads a code of two or three letters. Codes of former countries, and of what is none, have no name or are not
// in ISO 3166-1.
func country(code string) (language.Region, bool) {
	region, err := language.ParseRegion(code)
	return region, err == nil && region.IsCountry() && region.Canonicalize() == region && len(region.String()) == 2 &&
		region.ISO3() != "ZZZ" && display.English.Regions().Name(region) != ""
}

// Country reads a country's code (two or three letters) or name, in English or in its own main language.
func Country(raw string) (code string, ok bool) {
	raw = strings.TrimSpace(raw)
	if code, ok := countries()[strings.ToLower(raw)]; ok {
		return code, true
	}
	if n := len(raw); n != 2 && n != 3 {
		return "", false
	}
	region, ok := country(strings.ToUpper(raw))
	if !ok {
		return "", false
	}
	return region.String(), true
}

// CountryName writes a country's English name; the code itself where it has none.
func CountryName(code string) string {
	region, ok := country(code)
	if !ok {
		return code
	}
	return display.English.Regions().Name(region)
}

// Locale writes a language tag in BCP 47's form: `de-AT` for `de_at`.
func Locale(raw string) (string, bool) {
	tag, err := language.Parse(strings.ReplaceAll(strings.TrimSpace(raw), "_", "-"))
	if err != nil || tag == language.Und {
		return "", false
	}
	return tag.String(), true
}

// Email is the form in which addresses are compared: trimmed and in lower case. Nothing cleverer, such as dropping dots
// or tags, since those are different mailboxes at most providers.
func Email(raw string) string { return strings.ToLower(strings.TrimSpace(raw)) }

// SplitName cuts a full name for a target that keeps only parts: the last word is the family name. It is a guess, and
// no claim is ever made of it.
func SplitName(full string) (given, family string) {
	words := strings.Fields(full)
	if len(words) < 2 {
		return strings.Join(words, " "), ""
	}
	return strings.Join(words[:len(words)-1], " "), words[len(words)-1]
}

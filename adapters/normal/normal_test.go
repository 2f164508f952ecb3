package normal_test

import (
	"testing"

	"golang.org/x/text/language"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters/normal"
)

func TestPhone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, region, want string }{
		{"", "", ""},
		{"   ", "US", ""},
		{"+1 (212) 555-0143", "", "+12125550143"},
		{"(212) 555-0143", "US", "+12125550143"},
		{"030 901820", "DE", "+4930901820"},
		{"0043 1 5134850", "DE", "+4315134850"},
		{"+44 20 7946 0018", "US", "+442079460018"},
		{"tel:+49-30-901820", "", "+4930901820"},
	} {
		if got, err := normal.Phone(c.raw, c.region); err != nil || got != c.want {
			t.Errorf("Phone(%q, %q) = %q, %v; want %q", c.raw, c.region, got, err, c.want)
		}
	}
	for _, raw := range []string{"(212) 555-0143", "call me", "+1", "+999 123456", "12", "+12125550143 or +12125550144 or ask Ada, who knows the number by heart and tells it to whoever asks her for it at the desk"} {
		if got, err := normal.Phone(raw, ""); err == nil {
			t.Errorf("Phone(%q) = %q, want an error", raw, got)
		}
	}
}

// What was written once is read as the same, and errors do not tell the number.
func TestPhoneSettles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.OneOf(rapid.StringMatching(`\+?[0-9 ()/.-]{0,20}`), rapid.String()).Draw(t, "raw")
		once, err := normal.Phone(raw, rapid.SampledFrom([]string{"", "US", "DE", "JP", "xx"}).Draw(t, "region"))
		if err != nil {
			return
		}
		if again, err := normal.Phone(once, ""); err != nil || again != once {
			t.Errorf("%q is %q, which is %q, %v", raw, once, again, err)
		}
	})
}

func TestCountry(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"US": "US", "usa": "US", "United States": "US", "u.s.a.": "US", "UK": "GB", "gb": "GB", "England": "GB", "DEU": "DE",
		"Deutschland": "DE", " germany ": "DE", "Österreich": "AT", "日本": "JP", "Türkiye": "TR", "Côte d’Ivoire": "CI", "Holland": "NL", "Czech Republic": "CZ",
	} {
		if got, ok := normal.Country(raw); !ok || got != want {
			t.Errorf("Country(%q) = %q, %v; want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{"", " ", "Atlantis", "ZZ", "EU", "XX", "150", "Europe", "a\x00"} {
		if got, ok := normal.Country(raw); ok {
			t.Errorf("Country(%q) = %q, want none", raw, got)
		}
	}
}

// Whatever country there is, its code and its English name are read as it.
func TestEveryCountryIsReadFromItsNameAndCode(t *testing.T) {
	t.Parallel()
	known := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string(a) + string(b)
			region, err := language.ParseRegion(code)
			if err != nil || !region.IsCountry() || region.Canonicalize() != region || normal.CountryName(code) == code {
				continue
			}
			known++
			for _, raw := range []string{code, region.ISO3(), normal.CountryName(code)} {
				if got, ok := normal.Country(raw); !ok || got != code {
					t.Errorf("Country(%q) = %q, %v; want %q", raw, got, ok, code)
				}
			}
		}
	}
	if known < 240 {
		t.Errorf("only %d countries are known", known)
	}
}

func TestLocale(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"de_at": "de-AT", "EN-us": "en-US", " fr ": "fr", "zh-hant-tw": "zh-Hant-TW", "iw": "he"} {
		if got, ok := normal.Locale(raw); !ok || got != want {
			t.Errorf("Locale(%q) = %q, %v; want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{"", "!!", "english please", "und", "-"} {
		if got, ok := normal.Locale(raw); ok {
			t.Errorf("Locale(%q) = %q, want none", raw, got)
		}
	}
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"": "", " Ada@Example.COM\n": "ada@example.com", "a.b+c@x.org": "a.b+c@x.org"} {
		if got := normal.Email(raw); got != want {
			t.Errorf("Email(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestSplitName(t *testing.T) {
	t.Parallel()
	for full, want := range map[string][2]string{
		"": {}, "  ": {}, "Plato": {"Plato", ""}, "Ada Lovelace": {"Ada", "Lovelace"}, " Jean  Luc Picard ": {"Jean Luc", "Picard"},
	} {
		if given, family := normal.SplitName(full); [2]string{given, family} != want {
			t.Errorf("SplitName(%q) = %q, %q; want %q", full, given, family, want)
		}
	}
}

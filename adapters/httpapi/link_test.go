package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters/httpapi"
)

func TestTheNextPageIsFoundInLinkHeaders(t *testing.T) {
	t.Parallel()
	const shop = "https://shop.example.com/admin/api/2026-10/orders.json?limit=50&page_info=eyJ"
	for name, c := range map[string]struct {
		headers []string
		want    string
	}{
		"one":                       {[]string{`<` + shop + `>; rel="next"`}, shop},
		"after another":             {[]string{`<https://x/?p=1>; rel="previous", <` + shop + `>; rel="next"`}, shop},
		"in a header of its own":    {[]string{`<https://x/?p=1>; rel=previous`, `<` + shop + `>; rel=next`}, shop},
		"without quotation marks":   {[]string{`<` + shop + `>;rel=next`}, shop},
		"among several relations":   {[]string{`<` + shop + `>; rel="last  next"`}, shop},
		"in upper case":             {[]string{`<` + shop + `>; REL="Next"`}, shop},
		"after other parameters":    {[]string{`<` + shop + `>; title="a, \"b\"; <c>"; hreflang=de; rel="next"`}, shop},
		"a parameter without value": {[]string{`<` + shop + `>; crossorigin; rel="next"`}, shop},
		"a comma in the target":     {[]string{`<https://x/?ids=1,2>; rel="next"`}, "https://x/?ids=1,2"},
		"a relative target":         {[]string{`</v2/list?after=7>; rel="next"`}, "/v2/list?after=7"},
		"empty entries":             {[]string{`, ,<` + shop + `>; rel="next",,`}, shop},
		"the first rel counts":      {[]string{`<` + shop + `>; rel="last"; rel="next"`}, ""},
		"another relation":          {[]string{`<` + shop + `>; rel="previous"`}, ""},
		"a title that says so":      {[]string{`<` + shop + `>; title="rel=next"`}, ""},
		"no header":                 {nil, ""},
		"no target":                 {[]string{`rel="next"`}, ""},
		"an open target":            {[]string{`<` + shop}, ""},
		"an open text":              {[]string{`<` + shop + `>; rel="next`}, ""},
		"junk behind the target":    {[]string{`<` + shop + `> rel="next"`}, ""},
		"a target that is no URL":   {[]string{`<https://%zz>; rel="next"`}, ""},
		"too long":                  {[]string{strings.Repeat(`<https://x>; rel="previous", `, 1000) + `<` + shop + `>; rel="next"`}, ""},
	} {
		got := ""
		if u := httpapi.Link(http.Header{"Link": c.headers}, "next"); u != nil {
			got = u.String()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// FuzzLink: whatever comes, Link returns; what it finds was in the header, as the target of something.
func FuzzLink(f *testing.F) {
	for _, seed := range []string{"", `<https://x/?a=1>; rel="next"`, `<a>;rel=next,<b>;rel="prev next"`, `<a>; x="\"`, `<<>>;;,,=`, `<a>;rel="\n\e\x\t"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		u := httpapi.Link(http.Header{"Link": {header}}, "next")
		if u != nil && (!strings.Contains(header, "<") || !strings.Contains(header, ">")) {
			t.Fatalf("%q leads to %s", header, u)
		}
	})
}

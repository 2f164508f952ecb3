package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/hub/api"
)

func TestFilterNarrowsTheWindow(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]string{
		``:                                                "..",
		"  ":                                              "..",
		`update_time >= "2026-01-01T00:00:00Z"`:           "2026-01-01T00:00:00Z..",
		`update_time>"2026-01-01T00:00:00Z"`:              "2026-01-01T00:00:00.000001Z..",
		`update_time <  "2026-01-01T00:00:00Z"`:           "..2026-01-01T00:00:00Z",
		`update_time <= "2026-01-01T00:00:00Z"`:           "..2026-01-01T00:00:00.000001Z",
		`update_time = "2026-01-01T00:00:00Z"`:            "2026-01-01T00:00:00Z..2026-01-01T00:00:00.000001Z",
		`update_time = "2026-01-01T01:30:00+01:30"`:       "2026-01-01T00:00:00Z..2026-01-01T00:00:00.000001Z",
		`update_time = "2026-01-01T00:00:00.0000005Z"`:    "2026-01-01T00:00:00.000001Z..2026-01-01T00:00:00.000001Z", // nothing: between two microseconds
		`update_time >= "2026-01-01T00:00:00.0000001Z"`:   "2026-01-01T00:00:00.000001Z..",
		`update_time > "2026-01-01T00:00:00.000000999Z"`:  "2026-01-01T00:00:00.000001Z..",
		`update_time <= "2026-01-01T00:00:00.000000999Z"`: "..2026-01-01T00:00:00.000001Z",
		`update_time < "2026-01-01T00:00:00.000000999Z"`:  "..2026-01-01T00:00:00.000001Z",
		"update_time >= \"2026-01-01T00:00:00Z\"\n AND\t update_time < \"2026-02-01T00:00:00Z\" ": "2026-01-01T00:00:00Z..2026-02-01T00:00:00Z",
		`update_time > "2026-01-01T00:00:00Z" AND update_time > "2025-01-01T00:00:00Z"`:           "2026-01-01T00:00:00.000001Z..",
		`update_time < "2026-01-01T00:00:00Z" AND update_time < "2025-01-01T00:00:00Z"`:           "..2025-01-01T00:00:00Z",
		`update_time < "0001-01-01T00:00:00Z"`:                                                    "..0001-01-01T00:00:00.000001Z", // nothing, and not all
	} {
		from, until, err := api.ParseFilter(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := text(from) + ".." + text(until); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
}

func text(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

func TestFilterErrorsNameThePosition(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]string{
		`updateTime > "2026-01-01T00:00:00Z"`:      "position 1: expected update_time",
		`create_time > "2026-01-01T00:00:00Z"`:     "position 1: expected update_time",
		`NOT update_time > "2026-01-01T00:00:00Z"`: "position 1: expected update_time",
		`update_time`:                                                         "position 12: expected one of",
		`update_time ! "2026-01-01T00:00:00Z"`:                                "position 13: expected one of",
		`update_time != "2026-01-01T00:00:00Z"`:                               "position 13: expected one of",
		`update_time == "2026-01-01T00:00:00Z"`:                               "position 13: expected one of",
		`update_time : "2026-01-01T00:00:00Z"`:                                "position 13: expected one of",
		`update_time > 2026-01-01T00:00:00Z`:                                  "position 15: expected a time in double quotes",
		`update_time > '2026-01-01T00:00:00Z'`:                                "position 15: expected a time in double quotes",
		`update_time >`:                                                       "position 14: expected a time in double quotes",
		`update_time > "2026-01-01T00:00:00Z`:                                 "position 15: the quote is not closed",
		`update_time > "2026-01-01"`:                                          "position 16: expected an RFC 3339 time",
		`update_time > "2026-02-30T00:00:00Z"`:                                "position 16: expected an RFC 3339 time",
		`update_time > "2026-01-01T00:00:00"`:                                 "position 16: expected an RFC 3339 time",
		`update_time > "2026-01-01T00:00:00Z" OR update_time > "x"`:           "position 38: expected AND",
		`update_time > "2026-01-01T00:00:00Z" and update_time > "x"`:          "position 38: expected AND",
		`update_time > "2026-01-01T00:00:00Z" AND`:                            "position 41: expected update_time",
		`(update_time > "2026-01-01T00:00:00Z")`:                              "position 1: expected update_time",
		`update_time > "2026-01-01T00:00:00Z" AND ` + "\x00":                  "position 42: expected update_time",
		`update_time > "2026-01-01T00:00:00Z"AND update_time > "2026-01-01é"`: "position 56: expected an RFC 3339 time",
	} {
		_, _, err := api.ParseFilter(filter)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", filter, err, want)
		}
	}
}

// Whatever comes in, the parser ends, and what it takes means the same when each comparison is asked by itself.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{``, `update_time >= "2026-01-01T00:00:00Z" AND update_time<"2026-02-01T00:00:00.123456789+01:00"`,
		`update_time = "0001-01-01T00:00:00Z"`, `update_time <= "9999-12-31T23:59:59.999999999-23:59"`, `update_time > "`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		from, until, err := api.ParseFilter(filter)
		if err != nil {
			if !from.IsZero() || !until.IsZero() || !strings.HasPrefix(err.Error(), "filter, position ") {
				t.Fatalf("%q: %v, with %v..%v", filter, err, from, until)
			}
			return
		}
		for _, bound := range []time.Time{from, until} {
			if bound.Nanosecond()%1000 != 0 {
				t.Fatalf("%q: %v is no whole microsecond", filter, bound)
			}
			if year := bound.Year(); year < 0 || year > 10000 {
				t.Fatalf("%q: year %d", filter, year)
			}
		}
		var lower, upper time.Time
		for part := range strings.SplitSeq(filter, "AND") {
			a, b, err := api.ParseFilter(part)
			if err != nil {
				t.Fatalf("%q is taken, and its part %q is not: %v", filter, part, err)
			}
			if a.After(lower) {
				lower = a
			}
			if !b.IsZero() && (upper.IsZero() || b.Before(upper)) {
				upper = b
			}
		}
		if !lower.Equal(from) || !upper.Equal(until) {
			t.Fatalf("%q: %v..%v, its parts say %v..%v", filter, from, until, lower, upper)
		}
	})
}

package api_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/hub/api"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// told is a condition for people: `email in [tada@example.com]`.
func told(c store.Condition) string {
	switch {
	case c.Absent:
		return "no " + string(c.Field)
	case len(c.Any) > 0:
		var keys []string
		for _, k := range c.Any {
			keys = append(keys, key(k))
		}
		return fmt.Sprintf("%s in %v", c.Field, keys)
	}
	return fmt.Sprintf("%s %s..%s", c.Field, key(c.Span.From), key(c.Span.Until))
}

// key is a key with its type; what follows it is +.
func key(k model.Key) string {
	if t, ok := k.Time(); ok {
		return "c" + t.Format(time.RFC3339Nano)
	}
	for n := range 20 {
		if n := model.EnumKey(int32(n)); bytes.HasPrefix(k, n) {
			return fmt.Sprintf("e%d%s", k[4], strings.Repeat("+", len(k)-len(n)))
		}
	}
	if text, ok := strings.CutSuffix(string(k), "\x00"); ok && len(k) > 2 {
		return text + "+"
	}
	return string(k)
}

func TestFilterIsUnderstood(t *testing.T) {
	t.Parallel()
	day, next := `"2026-01-01T00:00:00Z"`, `"2026-02-01T00:00:00Z"`
	for filter, want := range map[string]string{
		``:                      "",
		"  ":                    "",
		`update_time >= ` + day: "update_time c2026-01-01T00:00:00Z..d",
		`update_time>` + day:    "update_time c2026-01-01T00:00:00.000000001Z..d",
		`create_time <  ` + day: "create_time c..c2026-01-01T00:00:00Z",
		`delete_time <= ` + day: "delete_time c..c2026-01-01T00:00:00.000000001Z",
		`update_time = ` + day:  "update_time c2026-01-01T00:00:00Z..c2026-01-01T00:00:00.000000001Z",
		`update_time = '2026-01-01T01:30:00+01:30'`:                       "update_time c2026-01-01T00:00:00Z..c2026-01-01T00:00:00.000000001Z",
		"update_time >= " + day + "\n AND\t update_time < " + next + " ":  "update_time c2026-01-01T00:00:00Z..c2026-02-01T00:00:00Z",
		`update_time > ` + next + ` AND email:* AND update_time > ` + day: "update_time c2026-02-01T00:00:00.000000001Z..d | email ..",
		`delete_time:*`:                            "delete_time ..",
		`NOT delete_time:*`:                        "no delete_time",
		`-delete_time:*`:                           "no delete_time",
		`NOT (placeholder = true) AND phone:*`:     "no placeholder | phone ..",
		`placeholder = true`:                       "placeholder ..",
		`placeholder = false`:                      "no placeholder",
		`NOT placeholder = false`:                  "placeholder ..",
		`email = "Ada@example.com"`:                "email in [tAda@example.com]",
		`email="a\"b\\c'd"`:                        `email in [ta"b\c'd]`,
		`email = 'a"b'`:                            `email in [ta"b]`,
		`company = "ACME AND SONS OR *"`:           "company in [tACME AND SONS OR *]",
		`currency_code = EUR`:                      "currency_code in [tEUR]",
		`company >= "M" AND company < "N"`:         "company tM..tN",
		`company > "M"`:                            "company tM+..u",
		`name.full:*`:                              "name.full ..",
		`billing_address.country_code = "DE"`:      "billing_address.country_code in [tDE]",
		`tags:"vip" AND tags:"new"`:                "tags in [tvip] | tags in [tnew]",
		`tags:*`:                                   "tags ..",
		`lifecycle_stage = LEAD`:                   "lifecycle_stage in [e2]",
		`lifecycle_stage = "LIFECYCLE_STAGE_LEAD"`: "lifecycle_stage in [e2]",
		`lifecycle_stage > LEAD`:                   "lifecycle_stage e2+..f",
		`lifecycle_stage = LEAD OR lifecycle_stage = CUSTOMER AND email:*`:     "lifecycle_stage in [e2 e6] | email ..",
		`(lifecycle_stage = LEAD OR (lifecycle_stage = FORMER)) AND (email:*)`: "lifecycle_stage in [e2 e8] | email ..",
		`lifecycle_stage_raw = "Evaluating"`:                                   "lifecycle_stage_raw in [tEvaluating]",
		`custom.tier = "gold"`:                                                 "custom.tier in [tgold]",
		`custom.tier:"gold"`:                                                   "custom.tier in [tgold]",
		`custom.tier:*`:                                                        "custom.tier ..",
		`custom.vip = true`:                                                    "custom.vip in [b\x01]",
		`custom.since = ` + day:                                                `custom.since in [c2026-01-01T00:00:00Z t2026-01-01T00:00:00Z]`,
		`custom.since > ` + day:                                                `custom.since c2026-01-01T00:00:00.000000001Z..d`,
	} {
		conditions, err := api.ParseFilter(model.Customer, filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		var got []string
		for _, c := range conditions {
			got = append(got, told(c))
		}
		if strings.Join(got, " | ") != want {
			t.Errorf("%s:\n     %s\nwant %s", filter, strings.Join(got, " | "), want)
		}
	}
}

func TestFilterErrorsNameThePosition(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]string{
		`updateTime > "2026-01-01T00:00:00Z"`:  "position 1: expected a field: update_time, create_time, delete_time, placeholder, party_type",
		`note = "x"`:                           "position 1: expected a field",
		`billing_address = "x"`:                "position 1: expected a field",
		`custom = "x"`:                         "position 1: expected a field",
		`custom.Tier = "x"`:                    "position 1: expected a field",
		`email`:                                "position 6: expected = < <= > >= : after email",
		`email ! "x"`:                          "position 7: expected = ",
		`email != "x"`:                         "for what a record has not, there is no index",
		`email == "x"`:                         "position 7: expected = ",
		`email = `:                             "position 9: expected a value",
		`email = *`:                            "position 9: expected a value; email:* asks for any",
		`email = "x`:                           "position 9: the quote is not closed",
		`email = "x\`:                          "position 9: the quote is not closed",
		`email = "x\n"`:                        `position 12: expected \" or \' or \\`,
		`email:"x"`:                            "position 7: expected * after :",
		`tags = "x"`:                           "position 6: expected : after tags",
		`test = true`:                          "position 1: expected a field", // of orders
		`placeholder = yes`:                    "position 15: expected true or false",
		`placeholder = "true"`:                 "position 15: expected true or false",
		`placeholder:*`:                        "position 12: expected = after placeholder",
		`lifecycle_stage = LED`:                "position 19: expected one of UNSPECIFIED, SUBSCRIBER, LEAD, ",
		`update_time > 2026-01-01T00:00:00Z`:   "position 15: expected an RFC 3339 time in quotes",
		`update_time > "2026-02-30T00:00:00Z"`: "position 15: expected an RFC 3339 time in quotes",
		`update_time > "2026-01-01T00:00:00"`:  "position 15: expected an RFC 3339 time in quotes",
		`update_time:"2026-01-01T00:00:00Z"`:   "position 13: expected * after :",
		`email:* and phone:*`:                  "position 9: expected AND, OR or the end",
		`email:* phone:*`:                      "position 9: expected AND, OR or the end",
		`email:* AND`:                          "position 12: expected a field",
		`email:* AND ` + "\x00":                "position 13: expected a field",
		`email:*ANDphone:*`:                    "position 8: expected AND, OR or the end",
		`(email:*`:                             "position 9: expected AND, OR or the ) for the ( at position 1",
		`email:*)`:                             "position 8: expected AND, OR or the end",
		strings.Repeat("(", 30) + `email:*`:    "position 21: too many parentheses",
		`NOT email:*`:                          "position 1: NOT is for delete_time:* and placeholder alone",
		`email:* AND NOT delete_time > "2026-01-01T00:00:00Z"`:          "position 13: NOT is for",
		`NOT (delete_time:* AND email:*)`:                               "position 1: NOT is for",
		`email = "a" OR phone = "b"`:                                    "position 1: OR joins comparisons by = of one attribute",
		`phone:* AND company > "a" OR company < "b"`:                    "position 13: OR joins",
		`email:* OR email = "a"`:                                        "position 1: OR joins",
		strings.TrimSuffix(strings.Repeat("email:* AND ", 51), " AND "): "more than 50 comparisons",
	} {
		_, err := api.ParseFilter(model.Customer, filter)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", filter, err, want)
		}
	}
}

func TestNumbersInFiltersAreDecimals(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{`total = 12.5`, `total >= -0.000000000001`, `total<9999999999999999999`} {
		if _, err := api.ParseFilter(model.Order, filter); err != nil {
			t.Errorf("%s: %v", filter, err)
		}
	}
	for _, filter := range []string{`total = "12.5"`, `total = 1e3`, `total = +1`, `total = 1.`, `total = .5`, `total = 1.0000000000001`, `total = 99999999999999999999`, `total = --1`} {
		if _, err := api.ParseFilter(model.Order, filter); err == nil || !strings.Contains(err.Error(), "position 9: ") {
			t.Errorf("%s: %v", filter, err)
		}
	}
}

// Whatever comes in, the parser ends, tells what is wrong, and what it takes says the same in other words.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{``, `update_time >= "2026-01-01T00:00:00Z" AND update_time<"2026-02-01T00:00:00.123456789+01:00"`,
		`update_time = "0001-01-01T00:00:00Z"`, `email = "a\"b" OR email='c'`, `NOT (placeholder=false) AND -delete_time:*`,
		`(tags:"x" AND custom.a > -12.50) AND lifecycle_stage = LEAD`, `((`, `email = "`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		got, err := api.ParseFilter(model.Customer, filter)
		if err != nil {
			if got != nil || !strings.HasPrefix(err.Error(), "filter, position ") {
				t.Fatalf("%q: %v, with %v", filter, err, got)
			}
			return
		}
		for _, c := range got {
			if c.Absent && c.Field != store.DeleteTime && c.Field != store.Placeholder {
				t.Fatalf("%q: %v is to be absent, for which there is no index", filter, c.Field)
			}
			for _, k := range append(slices.Clone(c.Any), c.Span.From, c.Span.Until) {
				if k != nil && len(k) == 0 {
					t.Fatalf("%q: a key without a type", filter)
				}
			}
		}
		if strings.TrimSpace(filter) == "" {
			return
		}
		again, err := api.ParseFilter(model.Customer, "( "+filter+" )")
		if err != nil && !strings.Contains(err.Error(), "too many parentheses") {
			t.Fatalf("%q is taken, and not in parentheses: %v", filter, err)
		}
		if err == nil && fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("%q: %v, and in parentheses %v", filter, got, again)
		}
	})
}

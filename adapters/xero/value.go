package xero

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// written is Microsoft's way to write a time: milliseconds since 1970, and the zone that it was written in, if any.
var written = regexp.MustCompile(`^/Date\((-?[0-9]{1,15})(?:([+-])([0-9]{2})([0-9]{2}))?\)/$`)

// moment reads a time, in the zone in which it was written: as a number of milliseconds, or as ISO 8601, which without a
// zone means UTC.
func moment(text string) (time.Time, bool) {
	if parts := written.FindStringSubmatch(text); parts != nil {
		millis, _ := strconv.ParseInt(parts[1], 10, 64) // fifteen digits
		hours, _ := strconv.Atoi(parts[2] + parts[3])   // two digits, or none, which is zero
		minutes, _ := strconv.Atoi(parts[2] + parts[4]) // likewise
		return inBounds(time.UnixMilli(millis).In(time.FixedZone("", hours*3600+minutes*60)))
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return inBounds(at)
		}
	}
	return time.Time{}, false
}

// inBounds takes the times that RFC 3339 can write.
func inBounds(at time.Time) (time.Time, bool) {
	for _, year := range []int{at.Year(), at.UTC().Year()} {
		if year < 1 || year > 9999 {
			return time.Time{}, false
		}
	}
	return at, true
}

// day reads a day, of the zone in which it was written, as its midnight in UTC.
func day(text string) (time.Time, bool) {
	at, ok := moment(text)
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC), ok
}

// amount reads an amount of the invoice's currency; nil where there is none.
func amount(r *mapping.Reading, raw string) *canonicalv1.Money {
	if raw == "" {
		return nil
	}
	m, err := money.FromDecimal(raw, r.Text("CurrencyCode"))
	if err != nil {
		r.Unusable(raw, err.Error())
		return nil
	}
	return m
}

// decimal is plain notation in the canonical form's bounds.
var decimal = regexp.MustCompile(`^(-?)0*([0-9]{1,18})(?:\.([0-9]{1,12}))?$`)

// exact writes a number in plain notation without needless zeros; false where it is none.
func exact(text string) (string, bool) {
	parts := decimal.FindStringSubmatch(text)
	if parts == nil {
		return "", false
	}
	whole, fraction := cmp.Or(strings.TrimLeft(parts[2], "0"), "0"), strings.TrimRight(parts[3], "0")
	number := strings.TrimSuffix(whole+"."+fraction, ".")
	if number == "0" {
		return number, true
	}
	return parts[1] + number, true
}

// positive says that a number is above zero.
func positive(text string) bool {
	number, ok := exact(text)
	return ok && number != "0" && !strings.HasPrefix(number, "-")
}

// fineness is how many fractional digits a number has.
func fineness(text string) int {
	_, fraction, _ := strings.Cut(text, ".")
	return len(strings.TrimRight(fraction, "0"))
}

package xero

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// currency is what a currency's code may look like.
var currency = regexp.MustCompile(`^[A-Z]{3}$`)

// written is Microsoft's way to write a time: milliseconds since 1970, and the zone that it was written in, if any.
var written = regexp.MustCompile(`^/Date\((-?[0-9]{1,15})(?:([+-])([0-9]{2})([0-9]{2}))?\)/$`)

// endOfTime and beginOfTime are where RFC 3339 ends.
var (
	endOfTime   = time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
	beginOfTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
)

// moment reads a time: as a number of milliseconds, or as ISO 8601, which without a zone means UTC.
func moment(text string) (time.Time, bool) {
	at, _, ok := zoned(text)
	return at, ok
}

// zoned reads a time, and how far from UTC it was written.
func zoned(text string) (at time.Time, offset time.Duration, ok bool) {
	parts := written.FindStringSubmatch(text)
	if parts == nil {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", time.DateOnly} {
			if at, err := time.Parse(layout, text); err == nil {
				_, seconds := at.Zone()
				return within(at.UTC(), time.Duration(seconds)*time.Second)
			}
		}
		return time.Time{}, 0, false
	}
	millis, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return time.Time{}, 0, false
	}
	if parts[2] != "" {
		hours, _ := strconv.Atoi(parts[3]) // two digits
		minutes, _ := strconv.Atoi(parts[4])
		offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
		if parts[2] == "-" {
			offset = -offset
		}
	}
	return within(time.UnixMilli(millis).UTC(), offset)
}

func within(at time.Time, offset time.Duration) (time.Time, time.Duration, bool) {
	if at.Before(beginOfTime) || at.After(endOfTime) {
		return time.Time{}, 0, false
	}
	return at, offset, true
}

// date reads a day, of the zone in which it was written, as its midnight in UTC. field+"String" is the same in ISO 8601.
func (r *reading) date(path, field string) *timestamppb.Timestamp {
	raw := r.text(field)
	if raw == "" {
		raw = r.text(field + "String")
	}
	if raw == "" {
		return nil
	}
	at, offset, ok := zoned(raw)
	if !ok {
		r.unusable(path, raw, "it is no date")
		return nil
	}
	return timestamppb.New(at.Add(offset).Truncate(24 * time.Hour))
}

// day writes the date of a time in UTC.
func day(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return at.AsTime().Format(time.DateOnly)
}

// amount reads an amount of the invoice's currency; nil where there is none.
func (r *reading) amount(path, raw string) *canonicalv1.Money {
	if raw == "" {
		return nil
	}
	m, err := money.FromDecimal(raw, r.text("CurrencyCode"))
	if err != nil {
		r.unusable(path, raw, err.Error())
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
	whole, fraction := strings.TrimLeft(parts[2], "0"), strings.TrimRight(parts[3], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if whole == "0" {
		return whole, true
	}
	return parts[1] + whole, true
}

// fineness is how many fractional digits a number has.
func fineness(text string) int {
	_, fraction, _ := strings.Cut(text, ".")
	return len(strings.TrimRight(fraction, "0"))
}

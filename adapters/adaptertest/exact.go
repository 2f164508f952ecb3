package adaptertest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

var exactChecks = []check{
	{"AmountsAreExact", nil, amountsAreExact},
	{"TimesAreExact", nil, timesAreExact},
}

// amounts are those that floating point, a wrong number of digits or a lost sign would spoil.
func amounts() []*canonicalv1.Money {
	euros := func(units int64, nanos int32) *canonicalv1.Money {
		return &canonicalv1.Money{CurrencyCode: "EUR", Units: units, Nanos: nanos}
	}
	return []*canonicalv1.Money{
		euros(0, 0), euros(0, 10_000_000), euros(0, -10_000_000), euros(-1, -990_000_000), euros(1, 100_000_000), euros(19, 990_000_000), euros(1_000_000, 0),
		euros(90_071_992_547_409, 930_000_000), // 2^53 + 1 cents
		{CurrencyCode: "JPY", Units: 1050}, {CurrencyCode: "JPY", Units: -1},
		{CurrencyCode: "KWD", Units: 10, Nanos: 500_000_000}, {CurrencyCode: "KWD", Nanos: 10_000_000},
	}
}

func amountsAreExact(t testing.TB, s Suite) {
	for _, place := range s.Amounts {
		g := s.inputOf(t, place.File)
		told := 0
		for _, want := range amounts() {
			value, ok := place.Write(want)
			if !ok {
				continue
			}
			told++
			code := want.GetCurrencyCode()
			if place.Code != nil {
				code = place.Code(code)
			}
			input := withValue(t, withValue(t, g.input, place.Pointer, value), place.Currency, code)
			all := s.observationsOf(t, g, input)
			if !slices.ContainsFunc(all, func(o adapters.Observation) bool {
				got, _ := at(o.Message, place.Path).(*canonicalv1.Money)
				return proto.Equal(got, want)
			}) {
				t.Errorf("%s: %v %s at %q is not read into %s as %v: %+v", g.name, value, code, place.Pointer, place.Path, want, all)
			}
		}
		if told < 3 {
			t.Errorf("Amounts: %s at %q writes %d amounts; want some of each sort", g.name, place.Pointer, told)
		}
	}
	for _, c := range s.carries() {
		if !slices.ContainsFunc(s.Amounts, func(p AmountPlace) bool { return s.kindOf(t, p.File) == c.Kind }) && carriesAMoney(t, c) {
			t.Errorf("Amounts names no place of a %s, which has amounts", c.Kind)
		}
	}
}

// moments are those at which calendars and encodings break.
var moments = []time.Time{
	time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), time.Date(2026, 11, 2, 9, 0, 0, 123_000_000, time.UTC), time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC),
	time.Date(2016, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC),
	time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC),
}

func timesAreExact(t testing.TB, s Suite) {
	for _, place := range s.Times {
		g := s.inputOf(t, place.File)
		for _, moment := range moments {
			want := moment.Truncate(place.Unit)
			all := s.observationsOf(t, g, withValue(t, g.input, place.Pointer, place.Write(want)))
			if !slices.ContainsFunc(all, func(o adapters.Observation) bool { return place.of(o).Equal(want) }) {
				t.Errorf("%s: %v at %q is not read into %q as %s: %+v", g.name, place.Write(want), place.Pointer, place.Path, want, all)
			}
		}
	}
	for _, c := range s.carries() {
		if !slices.ContainsFunc(s.Times, func(p TimePlace) bool { return s.kindOf(t, p.File) == c.Kind }) {
			t.Errorf("Times names no place of a %s", c.Kind)
		}
	}
}

// of is the time that an observation has in that place.
func (p TimePlace) of(o adapters.Observation) time.Time {
	if p.Path == "" {
		return o.At
	}
	stamp, ok := at(o.Message, p.Path).(*timestamppb.Timestamp)
	if !ok {
		return time.Time{}
	}
	return stamp.AsTime()
}

// kindOf is the kind that a golden input says something of.
func (s Suite) kindOf(t testing.TB, file string) adapters.Kind {
	t.Helper()
	g := s.inputOf(t, file)
	for _, o := range s.observationsOf(t, g, g.input) {
		return o.Kind
	}
	t.Errorf("%s says nothing", file)
	return ""
}

// at is the message at a path of fields; nil where there is none.
func at(m proto.Message, path string) proto.Message {
	for name := range strings.SplitSeq(path, ".") {
		if m == nil {
			return nil
		}
		r := m.ProtoReflect()
		field := r.Descriptor().Fields().ByName(protoreflect.Name(name))
		if field == nil || field.Kind() != protoreflect.MessageKind || field.IsList() || field.IsMap() || !r.Has(field) {
			return nil
		}
		m = r.Get(field).Message().Interface()
	}
	return m
}

func carriesAMoney(t testing.TB, c adapters.Carriage) bool {
	t.Helper()
	money := (&canonicalv1.Money{}).ProtoReflect().Descriptor().FullName()
	fields := schema(t, c.Kind).New().ProtoReflect().Descriptor().Fields()
	return slices.ContainsFunc(c.In, func(path string) bool {
		f := fields.ByName(protoreflect.Name(path))
		return f != nil && f.Kind() == protoreflect.MessageKind && f.Message().FullName() == money
	})
}

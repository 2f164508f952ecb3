package adaptertest

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/model"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

var lossChecks = []check{
	{"EveryLossIsDeclared", needs(adapters.Updates, adapters.Fetches), everyLossIsDeclared},
}

// Values that are not in the vendor's own form come back as they were, are refused by name, or their loss is declared.
func everyLossIsDeclared(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c)
		for _, path := range to.paths {
			for _, value := range rough(to.known, path) {
				to.known.Copy(to.record, value, pathTo(path))
				done, _ := to.tryPush(t, []string{path})
				now := to.mustFetch(t, to.object).Message
				if done && lists(c.In, path) && !lost(c, path) && !to.known.Equal(value, now, pathTo(path)) {
					t.Errorf("pushed %s as %s, acknowledged, and it is %s; Losses does not say so", path, text(to.known, value, path), text(to.known, now, path))
				}
			}
			to.known.Copy(to.record, to.second, pathTo(path))
			if back, _ := to.tryPush(t, []string{path}); !back { // a vendor takes some values back no more: that an invoice is void
				to = s.target(t, c)
			}
		}
	})
}

// odd is a text with all that a careless encoding breaks.
const odd = `Zoë O'Neil & <Söhne> "株式会社" 100% a+b=c; d,e/f\g 👩‍👩‍👧`

// written are texts that attributes of a certain form take.
var written = map[string][]string{
	"email": {"Ada.LOVELACE+tag@Example.COM", "o'neil@example.org"}, "phone": {"+12025550143", "+4930901820"}, "mobile_phone": {"+447911123456"},
	"locale": {"pt-BR", "zh-Hant-TW", "de"}, "currency_code": {"JPY", "KWD"}, "country_code": {"TR", "CI", "GB", "KR"}, "postal_code": {"SW1A 1AA", "01067"},
}

// rough are messages with one attribute each, in forms that a vendor may not keep. There are none for attributes that
// point to other objects, or whose form is their vendor's own.
func rough(known *model.Schema, path string) []proto.Message {
	if strings.HasPrefix(path, customPrefix) {
		return roughCustom(known, strings.TrimPrefix(path, customPrefix))
	}
	group, name, split := strings.Cut(path, ".")
	if !split {
		name = group
	}
	holder := known.New().ProtoReflect()
	if split {
		holder = holder.NewField(holder.Descriptor().Fields().ByName(protoreflect.Name(group))).Message()
	}
	field := holder.Descriptor().Fields().ByName(protoreflect.Name(name))
	var out []proto.Message
	for _, value := range roughValues(field) {
		m := known.New()
		r := m.ProtoReflect()
		if split {
			r = r.Mutable(r.Descriptor().Fields().ByName(protoreflect.Name(group))).Message()
		}
		r.Set(field, value)
		out = append(out, m)
	}
	return out
}

func roughValues(field protoreflect.FieldDescriptor) []protoreflect.Value {
	var out []protoreflect.Value
	switch {
	case field == nil || field.IsList() || field.IsMap():
	case field.Kind() == protoreflect.StringKind:
		texts, ok := written[string(field.Name())]
		if !ok {
			texts = []string{odd, "0012", "null", "TRUE"}
		}
		for _, text := range texts {
			out = append(out, protoreflect.ValueOfString(text))
		}
	case field.Kind() == protoreflect.EnumKind:
		for i := 1; i < field.Enum().Values().Len(); i++ { // 0 is no value
			out = append(out, protoreflect.ValueOfEnum(field.Enum().Values().Get(i).Number()))
		}
	case field.Kind() == protoreflect.MessageKind && field.Message().FullName() == (&canonicalv1.PersonName{}).ProtoReflect().Descriptor().FullName():
		for _, name := range roughNames() {
			out = append(out, protoreflect.ValueOfMessage(name.ProtoReflect()))
		}
	}
	return out
}

func roughNames() []*canonicalv1.PersonName {
	return []*canonicalv1.PersonName{
		{Full: proto.String("Plato")}, {Full: proto.String(odd)}, {Given: proto.String("Ada"), Family: proto.String("Lovelace")},
		{Full: proto.String("Dr Ada B King-Noel Lovelace Jr"), Prefix: proto.String("Dr"), Given: proto.String("Ada"), Middle: proto.String("B King-Noel"),
			Family: proto.String("Lovelace"), Suffix: proto.String("Jr")},
	}
}

// roughCustom is a custom attribute in each type.
func roughCustom(known *model.Schema, name string) []proto.Message {
	var out []proto.Message
	for _, v := range []*canonicalv1.CustomValue{
		{Value: &canonicalv1.CustomValue_Text{Text: odd}},
		{Value: &canonicalv1.CustomValue_Flag{Flag: false}},
		{Value: &canonicalv1.CustomValue_Decimal{Decimal: "-12.50"}},
		{Value: &canonicalv1.CustomValue_Time{Time: timestamppb.New(time.Date(2026, 11, 2, 9, 0, 0, 123_000_000, time.UTC))}},
		{Value: &canonicalv1.CustomValue_Money{Money: &canonicalv1.Money{CurrencyCode: "EUR", Units: -1, Nanos: -500_000_000}}},
		{Value: &canonicalv1.CustomValue_Texts{Texts: &canonicalv1.TextList{Values: []string{"a", "b, c"}}}},
	} {
		m := known.New()
		r := m.ProtoReflect()
		field := r.Descriptor().Fields().ByName("custom")
		r.Mutable(field).Map().Set(protoreflect.ValueOfString(name).MapKey(), protoreflect.ValueOfMessage(v.ProtoReflect()))
		out = append(out, m)
	}
	return out
}

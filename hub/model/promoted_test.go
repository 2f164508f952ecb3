package model_test

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// What the protos promote, lists know; and nothing has the name of a record's own field.
func TestEveryPromotedFieldIsInLists(t *testing.T) {
	eachKind(t, func(t *testing.T, schema *model.Schema) {
		var want []string
		fields := schema.New().ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			field := fields.Get(i)
			if promoted(field) {
				want = append(want, string(field.Name()))
			}
			if field.Message() == nil || field.IsList() || field.IsMap() {
				continue
			}
			for j := range field.Message().Fields().Len() {
				if part := field.Message().Fields().Get(j); promoted(part) {
					want = append(want, string(field.Name())+"."+string(part.Name()))
				}
			}
		}
		var got []string
		for _, p := range schema.Promoted() {
			if found, ok := schema.FindPromoted(p.Path); !ok || found.Path != p.Path {
				t.Errorf("%s is promoted and not found", p.Path)
			}
			if slices.Contains([]model.Path{"update_time", "create_time", "delete_time", "placeholder"}, p.Path) {
				t.Errorf("%s is the record's own field in lists", p.Path)
			}
			if !strings.HasSuffix(string(p.Path), "_raw") {
				got = append(got, string(p.Path))
			}
		}
		if !slices.Equal(got, want) || len(got) < 5 {
			t.Errorf("lists know %v; the protos promote %v, of which some has a type that no list can have", got, want)
		}
	})
}

func promoted(field protoreflect.FieldDescriptor) bool {
	is, _ := proto.GetExtension(field.Options(), canonicalv1.E_Promoted).(bool)
	return is
}

// The index is the same whether it is written for all attributes at once or, change by change, for those that changed.
func TestIndexOfWhatChangedIsTheIndexOfAll(t *testing.T) {
	law(t, func(t *rapid.T, schema *model.Schema, before, after proto.Message, _ model.Path) {
		all := pathsIn(schema, before, after)
		index := map[string]bool{}
		write := func(m proto.Message, attributes []model.Path) {
			names, entries := schema.Index(m, attributes)
			for at := range index {
				if name, _, _ := strings.Cut(at, " "); slices.Contains(names, model.Path(name)) {
					delete(index, at)
				}
			}
			for _, e := range entries {
				if !slices.Contains(names, e.Path) {
					t.Fatalf("%s has an entry and is not named", e.Path)
				}
				index[fmt.Sprintf("%s %x", e.Path, e.Key)] = true
			}
		}
		var changed []model.Path
		for _, path := range all {
			if !schema.Equal(before, after, path) {
				changed = append(changed, path)
			}
		}
		write(before, all)
		write(after, changed)
		stepwise := index
		index = map[string]bool{}
		write(after, all)
		if fmt.Sprint(stepwise) != fmt.Sprint(index) {
			t.Fatalf("change by change %v\nat once %v", stepwise, index)
		}
	})
}

func compares(t *rapid.T, a, b model.Key, want int, what string) {
	if got := bytes.Compare(a, b); got != want {
		t.Fatalf("%s: keys compare as %d, values as %d", what, got, want)
	}
	for name, c := range map[string]struct {
		span model.Span
		in   bool
	}{
		"=": {model.Exactly(b), want == 0}, "<": {model.Below(b), want < 0}, "<=": {model.UpTo(b), want <= 0},
		">": {model.Above(b), want > 0}, ">=": {model.From(b), want >= 0}, "both": {model.From(b).And(model.UpTo(b)), want == 0},
		"any": {model.Span{}, true},
	} {
		in := bytes.Compare(a, c.span.From) >= 0 && (c.span.Until == nil || bytes.Compare(a, c.span.Until) < 0)
		if in != c.in {
			t.Fatalf("%s: %s is %t", what, name, in)
		}
	}
}

func TestKeysOrderAsTheirValues(t *testing.T) {
	t.Run("texts", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "a\x00", "ab", "a\x00b"}))
			a, b := texts.Draw(t, "a"), texts.Draw(t, "b")
			if len(a) <= 220 && len(b) <= 220 {
				compares(t, model.TextKey(a), model.TextKey(b), strings.Compare(a, b), a+" "+b)
			}
		})
	})
	t.Run("times", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			times := rapid.Custom(func(t *rapid.T) time.Time {
				return time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "n")).UTC()
			})
			a, b := times.Draw(t, "a"), times.Draw(t, "b")
			compares(t, model.TimeKey(a), model.TimeKey(b), a.Compare(b), fmt.Sprint(a, b))
			if got, ok := model.TimeKey(a).Time(); !ok || !got.Equal(a) {
				t.Fatalf("%v comes back as %v", a, got)
			}
		})
	})
	t.Run("numbers", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			numbers := rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?`)
			a, b := numbers.Draw(t, "a"), numbers.Draw(t, "b")
			x, _ := new(big.Rat).SetString(a)
			y, _ := new(big.Rat).SetString(b)
			ka, err := model.NumberKey(a)
			if err != nil {
				t.Fatal(err)
			}
			kb, err := model.NumberKey(b)
			if err != nil {
				t.Fatal(err)
			}
			compares(t, ka, kb, x.Cmp(y), a+" "+b)
		})
	})
	t.Run("enums and flags", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			a, b := rapid.Int32().Draw(t, "a"), rapid.Int32().Draw(t, "b")
			compares(t, model.EnumKey(a), model.EnumKey(b), big.NewInt(int64(a)).Cmp(big.NewInt(int64(b))), fmt.Sprint(a, b))
			compares(t, model.FlagKey(true), model.FlagKey(false), 1, "flags")
		})
	})
}

// Long texts are told apart, and stand where their first bytes belong.
func TestLongTextsHaveBoundedKeys(t *testing.T) {
	long := strings.Repeat("ä", 5000)
	a, b := model.TextKey(long+"a"), model.TextKey(long+"b")
	if len(a) > 300 || bytes.Equal(a, b) || !bytes.Equal(a, model.TextKey(long+"a")) {
		t.Errorf("keys of long texts: %d bytes, equal %t", len(a), bytes.Equal(a, b))
	}
	if before, after := model.TextKey("z"), model.TextKey("ö"); bytes.Compare(before, a) >= 0 || bytes.Compare(a, after) >= 0 {
		t.Error("a long text does not stand between z and ö")
	}
}

// An amount and a decimal that say the same have one key.
func TestAmountsAreNumbers(t *testing.T) {
	schema := model.For(model.Order)
	for number, total := range map[string]*canonicalv1.Money{
		"12.5": {Units: 12, Nanos: 500_000_000}, "-0.000000001": {Nanos: -1}, "0": {CurrencyCode: "EUR"},
		"9223372036854775807.999999999": {Units: 1<<63 - 1, Nanos: 999_999_999}, "-9223372036854775808": {Units: -1 << 63},
	} {
		want, err := model.NumberKey(number)
		if err != nil {
			t.Fatal(err)
		}
		total.CurrencyCode = "EUR"
		_, entries := schema.Index(&canonicalv1.Order{Total: total}, []model.Path{"total", "note", "nothing"})
		if len(entries) != 1 || entries[0].Path != "total" || !bytes.Equal(entries[0].Key, want) {
			t.Errorf("%s: %x, want %x", number, entries, want)
		}
	}
}

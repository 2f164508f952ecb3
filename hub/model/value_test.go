package model_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
)

func custom(name string, value *canonicalv1.CustomValue) *canonicalv1.Customer {
	return &canonicalv1.Customer{Custom: map[string]*canonicalv1.CustomValue{name: value}}
}

func text(s string) *canonicalv1.CustomValue {
	return &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: s}}
}

// newerField is a field that this schema does not know, as a newer one would write it.
func newerField(value string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 4242, protowire.BytesType), value)
}

func withNewerField[M proto.Message](m M, value string) M {
	m.ProtoReflect().SetUnknown(newerField(value))
	return m
}

func TestZeroFalseAndTimesAreValuesButEmptyTextsAndMessagesAreNot(t *testing.T) {
	epoch := timestamppb.New(time.Unix(0, 0))
	for _, test := range []struct {
		name    string
		message proto.Message
		path    model.Path
		empty   bool
	}{
		{"unset text", &canonicalv1.Customer{}, "email", true},
		{"empty text", &canonicalv1.Customer{Email: new("")}, "email", true},
		{"text", &canonicalv1.Customer{Email: new("a@b.example")}, "email", false},
		{"unset flag", &canonicalv1.Order{}, "test", true},
		{"false", &canonicalv1.Order{Test: new(false)}, "test", false},
		{"unset time", &canonicalv1.Order{}, "place_time", true},
		{"the first moment", &canonicalv1.Order{PlaceTime: epoch}, "place_time", false},
		{"no list", &canonicalv1.Order{Tags: []string{}}, "tags", true},
		{"list", &canonicalv1.Order{Tags: []string{"a"}}, "tags", false},
		{"money of nothing", &canonicalv1.Order{Total: &canonicalv1.Money{}}, "total", true},
		{"zero euros", &canonicalv1.Order{Total: &canonicalv1.Money{CurrencyCode: "EUR"}}, "total", false},
		{"unspecified enum", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus(0))}, "status", true},
		{"unspecified enum, empty raw text", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus(0)), StatusRaw: new("")}, "status", true},
		{"enum", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus_ORDER_STATUS_OPEN)}, "status", false},
		{"enum of a newer schema", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus(999))}, "status", false},
		{"raw text alone", &canonicalv1.Order{StatusRaw: new("on its way")}, "status", false},
		{"empty whole message", &canonicalv1.Customer{Name: &canonicalv1.PersonName{}}, "name", true},
		{"whole message of empty texts", &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: new(""), Given: new("")}}, "name", true},
		{"whole message", &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: new("Ada")}}, "name", false},
		{"whole message of a newer schema", &canonicalv1.Customer{Name: withNewerField(&canonicalv1.PersonName{}, "x")}, "name", false},
		{"reference to nothing", &canonicalv1.Order{Customer: &canonicalv1.Reference{Target: &canonicalv1.Reference_RecordId{}}}, "customer", true},
		{"empty message around a part", &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{}}, "billing_address.city", true},
		{"other part", &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{Line1: new("x")}}, "billing_address.city", true},
		{"part", &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{City: new("Wien")}}, "billing_address.city", false},
		{"no custom attributes", &canonicalv1.Customer{}, "custom.tier", true},
		{"another custom attribute", custom("size", text("9")), "custom.tier", true},
		{"custom attribute without a value", custom("tier", &canonicalv1.CustomValue{}), "custom.tier", true},
		{"empty custom text", custom("tier", text("")), "custom.tier", true},
		{"empty custom list", custom("tier", &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Texts{Texts: &canonicalv1.TextList{}}}), "custom.tier", true},
		{"custom text", custom("tier", text("gold")), "custom.tier", false},
		{"custom no", custom("tier", &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Flag{}}), "custom.tier", false},
		{"custom value of a newer schema", custom("tier", withNewerField(&canonicalv1.CustomValue{}, "x")), "custom.tier", false},
		{"no attribute", &canonicalv1.Customer{Email: new("x")}, "e_mail", true},
	} {
		schema := model.For(model.KindOf(test.message))
		if got := schema.Empty(test.message, test.path); got != test.empty {
			t.Errorf("%s: Empty(%s) = %v", test.name, test.path, got)
		}
		if present := slices.Contains(slices.Collect(schema.Present(test.message)), test.path); present == test.empty {
			t.Errorf("%s: Present lists %s: %v", test.name, test.path, present)
		}
	}
}

func TestAnEnumAndItsRawTextAreOneAttribute(t *testing.T) {
	schema := model.For(model.Order)
	raw := &canonicalv1.Order{StatusRaw: new("on its way")}
	open := &canonicalv1.Order{Status: new(canonicalv1.OrderStatus_ORDER_STATUS_OPEN), Note: new("stays")}
	if schema.Equal(raw, open, "status") {
		t.Error("a raw text equals an enum value")
	}
	if schema.Equal(raw, &canonicalv1.Order{StatusRaw: new("lost")}, "status") {
		t.Error("two raw texts are equal")
	}
	schema.Copy(open, raw, "status")
	if want := (&canonicalv1.Order{StatusRaw: new("on its way"), Note: new("stays")}); !proto.Equal(open, want) {
		t.Errorf("the copy is %v", open)
	}
	schema.Clear(open, "status")
	if want := (&canonicalv1.Order{Note: new("stays")}); !proto.Equal(open, want) {
		t.Errorf("cleared it is %v", open)
	}
}

func TestPresentListsCustomAttributesLastAndByName(t *testing.T) {
	schema := model.For(model.Customer)
	m := &canonicalv1.Customer{
		Note:           new("x"),
		Email:          new("a@b.example"),
		BillingAddress: &canonicalv1.Address{City: new("Wien")},
		Custom:         map[string]*canonicalv1.CustomValue{"b": text("1"), "a": text("2"), "none": {}},
	}
	want := []model.Path{"email", "billing_address.city", "note", "custom.a", "custom.b"}
	if diff := cmp.Diff(want, slices.Collect(schema.Present(m))); diff != "" {
		t.Errorf("present (-want +got):\n%s", diff)
	}
	for _, stop := range want {
		for path := range schema.Present(m) {
			if path == stop {
				break // an iteration that is left early
			}
		}
	}
	if diff := cmp.Diff([]model.Path{"custom.a", "custom.b", "custom.none"}, schema.Custom(m)); diff != "" {
		t.Errorf("custom (-want +got):\n%s", diff)
	}
}

func TestAMessageOfANewerSchemaSurvives(t *testing.T) {
	schema := model.For(model.Customer)
	newer := func() *canonicalv1.Customer {
		return withNewerField(&canonicalv1.Customer{
			Email:          new("old@b.example"),
			Name:           withNewerField(&canonicalv1.PersonName{Full: new("Ada")}, "name"),
			BillingAddress: withNewerField(&canonicalv1.Address{City: new("Wien")}, "address"),
			Custom:         map[string]*canonicalv1.CustomValue{"tier": withNewerField(&canonicalv1.CustomValue{}, "tier")},
		}, "customer")
	}
	changed := newer()
	schema.Copy(changed, &canonicalv1.Customer{Email: new("new@b.example")}, "email")
	schema.Clear(changed, "billing_address.city")
	want := newer()
	want.Email, want.BillingAddress.City = new("new@b.example"), nil
	if diff := cmp.Diff(want, changed, protocmp.Transform()); diff != "" {
		t.Errorf("changed in place (-want +got):\n%s", diff)
	}
	copied := schema.New()
	for _, path := range []model.Path{"name", "custom.tier"} {
		schema.Copy(copied, newer(), path)
	}
	whole := &canonicalv1.Customer{Name: newer().GetName(), Custom: newer().GetCustom()}
	if diff := cmp.Diff(whole, copied, protocmp.Transform()); diff != "" {
		t.Errorf("copied whole attributes (-want +got):\n%s", diff)
	}
	other := newer()
	other.GetName().ProtoReflect().SetUnknown(newerField("another name"))
	if schema.Equal(newer(), other, "name") {
		t.Error("names that differ in a field of a newer schema are equal")
	}
}

func TestJSONIsProtobufsOwnFormOfEachType(t *testing.T) {
	at := timestamppb.New(time.Date(2026, 11, 23, 16, 3, 0, 0, time.UTC))
	for _, test := range []struct {
		name    string
		message proto.Message
		path    model.Path
		want    string
	}{
		{"text", &canonicalv1.Customer{Email: new("a@b.example")}, "email", `"a@b.example"`},
		{"part of a group", &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{City: new("Wien"), Line1: new("x")}}, "billing_address.city", `"Wien"`},
		{"list of texts", &canonicalv1.Customer{Tags: []string{"b", "a"}}, "tags", `["b","a"]`},
		{"list of messages", &canonicalv1.Customer{TaxIds: []*canonicalv1.TaxId{{Type: "eu_vat", Value: "ATU1"}}}, "tax_ids", `[{"type":"eu_vat","value":"ATU1"}]`},
		{"flag", &canonicalv1.Order{Test: new(false)}, "test", `false`},
		{"time", &canonicalv1.Order{PlaceTime: at}, "place_time", `"2026-11-23T16:03:00Z"`},
		{"money", &canonicalv1.Order{Total: &canonicalv1.Money{CurrencyCode: "EUR", Units: 9007199254740993, Nanos: 5}}, "total", `{"currencyCode":"EUR","nanos":5,"units":"9007199254740993"}`},
		{"enum", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus_ORDER_STATUS_OPEN)}, "status", `"ORDER_STATUS_OPEN"`},
		{"enum of a newer schema", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus(999))}, "status", `999`},
		{"enum we do not know", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus(0)), StatusRaw: new("on its way")}, "status", `"on its way"`},
		{"enum we know, with its text", &canonicalv1.Order{Status: new(canonicalv1.OrderStatus_ORDER_STATUS_OPEN), StatusRaw: new("Open")}, "status", `"ORDER_STATUS_OPEN"`},
		{"whole message", &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: new("Ada Lovelace"), Given: new("Ada")}}, "name", `{"full":"Ada Lovelace","given":"Ada"}`},
		{"reference", &canonicalv1.Order{Customer: &canonicalv1.Reference{Target: &canonicalv1.Reference_RecordId{RecordId: "customer_1"}}}, "customer", `{"recordId":"customer_1"}`},
		{"consent", &canonicalv1.Customer{MarketingConsent: &canonicalv1.MarketingConsent{Email: &canonicalv1.Consent{Status: canonicalv1.ConsentStatus_CONSENT_STATUS_GRANTED, Time: at}}}, "marketing_consent.email", `{"status":"CONSENT_STATUS_GRANTED","time":"2026-11-23T16:03:00Z"}`},
		{"custom attribute", custom("tier", text("gold")), "custom.tier", `{"text":"gold"}`},
		{"nothing", &canonicalv1.Customer{}, "email", `null`},
		{"empty text", &canonicalv1.Customer{Email: new("")}, "email", `null`},
		{"no attribute", &canonicalv1.Customer{Email: new("x")}, "e_mail", `null`},
	} {
		got, err := json.Marshal(model.For(model.KindOf(test.message)).JSON(test.message, test.path).AsInterface())
		if err != nil || string(got) != test.want {
			t.Errorf("%s: JSON(%s) = %s, %v; want %s", test.name, test.path, got, err, test.want)
		}
	}
	if got := model.For(model.Customer).JSON(nil, "email"); got.AsInterface() != nil {
		t.Errorf("JSON of no message = %v", got)
	}
}

func TestEveryAttributeHasAJSONForm(t *testing.T) {
	eachKind(t, func(t *testing.T, schema *model.Schema) {
		m := modeltest.Full(schema, 1)
		for path := range schema.Present(m) {
			if value := schema.JSON(m, path); value == nil || value.AsInterface() == nil {
				t.Errorf("JSON(%s) is null", path)
			}
		}
	})
}

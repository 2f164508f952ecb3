package filedrop_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// one reads a file with one row, A, B and C, as an attribute by an expression.
func one(t *testing.T, kind adapters.Kind, path, expression string, options object, values ...string) adapters.Observation {
	t.Helper()
	of := object{"id": "'1'", "files": "x*", "delimiter": "|", "attributes": object{path: expression}, "unused": []string{"*"}}
	for name, value := range options {
		of[name] = value
	}
	b := setup(t, object{string(kind): of})
	values = append(values, "", "", "")[:3]
	b.drop("x.csv", "A|B|C\n"+strings.Join(values, "|")+"\n")
	h := b.pull(kind, "", 1)
	if len(h.observations) != 1 {
		t.Fatalf("%s: %+v", expression, h.rejected)
	}
	return h.observations[0]
}

func TestValuesOfEachType(t *testing.T) {
	t.Parallel()
	comma := object{"decimal": ",", "time_zone": "Europe/Berlin"}
	for _, c := range []struct {
		kind             adapters.Kind
		path, expression string
		values           []string
		want             string // the message as JSON, or why the value is unusable
	}{
		{"customer", "email", "row.A", []string{" a@b.de "}, `{"email":" a@b.de "}`},
		{"customer", "email", "row.A.trim().lowerAscii()", []string{" A@B.de "}, `{"email":"a@b.de"}`},
		{"customer", "email", "row.A", nil, `{"email":""}`},
		{"customer", "email", "row[?'NONE']", nil, `unsaid`},
		{"customer", "email", "has(row.NONE) ? row.NONE : row.A", []string{"a@b.de"}, `{"email":"a@b.de"}`},
		{"customer", "name", "row.A", []string{"Ada Lovelace"}, `{"name":{"full":"Ada Lovelace"}}`},
		{"customer", "name", "PersonName{given: row.A, family: row.B, full: row.A + ' ' + row.B}", []string{"Ada", "Lovelace"},
			`{"name":{"full":"Ada Lovelace","given":"Ada","family":"Lovelace"}}`},
		{"customer", "billing_address.city", "row.A", []string{"Köln"}, `{"billingAddress":{"city":"Köln"}}`},
		{"customer", "billing_address.country_code", "country(row.A)", []string{"Deutschland"}, `{"billingAddress":{"countryCode":"DE"}}`},
		{"customer", "billing_address.country_code", "country(row.A)", []string{"Atlantis"}, "unusable: it is no country that is known"},
		{"customer", "phone", "phone(row.A, 'de')", []string{"030/901820"}, `{"phone":"+4930901820"}`},
		{"customer", "phone", "phone(row.A)", []string{"030/901820"}, "unusable: it is no telephone number that can be written in E.164"},
		{"customer", "locale", "locale(row.A)", []string{"de_at"}, `{"locale":"de-AT"}`},
		{"customer", "tags", "row.A.split(',')", []string{"a,b"}, `{"tags":["a","b"]}`},
		{"customer", "tags", "row.A.split(',').filter(tag, tag != '')", nil, `{}`},
		{"customer", "organisation", "row.A", []string{"77"}, `{"organisation":{"external":{"externalId":"77"}}}`},
		{"customer", "organisation", "row.A", nil, `{}`},
		{"customer", "account_owner", "Agent{email: row.A, name: row.B}", []string{"x@y.z", "X"}, `{"accountOwner":{"name":"X","email":"x@y.z"}}`},
		{"customer", "account_owner", "row.A", []string{"u5"}, `{"accountOwner":{"externalId":"u5"}}`},
		{"customer", "marketing_consent.email", "Consent{status: ConsentStatus.CONSENT_STATUS_GRANTED, time: date(row.A, 'YYYY-MM-DD')}", []string{"2026-11-02"},
			`{"marketingConsent":{"email":{"status":"CONSENT_STATUS_GRANTED","time":"2026-11-01T23:00:00Z"}}}`},
		{"order", "status", "choose(row.A, {'O': 'open', 'C': 'cancelled'})", []string{"O"}, `{"status":"ORDER_STATUS_OPEN"}`},
		{"order", "status", "choose(row.A, {'O': 'open'})", []string{"Z9"}, `{"statusRaw":"Z9"}`},
		{"order", "status", "row.A", nil, `{}`},
		{"order", "status", "row.A == 'x' ? OrderStatus.ORDER_STATUS_OPEN : OrderStatus.ORDER_STATUS_DRAFT", []string{"x"}, `{"status":"ORDER_STATUS_OPEN"}`},
		{"order", "taxes_included", "row.A == 'J'", []string{"J"}, `{"taxesIncluded":true}`},
		{"order", "taxes_included", "row.A == 'J'", []string{"N"}, `{"taxesIncluded":false}`},
		{"order", "total", "money(row.A, row.B)", []string{"1.234.567,89", "EUR"}, `{"total":{"currencyCode":"EUR","units":"1234567","nanos":890000000}}`},
		{"order", "total", "money(row.A, row.B)", []string{"12,5-", "eur"}, `{"total":{"currencyCode":"EUR","units":"-12","nanos":-500000000}}`},
		{"order", "total", "money(row.A, 'EUR')", []string{"0"}, `{"total":{"currencyCode":"EUR"}}`},
		{"order", "total", "money(row.A, 'EUR')", nil, `{}`},
		{"order", "total", "money(row.A, 'EUR')", []string{"12.50"}, "unusable: it is no number with ',' before the decimals"},
		{"order", "total", "money(row.A, row.B)", []string{"12", "XXY"}, "unusable: it is no amount: too large, too fine, or in no currency of ISO 4217"},
		{"order", "place_time", "date(row.A, 'DD.MM.YYYY hh:mm')", []string{"24.12.2026 08:30"}, `{"placeTime":"2026-12-24T07:30:00Z"}`},
		{"order", "place_time", "date(row.A, 'DD.MM.YYYY hh:mm', 'America/New_York')", []string{"24.12.2026 08:30"}, `{"placeTime":"2026-12-24T13:30:00Z"}`},
		{"order", "place_time", "date(row.A, 'YYYY-MM-DDThh:mm:ss.SSSZ')", []string{"2026-12-24T08:30:00.250+02:00"}, `{"placeTime":"2026-12-24T06:30:00.250Z"}`},
		{"order", "place_time", "date(row.A, 'YYYYMMDD')", []string{"00000000"}, "unusable: it is no time of the form that is configured"},
		{"order", "place_time", "date(row.A, 'YYYYMMDD')", nil, `{}`},
		{"order", "lines", "[Line{title: row.A, quantity: decimal(row.B), unit_price: money(row.C, 'EUR')}]", []string{"Nut", "1.000,50", ""},
			`{"lines":[{"title":"Nut","quantity":"1000.50"}]}`},
		{"order", "customer", "row.A", []string{"4"}, `{"customer":{"external":{"externalId":"4"}}}`},
		{"invoice", "custom.tier", "row.A", []string{"gold"}, `{"custom":{"tier":{"text":"gold"}}}`},
		{"invoice", "custom.vip", "row.A == '1'", []string{"1"}, `{"custom":{"vip":{"flag":true}}}`},
		{"invoice", "custom.limit", "money(row.A, 'EUR')", []string{"5"}, `{"custom":{"limit":{"money":{"currencyCode":"EUR","units":"5"}}}}`},
		{"invoice", "custom.limit", "money(row.A, 'EUR')", nil, `{}`},
		{"invoice", "custom.rate", "CustomValue{decimal: decimal(row.A)}", []string{"0012,50"}, `{"custom":{"rate":{"decimal":"12.50"}}}`},
		{"invoice", "custom.since", "date(row.A, 'YYYY')", []string{"2026"}, `{"custom":{"since":{"time":"2025-12-31T23:00:00Z"}}}`},
		{"invoice", "custom.many", "row.A.split(' ')", []string{"a b"}, `{"custom":{"many":{"texts":{"values":["a","b"]}}}}`},
		{"ticket", "number", "file_name + '/' + string(line)", nil, `{"number":"x.csv/2"}`},
		{"ticket", "open_time", "file_time", nil, `{"openTime":"2026-11-02T11:59:00Z"}`},
		{"ticket", "number", "{'a': 'b'}[row.A]", []string{"secret"}, "unusable: its expression has no value for this row"},
	} {
		t.Run(c.path+" "+c.expression, func(t *testing.T) {
			t.Parallel()
			o := one(t, c.kind, c.path, c.expression, comma, c.values...)
			if reason, is := strings.CutPrefix(c.want, "unusable: "); is || c.want == "unsaid" {
				if o.Paths == nil || len(o.Paths) != 0 || is != (len(o.Unusable) == 1) || is && (o.Unusable[0].Reason != reason || o.Unusable[0].Path != c.path || o.Unusable[0].Raw != strings.Join(c.values, " ")) {
					t.Errorf("%v, paths %v, unusable %+v", o.Message, o.Paths, o.Unusable)
				}
				return
			}
			want := o.Message.ProtoReflect().New().Interface()
			if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, o.Message, protocmp.Transform()); diff != "" || o.Paths != nil {
				t.Errorf("paths %v, unusable %+v, (- want, + read) %s", o.Paths, o.Unusable, diff)
			}
		})
	}
}

func TestAnEnumWithoutAValueOfOursIsToldWithoutWhatMayBePersonal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"Z9": "[status=Z9]", "ada@example.com": "[status=?]", "Ada Lovelace": "[status=?]"} {
		if got := fmt.Sprint(one(t, "order", "status", "row.A", nil, text).Unknown); got != want {
			t.Errorf("%q is told as %s, want %s", text, got, want)
		}
	}
}

func TestNumbersWithADot(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1,234.5": "1234.5", "1'234": "1234", "1 234.50": "1234.50", "+7": "7", "-0.0": "0.0", ".5": "0.5", "5.": "5", "1\u00a0000": "1000", "-3": "-3", "3-": "-3",
		"1,23": "", "1.234.5": "", "12,345,6": "", "1e5": "", "0x10": "", "-": "", "--1": "", "1.2.3": "", "١": "",
	} {
		o := one(t, "order", "number", "decimal(row.A)", nil, text)
		if got := o.Message.(*canonicalv1.Order).GetNumber(); got != want || (want == "") != (len(o.Unusable) == 1) {
			t.Errorf("%q is read as %q, %+v; want %q", text, got, o.Unusable, want)
		}
	}
}

func TestOurRecordIDIsReadWhereTheRowHasIt(t *testing.T) {
	t.Parallel()
	with := object{"record_id": "row.A"}
	if o := one(t, "customer", "email", "row.B", with, "customer_01h455vb4pex5vsknk084sn02q"); o.RecordID != "customer_01h455vb4pex5vsknk084sn02q" {
		t.Errorf("%q", o.RecordID)
	}
	if o := one(t, "customer", "email", "row.B", with, "anything"); o.RecordID != "" {
		t.Errorf("%q", o.RecordID)
	}
}

func TestARowThatSaysThatItIsDeletedIsGone(t *testing.T) {
	t.Parallel()
	with := object{"deleted": "row.A == 'X'"}
	if o := one(t, "customer", "email", "row.B", with, "X", "a@b.de"); !o.Gone || o.Message != nil {
		t.Errorf("%+v", o)
	}
	if o := one(t, "customer", "email", "row.B", with, "", "a@b.de"); o.Gone {
		t.Errorf("%+v", o)
	}
}

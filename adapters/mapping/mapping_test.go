package mapping_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// people is a table with a row of each sort.
func people() *mapping.Kind {
	return &mapping.Kind{
		Name: "customer", Vendor: "Acme", Guarded: true, Own: []string{"id"},
		IsID:    func(text string) bool { return strings.Trim(text, "0123456789") == "" },
		Message: func() proto.Message { return &canonicalv1.Customer{} },
		Rows: slices.Concat([]mapping.Row{
			mapping.FullName("name", "name").Required("everybody has a name"),
			mapping.Lower("email", "email"),
			mapping.Phone("phone", "phone", mapping.Region("country")),
			mapping.Locale("locale", "language"),
			mapping.Plain("note", "note").AtMost(5),
			mapping.Plain("company", "company").ReadOnly(),
			mapping.Plain("currency_code", "ref").CreateOnly(),
			mapping.Choice("tax_status", "tax", taxes, strings.ToUpper),
			mapping.Choice("lifecycle_stage", "stage", stages, mapping.Same).Open(),
			mapping.Agent("account_owner", "owner", func(text string) bool { return text != "nobody" }),
			mapping.Plain("billing_address.city", "city"),
		}, mapping.Country("billing_address", "country")),
	}
}

var (
	taxes  = mapping.Words[canonicalv1.TaxStatus]{"none": canonicalv1.TaxStatus_TAX_STATUS_TAXABLE, "exempt": canonicalv1.TaxStatus_TAX_STATUS_EXEMPT}
	stages = mapping.Words[canonicalv1.LifecycleStage]{"lead": canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD}
)

// whole is an object of which every field is told.
const whole = `{"id":"1","name":"Ada King","email":"ada@example.com","phone":"030 901820","language":"de_at","note":null,"company":"Engines",
	"ref":"r","tax":"NONE","stage":"lead","owner":7,"city":"Berlin","country":"Germany"}`

func observed(t *testing.T, k *mapping.Kind, object string, change map[string]string) adapters.Observation {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range change {
		if fields[name] = json.RawMessage(value); value == "" {
			delete(fields, name)
		}
	}
	var o adapters.Observation
	k.Observe("acme", fields, &o)
	return o
}

func TestAnObjectIsReadRowByRow(t *testing.T) {
	t.Parallel()
	o := observed(t, people(), whole, nil)
	c := o.Message.(*canonicalv1.Customer)
	want := &canonicalv1.Customer{
		Name: &canonicalv1.PersonName{Full: proto.String("Ada King")}, Email: proto.String("ada@example.com"), Phone: proto.String("+4930901820"),
		Locale: proto.String("de-AT"), Company: proto.String("Engines"), CurrencyCode: proto.String("r"),
		TaxStatus: canonicalv1.TaxStatus_TAX_STATUS_TAXABLE.Enum(), LifecycleStage: canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD.Enum(),
		AccountOwner:   &canonicalv1.Agent{Connection: "acme", ExternalId: "7"},
		BillingAddress: &canonicalv1.Address{City: proto.String("Berlin"), CountryCode: proto.String("DE")},
	}
	if !proto.Equal(c, want) || o.Paths != nil || o.Unknown != nil || o.Unusable != nil {
		t.Errorf("%v of %v, unknown %v, unusable %v", c, o.Paths, o.Unknown, o.Unusable)
	}
}

func TestOfWhatIsMissingOrOfNoUseNothingIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field, value      string
		silent            []string
		unusable, unknown string
	}{
		{field: "note", silent: []string{"note"}},
		{field: "country", silent: []string{"billing_address.country_code", "billing_address.country_name"}, unusable: "030 901820"},
		{field: "phone", value: `"ask"`, silent: []string{"phone"}, unusable: "ask"},
		{field: "language", value: `"?"`, silent: []string{"locale"}, unusable: "?"},
		{field: "owner", value: `"nobody"`, silent: []string{"account_owner"}, unusable: "nobody"},
		{field: "tax", value: `"half"`, unknown: "tax=half"},
		{field: "shoe_size", value: `41`, unknown: "shoe_size"},
		{field: "country", value: `"Atlantis"`, unusable: "030 901820", silent: []string{"phone"}},
	} {
		k := people()
		o := observed(t, k, whole, map[string]string{c.field: c.value})
		for _, row := range k.Rows {
			silent := slices.Contains(c.silent, row.Path) || row.Path == "phone" && c.field == "country"
			if said := o.Paths == nil || slices.Contains(o.Paths, row.Path); said == silent {
				t.Errorf("%s %s: %s is said: %v", c.field, c.value, row.Path, said)
			}
		}
		if bad := len(o.Unusable) == 1 && o.Unusable[0].Raw == c.unusable; bad != (c.unusable != "") {
			t.Errorf("%s %s: unusable %v, want %q", c.field, c.value, o.Unusable, c.unusable)
		}
		if strange := strings.Join(o.Unknown, " "); strange != c.unknown {
			t.Errorf("%s %s: unknown %q, want %q", c.field, c.value, strange, c.unknown)
		}
	}
	if c := observed(t, people(), whole, map[string]string{"tax": `"half"`}).Message.(*canonicalv1.Customer); c.GetTaxStatusRaw() != "half" || c.TaxStatus == nil || c.GetTaxStatus() != 0 {
		t.Errorf("a word without a meaning is %v %q", c.TaxStatus, c.GetTaxStatusRaw())
	}
	sparse := people()
	sparse.Sparse = true
	if o := observed(t, sparse, whole, map[string]string{"note": ""}); o.Paths != nil {
		t.Errorf("of a vendor that leaves out what is empty, %v is said", o.Paths)
	}
}

func TestTheTableIsTheCarriage(t *testing.T) {
	t.Parallel()
	c := people().Carriage()
	if len(c.In) != 13 || !slices.Contains(c.Out, "note") || slices.Contains(c.Out, "company") || slices.Contains(c.Out, "billing_address.country_name") ||
		!slices.Equal(c.OnCreate, []string{"currency_code"}) || c.Losses["name"] == "" {
		t.Errorf("%+v", c)
	}
}

func TestWhatCannotBeHeldIsRefusedByName(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]*canonicalv1.Customer{
		"name":          {},
		"note":          {Note: proto.String("too long")},
		"company":       {Company: proto.String("Engines")},
		"currency_code": {CurrencyCode: proto.String("r")},
		"tax_status":    {TaxStatusRaw: proto.String("half")},
		"nickname":      {},
	} {
		_, err := people().Prepare(adapters.Patch{Kind: "customer", ExternalID: "1", Message: c, Paths: []string{path, "email"}})
		if f := fault.As(err); f == nil || f.Category != fault.Permanent || len(f.Refused) != 1 || f.Refused[path] == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
	c := &canonicalv1.Customer{LifecycleStageRaw: proto.String("custom"), LifecycleStage: new(canonicalv1.LifecycleStage)}
	if w, why := people().Write("lifecycle_stage", false, c); why != "" || w["stage"] != "custom" {
		t.Errorf("a word of an open list is written as %v, %s", w, why)
	}
}

func TestPatchesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	c := &canonicalv1.Customer{Email: proto.String("ada@example.com")}
	for name, p := range map[string]adapters.Patch{
		"no message":      {ExternalID: "1", Paths: []string{"email"}},
		"another message": {ExternalID: "1", Paths: []string{"email"}, Message: &canonicalv1.Ticket{}},
		"another's id":    {ExternalID: "x", Paths: []string{"email"}, Message: c},
		"nothing":         {ExternalID: "1", Message: c},
	} {
		if _, err := people().Prepare(p); fault.CategoryOf(err) != fault.Permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A create leaves out what is empty; an update says that it is.
func TestEmptyIsLeftOutOfACreateAlone(t *testing.T) {
	t.Parallel()
	k := people()
	k.Complete = func(_ adapters.Patch, w mapping.Fields) (mapping.Fields, string) {
		if _, told := w["email"]; told {
			return nil, "an empty text is left in"
		}
		return mapping.Fields{"list": "new"}, ""
	}
	for id, want := range map[adapters.ExternalID]mapping.Fields{
		"": {"name": "Ada", "list": "new"}, "1": {"name": "Ada", "email": ""},
	} {
		request, err := k.Prepare(adapters.Patch{Kind: "customer", ExternalID: id, Paths: []string{"name", "email"},
			Message: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Given: proto.String("Ada")}}})
		if err != nil {
			t.Fatal(err)
		}
		f, err := mapping.Thaw(request)
		if err != nil || !mapping.Equal(f.Fields(), want) {
			t.Errorf("%q: %v, %v", id, f.Fields(), err)
		}
	}
	if _, err := mapping.Thaw(adapters.Request{Body: []byte(`{}`)}); fault.CategoryOf(err) != fault.Conflict {
		t.Errorf("what was never frozen: %v", err)
	}
}

// Somebody changed an attribute exactly where it is not what it was known to be.
func TestMovedIsWhatIsNotAsItWasKnown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "a", "b"})
		held, now := text.Draw(t, "held"), text.Draw(t, "now")
		empty := held == "" && rapid.Bool().Draw(t, "known to be empty")
		patch := adapters.Patch{Kind: "customer", ExternalID: "1", Paths: []string{"note"}, Message: &canonicalv1.Customer{Note: proto.String("c")},
			Held: &canonicalv1.Customer{Note: mapping.Some(held)}}
		if empty {
			patch.HeldEmpty = []string{"note"}
		}
		request, err := people().Prepare(patch)
		if err != nil {
			t.Fatal(err)
		}
		f, err := mapping.Thaw(request)
		if err != nil {
			t.Fatal(err)
		}
		has, _ := people().Write("note", false, &canonicalv1.Customer{Note: mapping.Some(now)})
		if want := (held != "" || empty) && now != held; f.Moved("note", has) != want {
			t.Errorf("held %q (empty: %v), now %q: moved is %v", held, empty, now, !want)
		}
	})
}

// What is there now may be what could not be written: nothing, where the vendor demands something, a word without a meaning,
// a value that cannot be used. It is a change all the same.
func TestWhatCouldNotBeWrittenIsAChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path       string
		held, want *canonicalv1.Customer
		empty      []string
		now        map[string]string
		moved      bool
	}{
		"nothing any more": {path: "name", held: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Ada King")}},
			want: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Ada")}}, now: map[string]string{"name": "null"}, moved: true},
		"a word without a meaning": {path: "tax_status", held: &canonicalv1.Customer{TaxStatus: canonicalv1.TaxStatus_TAX_STATUS_TAXABLE.Enum()},
			want: &canonicalv1.Customer{TaxStatus: canonicalv1.TaxStatus_TAX_STATUS_EXEMPT.Enum()}, now: map[string]string{"tax": `"half"`}, moved: true},
		"of no use": {path: "phone", held: &canonicalv1.Customer{}, empty: []string{"phone"},
			want: &canonicalv1.Customer{Phone: proto.String("+442079460018")}, now: map[string]string{"phone": `"ask"`}, moved: true},
		"of no use, and nothing known": {path: "phone", held: &canonicalv1.Customer{},
			want: &canonicalv1.Customer{Phone: proto.String("+442079460018")}, now: map[string]string{"phone": `"ask"`}},
		"what it is to get": {path: "email", held: &canonicalv1.Customer{Email: proto.String("old@example.com")},
			want: &canonicalv1.Customer{Email: proto.String("ADA@example.com")}},
		"as it was": {path: "email", held: &canonicalv1.Customer{Email: proto.String("ada@example.com")},
			want: &canonicalv1.Customer{Email: proto.String("new@example.com")}},
	} {
		k := people()
		request, err := k.Prepare(adapters.Patch{Kind: "customer", ExternalID: "1", Paths: []string{c.path}, Message: c.want, Held: c.held, HeldEmpty: c.empty})
		if err != nil {
			t.Fatal(name, err)
		}
		f, err := mapping.Thaw(request)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, moved := k.Moved(f, c.path, observed(t, k, whole, c.now)); moved != c.moved {
			t.Errorf("%s: it was changed: %v", name, moved)
		}
	}
}

func TestWhatIsNoTextIsOfNoUse(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"name", "email", "phone", "language", "note", "tax", "stage", "city"} {
		o := observed(t, people(), whole, map[string]string{field: `{"a":[1]}`})
		if len(o.Unusable) != 1 || o.Unusable[0].Raw != `{"a":[1]}` || o.Paths == nil || slices.Contains(o.Paths, o.Unusable[0].Path) {
			t.Errorf("%s: unusable %v, said %v", field, o.Unusable, o.Paths)
		}
	}
}

func TestARefusedFieldNamesWhatIsWritten(t *testing.T) {
	t.Parallel()
	k, f := people(), &fault.Error{}
	if k.Refuse(f, "country", "no", []string{"email"}) || f.Refused != nil {
		t.Errorf("an attribute that is not written is refused: %v", f.Refused)
	}
	if !k.Refuse(f, "country", "no", []string{"billing_address.country_code", "billing_address.country_name"}) || len(f.Refused) != 1 {
		t.Errorf("refused are %v", f.Refused)
	}
}

func TestPartsAreJoinedToParts(t *testing.T) {
	t.Parallel()
	w := mapping.Fields{"a": 1, "part": mapping.Fields{"x": "1"}}
	mapping.Join(w, mapping.Fields{"part": mapping.Fields{"y": "2"}, "b": mapping.Fields{}})
	if want := (mapping.Fields{"a": 1, "part": mapping.Fields{"x": "1", "y": "2"}, "b": mapping.Fields{}}); !mapping.Equal(w, want) {
		t.Errorf("%v", w)
	}
	for _, none := range []any{nil, "", []string{}, []any{}, mapping.Fields{"part": mapping.Fields{"x": ""}}} {
		if !mapping.Blank(none) {
			t.Errorf("%v is something", none)
		}
	}
	if mapping.Blank(0) || mapping.Blank(false) {
		t.Error("a number or a flag is none")
	}
}

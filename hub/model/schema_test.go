package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
)

// groups are the fields of each kind whose parts are attributes of their own. All others are one attribute each.
var groups = map[model.Kind][]string{
	model.Customer: {"billing_address", "shipping_address", "marketing_consent"},
	model.Order:    {"billing_address", "shipping_address"},
	model.Invoice:  {"billing_address"},
	model.Ticket:   nil,
}

// eachKind runs a test for every kind, so that a new one is in every table at once.
func eachKind(t *testing.T, test func(t *testing.T, schema *model.Schema)) {
	t.Helper()
	for _, kind := range model.Kinds() {
		t.Run(string(kind), func(t *testing.T) { test(t, model.For(kind)) })
	}
}

func TestEveryKindIsInTheTables(t *testing.T) {
	for _, kind := range model.Kinds() {
		if _, ok := groups[kind]; !ok {
			t.Errorf("the table of groups lacks %s", kind)
		}
		if got := model.KindOf(model.For(kind).New()); got != kind {
			t.Errorf("KindOf(a new %s) = %q", kind, got)
		}
		if got := model.For(kind).Kind(); got != kind {
			t.Errorf("the schema of %s says it is %q", kind, got)
		}
	}
	if got := model.KindOf(&canonicalv1.Money{}); got != "" {
		t.Errorf("Money is no kind, yet KindOf says %q", got)
	}
	if model.For("invoices") != nil {
		t.Error("invoices is no kind, yet has a schema")
	}
}

// Setting one field alone makes exactly one attribute present, and every attribute is some field's.
func TestEveryFieldIsReachableByExactlyOnePath(t *testing.T) {
	eachKind(t, func(t *testing.T, schema *model.Schema) {
		full := modeltest.Full(schema, 1).ProtoReflect()
		reached := map[model.Path]bool{}
		for _, field := range leaves(schema) {
			alone := schema.New()
			field.copyAlone(alone.ProtoReflect(), full)
			present := slices.Collect(schema.Present(alone))
			if want := []model.Path{field.path}; !slices.Equal(present, want) {
				t.Errorf("with %s alone, the attributes %v are present, want %v", field.name, present, want)
			}
			reached[field.path] = true
		}
		for _, path := range schema.Paths() {
			if !reached[path] {
				t.Errorf("no field makes %s present", path)
			}
		}
	})
}

func TestGroupsAreThoseThatAreNotDeclaredWhole(t *testing.T) {
	eachKind(t, func(t *testing.T, schema *model.Schema) {
		var got []string
		for _, field := range schema.Fields() {
			parts := schema.Group(field)
			if parts == nil {
				continue
			}
			got = append(got, field)
			for _, part := range parts {
				if err := schema.Check(part); err != nil {
					t.Errorf("part of group %s: %v", field, err)
				}
			}
		}
		if diff := cmp.Diff(groups[schema.Kind()], got); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
		if schema.Group("email") != nil || schema.Group("no_such_field") != nil {
			t.Error("a field that is no group has parts")
		}
	})
}

func TestFieldsNameEveryAttributeOnceAndCustom(t *testing.T) {
	eachKind(t, func(t *testing.T, schema *model.Schema) {
		covered := map[model.Path]int{}
		for _, field := range schema.Fields() {
			for _, part := range schema.Group(field) {
				covered[part]++
			}
			covered[model.Path(field)]++
		}
		for _, path := range schema.Paths() {
			if covered[path] != 1 {
				t.Errorf("%s is covered by %d fields", path, covered[path])
			}
		}
		if fields := schema.Fields(); fields[len(fields)-1] != "custom" {
			t.Errorf("the last field is %s, want custom", fields[len(fields)-1])
		}
	})
}

func TestCheckHelpsWithAMistypedPath(t *testing.T) {
	for _, test := range []struct {
		kind model.Kind
		path model.Path
		want string
	}{
		{model.Customer, "email", ""},
		{model.Customer, "billing_address.city", ""},
		{model.Customer, "custom.loyalty_tier", ""},
		{model.Customer, "emial", `customer has no attribute "emial"; did you mean "email"?`},
		{model.Customer, "billing_address.ctiy", `customer has no attribute "billing_address.ctiy"; did you mean "billing_address.city"?`},
		{model.Customer, "billing_address", `customer has no attribute "billing_address"; it is a group: name billing_address.* or one of its parts`},
		{model.Customer, "name.given", `customer has no attribute "name.given"`},
		{model.Customer, "shoe_size", `customer has no attribute "shoe_size"`},
		{model.Customer, "", `customer has no attribute ""`},
		{model.Customer, "custom.Tier", `customer has no attribute "custom.Tier"`},
		{model.Customer, "custom.a_1", ""},
		{model.Customer, "custom.1a", `customer has no attribute "custom.1a"`},
		{model.Customer, "custom._a", `customer has no attribute "custom._a"`},
		{model.Customer, "custom.a-b", `customer has no attribute "custom.a-b"`},
		{model.Customer, "custom.a.b", `customer has no attribute "custom.a.b"`},
		{model.Customer, model.Path("custom.a" + strings.Repeat("b", 62)), ""},
		{model.Customer, model.Path("custom.a" + strings.Repeat("b", 63)), `customer has no attribute "custom.a` + strings.Repeat("b", 63) + `"`},
		{model.Customer, "custom.", `customer has no attribute "custom."`},
		{model.Customer, "custom.*", `customer has no attribute "custom.*"`},
		{model.Customer, "lifecycle_stage_raw", `customer has no attribute "lifecycle_stage_raw"; it belongs to "lifecycle_stage"`},
		{model.Ticket, "status_raw", `ticket has no attribute "status_raw"; it belongs to "status"`},
		{model.Ticket, "email", `ticket has no attribute "email"`},
		{model.Order, "total.units", `order has no attribute "total.units"`},
		{model.Invoice, "lines", ""},
	} {
		got := ""
		if err := model.For(test.kind).Check(test.path); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("Check(%s %q)\n got %s\nwant %s", test.kind, test.path, got, test.want)
		}
	}
}

func TestReferencesAreFoundAndChangedInPlace(t *testing.T) {
	want := map[model.Kind]map[model.Path]model.Kind{
		model.Customer: {"organisation": model.Customer},
		model.Order:    {"customer": model.Customer},
		model.Invoice:  {"customer": model.Customer, "order": model.Order},
		model.Ticket:   {"requester": model.Customer, "order": model.Order},
	}
	eachKind(t, func(t *testing.T, schema *model.Schema) {
		m := modeltest.Full(schema, 1)
		got := map[model.Path]model.Kind{}
		for reference := range schema.References(m) {
			got[reference.Path] = reference.Kind
			reference.Target.Target = &canonicalv1.Reference_RecordId{RecordId: "changed"}
		}
		if diff := cmp.Diff(want[schema.Kind()], got); diff != "" {
			t.Errorf("references (-want +got):\n%s", diff)
		}
		for reference := range schema.References(m) {
			if id := reference.Target.GetRecordId(); id != "changed" {
				t.Errorf("%s points to %q after it was changed in place", reference.Path, id)
			}
			break // an iteration that is left early
		}
		for reference := range schema.References(schema.New()) {
			t.Errorf("an empty message points to something at %s", reference.Path)
		}
	})
}

// leaf is one field that carries a value, found without the package under test.
type leaf struct {
	name   string
	path   model.Path
	parent protoreflect.FieldDescriptor // nil at the top
	field  protoreflect.FieldDescriptor
}

func leaves(schema *model.Schema) []leaf {
	var all []leaf
	fields := schema.New().ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		top := fields.Get(i)
		name := string(top.Name())
		switch {
		case name == "custom":
			all = append(all, leaf{name: name, path: "custom.attribute_0", field: top})
		case slices.Contains(groups[schema.Kind()], name):
			for j := range top.Message().Fields().Len() {
				part := top.Message().Fields().Get(j)
				all = append(all, leaf{name: string(part.FullName()), path: model.Path(name + "." + string(part.Name())), parent: top, field: part})
			}
		default:
			path := name
			if enum := fields.ByName(protoreflect.Name(trimRaw(name))); enum != nil {
				path = string(enum.Name()) // the text beside an enum is part of it
			}
			all = append(all, leaf{name: name, path: model.Path(path), field: top})
		}
	}
	return all
}

func trimRaw(name string) string {
	if base := len(name) - len("_raw"); base > 0 && name[base:] == "_raw" {
		return name[:base]
	}
	return name
}

// copyAlone sets the leaf in dst as it is in src; raw texts, which src lacks, are set to some text.
func (l leaf) copyAlone(dst, src protoreflect.Message) {
	if l.parent != nil {
		dst, src = dst.Mutable(l.parent).Message(), src.Get(l.parent).Message()
	}
	switch {
	case src.Has(l.field):
		dst.Set(l.field, src.Get(l.field))
	case l.field.Kind() == protoreflect.StringKind:
		dst.Set(l.field, protoreflect.ValueOfString("some text"))
	default:
		panic("the full message lacks " + l.name)
	}
	if l.name == "custom" {
		only := dst.Mutable(l.field).Map()
		for key := range only.Range {
			if key.String() != "attribute_0" {
				only.Clear(key)
			}
		}
	}
}

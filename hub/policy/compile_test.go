package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

func TestTheMostSpecificRuleDecides(t *testing.T) {
	const all = "*=prefer:a "
	for _, test := range []struct {
		rules string
		path  model.Path
		want  string // the unit, and the rule that decides it
	}{
		{all, "email", "email by *"},
		{all + "email=authority:a", "email", "email by email"},
		{all + "email=authority:a", "phone", "phone by *"},
		{all, "billing_address.city", "billing_address by *"},
		{all + "billing_address=authority:a", "billing_address.city", "billing_address by billing_address"},
		{all + "billing_address=authority:a", "shipping_address.city", "shipping_address by *"},
		{all + "billing_address.*=authority:a", "billing_address.city", "billing_address.city by billing_address.*"},
		{all + "billing_address.city=authority:a", "billing_address.city", "billing_address.city by billing_address.city"},
		{all + "billing_address.city=authority:a", "billing_address.line1", "billing_address by *"},
		{all + "billing_address=prefer:a billing_address.city=authority:a", "billing_address.city", "billing_address.city by billing_address.city"},
		{all + "billing_address=prefer:a billing_address.city=authority:a", "billing_address.line1", "billing_address by billing_address"},
		{all + "billing_address.*=prefer:a billing_address.city=authority:a", "billing_address.city", "billing_address.city by billing_address.city"},
		{all + "billing_address.*=prefer:a billing_address.city=authority:a", "billing_address.line1", "billing_address.line1 by billing_address.*"},
		{all, "name", "name by *"}, // whole, and no group
		{all, "custom.attribute_0", "custom.attribute_0 by *"},
		{all + "custom=authority:a", "custom.attribute_0", "custom.attribute_0 by custom"},
		{all + "custom.*=authority:a", "custom.attribute_0", "custom.attribute_0 by custom.*"},
		{all + "custom.*=prefer:a custom.attribute_0=authority:a", "custom.attribute_0", "custom.attribute_0 by custom.attribute_0"},
		{all + "custom.*=prefer:a custom.attribute_0=authority:a", "custom.attribute_1", "custom.attribute_1 by custom.*"},
	} {
		if got := decidedBy(compiled(t, test.rules, nil))[test.path]; got != test.want {
			t.Errorf("with %s\n%s is %s, want %s", test.rules, test.path, got, test.want)
		}
	}
}

// decidedBy tells for each attribute of a full customer which unit it is in, and by which rule that is decided.
func decidedBy(k *policy.Kind) map[model.Path]string {
	v := view.New(k.Schema)
	v.Observe(view.Observation{Stamp: at(1), Message: modeltest.Full(k.Schema, 1), Paths: append(k.Schema.Paths(), "custom.*"), Snapshot: true})
	out := map[model.Path]string{}
	for _, a := range k.Resolve([]policy.Source{{Name: "a", State: v.State()}}).Attributes {
		for _, leaf := range a.Leaves {
			out[leaf] += fmt.Sprintf("%s by %s", a.Path, a.Rule.Path)
		}
	}
	return out
}

func TestEveryAttributeOfEveryKindIsDecidedOnce(t *testing.T) {
	for _, kind := range model.Kinds() {
		for _, text := range []string{"*=prefer:a", "*=prefer:a billing_address.*=latest:a billing_address.city=authority:a"} {
			if model.For(kind).Group("billing_address") == nil && text != "*=prefer:a" {
				continue
			}
			p, problems := policy.Compile(map[string]*configv1.KindPolicy{string(kind): {Attributes: rules(t, text)}}, nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			k := p.Kind(kind)
			got := decidedBy(k)
			for path := range k.Schema.Present(modeltest.Full(k.Schema, 1)) {
				if strings.Count(got[path], " by ") != 1 {
					t.Errorf("%s: %s is decided by %q", kind, path, got[path])
				}
			}
		}
	}
}

func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	all := rules(t, "*=prefer:a")
	with := func(path string) map[string]*configv1.Rule {
		return map[string]*configv1.Rule{"*": all["*"], path: {Authority: "a"}}
	}
	for _, test := range []struct {
		name   string
		kind   string
		policy *configv1.KindPolicy
		want   []policy.Problem
	}{
		{"none", "customer", &configv1.KindPolicy{Attributes: all, Match: []string{"email", "phone + email"}, Targets: map[string]*configv1.Target{
			"crm": {Attributes: []string{"email", "billing_address", "shipping_address.*", "custom.*", "custom.tier", "marketing_consent.email"}}}}, nil},
		{"no such kind", "custommer", &configv1.KindPolicy{Attributes: all}, []policy.Problem{
			{At: []string{"custommer"}, Message: `no kind "custommer"; the kinds are [customer order invoice ticket]`}}},
		{"mistyped", "customer", &configv1.KindPolicy{Attributes: with("emial")}, []policy.Problem{
			{At: []string{"customer", "attributes", "emial"}, Message: `customer has no attribute "emial"; did you mean "email"?`}}},
		{"mistyped part", "customer", &configv1.KindPolicy{Attributes: with("billing_address.ctiy")}, []policy.Problem{
			{At: []string{"customer", "attributes", "billing_address.ctiy"}, Message: `customer has no attribute "billing_address.ctiy"; did you mean "billing_address.city"?`}}},
		{"part of what is whole", "customer", &configv1.KindPolicy{Attributes: with("name.*")}, []policy.Problem{
			{At: []string{"customer", "attributes", "name.*"}, Message: `customer has no attribute "name.*"; did you mean "name"?`}}},
		{"raw text", "order", &configv1.KindPolicy{Attributes: with("status_raw")}, []policy.Problem{
			{At: []string{"order", "attributes", "status_raw"}, Message: `order has no attribute "status_raw"; it belongs to "status"`}}},
		{"bad custom name", "customer", &configv1.KindPolicy{Attributes: with("custom.Tier")}, []policy.Problem{
			{At: []string{"customer", "attributes", "custom.Tier"}, Message: `customer has no attribute "custom.Tier"`}}},
		{"match", "customer", &configv1.KindPolicy{Attributes: all, Match: []string{"email", "fone"}}, []policy.Problem{
			{At: []string{"customer", "match"}, Message: `customer has no attribute "fone"; did you mean "phone"?`}}},
		{"target", "customer", &configv1.KindPolicy{Attributes: all, Targets: map[string]*configv1.Target{"crm": {Attributes: []string{"emial"}}}}, []policy.Problem{
			{At: []string{"customer", "targets", "crm", "attributes"}, Message: `customer has no attribute "emial"; did you mean "email"?`}}},
		{"target's part of what is whole", "customer", &configv1.KindPolicy{Attributes: all, Targets: map[string]*configv1.Target{"crm": {Attributes: []string{"name.*"}}}}, []policy.Problem{
			{At: []string{"customer", "targets", "crm", "attributes"}, Message: `customer has no attribute "name.*"; did you mean "name"?`}}},
	} {
		_, problems := policy.Compile(map[string]*configv1.KindPolicy{test.kind: test.policy}, nil)
		if diff := cmp.Diff(test.want, problems); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestAnAttributeThatNoRuleCoversIsAMistake(t *testing.T) {
	everything := func(t *testing.T, kind model.Kind) map[string]*configv1.Rule {
		out := map[string]*configv1.Rule{}
		for _, field := range model.For(kind).Fields() {
			out[field] = &configv1.Rule{Authority: "a"}
		}
		return out
	}
	for _, kind := range model.Kinds() {
		for _, without := range append(model.For(kind).Fields(), "") {
			attributes := everything(t, kind)
			delete(attributes, without)
			_, problems := policy.Compile(map[string]*configv1.KindPolicy{string(kind): {Attributes: attributes}}, nil)
			var want []policy.Problem
			if without != "" {
				name := without
				if name == "custom" {
					name = "custom.*"
				}
				want = []policy.Problem{{At: []string{string(kind), "attributes"},
					Message: fmt.Sprintf(`no rule covers %s.%s; add one for it, or "*" for all that have none`, kind, name)}}
			}
			if diff := cmp.Diff(want, problems); diff != "" {
				t.Errorf("%s without %s (-want +got):\n%s", kind, without, diff)
			}
		}
	}
	t.Run("the rest of a group", func(t *testing.T) {
		attributes := everything(t, model.Customer)
		delete(attributes, "billing_address")
		attributes["billing_address.city"] = &configv1.Rule{Authority: "a"}
		_, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {Attributes: attributes}}, nil)
		if len(problems) != 1 || problems[0].Message != `no rule covers customer.billing_address; add one for it, or "*" for all that have none` {
			t.Errorf("problems: %v", problems)
		}
	})
}

func TestAllMistakesAreToldInOneOrder(t *testing.T) {
	configured := map[string]*configv1.KindPolicy{
		"x": {}, "y": {},
		"customer": {Match: []string{"m"}, Attributes: rules(t, "b=prefer:a a=prefer:a c=prefer:a"), Targets: map[string]*configv1.Target{
			"t1": {Attributes: []string{"q"}}, "t2": {Attributes: []string{"q"}}, "t3": {Attributes: []string{"q"}}}},
	}
	_, first := policy.Compile(configured, nil)
	if len(first) < 9 {
		t.Fatalf("only %d mistakes are told", len(first))
	}
	for range 20 {
		if _, again := policy.Compile(configured, nil); !cmp.Equal(first, again) {
			t.Fatalf("told in another order:\n%v\n%v", first, again)
		}
	}
}

func TestATargetTakesWhatIsConfigured(t *testing.T) {
	for _, test := range []struct {
		attributes []string
		takes, not []model.Path
	}{
		{[]string{"*"}, []model.Path{"email", "billing_address.city", "custom.tier"}, nil},
		{[]string{"email", "*"}, []model.Path{"email", "phone", "custom.tier"}, nil},
		{[]string{"email"}, []model.Path{"email"}, []model.Path{"phone", "billing_address.city", "custom.tier"}},
		{[]string{"billing_address"}, []model.Path{"billing_address.city", "billing_address.line1"}, []model.Path{"shipping_address.city", "email"}},
		{[]string{"billing_address.*"}, []model.Path{"billing_address.city"}, []model.Path{"shipping_address.city"}},
		{[]string{"billing_address.city"}, []model.Path{"billing_address.city"}, []model.Path{"billing_address.line1"}},
		{[]string{"custom"}, []model.Path{"custom.tier"}, []model.Path{"email"}},
		{[]string{"custom.*"}, []model.Path{"custom.tier", "custom.size"}, []model.Path{"email"}},
		{[]string{"custom.tier"}, []model.Path{"custom.tier"}, []model.Path{"custom.size"}},
		{nil, nil, []model.Path{"email", "custom.tier"}},
	} {
		target := compiled(t, "*=prefer:a", map[string]*configv1.Target{"crm": {Attributes: test.attributes}}).Target("crm")
		for _, path := range test.takes {
			if !target.Takes(path) {
				t.Errorf("a target of %v does not take %s", test.attributes, path)
			}
		}
		for _, path := range test.not {
			if target.Takes(path) {
				t.Errorf("a target of %v takes %s", test.attributes, path)
			}
		}
	}
}

func TestAKindsPolicyIsReadBack(t *testing.T) {
	p, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {
		Create: []string{"shop"}, Delete: &configv1.Delete{By: []string{"crm"}, Effect: "tombstone"}, Match: []string{"email"},
		Attributes: rules(t, "*=prefer:shop,crm email=authority:crm billing_address.city=latest:shop custom.tier=authority:shop"),
		Targets:    map[string]*configv1.Target{"shop": {Create: true, Attributes: []string{"*"}}, "crm": {Attributes: []string{"*"}}, "books": {Attributes: []string{"*"}}},
	}}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	k := p.Kind(model.Customer)
	if !k.MayCreate("shop") || k.MayCreate("crm") {
		t.Error("MayCreate is wrong")
	}
	if k.DeleteEffect("crm") != policy.Tombstone || k.DeleteEffect("shop") != policy.Ignore {
		t.Error("DeleteEffect is wrong")
	}
	if len(k.Match()) != 1 || k.Match()[0].String() != "email" {
		t.Errorf("match is %v", k.Match())
	}
	var targets []string
	for _, target := range k.Targets() {
		targets = append(targets, target.Connection)
	}
	if !slices.Equal(targets, []string{"books", "crm", "shop"}) || !k.Target("shop").Create || k.Target("crm").Create || k.Target("desk") != nil {
		t.Errorf("targets are %v", targets)
	}
	for _, test := range []struct {
		source string
		path   model.Path
		want   bool
	}{
		{"shop", "phone", true}, {"crm", "phone", true}, {"books", "phone", false},
		{"crm", "email", true}, {"shop", "email", false},
		{"shop", "billing_address.city", true}, {"crm", "billing_address.city", false}, {"crm", "billing_address.line1", true},
		{"shop", "custom.tier", true}, {"crm", "custom.tier", false}, {"crm", "custom.size", true},
		{"crm", "no_such_attribute", false},
	} {
		if got := k.Claims(test.source, test.path); got != test.want {
			t.Errorf("Claims(%s, %s) = %v", test.source, test.path, got)
		}
	}
	if p.Kind(model.Order) != nil {
		t.Error("a kind without a policy has one")
	}
}

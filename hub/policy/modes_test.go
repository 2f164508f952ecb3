package policy_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

func tagged(name string, second int, tags ...string) policy.Source {
	v := view.New(schema)
	v.Observe(view.Observation{Stamp: at(second), Message: &canonicalv1.Customer{Email: proto.String("a@example.com"), Tags: tags}, Paths: carried, Snapshot: true})
	return policy.Source{Name: name, ExternalID: "1", State: v.State()}
}

func TestUnionHasAllThatAnySourceHas(t *testing.T) {
	t.Parallel()
	k := compiled(t, "*=prefer:crm tags=union:crm,shop,desk", nil)
	all := []policy.Source{tagged("shop", 3, "b", "vip"), tagged("crm", 1, "vip", "a"), tagged("desk", 2), tagged("other", 9, "z")}
	for range 2 {
		slices.Reverse(all)
		r := k.Resolve(all)
		if got := r.Message.(*canonicalv1.Customer).GetTags(); strings.Join(got, " ") != "vip a b" {
			t.Errorf("the union is %q, want what crm has and then what shop has besides", got)
		}
		i := slices.IndexFunc(r.Attributes, func(a policy.Attribute) bool { return a.Path == "tags" })
		a := r.Attributes[i]
		if a.Winner.Source.Name != "crm" || len(a.Joined) != 1 || a.Joined[0].Source.Name != "shop" || len(a.Lost) != 1 || a.Lost[0].Reason != policy.NotNamed {
			t.Errorf("winner %s, joined %v, lost %v", a.Winner.Source.Name, a.Joined, a.Lost)
		}
	}
	if all[0].State.Said.(*canonicalv1.Customer).GetTags() == nil {
		t.Error("a view was changed")
	}
}

func unless(t *testing.T, expression string) *policy.Kind {
	t.Helper()
	p, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {Attributes: map[string]*configv1.Rule{
		"*": {Prefer: []string{"crm", "shop"}}, "email": {Authority: "crm", Unless: expression}}}}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p.Kind(model.Customer)
}

func TestClaimsThatDoNotCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, expression, want string }{
		{"by value", "value.endsWith('@example.com')", "b@shop.example from shop standing in; crm filtered"},
		{"by source", "source == 'shop'", "a@example.com from crm; shop filtered"},
		{"all", "true", "nobody; crm filtered; shop filtered"},
		{"an expression that fails filters nothing", "value.substring(900) == ''", "a@example.com from crm; shop not_authority"},
		{"one that costs too much filters nothing", "'" + strings.Repeat("a", 500) + "'.matches('(a*)*b') || [1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, a+b+c+d+e > 0)))))",
			"a@example.com from crm; shop not_authority"},
	} {
		r := unless(t, c.expression).Resolve([]policy.Source{source("crm", "1 email=a@example.com"), creator(source("shop", "2 email=b@shop.example"))})
		if got := decision(r, "email"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	empty := unless(t, "true").Resolve([]policy.Source{source("crm", "1 email=a", "2 email=")})
	if got := decision(empty, "email"); got != "- from crm" {
		t.Errorf("a claim of emptiness: %s, want it to count", got)
	}
}

func TestMistakesInTheNewModes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules map[string]*configv1.Rule
		want  string
	}{
		"union of what is no list":   {map[string]*configv1.Rule{"email": {Union: []string{"crm"}}}, "union is for lists of texts, and email is none"},
		"union of a group":           {map[string]*configv1.Rule{"billing_address": {Union: []string{"crm"}}}, "union is for lists of texts, and billing_address is none"},
		"follows nothing":            {map[string]*configv1.Rule{"phone": {Follow: "emial"}}, `follow names "emial"`},
		"follows itself":             {map[string]*configv1.Rule{"phone": {Follow: "phone"}}, "phone follows phone in a circle"},
		"a circle":                   {map[string]*configv1.Rule{"phone": {Follow: "note"}, "note": {Follow: "phone"}}, "in a circle"},
		"a syntax error":             {map[string]*configv1.Rule{"phone": {Authority: "crm", Unless: "value == ("}}, "at column"},
		"another type":               {map[string]*configv1.Rule{"phone": {Authority: "crm", Unless: "value > 3"}}, "no matching overload"},
		"no condition":               {map[string]*configv1.Rule{"phone": {Authority: "crm", Unless: "value"}}, "must be true or false"},
		"a part that does not exist": {map[string]*configv1.Rule{"billing_address": {Authority: "crm", Unless: "value.town == ''"}}, "undefined field 'town'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.rules["*"] = &configv1.Rule{Prefer: []string{"crm"}}
			_, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {Attributes: c.rules}}, nil)
			if !slices.ContainsFunc(problems, func(p policy.Problem) bool { return strings.Contains(p.Message, c.want) }) {
				t.Errorf("told %v, want %q", problems, c.want)
			}
		})
	}
}

func TestTargetWantsWhatItsConditionSays(t *testing.T) {
	t.Parallel()
	for expression, wants := range map[string]bool{
		"record.email.endsWith('@example.com')":                                true,
		"record.lifecycle_stage == LifecycleStage.LIFECYCLE_STAGE_LEAD":        false,
		"record.lifecycle_stage == LifecycleStage.LIFECYCLE_STAGE_UNSPECIFIED": true,
		"has(record.phone)":                    false,
		"record.custom['tier'].text == 'gold'": true,
		"record.custom['size'].text == 'XL'":   false, // it fails: there is no such attribute
		"record.tags.exists(tag, tag == 'vip') || record.billing_address.city == 'l'": false,
	} {
		k := compiled(t, "*=prefer:shop", map[string]*configv1.Target{"crm": {Create: true, Attributes: []string{"*"}, When: expression}})
		r := k.Resolve([]policy.Source{source("shop", "1 email=a@example.com custom.tier=gold")})
		owed := k.Diff(r, nil, k.Target("crm"), carried)
		if k.Target("crm").Wants(r) != wants || (len(owed) > 0) != wants {
			t.Errorf("%s: wanted %v, owed %v; want %v", expression, k.Target("crm").Wants(r), owed, wants)
		}
	}
	for expression, want := range map[string]string{
		"record.emial == ''":        `undefined field 'emial', at column 7 of "record.emial == ''"`,
		"record.email":              "must be true or false",
		"record.email == 3 && true": "no matching overload",
		"claim == ''":               "undeclared reference to 'claim'",
	} {
		_, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {Attributes: rules(t, "*=prefer:shop"),
			Targets: map[string]*configv1.Target{"crm": {Attributes: []string{"*"}, When: expression}}}}, nil)
		if len(problems) != 1 || !strings.Contains(problems[0].Message, want) || strings.Join(problems[0].At, " ") != "customer targets crm when" {
			t.Errorf("%s: told %v, want %q", expression, problems, want)
		}
	}
}

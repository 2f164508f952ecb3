package policy_test

import (
	"testing"
	"time"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

// keeper is what the hub holds.
func keeper(values string) policy.Source {
	s := source(policy.Keeper, "1 "+values)
	s.ExternalID = "1"
	return s
}

// operator said values at path, with a decision.
func operator(values string, path model.Path, d view.Decision) policy.Source {
	s := source(policy.Operator, "0 note=w", "1 "+values)
	s.Decisions = map[model.Path]view.Decision{path: d}
	return s
}

func TestHold(t *testing.T) {
	t.Parallel()
	type sources = []policy.Source
	for _, test := range []struct {
		name     string
		sources  sources
		want     string
		disputed bool
	}{
		{"one alone", sources{source("shop", "1 email=a")}, "a from shop", false},
		{"those who agree", sources{source("shop", "1 email=a"), source("crm", "9 email=a"), keeper("email=old")}, "a from crm; shop lower_preference", false},
		{"it stays while they disagree", sources{source("shop", "1 email=a"), source("crm", "9 email=b"), keeper("email=a")}, "a from rule; crm disagreed; shop disagreed", true},
		{"that one says there is none is disagreement", sources{source("shop", "1 email=a"), source("crm", "1 email=b", "2 email="), keeper("email=a")}, "a from rule; crm disagreed; shop disagreed", true},
		{"who is not named does not count", sources{source("shop", "1 email=a"), source("desk", "9 email=b")}, "a from shop; desk not_named", false},
		{"where nobody of the list speaks any more, it stays", sources{source("desk", "9 email=b"), keeper("email=a")}, "a from rule; desk not_named", false},
		{"disagreement from the first hour", sources{source("shop", "1 email=a"), source("crm", "9 email=b")}, "nobody; crm disagreed; shop disagreed", true},
	} {
		r := compiled(t, "*=prefer:shop email=hold:crm,shop", nil).Resolve(test.sources)
		if got := decision(r, "email"); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		for _, a := range r.Attributes {
			if a.Path == "email" && a.Disputed != test.disputed {
				t.Errorf("%s: disputed is %t", test.name, a.Disputed)
			}
		}
	}
}

// While it is undecided, those who disagree are left with their own word; others are brought to what is held.
func TestDisputedValueIsNotPushedOverTheWordOfThoseWhoDisagree(t *testing.T) {
	t.Parallel()
	targets := map[string]*configv1.Target{}
	for _, name := range []string{"shop", "crm", "desk"} {
		targets[name] = &configv1.Target{Attributes: []string{"*"}}
	}
	k := compiled(t, "*=prefer:shop email=hold:crm,shop", targets)
	views := map[string]*view.View{}
	all := []policy.Source{keeper("email=a")}
	for name, email := range map[string]string{"shop": "a", "crm": "b", "desk": "c"} {
		v := view.New(schema)
		v.Observe(view.Observation{Stamp: at(1), Message: customer("email=" + email), Paths: carried, Snapshot: true})
		views[name] = v
		all = append(all, policy.Source{Name: name, ExternalID: "1", State: v.State()})
	}
	owed := func(name string, sources []policy.Source) int {
		return len(k.Diff(k.Resolve(sources), views[name], k.Target(name), []model.Path{"email"}))
	}
	if owed("crm", all) != 0 || owed("shop", all) != 0 || owed("desk", all) != 1 {
		t.Errorf("owed: crm %d, shop %d, desk %d; want the desk alone", owed("crm", all), owed("shop", all), owed("desk", all))
	}
	decided := append(all, operator("email=a", "email", view.Decision{Authority: policy.Operator}))
	if owed("crm", decided) != 1 || owed("desk", decided) != 1 {
		t.Error("what is decided is not brought to those who said otherwise")
	}
}

func TestOperatorsDecision(t *testing.T) {
	t.Parallel()
	over := func(pairs ...string) (all []view.Said) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, view.Said{Source: pairs[i], ExternalID: "1", Message: customer("email=" + pairs[i+1])})
		}
		return all
	}
	shop, crm := source("shop", "1 email=a"), source("crm", "1 email=b")
	for _, test := range []struct {
		name    string
		rules   string
		sources []policy.Source
		want    string
	}{
		{"stands before the rule", "*=prefer:shop,crm", []policy.Source{shop, crm, operator("email=c", "email", view.Decision{Over: over("shop", "a", "crm", "b")})},
			"c from operator; crm overruled; shop overruled"},
		{"until a source that counts says something else", "*=prefer:shop,crm", []policy.Source{shop, crm, operator("email=c", "email", view.Decision{Over: over("shop", "a", "crm", "x")})},
			"a from shop; crm lower_preference; operator outdated"},
		{"or one speaks that had not", "*=prefer:shop,crm", []policy.Source{shop, crm, operator("email=c", "email", view.Decision{Over: over("shop", "a")})},
			"a from shop; crm lower_preference; operator outdated"},
		{"or one speaks no more", "*=prefer:shop,crm", []policy.Source{shop, operator("email=c", "email", view.Decision{Over: over("shop", "a", "crm", "b")})},
			"a from shop; operator outdated"},
		{"whatever others say who do not count", "*=prefer:shop", []policy.Source{shop, crm, operator("email=c", "email", view.Decision{Over: over("shop", "a")})},
			"c from operator; crm overruled; shop overruled"},
		{"ends what is held", "*=hold:shop,crm", []policy.Source{shop, crm, keeper("email=a"), operator("email=b", "email", view.Decision{Side: "crm", Over: over("shop", "a", "crm", "b")})},
			"b from operator; crm overruled; shop overruled"},
		{"names who decides from now on", "*=prefer:shop,crm", []policy.Source{shop, crm, operator("note=n", "email", view.Decision{Authority: "crm"})},
			"b from crm; shop overruled"},
		{"or pins its own", "*=prefer:shop,crm", []policy.Source{shop, crm, operator("email=c", "email", view.Decision{Authority: policy.Operator})},
			"c from operator; crm overruled; shop overruled"},
		{"is not filtered", "*=authority:shop", []policy.Source{shop, operator("email=c", "email", view.Decision{Over: over("shop", "a")})},
			"c from operator; shop overruled"},
	} {
		if got := decision(compiled(t, test.rules, nil).Resolve(test.sources), "email"); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// A decision on a group goes for its parts when the policy splits it later.
func TestDecisionOnAGroupGoesForItsParts(t *testing.T) {
	t.Parallel()
	said := operator("billing_address.city=Bonn", "billing_address", view.Decision{Authority: policy.Operator})
	r := compiled(t, "*=prefer:shop billing_address.*=prefer:shop", nil).Resolve([]policy.Source{source("shop", "1 billing_address.city=Kiel"), said})
	if got, want := decision(r, "billing_address.city"), "Bonn from operator; shop overruled"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What follows an attribute follows the side that was taken.
func TestFollowGoesWithTheSideThatWasTaken(t *testing.T) {
	t.Parallel()
	k := compiled(t, "*=prefer:shop phone=follow:email email=prefer:shop,crm", nil)
	shop, crm := source("shop", "1 email=a phone=1"), source("crm", "1 email=b phone=2")
	taken := k.Resolve([]policy.Source{shop, crm, operator("email=b", "email", view.Decision{Side: "crm", Authority: policy.Operator})})
	own := k.Resolve([]policy.Source{shop, crm, operator("email=c", "email", view.Decision{Authority: policy.Operator})})
	if got := textAt(taken.Message, "phone"); got != "2" {
		t.Errorf("with the crm's side taken, phone is %s", got)
	}
	if got := textAt(own.Message, "phone"); got != "1" {
		t.Errorf("with a value of the person's own, phone is %s, want that of the first in the list", got)
	}
}

// A claim from further in the future than clocks may differ counts as of when it was heard.
func TestLatestDoesNotBelieveClocksThatAreFarAhead(t *testing.T) {
	t.Parallel()
	ahead := func(seen time.Time) policy.Source {
		v := view.New(schema)
		v.Observe(view.Observation{Stamp: view.Stamp{Time: seconds("1000"), Seen: seen}, Message: customer("email=b"), Paths: carried, Snapshot: true})
		return policy.Source{Name: "crm", ExternalID: "1", State: v.State()}
	}
	k := compiled(t, "*=latest:shop,crm:30s", nil)
	for _, test := range []struct {
		name string
		shop string
		seen time.Time
		want string
	}{
		{"from the future, and the shop spoke later", "200", seconds("100"), "a"},
		{"from the future, and the shop spoke before", "50", seconds("100"), "b"},
		{"within the bound it is believed", "920", seconds("980"), "b"},
		{"where nobody knows when it was heard, it is believed", "200", time.Time{}, "b"},
	} {
		r := k.Resolve([]policy.Source{source("shop", test.shop+" email=a"), ahead(test.seen)})
		if got := textAt(r.Message, "email"); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestConnectionsThatAreNotLiveAreSilent(t *testing.T) {
	t.Parallel()
	p, problems := policy.Compile(map[string]*configv1.KindPolicy{"customer": {Create: []string{"crm", "shop"},
		Delete: &configv1.Delete{By: []string{"crm"}, Effect: "tombstone"}, Attributes: rules(t, "*=prefer:crm,shop")}},
		map[string]policy.Phase{"crm": policy.Shadow})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	k := p.Kind(model.Customer)
	r := k.Resolve([]policy.Source{source("shop", "1 email=a"), source("crm", "2 email=b phone=1")})
	if got, want := decision(r, "email"), "a from shop; crm silent"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := decision(r, "phone"), "nobody; crm silent"; got != want || r.Accepted("phone") {
		t.Errorf("%s, want %s", got, want)
	}
	if k.MayCreate("crm") || !k.MayCreate("shop") || k.DeleteEffect("crm") != policy.Ignore {
		t.Error("a connection that is not live creates or deletes")
	}
}

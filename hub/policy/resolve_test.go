package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

// decision tells in one line how a unit was decided: "a from crm; shop not_authority", with the source's object where it
// is not "1", or "nothing" where nobody claimed it.
func decision(r *policy.Resolution, unit model.Path) string {
	for _, a := range r.Attributes {
		if a.Path != unit {
			continue
		}
		line := "nobody"
		if a.Winner != nil {
			var values []string
			for _, leaf := range a.Leaves {
				if len(a.Leaves) == 1 || r.Accepted(leaf) && textAt(r.Message, leaf) != "-" {
					values = append(values, textAt(r.Message, leaf))
				}
			}
			line = strings.Join(values, "+") + " from " + named(a.Winner.Source)
			if a.StandIn {
				line += " standing in"
			}
		}
		for _, lost := range a.Lost {
			line += fmt.Sprintf("; %s %s", named(lost.Source), lost.Reason)
		}
		return line
	}
	return "nothing"
}

func named(s *policy.Source) string {
	if s.ExternalID != "1" {
		return s.Name + "/" + s.ExternalID
	}
	return s.Name
}

func TestResolve(t *testing.T) {
	type sources = []policy.Source
	for _, test := range []struct {
		name    string
		rules   string
		sources sources
		unit    model.Path
		want    string
	}{
		// authority
		{"the authority's word", "*=authority:crm", sources{source("crm", "1 email=a"), source("shop", "9 email=b")}, "email",
			"a from crm; shop not_authority"},
		{"its word that there is none", "*=authority:crm", sources{source("crm", "1 email=a", "2 email="), source("shop", "9 email=b")}, "email",
			"- from crm; shop not_authority"},
		{"the creator stands in for one without a link", "*=authority:crm", sources{creator(source("shop", "9 email=b")), source("desk", "9 email=c")}, "email",
			"b from shop standing in; desk not_authority"},
		{"and for one that has not spoken of this attribute", "*=authority:crm", sources{source("crm", "1 phone=1"), creator(source("shop", "9 email=b phone=2"))}, "email",
			"b from shop standing in"},
		{"but not for one that has", "*=authority:crm", sources{source("crm", "1 phone=1"), creator(source("shop", "9 email=b phone=2"))}, "phone",
			"1 from crm; shop not_authority"},
		{"an authority that has no value never spoke", "*=authority:crm", sources{source("crm", "1 note=n"), creator(source("shop", "9 email=b"))}, "email",
			"b from shop standing in"},
		{"nobody else stands in", "*=authority:crm", sources{source("shop", "9 email=b")}, "email",
			"nobody; shop not_authority"},
		{"a creator's emptiness stands in, too", "*=authority:crm", sources{creator(source("shop", "8 email=b", "9 email="))}, "email",
			"- from shop standing in"},

		// prefer
		{"the first in the list", "*=prefer:crm,shop", sources{source("shop", "9 email=b"), source("crm", "1 email=a")}, "email",
			"a from crm; shop lower_preference"},
		{"emptiness passes on", "*=prefer:crm,shop", sources{source("crm", "1 email=a", "2 email="), source("shop", "1 email=b")}, "email",
			"b from shop; crm empty"},
		{"no word passes on", "*=prefer:crm,shop,desk", sources{source("crm", "1 phone=1"), source("desk", "1 email=c"), source("shop", "1 email=b")}, "email",
			"b from shop; desk lower_preference"},
		{"where all say that there is none, there is none", "*=prefer:crm,shop", sources{source("crm", "1 email=a", "2 email="), source("shop", "1 email=b", "2 email=")}, "email",
			"- from crm; shop empty"},
		{"who is not named does not count", "*=prefer:crm", sources{source("shop", "9 email=b"), source("crm", "1 email=a", "2 email=")}, "email",
			"- from crm; shop not_named"},
		{"even alone", "*=prefer:crm", sources{creator(source("shop", "9 email=b"))}, "email",
			"nobody; shop not_named"},

		// latest
		{"the newest", "*=latest:crm,shop", sources{source("crm", "1 email=a"), source("shop", "9 email=b")}, "email",
			"b from shop; crm older"},
		{"within the skew, the first in the list", "*=latest:crm,shop", sources{source("crm", "4 email=a"), source("shop", "9 email=b")}, "email",
			"a from crm; shop lower_preference"},
		{"and one moment beyond it, the newest", "*=latest:crm,shop", sources{source("crm", "3.999 email=a"), source("shop", "9 email=b")}, "email",
			"b from shop; crm older"},
		{"a skew of its own", "*=latest:crm,shop:0s", sources{source("crm", "8.999 email=a"), source("shop", "9 email=b")}, "email",
			"b from shop; crm older"},
		{"equal times", "*=latest:shop,crm:0s", sources{source("crm", "9 email=a"), source("shop", "9 email=b")}, "email",
			"b from shop; crm lower_preference"},
		// Pairwise, a beats b (within 5s), b beats c, and c, the newest, beats a (8s apart): a circle.
		{"the bound counts from the newest", "*=latest:a,b,c", sources{source("a", "10 email=a"), source("b", "14 email=b"), source("c", "18 email=c")}, "email",
			"b from b; a older; c lower_preference"},
		{"emptiness wins where it is the newest", "*=latest:crm,shop", sources{source("crm", "1 email=a"), source("shop", "1 email=b", "9 email=")}, "email",
			"- from shop; crm older"},
		{"who is not named is not the newest", "*=latest:crm,shop", sources{source("crm", "1 email=a"), source("shop", "2 email=b"), source("desk", "99 email=c")}, "email",
			"a from crm; desk not_named; shop lower_preference"},
		{"an attribute's time is its own", "*=latest:crm,shop", sources{source("crm", "1 email=a note=n", "90 note=m"), source("shop", "20 email=b")}, "email",
			"b from shop; crm older"},
		{"nobody named has spoken", "*=latest:crm", sources{source("shop", "2 email=b")}, "email", "nobody; shop not_named"},

		// first
		{"the oldest", "*=first:crm,shop", sources{source("crm", "5 email=a"), source("shop", "2 email=b")}, "email", "b from shop; crm newer"},
		{"who changes its word is newer", "*=first:crm,shop", sources{source("crm", "5 email=a"), source("shop", "2 email=b", "9 email=c")}, "email", "a from crm; shop newer"},
		{"of one time, the first in the list", "*=first:crm,shop", sources{source("crm", "5 email=a"), source("shop", "5 email=b")}, "email", "a from crm; shop lower_preference"},
		{"emptiness passes on, however old", "*=first:crm,shop", sources{source("crm", "1 email=x", "2 email="), source("shop", "9 email=b")}, "email", "b from shop; crm empty"},
		{"who is not named is not the oldest", "*=first:crm", sources{source("crm", "5 email=a"), source("shop", "2 email=b")}, "email", "a from crm; shop not_named"},

		// majority
		{"what most say", "*=majority:a,b,c", sources{source("a", "1 email=x"), source("b", "2 email=y"), source("c", "3 email=y")}, "email",
			"y from b; a minority; c lower_preference"},
		{"of equally many, the first in the list", "*=majority:b,a", sources{source("a", "1 email=x"), source("b", "2 email=y")}, "email", "y from b; a minority"},
		{"emptiness has no vote", "*=majority:a,b,c", sources{source("a", "1 email=x", "2 email="), source("b", "1 email=x", "2 email="), source("c", "3 email=y")}, "email",
			"y from c; a empty; b empty"},
		{"who is not named has no vote", "*=majority:a,b", sources{source("a", "1 email=x"), source("b", "2 email=y"), source("c", "3 email=y")}, "email",
			"x from a; b minority; c not_named"},
		{"a group as a whole", "*=majority:a,b,c", sources{source("a", "1 billing_address.line1=x"), source("b", "2 billing_address.line1=y billing_address.city=z"),
			source("c", "3 billing_address.line1=y billing_address.city=z")}, "billing_address", "y+z from b; a minority; c lower_preference"},

		// follow
		{"whoever won the other", "*=prefer:shop,crm email=authority:crm phone=follow:email", sources{source("crm", "1 email=a phone=1"), source("shop", "2 email=b phone=2")}, "phone",
			"1 from crm; shop not_followed"},
		{"who stands in, too", "*=prefer:shop email=authority:crm phone=follow:email", sources{creator(source("shop", "2 email=b phone=2"))}, "phone", "2 from shop"},
		{"nothing where that one has not spoken", "*=prefer:shop,crm email=authority:crm phone=follow:email", sources{source("crm", "1 email=a"), source("shop", "2 email=b phone=2")}, "phone",
			"nobody; shop not_followed"},
		{"along a chain", "*=prefer:shop,crm email=authority:crm phone=follow:note note=follow:email", sources{source("crm", "1 email=a phone=1 note=m"), source("shop", "2 email=b phone=2 note=n")}, "phone",
			"1 from crm; shop not_followed"},

		// groups
		{"whole from one source", "*=prefer:crm,shop", sources{
			source("crm", "1 billing_address.line1=a1 billing_address.city=a2"), source("shop", "9 billing_address.line1=b1 billing_address.postal_code=b3")}, "billing_address",
			"a1+a2 from crm; shop lower_preference"},
		{"part by part", "*=prefer:crm,shop billing_address.*=prefer:crm,shop", sources{
			source("crm", "1 billing_address.line1=a1"), source("shop", "9 billing_address.line1=b1 billing_address.city=b2")}, "billing_address.city",
			"b2 from shop"},
		{"the rest of a group", "*=prefer:crm,shop billing_address.city=authority:shop", sources{
			source("crm", "1 billing_address.line1=a1 billing_address.city=a2"), source("shop", "9 billing_address.line1=b1 billing_address.city=b2")}, "billing_address",
			"a1 from crm; shop lower_preference"},
		{"beside its part", "*=prefer:crm,shop billing_address.city=authority:shop", sources{
			source("crm", "1 billing_address.line1=a1 billing_address.city=a2"), source("shop", "9 billing_address.line1=b1 billing_address.city=b2")}, "billing_address.city",
			"b2 from shop; crm not_authority"},
		{"as new as the newest of its parts", "*=latest:crm,shop", sources{
			source("crm", "1 billing_address.line1=a1", "30 billing_address.city=a2"), source("shop", "20 billing_address.line1=b1")}, "billing_address",
			"a1+a2 from crm; shop older"},
		{"one value among its parts is a value", "*=prefer:crm,shop", sources{
			source("crm", "1 billing_address.line1=a1 billing_address.city=a2", "2 billing_address.line1="), source("shop", "9 billing_address.line1=b1")}, "billing_address",
			"a2 from crm; shop lower_preference"},
		{"none is not", "*=prefer:crm,shop", sources{
			source("crm", "1 billing_address.line1=a1", "2 billing_address.line1="), source("shop", "9 billing_address.line1=b1")}, "billing_address",
			"b1 from shop; crm empty"},

		// custom attributes
		{"each is an attribute of its own", "*=prefer:crm,shop custom.size=authority:shop", sources{
			source("crm", "1 custom.tier=gold custom.size=1"), source("shop", "1 custom.tier=silver custom.size=2")}, "custom.size",
			"2 from shop; crm not_authority"},
		{"under the rule for all", "*=prefer:shop custom.*=prefer:crm,shop", sources{
			source("crm", "1 custom.tier=gold"), source("shop", "1 custom.tier=silver")}, "custom.tier", "gold from crm; shop lower_preference"},
		{"and may be said to be none", "*=authority:crm", sources{source("crm", "1 custom.tier=gold", "2 custom.tier="), source("shop", "1 custom.tier=silver")}, "custom.tier",
			"- from crm; shop not_authority"},

		// who speaks
		{"a secondary object does not", "*=prefer:crm,shop", sources{secondary(source("crm", "1 email=a")), source("shop", "1 email=b")}, "email", "b from shop"},
		{"nobody", "*=prefer:crm,shop", sources{source("crm", "1 phone=1")}, "email", "nothing"},
		{"no sources", "*=prefer:crm,shop", nil, "email", "nothing"},
	} {
		r := compiled(t, test.rules, nil).Resolve(test.sources)
		if got := decision(r, test.unit); got != test.want {
			t.Errorf("%s: %s with %s\n got %s\nwant %s", test.name, test.unit, test.rules, got, test.want)
		}
	}
}

func TestWhatNobodyClaimedIsNotAccepted(t *testing.T) {
	r := compiled(t, "*=prefer:crm note=authority:shop", nil).Resolve([]policy.Source{source("crm", "1 email=a phone=1 note=n", "2 phone=")})
	for path, want := range map[model.Path]bool{"email": true, "phone": true, "mobile_phone": false, "note": false, "custom.tier": false} {
		if got := r.Accepted(path); got != want {
			t.Errorf("Accepted(%s) = %v", path, got)
		}
	}
	if want := customer("email=a"); !proto.Equal(r.Message, want) {
		t.Errorf("the record is %v", r.Message)
	}
}

// A group is taken whole: what its source never had a value for is empty in the record, whoever has one.
func TestAGroupIsTakenWithItsBlanks(t *testing.T) {
	sources := []policy.Source{
		source("crm", "1 billing_address.line1=a1"),
		source("shop", "9 billing_address.line1=b1 billing_address.city=b2"),
	}
	r := compiled(t, "*=prefer:crm,shop", nil).Resolve(sources)
	if want := customer("billing_address.line1=a1"); !proto.Equal(r.Message, want) {
		t.Errorf("the address is put together from two: %v", r.Message)
	}
	if !r.Accepted("billing_address.city") {
		t.Error("that the address has no city is not accepted: shop's city would stay beside crm's street")
	}
	if r.Accepted("shipping_address.city") {
		t.Error("a group that nobody claimed is accepted")
	}
	r = compiled(t, "*=prefer:crm,shop billing_address.*=prefer:crm,shop", nil).Resolve(sources)
	if want := customer("billing_address.line1=a1 billing_address.city=b2"); !proto.Equal(r.Message, want) {
		t.Errorf("the parts do not go their own ways: %v", r.Message)
	}
}

// A part that the winning source does not carry at all is left alone everywhere.
func TestOfAGroupOnlyWhatItsSourceSpeaksOfIsAccepted(t *testing.T) {
	crm := view.New(schema)
	crm.Observe(view.Observation{Stamp: at(1), Message: customer("billing_address.line1=a1"), Paths: pathsIn("billing_address.line1="), Snapshot: true})
	r := compiled(t, "*=prefer:crm,shop", nil).Resolve([]policy.Source{{Name: "crm", State: crm.State()}, source("shop", "9 billing_address.city=b2")})
	if r.Accepted("billing_address.city") || !r.Accepted("billing_address.line1") {
		t.Error("accepted is not what the source speaks of")
	}
}

func TestTheRecordSharesNothingWithItsSources(t *testing.T) {
	crm := source("crm", "1 email=a custom.tier=gold billing_address.city=Wien")
	before := proto.Clone(crm.State.Said)
	r := compiled(t, "*=prefer:crm", nil).Resolve([]policy.Source{crm})
	for path := range schema.Present(r.Message) {
		schema.Clear(r.Message, path)
	}
	if !proto.Equal(crm.State.Said, before) {
		t.Error("changing the record changes a view")
	}
}

func TestDecisionsAreInOneOrder(t *testing.T) {
	r := compiled(t, "*=prefer:crm", nil).Resolve([]policy.Source{source("crm", "1 custom.b=1 custom.a=2 note=n email=a billing_address.city=Wien")})
	var got []model.Path
	for _, a := range r.Attributes {
		got = append(got, a.Path)
	}
	if want := []model.Path{"email", "billing_address", "note", "custom.a", "custom.b"}; !slices.Equal(got, want) {
		t.Errorf("decided in the order %v, want %v", got, want)
	}
}

package policy_test

import (
	"slices"
	"testing"
	"time"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

// The record of these tests is what the shop says; the target is the crm.
var says = []string{"1 email=a phone=1 custom.tier=gold billing_address.line1=l note=n", "2 note="}

func TestDiff(t *testing.T) {
	for _, test := range []struct {
		name  string
		crm   func(*view.View) // what happened at the target; nil where there is nothing yet
		takes []string
		out   []model.Path
		want  []model.Path
	}{
		{"a new object gets all values, and no emptiness", nil, []string{"*"}, carried,
			[]model.Path{"email", "phone", "billing_address.line1", "custom.tier"}},
		{"what the target takes", nil, []string{"phone", "custom"}, carried, []model.Path{"phone", "custom.tier"}},
		{"what its adapter can write", nil, []string{"*"}, pathsIn("note email"), []model.Path{"email"}},
		{"one custom attribute that its adapter can write", nil, []string{"*"}, pathsIn("custom.tier custom.size"), []model.Path{"custom.tier"}},
		{"nothing that it has", func(v *view.View) {
			v.Observe(snapshot(3, "email=a phone=1 custom.tier=gold billing_address.line1=l"))
		}, []string{"*"}, carried, nil},
		{"what it has otherwise, or lacks", func(v *view.View) {
			v.Observe(snapshot(3, "email=b custom.tier=silver billing_address.line1=l"))
		}, []string{"*"}, carried, []model.Path{"email", "phone", "custom.tier"}},
		{"what the record says is empty is cleared", func(v *view.View) {
			v.Observe(snapshot(3, "email=a phone=1 note=n custom.tier=gold billing_address.line1=l"))
		}, []string{"*"}, carried, []model.Path{"note"}},
		{"what nobody claimed is left alone", func(v *view.View) {
			v.Observe(snapshot(3, "email=a phone=1 company=c custom.tier=gold custom.size=9 billing_address.line1=l shipping_address.city=s"))
		}, []string{"*"}, carried, nil},
		{"what the record's source took back is cleared, a custom attribute too", func(v *view.View) {
			v.Observe(snapshot(3, "email=a phone=1 custom.tier=gold custom.old=1 billing_address.line1=l billing_address.city=c"))
		}, []string{"*"}, carried, []model.Path{"billing_address.city", "custom.old"}},
		{"the rest of a group that is taken whole from elsewhere is cleared", func(v *view.View) {
			v.Observe(snapshot(3, "email=a phone=1 custom.tier=gold billing_address.line1=l billing_address.company=c"))
		}, []string{"*"}, carried, []model.Path{"billing_address.company"}},
		{"what was delivered", func(v *view.View) {
			v.Deliver(delivery(0, 3, "email=a phone=1 custom.tier=gold billing_address.line1=l", "email=a phone=1 custom.tier=gold billing_address.line1=l"))
		}, []string{"*"}, carried, nil},
		{"what was agreed in the vendor's form", func(v *view.View) {
			v.Deliver(delivery(0, 3, "email=a phone=1 custom.tier=gold billing_address.line1=l", "email=A phone=0001 custom.tier=GOLD billing_address.line1=L"))
		}, []string{"*"}, carried, nil},
		{"what was agreed and has moved", func(v *view.View) {
			v.Deliver(delivery(0, 3, "email=a phone=1 custom.tier=gold billing_address.line1=l", "email=A phone=0001 custom.tier=GOLD billing_address.line1=L"))
			v.Observe(snapshot(4, "email=B phone=0001 custom.tier=GOLD billing_address.line1=L"))
		}, []string{"*"}, carried, []model.Path{"email"}},
		{"what was agreed of an older record", func(v *view.View) {
			v.Deliver(delivery(0, 3, "email=old phone=1 custom.tier=gold billing_address.line1=l", "email=OLD phone=1 custom.tier=gold billing_address.line1=l"))
		}, []string{"*"}, carried, []model.Path{"email"}},
		{"a clear that the vendor acknowledged and did otherwise", func(v *view.View) {
			v.Deliver(delivery(0, 3, "note=", "email=a phone=1 note=none custom.tier=gold billing_address.line1=l"))
		}, []string{"*"}, carried, nil},
		{"what it refused", func(v *view.View) {
			v.Observe(snapshot(3, "phone=1 custom.tier=gold billing_address.line1=l"))
			v.Refuse("email", customer("email=a"), "not an address", time.Unix(4, 0))
		}, []string{"*"}, carried, nil},
		{"what it refused of an older record", func(v *view.View) {
			v.Observe(snapshot(3, "phone=1 custom.tier=gold billing_address.line1=l"))
			v.Refuse("email", customer("email=old"), "not an address", time.Unix(4, 0))
		}, []string{"*"}, carried, []model.Path{"email"}},
		{"a clear that it refused", func(v *view.View) {
			v.Observe(snapshot(3, "email=a phone=1 note=n custom.tier=gold billing_address.line1=l"))
			v.Refuse("note", customer(""), "is required", time.Unix(4, 0))
		}, []string{"*"}, carried, nil},
	} {
		k := compiled(t, "*=authority:shop", map[string]*configv1.Target{"crm": {Attributes: test.takes}})
		shop := says
		if slices.Contains(test.want, "custom.old") {
			shop = append(slices.Clone(says), "3 custom.old=1 billing_address.city=c", "4 custom.old= billing_address.city=")
		}
		r := k.Resolve([]policy.Source{source("shop", shop...)})
		var crm *view.View
		if test.crm != nil {
			crm = view.New(schema)
			test.crm(crm)
		}
		got := k.Diff(r, crm, k.Target("crm"), test.out)
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: owed %v, want %v", test.name, got, test.want)
		}
	}
}

func snapshot(second int, values string) view.Observation {
	return view.Observation{Stamp: at(second), Message: customer(values), Paths: carried, Snapshot: true}
}

func delivery(after, second int, sent, held string) view.Delivery {
	return view.Delivery{After: at(after), Stamp: at(second), Sent: customer(sent), Paths: pathsIn(sent), Held: customer(held), HeldPaths: carried}
}

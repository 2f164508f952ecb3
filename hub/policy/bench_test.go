package policy_test

import (
	"fmt"
	"testing"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

// fullCustomer is three sources that all have every attribute of a customer, under rules of all modes.
func fullCustomer(b *testing.B) (*policy.Kind, []policy.Source, []*view.View) {
	b.Helper()
	k := compiled(b, "*=prefer:crm,shop,desk email=authority:crm phone=latest:desk,shop billing_address=authority:shop custom.*=latest:shop,crm",
		map[string]*configv1.Target{"crm": {Attributes: []string{"*"}}})
	var sources []policy.Source
	var views []*view.View
	for i, name := range []string{"crm", "shop", "desk"} {
		v := view.New(schema)
		v.Observe(view.Observation{Stamp: at(i + 1), Message: modeltest.Full(schema, i), Paths: carried, Snapshot: true})
		sources = append(sources, policy.Source{Name: name, ExternalID: fmt.Sprint(i), State: v.State(), Creator: i == 0})
		views = append(views, v)
	}
	return k, sources, views
}

func BenchmarkResolve(b *testing.B) {
	k, sources, _ := fullCustomer(b)
	b.ReportAllocs()
	for b.Loop() {
		k.Resolve(sources)
	}
}

// BenchmarkDiff is a target that differs in every attribute, and one that differs in none.
func BenchmarkDiff(b *testing.B) {
	k, sources, views := fullCustomer(b)
	r, target := k.Resolve(sources), k.Target("crm")
	writable := append(model.For(model.Customer).Paths(), "custom.*")
	settled := view.New(schema)
	settled.Deliver(view.Delivery{Stamp: at(9), Paths: writable, Sent: r.Message, Held: r.Message, HeldPaths: carried})
	for name, v := range map[string]*view.View{"all": views[2], "none": settled} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k.Diff(r, v, target, writable)
			}
		})
	}
}

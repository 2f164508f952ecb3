package plan_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/plan"
	"github.com/canonhub/canonhub/hub/store"
)

// TestPlanIsWhatActivationDoes draws records, what became of their deliveries, and policies, and holds each plan against
// what the fold after the activation writes.
func TestPlanIsWhatActivationDoes(t *testing.T) {
	t.Parallel()
	changed, seen := 0, plan.Target{}
	for _, seed := range []uint64{1, 2, 3} {
		w := newDrawn(t, seed)
		for round := range 10 {
			w.live(4 + 3*round)
			told, did := w.activate(w.policy())
			if diff := cmp.Diff(did, told); diff != "" {
				t.Fatalf("seed %d, round %d: what activation does (-) is not what the plan told (+):\n%s", seed, round, diff)
			}
			changed += told.Changed
			for _, target := range told.Targets {
				seen.Created, seen.Updated, seen.Ended = seen.Created+target.Created, seen.Updated+target.Updated, seen.Ended+target.Ended
			}
		}
	}
	if changed < 20 || seen.Updated < 20 || seen.Created < 5 || seen.Ended < 5 {
		t.Errorf("too little was drawn: %d records changed, targets %+v", changed, seen)
	}
}

// drawn is a hub in which everything is drawn.
type drawn struct {
	*hubtest.Hub
	t       *testing.T
	r       *rand.Rand
	vendors map[string]*hubtest.Vendor
	names   []string
	records []store.RecordID
}

func newDrawn(t *testing.T, seed uint64) *drawn {
	w := &drawn{t: t, r: rand.New(rand.NewPCG(seed, 0)), vendors: map[string]*hubtest.Vendor{}, names: []string{"crm", "desk", "shop"}}
	for _, name := range w.names {
		v := hubtest.NewVendor()
		v.BeforePush = func(adapters.Request) error { return w.trouble() }
		w.vendors[name] = v
	}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: w.vendors, Policies: hubtest.Preferring(w.names...)})
	return w
}

// trouble is what a vendor answers now and then.
func (w *drawn) trouble() error {
	switch w.r.IntN(6) {
	case 0:
		return &fault.Error{Category: fault.Permanent, Op: "push", Message: "no"}
	case 1:
		return &fault.Error{Category: fault.Permanent, Op: "push", Message: "no such phone", Refused: map[string]string{"phone": "no number"}}
	case 2:
		return hubtest.ErrLost()
	}
	return nil
}

// live edits some of a number of objects at the vendors and runs some deliveries.
func (w *drawn) live(objects int) {
	w.t.Helper()
	for range 20 {
		n, name := w.r.IntN(objects), w.names[w.r.IntN(3)]
		o := w.vendors[name].Edit(hubtest.ID(name, n), func(c *canonicalv1.Customer) {
			c.Email = proto.String(fmt.Sprintf("ada%d@example.com", n))
			if w.r.IntN(2) == 0 {
				c.Name = &canonicalv1.PersonName{Full: proto.String([]string{"Ada", "Ada L", "Countess", ""}[w.r.IntN(4)])}
			}
			if w.r.IntN(2) == 0 {
				c.Phone = proto.String([]string{"", "+493011", "+493022"}[w.r.IntN(3)])
			}
		})
		if id := w.Observe(name, o).RecordID; id != "" && !slices.Contains(w.records, id) {
			w.records = append(w.records, id)
		}
	}
	for _, id := range w.records {
		for _, d := range w.Bundle(id).Deliveries {
			switch draw := w.r.IntN(8); {
			case d.State == store.Owed && draw < 4:
				_ = w.Deliver(id, d.Connection, w.r.IntN(2) == 0) // trouble is wanted
			case d.State == store.Owed && draw == 4:
				w.block(d)
			}
		}
	}
}

// block has a delivery wait for something.
func (w *drawn) block(d *store.Delivery) {
	w.t.Helper()
	w.must(w.Store.InTx(context.Background(), func(tx *store.Tx) error {
		d.State, d.Reason = store.Blocked, "waits"
		tx.PutDelivery(d)
		return nil
	}))
}

// policy draws one.
func (w *drawn) policy() store.Policy {
	k := &configv1.KindPolicy{Create: w.names, Match: []string{"email"}, Attributes: map[string]*configv1.Rule{"*": w.rule()}, Targets: map[string]*configv1.Target{}}
	for _, path := range []string{"name", "phone", "email"} {
		if w.r.IntN(2) == 0 {
			k.Attributes[path] = w.rule()
		}
	}
	if w.r.IntN(4) == 0 {
		k.Attributes["name"] = &configv1.Rule{Follow: "phone"}
	}
	if w.r.IntN(3) == 0 {
		k.Attributes["phone"] = &configv1.Rule{Latest: w.order(), Unless: "value.endsWith('22')"}
	}
	for _, name := range w.names {
		if w.r.IntN(4) > 0 {
			k.Targets[name] = &configv1.Target{
				Create: w.r.IntN(2) == 0, Attributes: [][]string{{"*"}, {"name"}, {"email", "phone"}}[w.r.IntN(3)],
				When: []string{"", "", "record.phone != ''", "record.name.full == 'Ada'"}[w.r.IntN(4)]}
		}
	}
	p := store.Policy{Config: map[string]*configv1.KindPolicy{"customer": k}, Phases: map[string]string{}}
	if w.r.IntN(4) == 0 {
		p.Phases[w.names[w.r.IntN(3)]] = []string{"linking", "shadow"}[w.r.IntN(2)]
	}
	return p
}

func (w *drawn) order() []string {
	order := slices.Clone(w.names)
	w.r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order[:1+w.r.IntN(3)]
}

func (w *drawn) rule() *configv1.Rule {
	rule := []*configv1.Rule{{Authority: w.order()[0]}, {Prefer: w.order()}, {Latest: w.order()}, {First: w.order()}, {Majority: w.order()}}[w.r.IntN(5)]
	if w.r.IntN(4) == 0 {
		rule.Unless = "source == 'desk'"
	}
	return rule
}

// activate plans a policy, activates it and folds, and returns what was told and what was done.
func (w *drawn) activate(p store.Policy) (told, did *plan.Kind) {
	w.t.Helper()
	ctx := context.Background()
	report, err := plan.Make(ctx, plan.Options{Store: w.Store, Policy: &p, Connections: w.Applier.Connections})
	w.must(err)
	old, before := w.Applier.Active(), w.bundles()
	version, err := plan.Activate(ctx, w.Store, &p, report.Digest)
	w.must(err)
	w.must(w.Applier.Reload(ctx))
	w.must(w.Applier.Refold(ctx))
	did = &plan.Kind{Records: len(before), Attributes: map[model.Path]int{}, Targets: map[string]*plan.Target{}}
	if version.Version != old.Version {
		w.changes(did, fmt.Sprintf("policy-%d", version.Version))
		w.deliveries(did, before, old, fmt.Sprintf("policy-%d", version.Version))
	}
	return report.Kinds[model.Customer], did
}

func (w *drawn) bundles() map[store.RecordID]*store.Bundle {
	all := map[store.RecordID]*store.Bundle{}
	w.must(w.Store.Scan(context.Background(), func(b *store.Bundle) error { all[b.Record.ID] = b; return nil }))
	return all
}

// changes counts the change log's entries of the activation.
func (w *drawn) changes(did *plan.Kind, correlation string) {
	w.t.Helper()
	rows, err := w.Store.Pool().Query(context.Background(), `select paths from changes where correlation_id = $1`, correlation)
	w.must(err)
	entries, err := pgx.CollectRows(rows, pgx.RowTo[[]model.Path])
	w.must(err)
	did.Changed = len(entries)
	for _, paths := range entries {
		for _, path := range paths {
			did.Attributes[path]++
		}
	}
}

// deliveries counts those that the activation put, beyond what was on its way, and those that it ended.
func (w *drawn) deliveries(did *plan.Kind, before map[store.RecordID]*store.Bundle, old *apply.Active, correlation string) {
	w.t.Helper()
	now := w.Applier.Active()
	for id, b := range before {
		after := w.Bundle(id)
		for _, name := range w.names {
			was, is := b.Delivery(name), after.Delivery(name)
			if is == nil {
				continue
			}
			waited := was != nil && (was.State == store.Owed || was.State == store.Blocked)
			owedBefore, owedAfter := w.owed(old, b, name), w.owed(now, after, name)
			count := func(n func(*plan.Target)) {
				if did.Targets[name] == nil {
					did.Targets[name] = &plan.Target{}
				}
				n(did.Targets[name])
			}
			switch put := is.CorrelationID == correlation; {
			case put && waited && within(owedAfter, owedBefore): // on its way
			case put && after.Primary(name) == nil:
				count(func(t *plan.Target) { t.Created++ })
			case put:
				count(func(t *plan.Target) { t.Updated++ })
			case waited && is.State == store.Settled, was != nil && was.State == store.Dead && is.State == store.Settled:
				count(func(t *plan.Target) { t.Ended++ })
			case waited && now.Policy.Kind(model.Customer).Target(name) == nil:
				count(func(t *plan.Target) { t.Ended++ })
			case waited && len(owedBefore) > 0 && len(owedAfter) == 0:
				count(func(t *plan.Target) { t.Ended++ })
			}
		}
	}
}

// owed are the values that a target is owed under a policy, by attribute.
func (w *drawn) owed(active *apply.Active, b *store.Bundle, name string) map[model.Path]string {
	rules := active.Policy.Kind(model.Customer)
	target := rules.Target(name)
	if target == nil {
		return nil
	}
	res, owed := rules.Resolve(apply.Sources(rules, b)), map[model.Path]string{}
	for _, path := range w.Applier.Owed(rules, res, b, target) {
		owed[path] = rules.Schema.JSON(res.Message, path).String()
	}
	return owed
}

func within(part, whole map[model.Path]string) bool {
	for path, value := range part {
		if had, ok := whole[path]; !ok || had != value {
			return false
		}
	}
	return true
}

func (w *drawn) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

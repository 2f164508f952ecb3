package deliver_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/deliver"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	ours   = "+4930111111"
	theirs = "+4930999999"
)

// tug is a shop whose phone number counts, and a crm where an automation sets another one.
type tug struct {
	*world
	t   *testing.T
	id  store.RecordID
	now time.Time

	metrics *prometheus.Registry
}

func newTug(t *testing.T, corrections int32) *tug {
	t.Helper()
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Targets["crm"].TugOfWar = &configv1.TugOfWar{Corrections: corrections, Window: durationpb.New(time.Hour)}
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies})
	g := &tug{world: w, t: t, now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), metrics: prometheus.NewRegistry()}
	var err error
	w.Deliverer.Metrics, err = deliver.NewMetrics(g.metrics)
	must(t, err)
	w.Applier.Now = func() time.Time { return g.now }
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	g.id = w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(ours))).RecordID
	g.deliver()
	return g
}

func (g *tug) deliver() {
	g.t.Helper()
	if err := g.Deliver(g.id, "crm", false); err != nil {
		g.t.Fatal(err)
	}
}

// undo is what the automation does after each of our pushes; then the hub delivers what it owes.
func (g *tug) undo() {
	g.t.Helper()
	g.Observe("crm", g.crm.Edit("made-1", hubtest.Phone(theirs)))
	if d := g.Bundle(g.id).Delivery("crm"); d.State == store.Owed {
		g.deliver()
	}
}

func (g *tug) there() string { return g.crm.Customer("made-1").GetPhone() }

func (g *tug) review() *store.Review {
	g.t.Helper()
	reviews := g.Bundle(g.id).Reviews
	if len(reviews) != 1 || reviews[0].Reason != store.TugOfWar || reviews[0].Path != "phone" || reviews[0].Connection != "crm" {
		g.t.Fatalf("the open reviews are %+v, want one of a tug of war over the phone number at the crm", reviews)
	}
	return reviews[0]
}

// lose pulls until the hub leaves the phone number alone.
func (g *tug) lose(corrections int) {
	g.t.Helper()
	for range corrections + 1 {
		g.undo()
	}
}

func TestAnAttributeThatIsUndoneTooOftenIsLeftAloneAndAPersonIsAsked(t *testing.T) {
	t.Parallel()
	g := newTug(t, 3)
	for i := range 3 {
		if g.undo(); g.there() != ours {
			t.Fatalf("correction %d was not made: the crm has %s", i+1, g.there())
		}
	}
	if reviews := g.Bundle(g.id).Reviews; len(reviews) > 0 {
		t.Fatalf("a review is open after as many corrections as are allowed: %+v", reviews[0])
	}
	pushes := g.crm.Pushes()
	for range 3 {
		g.undo()
	}
	if g.there() != theirs || g.crm.Pushes() != pushes {
		t.Errorf("the crm has %s after %d more pushes, want the automation to have its way", g.there(), g.crm.Pushes()-pushes)
	}
	g.review()
	if n := counted(t, g.metrics, "canonhub_tugs_of_war_total"); n != 1 {
		t.Errorf("the metrics tell of %v tugs of war, want 1", n)
	}
	if d := g.Bundle(g.id).Delivery("crm"); d.State != store.Settled {
		t.Errorf("the delivery is %s, want it settled: nothing is owed but what is contested", d.State)
	}
}

func TestOtherAttributesAndObjectsAreCorrectedDuringATugOfWar(t *testing.T) {
	t.Parallel()
	g := newTug(t, 2)
	g.lose(2)
	g.Observe("shop", g.shop.Edit("s1", hubtest.Named("Ada Lovelace", "ada@example.com")))
	g.deliver()
	if got := g.crm.Customer("made-1"); got.GetName().GetFull() != "Ada Lovelace" || got.GetPhone() != theirs {
		t.Errorf("the crm has %v, want the new name beside the contested phone number", got)
	}
	g.Observe("shop", g.shop.Edit("s2", hubtest.Named("Bob", "bob@example.com")))
	other := g.Observe("shop", g.shop.Edit("s2", hubtest.Phone(ours))).RecordID
	if err := g.Deliver(other, "crm", false); err != nil {
		t.Fatal(err)
	}
	if got := g.crm.Customer("made-2").GetPhone(); got != ours {
		t.Errorf("another customer has phone %q, want %q", got, ours)
	}
}

func TestCorrectionsAreCountedWithinTheWindowAlone(t *testing.T) {
	t.Parallel()
	g := newTug(t, 2)
	for range 6 {
		g.undo()
		if g.now = g.now.Add(40 * time.Minute); g.there() != ours {
			t.Fatalf("the crm has %s, though never more than two corrections were made within an hour", g.there())
		}
	}
}

// A vendor that is down undoes nothing, however often it is called.
func TestPushesThatFailAreNoCorrections(t *testing.T) {
	t.Parallel()
	g := newTug(t, 2)
	g.crm.BeforePush = refusing
	g.Observe("crm", g.crm.Edit("made-1", hubtest.Phone(theirs)))
	for range 5 {
		if err := g.Deliver(g.id, "crm", false); err == nil {
			t.Fatal("the push did not fail")
		}
	}
	g.crm.BeforePush = nil
	if g.deliver(); g.there() != ours {
		t.Errorf("the crm has %s, want the correction", g.there())
	}
}

func TestANewValueEndsATugOfWar(t *testing.T) {
	t.Parallel()
	const newer = "+4930222222"
	g := newTug(t, 2)
	g.lose(2)
	review := g.review()
	g.Observe("shop", g.shop.Edit("s1", hubtest.Phone(newer)))
	if g.deliver(); g.there() != newer {
		t.Errorf("the crm has %s, want the record's new value", g.there())
	}
	if got := g.closed(review.ID); got.Resolution != store.SettledItself {
		t.Errorf("the review is %+v, want it settled", got)
	}
	g.undo() // at once over the limit: the window is the same
	if g.there() != theirs || g.review().ID == review.ID {
		t.Errorf("the crm has %s, want the new value left alone, too, with a review of its own", g.there())
	}
}

func TestATugOfWarEndsWhenTheTargetComesRound(t *testing.T) {
	t.Parallel()
	g := newTug(t, 2)
	g.lose(2)
	review := g.review()
	g.Observe("crm", g.crm.Edit("made-1", hubtest.Phone(ours)))
	if got := g.closed(review.ID); got.Resolution != store.SettledItself {
		t.Errorf("the review is %+v, want it settled", got)
	}
}

func TestAResolvedTugOfWarIsCorrectedAgainAndCountedAnew(t *testing.T) {
	t.Parallel()
	g := newTug(t, 2)
	g.lose(2)
	review := g.review()
	if err := g.Applier.Resume(context.Background(), review, store.Closing{Resolution: store.Resolved, By: "jo", Why: "the workflow is off"}); err != nil {
		t.Fatal(err)
	}
	if d := g.Bundle(g.id).Delivery("crm"); d.State != store.Owed {
		t.Fatalf("the delivery is %s, want it owed", d.State)
	}
	if g.deliver(); g.there() != ours {
		t.Errorf("the crm has %s, want it corrected", g.there())
	}
	if got := g.closed(review.ID); got.Resolution != store.Resolved || got.ClosedBy != "jo" {
		t.Errorf("the review is %+v, want it resolved by jo", got)
	}
	if g.undo(); g.there() != ours {
		t.Errorf("the crm has %s, want corrections counted anew", g.there())
	}
	if err := g.Applier.Resume(context.Background(), review, store.Closing{Resolution: store.Resolved}); err == nil {
		t.Error("a closed review is closed again")
	}
}

func TestADismissedTugOfWarLeavesTheAttributeAloneUntilItsValueChanges(t *testing.T) {
	t.Parallel()
	const newer = "+4930222222"
	g := newTug(t, 2)
	g.lose(2)
	if err := g.Applier.Resume(context.Background(), g.review(), store.Closing{Resolution: store.Dismissed, By: "jo", Why: "let it"}); err != nil {
		t.Fatal(err)
	}
	pushes := g.crm.Pushes()
	g.now = g.now.Add(24 * time.Hour)
	g.Observe("crm", g.crm.Edit("made-1", hubtest.Phone(ours)))
	g.undo()
	if g.there() != theirs || g.crm.Pushes() != pushes || len(g.Bundle(g.id).Reviews) > 0 {
		t.Errorf("the crm has %s after %d pushes, want it left alone without a review", g.there(), g.crm.Pushes()-pushes)
	}
	g.Observe("shop", g.shop.Edit("s1", hubtest.Phone(newer)))
	if g.deliver(); g.there() != newer {
		t.Errorf("the crm has %s, want the new value", g.there())
	}
}

func (g *tug) closed(id int64) *store.Review {
	g.t.Helper()
	r, err := g.Store.Review(context.Background(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	if r.ClosedAt.IsZero() {
		g.t.Errorf("review %d is open", id)
	}
	return r
}

// With the queue at work, and events that arrive while pushes are under way.
func TestATugOfWarEndsUnderLoad(t *testing.T) {
	t.Parallel()
	g := newTug(t, 3)
	g.Work()
	ctx := context.Background()
	g.Until("the tug of war is noticed", func() bool {
		g.Observe("crm", g.crm.Edit("made-1", hubtest.Phone(theirs)))
		return len(g.Bundle(g.id).Reviews) == 1
	})
	var attempts int
	err := g.Store.Pool().QueryRow(ctx, `select count(*) from attempts where record_id = $1 and state = 'acknowledged' and external_id <> ''`, g.id).Scan(&attempts)
	if err != nil {
		t.Fatal(err)
	}
	if attempts != 3 {
		t.Errorf("%d corrections were made, want 3", attempts)
	}
	if paths := contested(g.Bundle(g.id)); !slices.Equal(paths, []model.Path{"phone"}) {
		t.Errorf("contested are %v", paths)
	}
}

func contested(b *store.Bundle) []model.Path {
	var paths []model.Path
	v := b.View("crm", "made-1").View
	for path := range v.Contests {
		if v.Contested(path, b.Record.Message) {
			paths = append(paths, path)
		}
	}
	return paths
}

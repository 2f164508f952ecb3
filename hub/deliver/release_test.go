package deliver_test

import (
	"log/slog"
	"testing"
	"time"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/sweep"
)

func TestABrakeThatIsLetThroughDoesNotBiteUntilTheWindowAfterTheNext(t *testing.T) {
	t.Parallel()
	p := newPage(t, 12, connection.Brake{Min: 2, Share: 0.01})
	p.Work()
	p.each(0, 8, blank)
	p.Until("the brake is on", func() bool { return p.jobs() == 0 && p.stopped() == 6 })
	p.release("phone", gate.LetThrough, store.Resolved)
	p.Until("all are through", func() bool { return p.blanks() == 8 })
	p.wait(time.Hour) // the next window
	p.each(0, 12, hubtest.Phone("+4930777777"))
	p.each(8, 12, blank)
	p.Agree()
	if got := p.blanks(); got != 4 {
		t.Errorf("%d of 4 are blank in the next window", got)
	}
	p.wait(time.Hour) // the window after
	p.each(0, 4, blank)
	p.Until("the brake is on again", func() bool { return p.jobs() == 0 && p.stopped() == 2 })
	if r := p.reviews()["phone"]; r == nil {
		t.Error("no review is open")
	}
}

func TestABrakeThatIsResumedCountsAnew(t *testing.T) {
	t.Parallel()
	for name, resolution := range map[string]store.Resolution{"resolved": store.Resolved, "dismissed": store.Dismissed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPage(t, 9, connection.Brake{Min: 2, Share: 0.01})
			p.Work()
			p.each(0, 9, blank)
			for round := 1; round <= 3; round++ {
				p.Until("the brake is on", func() bool { return p.jobs() == 0 && len(p.reviews()) == 1 })
				if got := p.blanks(); got != 2*round {
					t.Fatalf("%d are through in round %d, want two more each", got, round)
				}
				p.wait(time.Minute)
				choice := gate.Resume
				if resolution == store.Dismissed {
					choice = gate.LetThrough // of no matter
				}
				p.release("phone", choice, resolution)
			}
		})
	}
}

func TestDeliveriesGoOnWhenNoBrakeIsOnAnyMore(t *testing.T) {
	t.Parallel()
	p := newPage(t, 6, connection.Brake{Min: 2, Share: 0.01})
	p.Work()
	p.each(0, 6, func(c *canonicalv1.Customer) { c.Phone, c.Name = nil, nil })
	p.Until("both brakes are on", func() bool { return p.jobs() == 0 && len(p.reviews()) == 2 })
	p.release("phone", gate.LetThrough, store.Resolved)
	if p.stopped() != 4 || p.jobs() != 0 {
		t.Errorf("%d are stopped and %d have jobs, want all to wait for the other brake", p.stopped(), p.jobs())
	}
	review := p.reviews()["name"]
	p.release("name", gate.LetThrough, store.Resolved)
	p.Agree()
	if got := p.blanks(); got != 6 {
		t.Errorf("%d of 6 are through", got)
	}
	if err := p.Gate.Release(ctx, review, gate.LetThrough, store.Closing{Resolution: store.Resolved}); err == nil {
		t.Error("a brake that is released is released again")
	}
}

// Two processes on one database, with many deliveries at once: the count is exact, and a push that would exceed it is
// not made.
func TestTwoProcessesBrakeAtOneCount(t *testing.T) {
	t.Parallel()
	brake := connection.Brake{Min: 7, Share: 0.01}
	p := newPage(t, 60, brake)
	second := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": p.shop, "crm": p.crm},
		Beside: p.Hub, Brakes: map[string]connection.Brake{"crm": brake}})
	second.Applier.Now = p.clock
	p.each(0, 60, blank)
	p.Work()
	second.Work()
	p.Until("all deliveries have been tried", func() bool { return p.jobs() == 0 })
	if got := p.blanks(); got != 7 {
		t.Errorf("%d are blank, want 7", got)
	}
	if got := p.stopped(); got != 53 || len(p.reviews()) != 1 {
		t.Errorf("%d are stopped with %d reviews, want 53 with one", got, len(p.reviews()))
	}
	p.release("phone", gate.LetThrough, store.Resolved)
	p.Agree()
	if got := p.blanks(); got != 60 {
		t.Errorf("%d of 60 are through", got)
	}
}

// A process that starts while the brake is on stops, and one that is cut off while it wakes is made up for by the sweeper.
func TestABrakeOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	brake := connection.Brake{Min: 2, Share: 0.01}
	p := newPage(t, 20, brake)
	p.each(0, 10, blank)
	p.deliver(0, 10)
	next := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": p.shop, "crm": p.crm},
		Beside: p.Hub, Brakes: map[string]connection.Brake{"crm": brake}})
	next.Applier.Now = p.clock
	next.Work()
	next.Observe("shop", p.shop.Edit("s15", blank))
	p.Until("what was changed before the restart has been tried", func() bool { return p.jobs() == 0 && p.stopped() == 9 })
	if got := p.blanks(); got != 2 {
		t.Errorf("%d are blank, want 2", got)
	}
	// The release commits, and its process ends before it has woken anything.
	must(t, p.Store.InTx(ctx, func(tx *store.Tx) error {
		k, err := tx.LockBrake(ctx, store.BrakeKey{Connection: "crm", Kind: model.Customer, Attribute: "phone"})
		if err != nil {
			return err
		}
		k.BrakedAt, k.PassesUntil = time.Time{}, p.clock().Add(time.Hour)
		tx.PutBrake(k)
		return nil
	}))
	sweeper := &sweep.Sweeper{Store: next.Store, Queue: next.Queue, Gate: next.Gate, Applier: next.Applier, Log: slog.New(slog.DiscardHandler)}
	sweeper.Sweep(ctx)
	next.Agree()
	if got := p.blanks(); got != 11 {
		t.Errorf("%d are through, want 11", got)
	}
}

func TestManyStoppedDeliveriesAreWokenInPages(t *testing.T) {
	t.Parallel()
	p := newPage(t, 4, connection.Brake{Min: 2, Share: 0.01})
	p.each(0, 4, blank)
	p.deliver(0, 4)
	const more = 1100
	for _, sql := range []string{
		`insert into records (id, kind, revision, message, provenance, policy_version, creator, placeholder)
			select 'customer_0' || i, 'customer', 1, '', '', 1, 'shop', false from generate_series(1, $1) as i`,
		`insert into deliveries (record_id, connection, kind, state, revision, braked, correlation_id, traceparent)
			select 'customer_0' || i, 'crm', 'customer', 'blocked', 1, true, '', '' from generate_series(1, $1) as i`,
	} {
		_, err := p.Store.Pool().Exec(ctx, sql, more)
		must(t, err)
	}
	before, stopped := p.jobs(), p.stopped()
	p.release("phone", gate.LetThrough, store.Resolved)
	if p.stopped() != 0 || p.jobs() < more || stopped < more {
		t.Errorf("%d of %d are stopped, and %d have jobs of which %d had them before", p.stopped(), stopped, p.jobs(), before)
	}
}

package deliver_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/sweep"
)

var ctx = context.Background()

// page is a shop whose word is law, and a crm that has all its customers; the shop's page goes blank.
type page struct {
	*world
	t    *testing.T
	ids  []store.RecordID
	mu   sync.Mutex
	now  time.Time
	told *bytes.Buffer
}

func (p *page) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *page) wait(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// newPage makes so many customers, each with a name, an e-mail address and a phone number at both. Its queue stands still.
func newPage(t *testing.T, customers int, brake connection.Brake) *page {
	t.Helper()
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Attributes["*"] = &configv1.Rule{Authority: "shop"}
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies,
		Brakes: map[string]connection.Brake{"crm": brake}})
	p := &page{world: w, t: t, now: time.Date(2026, 5, 1, 12, 10, 0, 0, time.UTC), told: &bytes.Buffer{}}
	w.Applier.Now, w.Deliverer.Log = p.clock, slog.New(slog.NewTextHandler(p.told, nil))
	for i := range customers {
		p.ids = append(p.ids, w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), full(i))).RecordID)
	}
	p.deliver(0, customers)
	if got := len(w.crm.Customers()); got != customers {
		t.Fatalf("the crm has %d customers, want %d", got, customers)
	}
	return p
}

func full(i int) func(*canonicalv1.Customer) {
	return func(c *canonicalv1.Customer) {
		hubtest.Named(fmt.Sprintf("N%d", i), fmt.Sprintf("n%d@example.com", i))(c)
		hubtest.Phone(fmt.Sprintf("+4930%06d", i))(c)
	}
}

func blank(c *canonicalv1.Customer) { c.Phone = nil }

func (p *page) each(from, to int, change func(*canonicalv1.Customer)) {
	p.t.Helper()
	for i := from; i < to; i++ {
		p.Observe("shop", p.shop.Edit(hubtest.ID("s", i), change))
	}
}

// deliver runs the deliveries of some customers, one after the other.
func (p *page) deliver(from, to int) {
	p.t.Helper()
	for _, id := range p.ids[from:to] {
		if err := p.Deliver(id, "crm", false); err != nil {
			p.t.Fatal(err)
		}
	}
}

// count is how many customers the crm has without a phone number.
func (p *page) blanks() int {
	n := 0
	for _, c := range p.crm.Customers() {
		if c.GetPhone() == "" {
			n++
		}
	}
	return n
}

func (p *page) stopped() int {
	p.t.Helper()
	var n int
	err := p.Store.Pool().QueryRow(ctx, `select count(*) from deliveries where connection = 'crm' and state = 'blocked' and braked`).Scan(&n)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *page) jobs() int {
	p.t.Helper()
	var n int
	err := p.Store.Pool().QueryRow(ctx, `select count(*) from river_job where kind = 'deliver' and state in ('available', 'running', 'retryable', 'scheduled')`).Scan(&n)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// reviews are the open ones of brakes, by attribute.
func (p *page) reviews() map[model.Path]*store.Review {
	p.t.Helper()
	rows, err := p.Store.Pool().Query(ctx, `select id from reviews where reason = 'braked' and closed_at is null order by id`)
	if err != nil {
		p.t.Fatal(err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			p.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	open := map[model.Path]*store.Review{}
	for _, id := range ids {
		r, err := p.Store.Review(ctx, id)
		if err != nil {
			p.t.Fatal(err)
		}
		open[r.Path] = r
	}
	return open
}

func (p *page) release(path model.Path, choice gate.Choice, resolution store.Resolution) {
	p.t.Helper()
	if err := p.Gate.Release(ctx, p.reviews()[path], choice, store.Closing{Resolution: resolution, By: "jo", Why: "seen"}); err != nil {
		p.t.Fatal(err)
	}
}

func TestABlankPageStopsAtTheBrake(t *testing.T) {
	t.Parallel()
	p := newPage(t, 200, connection.Brake{})
	p.each(0, 200, blank)
	p.Work()
	p.Until("all deliveries have been tried", func() bool { return p.jobs() == 0 })
	if got := p.blanks(); got != 50 {
		t.Errorf("%d customers of the crm lost their phone number, want 50, the least that may change", got)
	}
	if got := p.stopped(); got != 150 {
		t.Errorf("%d deliveries are stopped, want 150", got)
	}
	reviews := p.reviews()
	if r := reviews["phone"]; len(reviews) != 1 || r.Connection != "crm" || r.Kind != model.Customer || !strings.Contains(r.Detail, "50 of 200") {
		t.Errorf("the open reviews are %+v, want one that says how many", reviews)
	}
	if n := strings.Count(p.told.String(), "level=ERROR"); n != 1 {
		t.Errorf("the log has %d errors, want one:\n%s", n, p.told)
	}
	var tries int
	if err := p.Store.Pool().QueryRow(ctx, `select coalesce(max(attempt), 0) from river_job where kind = 'deliver'`).Scan(&tries); err != nil || tries != 1 {
		t.Errorf("a job was tried %d times (%v), want once", tries, err)
	}
}

func TestTheBrakeGoesByTheShareOfLiveLinks(t *testing.T) {
	t.Parallel()
	p := newPage(t, 40, connection.Brake{Share: 0.5, Min: 3})
	p.each(0, 40, blank)
	p.deliver(0, 40)
	if got := p.blanks(); got != 20 {
		t.Errorf("%d customers of 40 lost their phone number, want the share of 20", got)
	}
}

func TestWhatIsChangedWhileTheBrakeIsOnIsStoppedWithoutAJob(t *testing.T) {
	t.Parallel()
	p := newPage(t, 8, connection.Brake{Min: 2})
	p.each(0, 4, blank)
	p.deliver(0, 4)
	before, pushes := p.jobs(), p.crm.Pushes()
	p.Observe("shop", p.shop.Edit("s7", hubtest.Named("Other", "other@example.com")))
	d := p.Bundle(p.ids[7]).Delivery("crm")
	if d.State != store.Blocked || !strings.Contains(d.Reason, "phone") || p.jobs() != before {
		t.Errorf("the delivery is %+v with %d new jobs, want it stopped with the brake's reason and no job", d, p.jobs()-before)
	}
	p.Observe("shop", p.shop.Edit("new", full(99))) // nothing of the kind is sent, and nothing made
	p.deliver(0, 8)
	if p.crm.Pushes() != pushes {
		t.Errorf("%d pushes were made while the brake is on", p.crm.Pushes()-pushes)
	}
	p.Observe("shop", p.shop.Edit("s7", full(7))) // back to what the crm has
	if d := p.Bundle(p.ids[7]).Delivery("crm"); d.State != store.Settled || d.Braked {
		t.Errorf("the delivery is %+v, want it settled: nothing is owed any more", d)
	}
}

func TestWhatTheObjectHasNoValueForIsNotCounted(t *testing.T) {
	t.Parallel()
	p := newPage(t, 10, connection.Brake{Min: 2, Share: 0.01})
	for i := range 10 {
		p.crm.Edit(hubtest.ID("made-", i+1), blank)
		p.Observe("shop", p.shop.Edit(hubtest.ID("s", i), blank))
	}
	p.wait(2 * time.Hour)
	for i := range 10 {
		p.Observe("crm", p.crm.Edit(hubtest.ID("made-", i+1), func(*canonicalv1.Customer) {}))
	}
	p.each(0, 10, hubtest.Phone("+4930777777"))
	p.deliver(0, 10)
	if got := p.blanks(); got != 0 {
		t.Errorf("%d customers wait for their first phone number", got)
	}
}

func TestOneRecordCountsOnceInAWindow(t *testing.T) {
	t.Parallel()
	p := newPage(t, 5, connection.Brake{Min: 2, Share: 0.01})
	for i := range 6 {
		p.each(0, 2, hubtest.Phone(fmt.Sprintf("+493088888%d", i)))
		p.deliver(0, 2)
	}
	if got := p.stopped(); got != 0 {
		t.Fatalf("%d deliveries are stopped, though two customers alone changed, many times", got)
	}
	p.wait(time.Hour)
	p.each(2, 4, blank)
	if p.deliver(2, 4); p.stopped() != 0 {
		t.Error("the window before counts")
	}
	p.each(4, 5, blank)
	if p.deliver(4, 5); p.stopped() != 1 {
		t.Error("the third customer in the window is not stopped")
	}
}

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

// What is stopped is no matter of the sweeper's: it would try it over and over.
func TestTheSweeperLeavesStoppedDeliveriesAlone(t *testing.T) {
	t.Parallel()
	p := newPage(t, 6, connection.Brake{Min: 2, Share: 0.01})
	p.each(0, 6, blank)
	p.deliver(0, 6)
	_, err := p.Store.Pool().Exec(ctx, `update deliveries set updated_at = now() - interval '1 day'; delete from river_job`)
	must(t, err)
	sweeper := &sweep.Sweeper{Store: p.Store, Queue: p.Queue, Gate: p.Gate, Applier: p.Applier, Log: slog.New(slog.DiscardHandler)}
	sweeper.Sweep(ctx)
	if got := p.jobs(); got != 0 {
		t.Errorf("the sweeper made %d jobs", got)
	}
}

func TestMarksOfWindowsThatAreOverAreCut(t *testing.T) {
	t.Parallel()
	p := newPage(t, 4, connection.Brake{Min: 2, Share: 0.01})
	p.each(0, 4, blank)
	p.deliver(0, 4)
	marks := func() (n int) {
		must(t, p.Store.Pool().QueryRow(ctx, `select count(*) from brake_marks`).Scan(&n))
		return n
	}
	sweeper := &sweep.Sweeper{Store: p.Store, Queue: p.Queue, Gate: p.Gate, Applier: p.Applier, Log: slog.New(slog.DiscardHandler),
		Connections: p.Applier.Connections}
	if sweeper.Sweep(ctx); marks() != 3 {
		t.Errorf("%d marks are left in their window, want 3", marks())
	}
	p.wait(4 * time.Hour)
	if sweeper.Sweep(ctx); marks() != 0 {
		t.Errorf("%d marks are left of a window long over", marks())
	}
}

// An attempt whose outcome is unknown is settled although the brake is on (law 7): it was counted when it was stored.
func TestLaw7AnUnknownOutcomeIsSettledWhileTheBrakeIsOn(t *testing.T) {
	t.Parallel()
	p := newPage(t, 6, connection.Brake{Min: 2, Share: 0.01})
	p.each(0, 6, blank)
	p.crm.AfterPush = lost
	if err := p.Deliver(p.ids[0], "crm", false); err == nil {
		t.Fatal("the lost answer is no failure")
	}
	p.crm.AfterPush = nil
	p.deliver(1, 6)
	if p.stopped() != 4 {
		t.Fatalf("%d are stopped, want 4", p.stopped())
	}
	p.deliver(0, 1)
	if d := p.Bundle(p.ids[0]).Delivery("crm"); d.State != store.Settled {
		t.Errorf("the delivery is %s, want its attempt settled", d.State)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

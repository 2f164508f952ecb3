package deliver_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/sweep"
)

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
	must(t, p.Gate.LookAfterBrakes(ctx))
	if brakes, on := counted(t, p.metrics, "canonhub_brakes_total"), counted(t, p.metrics, "canonhub_braked_attributes"); brakes != 1 || on != 1 {
		t.Errorf("the metrics tell of %v brakes, of which %v are on; want 1", brakes, on)
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

// A connection that is being filled grows fast: no brake is set by an old count of its links.
func TestTheBrakeGoesByHowManyLinksThereAreNow(t *testing.T) {
	t.Parallel()
	p := newPage(t, 10, connection.Brake{Share: 0.5, Min: 2})
	p.each(0, 4, blank)
	p.deliver(0, 4)
	for i := 10; i < 20; i++ {
		p.ids = append(p.ids, p.Observe("shop", p.shop.Edit(hubtest.ID("s", i), full(i))).RecordID)
	}
	p.deliver(10, 20)
	p.each(4, 12, blank)
	p.deliver(4, 12)
	if got := p.blanks(); got != 10 {
		t.Errorf("%d customers of 20 lost their phone number, want the share of 10", got)
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

package pull_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/sweep"
)

type customer = canonicalv1.Customer

// Sweeper is the hub's, which gives jobs to pulls.
func (w *world) Sweeper(t *testing.T) *sweep.Sweeper {
	t.Helper()
	return &sweep.Sweeper{Store: w.Store, Queue: w.Queue, Gate: w.Gate, Applier: w.Applier, Puller: w.Puller,
		Connections: w.Applier.Connections, Log: slog.New(slog.DiscardHandler)}
}

func (w *world) findings() (told []string) {
	w.t.Helper()
	found, err := w.Store.Findings(w.t.Context(), lane, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range found {
		told = append(told, fmt.Sprintf("%s %s %v repaired=%t", f.What, f.ExternalID, f.Paths, f.Repaired))
	}
	return told
}

// differ makes the shop differ from what is known of it without anybody being told: behind the watermark.
func (w *world) differ() {
	w.shop.Edit("new", hubtest.Named("New", "new@example.com"))
	w.shop.Edit("c1", func(c *customer) { c.Phone = proto.String("+4930901820") })
	w.shop.Vanish("c2")
}

func TestAReconcileFindsAndRepairsWhatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 30)
	w.run()
	w.differ()
	p := w.after(25 * time.Hour)
	want := []string{"missing_here new [] repaired=true", "differing c1 [phone] repaired=true", "missing_there c2 [] repaired=true"}
	got := w.findings()
	if len(got) != 3 || !contains(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if w.linked() != 30 || p.ReconciledAt.IsZero() || p.Run.MissingHere != 1 || p.Run.MissingThere != 1 || p.Run.Differing != 1 {
		t.Errorf("%d linked, failure %q, %+v", w.linked(), p.Failure, p)
	}
	if n := w.count(`select count(*) from pull_seen`); n != 0 {
		t.Errorf("%d rows are left of what was seen", n)
	}
	if w.after(25 * time.Hour); len(w.findings()) != 0 {
		t.Errorf("the next one finds %q", w.findings())
	}
}

func contains(got, want []string) bool {
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found {
			return false
		}
	}
	return true
}

func TestAReconcileThatReportsChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 30)
	w.run()
	w.differ()
	if err := w.Puller.Wish(t.Context(), lane, store.PullWish{Mode: store.Reconcile, ReportOnly: true, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	w.ahead = time.Second
	before := w.count(`select count(*) from changes`)
	p := w.run()
	if got := w.findings(); len(got) != 3 || !contains(got, []string{"differing c1 [phone] repaired=false", "missing_there c2 [] repaired=false"}) {
		t.Errorf("found %q", got)
	}
	if w.linked() != 30 || w.count(`select count(*) from changes`) != before || p.Run.MissingHere != 1 {
		t.Errorf("something changed: %d linked, %+v", w.linked(), p.Run)
	}
}

func TestWhatVanishesAtOnceIsAPersonsDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 40)
	w.run()
	for i := range 20 {
		w.shop.Vanish(hubtest.ID("c", i))
	}
	w.after(25 * time.Hour)
	if w.linked() != 40 {
		t.Fatalf("%d of 40 are left though nobody was asked", w.linked())
	}
	if n := w.count(`select count(*) from reviews where reason = 'vanished' and closed_at is null and connection = 'shop'`); n != 1 {
		t.Fatalf("%d reviews; failure %q", n, w.state().Failure)
	}
	if err := w.Puller.Wish(t.Context(), lane, store.PullWish{Mode: store.Reconcile, LetVanish: true, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if w.after(time.Second); w.linked() != 20 {
		t.Errorf("%d are left, want 20", w.linked())
	}
}

// The share is of what is linked, however little that is; one more than it is a person's decision.
func TestNoMoreThanTheStatedShareVanishesUnasked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		linked, gone, left int
		share              float64
	}{
		{linked: 12, gone: 10, left: 12},
		{linked: 12, gone: 2, left: 12},
		{linked: 12, gone: 1, left: 11},
		{linked: 100, gone: 3, left: 100},
		{linked: 100, gone: 2, left: 98},
		{linked: 12, gone: 6, left: 6, share: 0.5},
		{linked: 12, gone: 7, left: 12, share: 0.5},
	} {
		t.Run(fmt.Sprintf("%d of %d at %g", c.gone, c.linked, c.share), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(_ *hubtest.Options, p *connection.Pull) { p.MaxVanished = c.share })
			w.shop.Fill("c", c.linked)
			w.run()
			for i := range c.gone {
				w.shop.Vanish(hubtest.ID("c", i))
			}
			w.after(25 * time.Hour)
			asked := w.count(`select count(*) from reviews where reason = 'vanished' and closed_at is null`)
			if w.linked() != c.left || (asked == 1) != (c.left == c.linked) {
				t.Errorf("%d are left, want %d; %d reviews", w.linked(), c.left, asked)
			}
		})
	}
}

func TestAnEmptyListingDeletesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 1)
	w.run()
	w.shop.Vanish("c0") // one, which may always vanish where others stay
	if w.after(25 * time.Hour); w.linked() != 1 {
		t.Errorf("%d of 1 are left after a listing that was empty", w.linked())
	}
	if n := w.count(`select count(*) from reviews where reason = 'vanished'`); n != 1 {
		t.Errorf("%d reviews", n)
	}
}

func TestWhatIsOnlyMissingFromTheListIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 30)
	w.run()
	w.ahead += 25 * time.Hour
	w.shop.BeforePull = func(adapters.Query) error { // it is edited while the ids are listed, and shows on no page
		w.shop.Vanish("c7")
		return nil
	}
	for range 3 {
		if _, err := w.Puller.Step(t.Context(), lane); err != nil {
			t.Fatal(err)
		}
	}
	w.shop.BeforePull = nil
	w.shop.Edit("c7", hubtest.Named("c 7", "c7@example.com"))
	if p := w.run(); w.linked() != 30 || p.Run.MissingThere != 0 {
		t.Errorf("%d linked, %+v", w.linked(), p.Run)
	}
}

func TestWhatVanishesIsReportedAloneWhereThatIsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *hubtest.Options, p *connection.Pull) { p.Vanished = connection.Report })
	w.shop.Fill("c", 30)
	w.run()
	w.shop.Vanish("c3")
	if w.after(25 * time.Hour); w.linked() != 30 || !contains(w.findings(), []string{"missing_there c3 [] repaired=false"}) {
		t.Errorf("%d linked, %q", w.linked(), w.findings())
	}
}

// What is handed over once is not all that there is: to compare with it would read as if all else had vanished.
func TestWhatIsHandedOverOnceIsNotReconciled(t *testing.T) {
	t.Parallel()
	shop := hubtest.NewVendor()
	shop.Once = true
	w := newWorld(t, func(o *hubtest.Options, p *connection.Pull) { o.Vendors["shop"], p.Every = shop, time.Hour })
	shop.Fill("c", 5)
	w.run()
	p := w.after(25 * time.Hour)
	if p.Run.Last != store.Changes || !p.ReconciledAt.IsZero() || p.NextAt.Sub(w.Applier.Now()) < 59*time.Minute {
		t.Errorf("%+v", p)
	}
}

package pull_test

import (
	"context"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

// picky fetches all objects but one, which is there and cannot be read.
type picky struct {
	*hubtest.Vendor
	not adapters.ExternalID
}

func (p picky) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	if o.ExternalID == p.not {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: "fetch", Message: "the answer is larger than 8 MiB"}
	}
	return p.Vendor.Fetch(ctx, o)
}

// pages is a vendor that answers pulls with a function.
type pages func(adapters.Query) adapters.Page

func (p pages) Pull(_ context.Context, q adapters.Query) (adapters.Page, error) { return p(q), nil }

func (w *world) adapter() *adapters.Adapter { return w.Applier.Connections["shop"].Adapter }

func (w *world) letters() int {
	w.t.Helper()
	return w.count(`select count(*) from dead_letters where connection = 'shop'`)
}

func TestAnObjectThatCannotBeReadHoldsUpNoPull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 3)
	w.adapter().Fetcher = picky{w.shop, "c1"}
	w.adapter().Puller = pages(func(adapters.Query) (page adapters.Page) {
		for i := range 3 {
			page.Fetch = append(page.Fetch, adapters.Object{Kind: "customer", ExternalID: hubtest.ID("c", i)})
		}
		return page
	})
	p := w.run()
	if w.linked() != 2 || p.BackfilledAt.IsZero() || p.Run.Rejected != 1 || w.letters() != 1 {
		t.Errorf("%d linked, %d dead letters, failure %q, %+v", w.linked(), w.letters(), p.Failure, p.Run)
	}
}

func TestAnObjectThatCannotBeReadHoldsUpNoReconcileAndIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 30)
	w.run()
	w.shop.Vanish("c7") // from the list alone
	w.adapter().Fetcher = picky{w.shop, "c7"}
	p := w.after(25 * time.Hour)
	if w.linked() != 30 || p.ReconciledAt.IsZero() || p.Run.MissingThere != 0 || w.letters() != 1 {
		t.Errorf("%d linked, %d dead letters, failure %q, %+v", w.linked(), w.letters(), p.Failure, p.Run)
	}
}

// An entry that could not be read may be any object: nothing that is missing then is known to be gone, unless the vendor
// can be asked for it.
func TestAListWithEntriesThatCannotBeReadDeletesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 30)
	w.run()
	w.adapter().Fetcher = nil
	w.shop.Vanish("c7")
	w.shop.Rejected = []adapters.Rejected{{Where: "line 8", Reason: "it has no id", Raw: []byte("c;7")}}
	p := w.after(25 * time.Hour)
	if w.linked() != 30 || p.Run.MissingThere != 1 || p.Run.Rejected == 0 || w.letters() == 0 {
		t.Errorf("%d linked, %d dead letters, failure %q, %+v", w.linked(), w.letters(), p.Failure, p.Run)
	}
	w.shop.Rejected = nil
	if w.after(25 * time.Hour); w.linked() != 29 {
		t.Errorf("%d linked, want 29: all that is listed can be read", w.linked())
	}
}

func TestAReportTakesNothingInThatItMeetsByTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 30)
	w.run()
	if err := w.Puller.Wish(t.Context(), lane, store.PullWish{Mode: store.Reconcile, ReportOnly: true}); err != nil {
		t.Fatal(err)
	}
	w.shop.Vanish("c7")
	w.ahead = time.Second
	for range 3 { // the list
		if _, err := w.Puller.Step(t.Context(), lane); err != nil {
			t.Fatal(err)
		}
	}
	w.shop.Edit("c7", hubtest.Named("Seven", "c7@example.com")) // there again, and another
	before := w.count(`select count(*) from changes`)
	if p := w.run(); p.Run.Changed != 0 || w.count(`select count(*) from changes`) != before || p.ReconciledAt.IsZero() {
		t.Errorf("the report changed something: %+v", p.Run)
	}
}

// A page that leads to itself, or back to the first, would be read for ever.
func TestAPageThatLeadsNowhereIsAFailure(t *testing.T) {
	t.Parallel()
	for name, next := range map[string][]string{"itself": {"a", "a"}, "the first": {"a", ""}, "at once": {""}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			read := 0
			w.adapter().Puller = pages(func(adapters.Query) adapters.Page {
				read++
				return adapters.Page{More: true, Next: next[min(read, len(next))-1]}
			})
			for range len(next) {
				if _, err := w.Puller.Step(t.Context(), lane); err != nil {
					t.Fatal(err)
				}
			}
			if p := w.state(); p.Failures != 1 || !p.NextAt.After(w.Applier.Now()) {
				t.Errorf("%+v", p)
			}
		})
	}
}

// That it is not the connection's time is no failure of the pull.
func TestAPullThatMustWaitWithinAPageHasNotFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.adapter().Puller = pages(func(adapters.Query) adapters.Page {
		if err := w.Gate.Pause(t.Context(), "shop", gate.Order{By: "ada"}); err != nil {
			t.Error(err)
		}
		return adapters.Page{Fetch: []adapters.Object{{Kind: "customer", ExternalID: "c1"}}}
	})
	_, err := w.Puller.Step(t.Context(), lane)
	if p := w.state(); !jobs.IsSnooze(err) || p.Failures != 0 {
		t.Errorf("%v, %+v", err, p)
	}
}

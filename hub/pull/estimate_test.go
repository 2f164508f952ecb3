package pull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/store"
)

// silent is a vendor whose pages do not tell how much there is.
type silent struct{ *hubtest.Vendor }

func (v silent) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	page, err := v.Vendor.Pull(ctx, q)
	page.Total = 0
	return page, err
}

// counter counts by what it is given, one answer after the other, and notes how often it was asked.
type counter struct {
	asked   int
	answers []any // int or error
}

func (c *counter) Count(context.Context, adapters.Kind) (int, error) {
	c.asked++
	switch a := c.answers[min(c.asked, len(c.answers))-1].(type) {
	case int:
		return a, nil
	case error:
		return 0, a
	}
	return 0, errors.ErrUnsupported
}

// newSilentWorld is one whose shop tells how much there is only by a counter, if at all.
func newSilentWorld(t *testing.T, c adapters.Counter) *world {
	t.Helper()
	w := newWorld(t)
	adapter := w.Applier.Connections["shop"].Adapter
	adapter.Puller, adapter.Counter = silent{w.shop}, c
	return w
}

func TestABackfillAsksOnceHowMuchThereIs(t *testing.T) {
	t.Parallel()
	refused := &fault.Error{Category: fault.Permanent, Op: "count", Status: 403}
	unsent := &fault.Error{Category: fault.Transient, Op: "count", Err: &limits.Refused{Wait: time.Second}}
	for name, c := range map[string]struct {
		answers []any
		asked   int
		total   int64
	}{
		"it says":                             {[]any{25}, 1, 25},
		"it cannot tell":                      {[]any{0}, 1, 0},
		"it refuses":                          {[]any{refused}, 1, 0},
		"it has no time":                      {[]any{&fault.Error{Category: fault.Throttle, Op: "count", RetryAfter: time.Millisecond}}, 1, 0},
		"another's failure":                   {[]any{errors.New("no")}, 1, 0},
		"the hub keeps to limits, asks later": {[]any{unsent, 25}, 2, 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asks := &counter{answers: c.answers}
			w := newSilentWorld(t, asks)
			w.shop.Fill("c", 25)
			w.Until("it is read", func() bool {
				_, _ = w.Puller.Step(t.Context(), lane) // an error is the wish to wait
				return !w.state().BackfilledAt.IsZero()
			})
			if p := w.state(); asks.asked != c.asked || p.Run.Total != c.total || p.Run.Objects != 25 || w.linked() != 25 || p.Failures != 0 {
				t.Errorf("asked %d times; %d linked, %+v", asks.asked, w.linked(), p.Run)
			}
		})
	}
}

// What is known here is about as much as there is, where everything is read once more.
func TestALaterRunOfEverythingKnowsAboutHowMuchThereIs(t *testing.T) {
	t.Parallel()
	w := newSilentWorld(t, nil)
	w.shop.Fill("c", 25)
	if p := w.run(); p.Run.Total != 0 {
		t.Errorf("nobody knew, and the first run says %d", p.Run.Total)
	}
	for _, mode := range []store.PullMode{store.Reconcile, store.Backfill} {
		if err := w.Puller.Wish(t.Context(), lane, store.PullWish{Mode: mode}); err != nil {
			t.Fatal(err)
		}
		w.ahead += time.Second
		if _, err := w.Puller.Step(t.Context(), lane); err != nil {
			t.Fatal(err)
		}
		if p := w.state(); p.Run.Mode != mode || p.Run.Total != 25 || p.Run.Objects != 10 {
			t.Errorf("%s: %+v", mode, p.Run)
		}
		w.run()
	}
	if p := w.after(6 * time.Minute); p.Run.Last != store.Changes || p.Run.Total != 0 {
		t.Errorf("how much has changed is not known: %+v", p.Run)
	}
}

// What a page tells is better than what is known here, on the first page.
func TestAPageThatTellsHowMuchThereIsIsBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *hubtest.Options, p *connection.Pull) { p.MaxVanished = 1 })
	w.shop.Fill("c", 25)
	w.run()
	for i := range 10 {
		w.shop.Vanish(hubtest.ID("c", i))
	}
	if p := w.after(25 * time.Hour); p.Run.Last != store.Reconcile || p.Run.Total != 15 || p.Run.MissingThere != 10 {
		t.Errorf("%+v", p.Run)
	}
}

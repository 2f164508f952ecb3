package feed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// follower is one who follows.
type follower struct {
	Query
	feed    *Feed
	log     store.ChangeLog
	horizon *horizon
	told    func(Event) error
	place   place
	// last is when something was told.
	last time.Time
	// records counts those of the snapshot.
	records int64
}

func (w *follower) run(ctx context.Context) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	if w.place.Snapshot {
		if err := w.snapshot(ctx); err != nil {
			return err
		}
	}
	for {
		until, err := w.next(ctx)
		if err != nil {
			return err
		}
		for w.place.At < until {
			if err := w.page(ctx, until); err != nil {
				return err
			}
		}
	}
}

// begin finds the place to begin at, and tells it.
func (w *follower) begin(ctx context.Context) error {
	if !w.place.known {
		now, err := w.horizon.beyond(ctx, -1, nil)
		if err != nil {
			return err
		}
		w.place.At, w.place.Snapshot = now, w.Snapshot
	}
	if w.place.Snapshot {
		return nil
	}
	return w.tell(Event{Told: Beat})
}

// next waits for something behind the place, with heartbeats, and returns up to where it may be read.
func (w *follower) next(ctx context.Context) (store.ChangePosition, error) {
	for {
		timer := time.NewTimer(time.Until(w.last.Add(w.Heartbeat)))
		until, err := w.horizon.beyond(ctx, w.place.At, timer.C)
		timer.Stop()
		if err != nil || until > w.place.At {
			return until, err
		}
		if err := w.tell(Event{Told: Beat}); err != nil {
			return 0, err
		}
	}
}

// page tells the next changes.
func (w *follower) page(ctx context.Context, until store.ChangePosition) error {
	var page *store.ChangesPage
	err := w.feed.inTurn(ctx, func() (err error) {
		page, err = w.feed.store.Changes(ctx, store.ChangesQuery{After: w.place.At, Until: until, Kinds: w.Kinds, Sources: w.Sources,
			Limit: pageChanges, Bytes: pageBytes})
		return err
	})
	if err != nil {
		return err
	}
	if page.Begin > w.place.At {
		return fmt.Errorf("%w: changes are kept from %d on, and it came to %d: it was read too slowly", ErrRange, page.Begin, w.place.At)
	}
	for _, c := range page.Changes {
		if !w.wants(c) {
			continue
		}
		w.place.At = c.Position
		if err := w.tell(Event{Told: Changed, Change: c}); err != nil {
			return err
		}
	}
	w.place.At = page.End
	return w.beatIfDue()
}

// snapshot tells all records as of the place, from where it was broken off.
func (w *follower) snapshot(ctx context.Context) error {
	kinds := slices.Sorted(slices.Values(w.Kinds))
	for _, kind := range kinds {
		if from, _, _ := strings.Cut(string(w.place.After), "_"); string(kind) < from {
			continue // told before it was broken off
		}
		if err := w.snapshotOf(ctx, kind); err != nil {
			return err
		}
	}
	w.place.Snapshot, w.place.After = false, ""
	return w.tell(Event{Told: SnapshotEnded, Records: w.records})
}

func (w *follower) snapshotOf(ctx context.Context, kind model.Kind) error {
	for {
		var page *store.SnapshotPage
		err := w.feed.inTurn(ctx, func() (err error) {
			page, err = w.feed.store.Snapshot(ctx, store.SnapshotQuery{Kind: kind, At: w.place.At, After: w.place.After, Limit: pageChanges, Bytes: pageBytes})
			return err
		})
		if err != nil {
			return err
		}
		if page.Begin > w.place.At {
			return fmt.Errorf("%w: changes are kept from %d on, and the snapshot is of %d: it was read too slowly", ErrRange, page.Begin, w.place.At)
		}
		for _, c := range page.Changes {
			w.place.After = c.RecordID
			w.records++
			if err := w.tell(Event{Told: Snapshotted, Change: c}); err != nil {
				return err
			}
		}
		if page.End == "" {
			return nil
		}
		w.place.After = page.End
		if err := w.beatIfDue(); err != nil {
			return err
		}
	}
}

// beatIfDue tells of a follower's place where nothing that it wants has been for a while.
func (w *follower) beatIfDue() error {
	if time.Since(w.last) < w.Heartbeat {
		return nil
	}
	return w.tell(Event{Told: Beat})
}

func (w *follower) tell(e Event) error {
	e.Token = w.place.token()
	err := w.told(e)
	w.last = time.Now()
	return err
}

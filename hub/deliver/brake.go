package deliver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// brake counts the attributes of an object that a push would change or clear, and returns a brake where that is too
// many of the connection's objects within the window: the push is not made. Attributes that the object has no value for
// are no loss and not counted, and neither are creates.
func (o *delivery) brake(ctx context.Context, tx apply.Tx, s *situation) (*store.Brake, error) {
	windows := o.counted(s)
	if len(windows) == 0 {
		return nil, nil
	}
	kind := s.bundle.Record.Kind
	counts, err := tx.CountChanging(ctx, store.Changing{Connection: o.args.Connection, Kind: kind, RecordID: s.bundle.Record.ID, Windows: windows})
	if err != nil {
		return nil, err
	}
	var on *store.Brake
	for _, path := range slices.Sorted(maps.Keys(counts)) {
		if counts[path] <= o.c.Brake.Min {
			continue
		}
		links, err := o.exceeds(ctx, tx, store.Lane{Connection: o.args.Connection, Kind: kind}, counts[path])
		if err != nil {
			return nil, err
		}
		if links < 0 {
			continue
		}
		k, err := o.bite(ctx, tx, store.BrakeKey{Connection: o.args.Connection, Kind: kind, Attribute: path}, links)
		if err != nil {
			return nil, err
		}
		if k != nil {
			on = k
		}
	}
	return on, nil
}

// counted are the attributes that count, and since when they do.
func (o *delivery) counted(s *situation) map[model.Path]time.Time {
	now := o.d.Applier.Now().UTC()
	windows := map[model.Path]time.Time{}
	for _, path := range s.owed {
		if path != archived && (s.held == nil || s.rules.Schema.Empty(s.held.State().Held, path)) {
			continue
		}
		start := now.Truncate(o.c.Brake.Window)
		if k := s.bundle.Brake(o.args.Connection, path); k != nil {
			if now.Before(k.PassesUntil) {
				continue
			}
			if k.CountsSince.After(start) {
				start = k.CountsSince
			}
		}
		windows[path] = start
	}
	return windows
}

// bite sets the brake of an attribute and asks a person. It returns nil where somebody has let it through meanwhile.
func (o *delivery) bite(ctx context.Context, tx apply.Tx, key store.BrakeKey, links int) (*store.Brake, error) {
	now := o.d.Applier.Now().UTC()
	before, err := tx.LockBrake(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		before = &store.Brake{}
	case err != nil:
		return nil, err
	case before.On():
		return before, nil
	case now.Before(before.PassesUntil):
		return nil, nil
	}
	brake := &store.Brake{BrakeKey: key, Window: o.c.Brake.Window, BrakedAt: now, CountsSince: before.CountsSince}
	tx.PutBrake(brake)
	limit := max(o.c.Brake.Min, int(o.c.Brake.Share*float64(links)))
	tx.PutReview(store.Review{LinkKey: store.LinkKey{Connection: key.Connection, Kind: key.Kind}, Reason: store.Braked, Path: key.Attribute,
		RecordIDs: []store.RecordID{}, CorrelationID: o.cause.CorrelationID,
		Detail: fmt.Sprintf("more than %d of %d live objects would be changed or cleared within %s", limit, links, brake.Window)})
	o.tell(func() {
		o.d.Metrics.brake(key.Connection, string(key.Kind))
		o.d.Log.Error("brake: an attribute would change on too many objects; deliveries of the kind to the connection wait until the review is closed",
			"connection", key.Connection, "kind", key.Kind, "path", key.Attribute, "limit", limit, "links", links, "window", brake.Window,
			"correlation_id", o.cause.CorrelationID)
	})
	return brake, nil
}

// stop ends the job and leaves the delivery to the brake's release.
func (o *delivery) stop(ctx context.Context, tx apply.Tx, b *store.Bundle, brake *store.Brake) error {
	d := &store.Delivery{RecordID: b.Record.ID, Connection: o.args.Connection, Kind: b.Record.Kind,
		Revision: b.Record.Revision, CorrelationID: o.cause.CorrelationID, TraceParent: o.cause.TraceParent}
	d.Stop(brake)
	tx.PutDelivery(d)
	return o.complete(ctx, tx)
}

// exceeds says whether so many objects are more than the connection's share of its live ones: it returns how many those
// are, and -1 where they are not exceeded.
func (o *delivery) exceeds(ctx context.Context, tx apply.Tx, lane store.Lane, changed int) (links int, err error) {
	within := func(links int) bool { return changed <= int(o.c.Brake.Share*float64(links)) }
	now := o.d.Applier.Now()
	if within(o.d.links.known(lane, now)) {
		return -1, nil
	}
	if links, err = tx.LiveLinks(ctx, lane.Connection, lane.Kind); err != nil {
		return 0, err
	}
	o.d.links.put(lane, links, now)
	if within(links) {
		return -1, nil
	}
	return links, nil
}

// linksAge is how long a count of links is good enough to let pushes through: they all wait for it. A brake is never
// set by an old one, since a connection that is being filled grows fast.
const linksAge = time.Minute

// linkCounts remembers how many live links connections have.
type linkCounts struct {
	mu     sync.Mutex
	counts map[store.Lane]linkCount
}

type linkCount struct {
	n  int
	at time.Time
}

// known is the count where it is good enough; else 0.
func (l *linkCounts) known(lane store.Lane, now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts[lane]
	if now.Sub(c.at) >= linksAge {
		return 0
	}
	return c.n
}

func (l *linkCounts) put(lane store.Lane, n int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[store.Lane]linkCount{}
	}
	l.counts[lane] = linkCount{n, now}
}

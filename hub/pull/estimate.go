package pull

import (
	"context"
	"errors"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/store"
)

// estimate says at the beginning of a run of everything about how much that is, so that its progress can be told. The
// vendor is asked where everything is read for the first time or anew, in a step of its own (done): a wait for the next call
// does not ask again. Else it is what is known here. Pages that tell it better are believed.
func (s *step) estimate(ctx context.Context) (done bool, err error) {
	run := &s.pull.Run
	if !run.PagedAt.IsZero() || run.Mode == store.Changes && (!run.Since.IsZero() || run.Cursor != "" || s.carriage.Pull.Once) {
		return false, nil
	}
	if run.Total, err = s.linked(ctx); err != nil {
		return false, err
	}
	if run.Mode != store.Backfill || s.c.Adapter.Counter == nil {
		return false, nil
	}
	n, err := s.c.Adapter.Counter.Count(ctx, adapters.Kind(s.lane.Kind))
	var unsent *limits.Refused
	switch {
	case errors.As(err, &unsent) || err != nil && ctx.Err() != nil:
		return false, err // nobody was asked
	case err != nil:
		if f := fault.As(err); f.Category == fault.Throttle {
			_ = s.Gate.Respond(ctx, s.lane.Connection, f) // for the pages to keep to
		}
		s.Log.Warn("it is not known how much there is to read", "connection", s.lane.Connection, "kind", s.lane.Kind, "correlation_id", run.ID, "error", err)
	case n > 0:
		run.Total = int64(n)
	}
	return true, s.apply(ctx, nil, func(tx *store.Tx, _ int) error { return s.checkpoint(ctx, tx, func(*store.Pull) {}) })
}

// linked is how many objects of the kind are known to be there.
func (s *step) linked(ctx context.Context) (total int64, err error) {
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		n, err := tx.LiveLinks(ctx, s.lane.Connection, s.lane.Kind)
		total = int64(n)
		return err
	})
	return total, err
}

// total is how much a run has to read, where a page tells told. On the first page that is better than an estimate; later
// on, a page may tell what is left.
func total(run store.PullRun, told int) int64 {
	if told > 0 && run.Objects == 0 {
		return int64(told)
	}
	return max(run.Total, int64(told))
}

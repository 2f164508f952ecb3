package pull

import (
	"context"
	"errors"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

// apply takes a page's observations in, with the checkpoint in the same transaction. Where that fails because of one of
// them, they are taken in by halves, down to the one at fault, which becomes a dead letter; the checkpoint comes last.
func (s *step) apply(ctx context.Context, inputs []apply.Input, checkpoint func(tx *store.Tx, changed int) error) error {
	changed := 0
	err := s.together(ctx, inputs, func(tx *store.Tx, n int) error { return checkpoint(tx, n) })
	if err != nil && len(inputs) > 0 && atFault(err) {
		s.Log.Warn("a page is applied in parts, since one of its objects is at fault", "connection", s.lane.Connection, "kind", s.lane.Kind,
			"correlation_id", s.pull.Run.ID, "error", err)
		if changed, err = s.halves(ctx, inputs); err == nil {
			err = s.together(ctx, nil, func(tx *store.Tx, _ int) error { return checkpoint(tx, changed) })
		}
	}
	if err != nil {
		return err
	}
	s.committed()
	return nil
}

func (s *step) together(ctx context.Context, inputs []apply.Input, also func(tx *store.Tx, changed int) error) error {
	_, err := s.Applier.ApplyPulled(ctx, inputs, func(tx apply.Tx, results []apply.Result) error {
		return also(tx.(*store.Tx), countChanged(results)) // the applier's facts are the store's here
	})
	return err
}

func countChanged(results []apply.Result) (n int) {
	for _, r := range results {
		if len(r.Changed) > 0 {
			n++
		}
	}
	return n
}

// halves applies what can be applied, and returns how many records changed.
func (s *step) halves(ctx context.Context, inputs []apply.Input) (changed int, err error) {
	err = s.together(ctx, inputs, func(_ *store.Tx, n int) error { changed = n; return nil })
	switch {
	case err == nil || !atFault(err):
		return changed, err
	case len(inputs) == 1:
		return 0, s.bury(ctx, inputs[0], err)
	}
	first, err := s.halves(ctx, inputs[:len(inputs)/2])
	if err != nil {
		return 0, err
	}
	second, err := s.halves(ctx, inputs[len(inputs)/2:])
	return first + second, err
}

func (s *step) bury(ctx context.Context, in apply.Input, cause error) error {
	s.Log.Error("pulled object dead-lettered", "connection", s.lane.Connection, "kind", s.lane.Kind, "correlation_id", s.pull.Run.ID, "error", cause)
	return s.Store.InTx(ctx, func(tx *store.Tx) error { return apply.Bury(tx, in, "it cannot be applied: "+reason(cause)) })
}

// reason is safe to keep: what the database quotes of a row stands in its detail, which is left out.
func reason(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message + " (" + pg.Code + ")"
	}
	return err.Error()
}

// atFault says that what was applied is why it failed, and not the times: a database that is away, others in the way.
func atFault(err error) bool {
	var (
		pg      *pgconn.PgError
		dial    *pgconn.ConnectError
		network net.Error
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, store.ErrPullMoved), jobs.IsSnooze(err),
		errors.As(err, &dial), errors.As(err, &network), pgconn.SafeToRetry(err):
		return false
	case errors.As(err, &pg):
		switch pg.Code[:2] {
		case "08", "25", "40", "53", "55", "57", "58": // connection, transaction state, rollback, resources, locks, operator, system
			return false
		}
		return true
	}
	return false
}

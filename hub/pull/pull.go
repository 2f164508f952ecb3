// Package pull reads what vendors have: everything once (a backfill), then what changes, and now and then all ids, to
// compare them with ours (a reconcile). Each page is applied in one transaction with the checkpoint behind it, so that a
// process that dies costs one page, read again.
package pull

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// turn is how long one job reads pages before it makes room for others.
	turn = 30 * time.Second
	// firstWait and maxWait bound the wait after a failure, which doubles.
	firstWait = 5 * time.Second
	maxWait   = 10 * time.Minute
)

// Gate answers for a connection as a whole.
type Gate interface {
	Enter(ctx context.Context, connection string) error
	Respond(ctx context.Context, connection string, f *fault.Error) error
}

// Refresher takes in what one object is now.
type Refresher interface {
	Refresh(ctx context.Context, key store.LinkKey, correlationID string) error
}

// Puller pulls.
type Puller struct {
	Store       *store.Store
	Applier     *apply.Applier
	Connections connection.Set
	Gate        Gate
	Refresher   Refresher
	Now         func() time.Time
	// NewID makes a run's id.
	NewID func() string
	Log   *slog.Logger
}

// step is one page of one pull.
type step struct {
	*Puller
	c        *connection.Connection
	lane     store.Lane
	carriage connection.Carriage
	how      connection.Pull
	// pull is its state, read before the page and written with it.
	pull *store.Pull
	// next is the state that the last checkpoint wrote.
	next *store.Pull
	// taken is the wish that the run takes up.
	taken store.PullWish
	began time.Time
	// traceParent is of the trace that the step's calls, and what they make owed, belong to.
	traceParent string
}

// Pull is the job: it reads page after page of what is due.
func (p *Puller) Pull(ctx context.Context, args jobs.PullArgs, _ jobs.Run) error {
	lane := store.Lane{Connection: args.Connection, Kind: model.Kind(args.ObjectKind)}
	for began := p.Now(); ; {
		more, err := p.Step(ctx, lane)
		if err != nil || !more {
			return err
		}
		if p.Now().Sub(began) > turn {
			return jobs.Snooze(0)
		}
	}
}

// Step reads one page, where one is due, and says whether another is. What fails is noted with the pull and due again
// later; an error is the wish to wait, or the store's.
func (p *Puller) Step(ctx context.Context, lane store.Lane) (more bool, err error) {
	s, err := p.open(ctx, lane)
	if err != nil || s == nil {
		return false, err
	}
	ctx = limits.AsPull(ctx, string(lane.Kind), s.how.Share)
	if err := p.Gate.Enter(ctx, lane.Connection); err != nil {
		return false, err
	}
	ctx = limits.Underway(ctx)
	s.begin()
	ctx = httpapi.Traced(httpapi.WithTrace(ctx, httpapi.Trace{CorrelationID: s.pull.Run.ID}))
	s.traceParent = httpapi.TraceFrom(ctx).TraceParent
	counted, err := s.estimate(ctx)
	switch {
	case counted || err != nil:
	case s.pull.Run.Vanishing:
		err = s.vanished(ctx)
	case s.pull.Run.Mode == store.Reconcile:
		err = s.compare(limits.AsPage(ctx))
	default:
		err = s.page(limits.AsPage(ctx))
	}
	if errors.Is(err, store.ErrPullMoved) {
		return false, nil // the other goes on
	}
	if err != nil {
		return false, s.failed(ctx, err)
	}
	return s.pull.Run.Mode != "", nil
}

// open reads where a pull stands; nil where nothing of it is due.
func (p *Puller) open(ctx context.Context, lane store.Lane) (*step, error) {
	c := p.Connections[lane.Connection]
	if c == nil || c.Adapter.Puller == nil {
		return nil, nil
	}
	carriage, carries := c.Carries[lane.Kind]
	if !carries || carriage.Pull.MaxPage == 0 {
		return nil, nil
	}
	state, err := p.Store.Pull(ctx, lane)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	how, configured := c.Pulls[lane.Kind]
	if !configured {
		how = connection.OnRequest(carriage)
	}
	if state.NextAt.After(p.Now()) || !configured && state.Run.Mode == "" && state.Wanted.Mode == "" {
		return nil, nil
	}
	return &step{Puller: p, c: c, lane: lane, carriage: carriage, how: how, pull: state, began: p.Now()}, nil
}

// failed notes a failure, and when to go on. What concerns the connection as a whole is the gate's.
func (s *step) failed(ctx context.Context, err error) error {
	var f *fault.Error
	if jobs.IsSnooze(err) {
		return err // it is not the connection's time
	}
	if !errors.As(err, &f) {
		if ctx.Err() != nil {
			return err
		}
		f = &fault.Error{Category: fault.Transient, Op: "pull", Err: err} // the store, or the hub itself
	}
	if wait := s.Gate.Respond(ctx, s.lane.Connection, f); wait != nil {
		return wait
	}
	if f.Category == fault.Gone { // the vendor knows this cursor no more
		s.anew()
	}
	s.pull.Failures++
	s.pull.Failure, s.pull.FailedAt = f.Error(), s.Now()
	s.pull.NextAt = s.Now().Add(backoff(s.pull.Failures))
	s.Log.Warn("pull failed, to be tried again", "connection", s.lane.Connection, "kind", s.lane.Kind, "mode", s.pull.Run.Mode,
		"correlation_id", s.pull.Run.ID, "category", f.Category, "failures", s.pull.Failures, "next_at", s.pull.NextAt, "error", f)
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		tx.PutTrail(store.Trail{Action: store.ActionFailed, CorrelationID: s.pull.Run.ID, Connection: s.lane.Connection, Detail: "pull: " + f.Error()})
		return tx.PutPull(ctx, s.pull, s.taken)
	})
	if errors.Is(err, store.ErrPullMoved) {
		return nil
	}
	return err
}

// backoff doubles from firstWait to maxWait.
func backoff(failures int) time.Duration {
	if failures > 10 {
		return maxWait
	}
	return min(maxWait, firstWait<<(failures-1))
}

func (s *step) key(id adapters.ExternalID) store.LinkKey {
	return store.LinkKey{Connection: s.lane.Connection, Kind: s.lane.Kind, ExternalID: string(id)}
}

func (s *step) cause() apply.Cause {
	return apply.Cause{Source: s.lane.Connection, CorrelationID: s.pull.Run.ID, TraceParent: s.traceParent, Behind: s.pull.Run.Mode == store.Backfill}
}

func (s *step) input(o adapters.Observation) apply.Input {
	return apply.Input{Cause: s.cause(), Observation: o, MappingVersion: s.c.Adapter.MappingVersion, SeenAt: s.began}
}

// Package sweep looks for what is owed and has no job, frees the jobs of processes that are no more, and tries paused
// connections. What it finds is rare by design; that it looks is why nothing stays behind.
package sweep

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/drift"
	"github.com/canonhub/canonhub/hub/feed"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/pull"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// every is the time between two sweeps of one process.
	every = 5 * time.Second
	// overdue is how long something may be owed before the sweeper looks whether it has a job.
	overdue = 20 * time.Second
	// page bounds what one sweep takes up.
	page = 500
	// cut bounds what one sweep forgets.
	cut = 5000
	// remembered is how long the answers to callers' requests are kept: what the API promises for request_id.
	remembered = 24 * time.Hour
	// probeTime bounds the call that tries a paused connection's credentials, and probeMost is the longest wait between two.
	probeTime = 15 * time.Second
	probeMost = time.Minute
)

// Sweeper sweeps.
type Sweeper struct {
	Store       *store.Store
	Queue       *jobs.Queue
	Connections connection.Set
	Gate        *gate.Gate
	Applier     *apply.Applier
	// Retention has old changes leave the feed; nil keeps all.
	Retention *feed.Retention
	// Puller has what is due pulled; nil pulls nothing.
	Puller *pull.Puller
	// Drift has what it counted stored; nil counts nothing.
	Drift *drift.Watch
	// ProbeEvery is how soon a paused connection's credentials are tried again, at first; 0 means every sweep's time.
	ProbeEvery time.Duration
	Log        *slog.Logger

	// receiptsSeen and deliveriesSeen are where the looks at what waits have come to.
	receiptsSeen, deliveriesSeen store.Waiting
}

// Run sweeps until ctx ends. Vendors, who take their time, are asked beside the rest.
func (s *Sweeper) Run(ctx context.Context) {
	var beside sync.WaitGroup
	beside.Go(func() { again(ctx, s.askVendors) })
	again(ctx, s.lookUp)
	beside.Wait()
}

// again does something at once, and from time to time until ctx ends.
func again(ctx context.Context, do func(context.Context)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		do(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Sweep looks once.
func (s *Sweeper) Sweep(ctx context.Context) {
	s.lookUp(ctx)
	s.askVendors(ctx)
}

// askVendors does what vendors are called for.
func (s *Sweeper) askVendors(ctx context.Context) {
	s.each(ctx, map[string]func(context.Context) error{"connections": s.connections})
}

// lookUp does what the store alone is asked for.
func (s *Sweeper) lookUp(ctx context.Context) {
	s.each(ctx, map[string]func(context.Context) error{
		"rescue": s.rescue, "receipts": s.receipts, "deliveries": s.deliveries, "policy": s.policy,
		"pulls": s.pulls, "brakes": s.Gate.LookAfterBrakes, "pauses": s.Gate.LookAfterPauses, "marks": s.marks, "requests": s.requests, "changes": s.changes,
		"drift": s.drift,
	})
}

func (s *Sweeper) each(ctx context.Context, sweeps map[string]func(context.Context) error) {
	for name, do := range sweeps {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("sweep failed, to be tried again", "sweep", name, "error", err)
		}
	}
}

func (s *Sweeper) rescue(ctx context.Context) error {
	n, err := s.Store.Rescue(ctx)
	if n > 0 {
		s.Log.Info("jobs of a process that is no more are taken up again", "jobs", n)
	}
	return err
}

// pulls gives jobs to what is due to be pulled.
func (s *Sweeper) pulls(ctx context.Context) error {
	if s.Puller == nil {
		return nil
	}
	due, err := s.Puller.Due(ctx)
	for _, lane := range due {
		err = errors.Join(err, s.Queue.Pull(ctx, jobs.PullArgs{Connection: lane.Connection, ObjectKind: string(lane.Kind)}))
	}
	return err
}

// receipts gives jobs to receipts that have none: a page each time, of what waits longest, and the next page the next
// time. Most of what waits long has a job that waits for a vendor; all of it is looked at all the same.
func (s *Sweeper) receipts(ctx context.Context) error {
	pending, last, err := s.Store.PendingReceipts(ctx, overdue, s.receiptsSeen, page)
	if err == nil && len(pending) > 0 {
		err = s.Store.InTx(ctx, func(tx *store.Tx) error { return s.Queue.Redo(ctx, tx, pending) })
	}
	if err == nil {
		s.receiptsSeen = last
	}
	return err
}

// deliveries gives jobs to deliveries that have none, likewise.
func (s *Sweeper) deliveries(ctx context.Context) error {
	owed, last, err := s.Store.OwedDeliveries(ctx, overdue, s.deliveriesSeen, page)
	if err == nil && len(owed) > 0 {
		args := make([]jobs.DeliverArgs, len(owed))
		for i, d := range owed {
			args[i] = jobs.DeliverArgs{RecordID: d.RecordID, Connection: d.Connection}
		}
		err = s.Store.InTx(ctx, func(tx *store.Tx) error { return s.Queue.Deliver(ctx, tx, args) })
	}
	if err == nil {
		s.deliveriesSeen = last
	}
	return err
}

// connections resumes connections that the hub paused and whose credentials work again. All are tried at once, each by one
// process: one vendor that hangs delays no other, and none is asked more often since there are more processes.
func (s *Sweeper) connections(ctx context.Context) error {
	paused, err := s.Store.PausedConnections(ctx)
	if err != nil {
		return err
	}
	var tries sync.WaitGroup
	failed := make([]error, len(paused))
	for i, p := range paused {
		if p.PausedBy == "" {
			tries.Go(func() { failed[i] = s.try(ctx, p.Name) })
		}
	}
	tries.Wait()
	return errors.Join(failed...)
}

// try resumes a connection if its credentials work.
func (s *Sweeper) try(ctx context.Context, name string) error {
	c := s.Connections[name]
	if c == nil || c.Adapter.Prober == nil {
		return nil
	}
	if may, err := s.Store.Probe(ctx, name, cmp.Or(s.ProbeEvery, every), probeMost); err != nil || !may {
		return err
	}
	within, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if err := c.Adapter.Prober.Probe(within); err != nil {
		return nil // it stays paused
	}
	return s.Gate.Resume(ctx, name, gate.Order{})
}

// drift stores what was counted of how vendors differ from what their adapters know.
func (s *Sweeper) drift(ctx context.Context) error {
	if s.Drift == nil {
		return nil
	}
	return s.Drift.Flush(ctx)
}

// requests forgets what callers asked long ago.
func (s *Sweeper) requests(ctx context.Context) error {
	_, err := s.Store.CutRequests(ctx, remembered, cut)
	return err
}

// changes has old ones leave the feed.
func (s *Sweeper) changes(ctx context.Context) error {
	if s.Retention == nil {
		return nil
	}
	_, err := s.Retention.Cut(ctx, cut)
	return err
}

// marks forgets what brakes counted in windows that are over.
func (s *Sweeper) marks(ctx context.Context) error {
	longest := time.Duration(0)
	for _, c := range s.Connections {
		longest = max(longest, c.Brake.Window)
	}
	_, err := s.Store.CutBrakeMarks(ctx, s.Applier.Now().Add(-2*longest), cut)
	return err
}

// policy sees to it that records which an older policy folded are folded again, and that objects are heard which may make
// records now.
func (s *Sweeper) policy(ctx context.Context) error {
	if err := s.Applier.Reload(ctx); err != nil {
		return err
	}
	version := s.Applier.Active().Version
	behind, err := s.Store.RecordsBehind(ctx, version, 1)
	if err != nil {
		return err
	}
	wait := len(behind) > 0
	for kind, sources := range s.Applier.Admitted() {
		if wait {
			break
		}
		if wait, err = s.Store.ObjectsWait(ctx, kind, sources); err != nil {
			return err
		}
	}
	if !wait {
		return nil
	}
	return s.Queue.Refold(ctx, version)
}

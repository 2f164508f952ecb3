package converge_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

// maxTries is after how many tries a job is given up: so few that it happens.
const maxTries = 4

// job is one row of the queue. Exactly one of receipt and deliver says what is to be done; none means to fold again.
type job struct {
	receipt string
	deliver jobs.DeliverArgs
	version int64
	tries   int
	runAt   time.Time
	running bool
}

func (j job) String() string {
	switch {
	case j.receipt != "":
		return "hear " + j.receipt
	case j.version != 0:
		return fmt.Sprintf("fold again by policy %d", j.version)
	}
	return fmt.Sprintf("deliver %s to %s", short(j.deliver.RecordID), j.deliver.Connection)
}

// queue is where jobs are put, in the transaction of what they serve.
type queue struct{ *facts }

// Deliver adds the deliveries that have no job.
func (q queue) Deliver(_ context.Context, in jobs.Tx, deliveries []jobs.DeliverArgs) error {
	for _, args := range deliveries {
		q.add(in.(*tx), job{deliver: args})
	}
	return nil
}

// Rehear adds a job for each receipt.
func (q queue) Rehear(_ context.Context, in jobs.Tx, receipts []*store.Receipt) error {
	for _, r := range receipts {
		q.jobs.put(in.(*tx), q.next(), job{receipt: r.ID, runAt: q.w.now})
	}
	return nil
}

// add adds a job unless there is one for the same.
func (q queue) add(t *tx, j job) {
	there := false
	q.jobs.each(func(_ int64, other job) {
		there = there || other.deliver == j.deliver && other.receipt == j.receipt && other.version == j.version
	})
	if !there {
		j.runAt = q.w.now
		q.jobs.put(t, q.next(), j)
	}
}

// due lists the jobs that may run now.
func (f *facts) due() []int64 {
	var due []int64
	f.jobs.each(func(id int64, j job) {
		if !j.running && !j.runAt.After(f.w.now) {
			due = append(due, id)
		}
	})
	return due
}

// work begins a try of a job.
func (w *world) work(h *hub, id int64) *task {
	f := w.facts
	j, _ := f.jobs.get(id)
	j.running, j.tries = true, j.tries+1
	f.put(func(t *tx) { f.jobs.put(t, id, j) })
	return w.begin(h, j.String(), id, func(ctx context.Context) {
		run := jobs.Run{Attempt: j.tries, Last: j.tries >= maxTries, Complete: func(_ context.Context, in jobs.Tx) error {
			f.jobs.drop(in.(*tx), id)
			return nil
		}}
		err := w.handle(ctx, h, j, run)
		w.point("the end of its work")
		w.end(id, err)
	})
}

func (w *world) handle(ctx context.Context, h *hub, j job, run jobs.Run) error {
	switch {
	case j.receipt != "":
		return h.translator.Translate(ctx, jobs.TranslateArgs{ReceiptID: j.receipt}, run)
	case j.version != 0:
		if err := h.applier.Reload(ctx); err != nil {
			return err
		}
		return h.applier.Refold(ctx)
	}
	return h.deliverer.Deliver(ctx, j.deliver, run)
}

// end does what a job's answer says.
func (w *world) end(id int64, err error) {
	j, there := w.facts.jobs.get(id)
	if !there {
		return // it ended in a transaction of its own
	}
	var f *fault.Error
	w.facts.put(func(t *tx) {
		wait, snoozed := jobs.Snoozed(err)
		switch {
		case err == nil || jobs.IsCancel(err):
			w.facts.jobs.drop(t, id)
			return
		case snoozed:
			j.tries--
			j.runAt = w.now.Add(wait)
		case j.tries >= maxTries:
			w.fail("%s was given up by the queue alone: %v", j, err)
		case !errors.As(err, &f):
			w.fail("%s: %v", j, err)
		default:
			j.runAt = w.now.Add(time.Second << j.tries)
		}
		j.running = false
		w.facts.jobs.put(t, id, j)
	})
}

// rescue makes the job of a process that is no more one for others.
func (w *world) rescue(id int64) {
	if j, there := w.facts.jobs.get(id); there {
		j.running, j.runAt = false, w.now
		w.facts.put(func(t *tx) { w.facts.jobs.put(t, id, j) })
	}
}

// pace is the gate in memory: connections that throttle are left alone for a time, by all hubs.
type pace struct{ w *world }

// Enter says whether a connection may be called.
func (p pace) Enter(_ context.Context, connection string) error {
	if until := p.w.waits[connection]; until.After(p.w.now) {
		return jobs.Snooze(until.Sub(p.w.now))
	}
	return nil
}

// Respond slows a connection that throttles.
func (p pace) Respond(_ context.Context, connection string, f *fault.Error) error {
	if f.Category != fault.Throttle {
		return nil
	}
	p.w.waits[connection] = p.w.now.Add(f.RetryAfter)
	return jobs.Snooze(f.RetryAfter)
}

// Package deliver brings a target to a record's newest revision.
//
// One round is: load record and view anew, Diff, store an attempt, push once, store what the vendor acknowledged. Rounds
// follow each other until Diff is empty, and the job ends in the very transaction that saw it empty with the record
// locked (law 6). An attempt whose outcome is unknown is settled with the same key and bytes before anything newer is
// sent (law 7); a create is looked for by our id at the vendor first, since keys expire.
//
// Where a connection has several objects for one record, the primary is brought to it first, and then the others, one by
// one, by the same job; what tells objects apart (the policy's match keys) is left alone at those. A record that was merged
// has no deliveries any more but for what is under way: its job settles that, under the id by which the vendor knows it,
// and the record that lives waits for it.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

// maxRounds bounds the pushes of one job; what is owed then goes on in its next run.
const maxRounds = 8

// Gate answers for a connection as a whole: whether it may be called now, and what a fault means for all that goes there.
type Gate interface {
	Enter(ctx context.Context, connection string) error
	Respond(ctx context.Context, connection string, f *fault.Error) error
}

// Deliverer delivers.
type Deliverer struct {
	Applier     *apply.Applier
	Connections connection.Set
	Gate        Gate
	// NewKey makes an attempt's idempotency key.
	NewKey func() string
	// Backfilled says whether all objects of a kind at a connection are known; nil says so of all.
	Backfilled func(context.Context, store.Lane) (bool, error)
	// Metrics may be nil.
	Metrics *Metrics
	Log     *slog.Logger

	links linkCounts
}

// delivery is one run of the job.
type delivery struct {
	d    *Deliverer
	c    *connection.Connection
	args jobs.DeliverArgs
	run  jobs.Run
	// readAt are the links' epochs after our last reads of the objects, by external id.
	readAt map[string]int64
	// unread says that the target has objects that nobody has read yet: it may have the record's already.
	unread bool
	// object is the external id of the one that is read or written; empty for a create.
	object string
	// conflicts counts the answers that the object is not what we thought.
	conflicts int
	// skipped are attributes that the vendor would not take in a create of the revision skippedOf, with its reasons: there
	// is no link yet to note them at.
	skipped   map[string]string
	skippedOf store.Revision
	cause     apply.Cause
	// ended says that the job was completed.
	ended bool
	// told is what people are told once the transaction is committed.
	told []func()
}

// tell puts off until the transaction is committed what people are told of it.
func (o *delivery) tell(do func()) { o.told = append(o.told, do) }

// complete ends the job in the transaction.
func (o *delivery) complete(ctx context.Context, tx apply.Tx) error {
	o.ended = true
	return o.run.Complete(ctx, tx)
}

// Deliver is the job.
func (d *Deliverer) Deliver(ctx context.Context, args jobs.DeliverArgs, run jobs.Run) error {
	c := d.Connections[args.Connection]
	if c == nil || c.Adapter.Pusher == nil {
		return jobs.Cancel(fmt.Errorf("connection %q is not configured, or cannot be written to", args.Connection))
	}
	if err := d.Gate.Enter(ctx, args.Connection); err != nil {
		return err
	}
	one := &delivery{d: d, c: c, args: args, run: run, readAt: map[string]int64{}, skipped: map[string]string{}}
	if err := one.askWhetherRead(ctx); err != nil {
		return err
	}
	for range maxRounds {
		next, err := one.plan(ctx)
		if err == nil && next != nil {
			err = next(httpapi.WithTrace(ctx, httpapi.Trace{CorrelationID: one.cause.CorrelationID, TraceParent: one.cause.TraceParent}))
		}
		if err != nil || one.ended {
			return one.byItself(ctx, err)
		}
	}
	return jobs.Snooze(0)
}

// byItself gives a delivery up that fails by the hub's own error, and no vendor's, time and again: a person must hear of it.
func (o *delivery) byItself(ctx context.Context, err error) error {
	var f *fault.Error
	if err == nil || jobs.IsSnooze(err) || errors.As(err, &f) || ctx.Err() != nil || !o.run.Final(jobs.Internal) {
		return err
	}
	return o.end(ctx, nil, &fault.Error{Category: jobs.Internal, Op: "deliver", Err: err})
}

// askWhetherRead asks whether the target has been read, where it is to be.
func (o *delivery) askWhetherRead(ctx context.Context) error {
	for kind := range o.c.Pulls {
		if !o.args.RecordID.Is(kind) || o.d.Backfilled == nil {
			continue
		}
		done, err := o.d.Backfilled(ctx, store.Lane{Connection: o.c.Name, Kind: kind})
		if err != nil {
			return err
		}
		o.unread = !done
	}
	return nil
}

// step is a call to the vendor and what follows from its answer. No transaction is open around it (law 4).
type step func(context.Context) error

// push makes the attempt's call and stores what came of it.
func (o *delivery) push(attempt *store.Attempt) step {
	o.object = attempt.ExternalID
	return func(ctx context.Context) error {
		if attempt.Archive {
			return o.archiveNow(ctx, attempt)
		}
		made, err := o.look(ctx, attempt)
		if err == nil && made != nil {
			return o.madeBefore(ctx, attempt, *made)
		}
		if err == nil {
			made, err = o.search(ctx, attempt)
		}
		if err == nil && made != nil {
			return o.found(ctx, attempt, *made)
		}
		var ack adapters.Ack
		if err == nil {
			ack, err = o.c.Adapter.Pusher.Push(ctx, requestOf(attempt))
		}
		if err != nil {
			return o.failed(ctx, attempt, fault.As(err))
		}
		return o.acknowledged(ctx, attempt, ack)
	}
}

// look looks for the object of a create that was given up, under each id by which it may have been made.
func (o *delivery) look(ctx context.Context, attempt *store.Attempt) (*adapters.Observation, error) {
	for _, id := range attempt.LookFirst {
		found, err := o.c.Adapter.Pusher.Find(ctx, adapters.Request{Kind: adapters.Kind(attempt.Kind), RecordID: string(id), Key: attempt.Key, Body: attempt.Request})
		if err != nil {
			return nil, unsettled(err)
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

// search looks for the object of a create that was sent before.
func (o *delivery) search(ctx context.Context, attempt *store.Attempt) (*adapters.Observation, error) {
	if attempt.Sends == 1 || attempt.ExternalID != "" {
		return nil, nil
	}
	found, err := o.c.Adapter.Pusher.Find(ctx, requestOf(attempt))
	if err != nil {
		return nil, unsettled(err)
	}
	return found, nil
}

func requestOf(attempt *store.Attempt) adapters.Request {
	return adapters.Request{
		Kind: adapters.Kind(attempt.Kind), RecordID: string(attempt.RecordID), ExternalID: adapters.ExternalID(attempt.ExternalID),
		Key: attempt.Key, Body: attempt.Request,
	}
}

// unsettled marks a failure to find out: whatever it was, the push itself may have been done.
func unsettled(err error) error {
	f := *fault.As(err)
	f.MaybeDone = true
	return &f
}

// read fetches the object before it is written, since the target may have claims of its own that we have not seen.
func (o *delivery) read(key store.LinkKey, epoch store.Epoch) step {
	o.object = key.ExternalID
	return func(ctx context.Context) error {
		observation, err := o.c.Adapter.Fetcher.Fetch(ctx, adapters.Object{Kind: adapters.Kind(key.Kind), ExternalID: adapters.ExternalID(key.ExternalID)})
		if err != nil {
			f := fault.As(err)
			if f.Category != fault.Gone {
				return o.failed(ctx, nil, f)
			}
			observation = adapters.Observation{Object: adapters.Object{Kind: adapters.Kind(key.Kind), ExternalID: adapters.ExternalID(key.ExternalID)},
				Gone: true, At: o.d.Applier.Now()}
		}
		cause := o.cause
		cause.Source = o.args.Connection
		result, err := o.d.Applier.Apply(ctx, apply.Input{Cause: cause, Observation: observation,
			MappingVersion: o.c.Adapter.MappingVersion, Read: true, Epoch: epoch})
		if err != nil {
			return err
		}
		if result.Outcome != apply.Overtaken && result.Outcome != apply.Waiting {
			o.readAt[key.ExternalID] = epoch.Number + 1
		}
		return nil
	}
}

// Package translate turns stored receipts into observations and applies them, fetching from the vendor what an event
// names without telling, and what cannot be ordered.
package translate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/receive"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// maxFetches bounds the reads of one object in one run that something overtook.
	maxFetches = 4
	// minSettleWait and maxSettleWait bound how soon an observation that waits for a push's outcome is tried again.
	minSettleWait = 200 * time.Millisecond
	maxSettleWait = 15 * time.Second
)

// Receipts are what is to be translated, and what a read of an object must carry. The store has them.
type Receipts interface {
	Receipt(ctx context.Context, id string) (*store.Receipt, error)
	Epoch(context.Context, store.LinkKey) (store.Epoch, error)
}

// Gate answers for a connection as a whole: whether it may be called now, and what a fault means for all that calls it.
type Gate interface {
	Enter(ctx context.Context, connection string) error
	Respond(ctx context.Context, connection string, f *fault.Error) error
}

// Translator translates.
type Translator struct {
	Store       Receipts
	Applier     *apply.Applier
	Connections connection.Set
	Gate        Gate
	Turns       *Turns
	Log         *slog.Logger
}

// translation is one run of the job.
type translation struct {
	t       *Translator
	c       *connection.Connection
	receipt *store.Receipt
	cause   apply.Cause
	// mapping is the version of the adapter's mapping that read it.
	mapping int32
	// objects are those that it speaks of, as far as that is known.
	objects []store.LinkKey
}

// Translate is the job. It may run any number of times on one receipt: what was applied already is a duplicate.
func (t *Translator) Translate(ctx context.Context, args jobs.TranslateArgs, run jobs.Run) error {
	receipt, err := t.Store.Receipt(ctx, args.ReceiptID)
	if errors.Is(err, store.ErrNotFound) {
		return jobs.Cancel(fmt.Errorf("receipt %s is not there any more", args.ReceiptID))
	}
	if err != nil {
		return err
	}
	if receipt.State != "pending" {
		return nil
	}
	if receipt.Emptied() {
		return t.Applier.InTx(ctx, func(tx apply.Tx) error { tx.FinishReceipt(receipt.ID, "done", string(apply.Erased)); return nil })
	}
	one := &translation{t: t, c: t.Connections[receipt.Connection], receipt: receipt, cause: apply.Cause{
		Source: receipt.Connection, ReceiptID: receipt.ID, CorrelationID: receipt.CorrelationID, TraceParent: receipt.TraceParent}}
	if one.c == nil {
		return one.giveUp(ctx, run, &fault.Error{Category: fault.Permanent, Message: "connection " + receipt.Connection + " is not configured any more"})
	}
	ctx = httpapi.WithTrace(ctx, httpapi.Trace{CorrelationID: receipt.CorrelationID, TraceParent: receipt.TraceParent})
	return one.respond(ctx, run, one.work(ctx))
}

func (o *translation) work(ctx context.Context) error {
	if o.receipt.Origin == store.OriginRequest {
		return o.split(ctx)
	}
	meaning, err := o.meaning()
	if err != nil {
		return err
	}
	if err := o.reject(ctx, meaning.Rejected); err != nil {
		return err
	}
	for _, observation := range meaning.Observations {
		o.objects = append(o.objects, o.key(observation.Object))
	}
	for _, object := range meaning.Fetch {
		o.objects = append(o.objects, o.key(object))
	}
	steps := len(o.objects)
	if steps == 0 {
		return o.finish(ctx, "ignored: "+meaning.Ignored)
	}
	for _, observation := range meaning.Observations {
		steps--
		if err := o.observe(ctx, observation, steps == 0); err != nil {
			return err
		}
	}
	for _, object := range meaning.Fetch {
		steps--
		if err := o.fetch(ctx, object, steps == 0); err != nil {
			return err
		}
	}
	return nil
}

// split gives a request that could not be cut into events to the adapter again.
func (o *translation) split(ctx context.Context) error {
	events, err := receive.Split(o.c, o.receipt)
	if err != nil {
		return &fault.Error{Category: fault.Permanent, Op: "split", Err: err}
	}
	outcome := fmt.Sprintf("split into %d events", len(events))
	return o.t.Applier.InTx(ctx, func(tx apply.Tx) error {
		fresh, err := tx.PutReceipts(ctx, events)
		if err != nil {
			return err
		}
		events := slices.DeleteFunc(slices.Clone(events), func(r *store.Receipt) bool { return !fresh[r.ID] })
		tx.SplitReceipt(o.receipt.ID, outcome)
		tx.PutTrail(store.Trail{Action: store.ActionTranslated, CorrelationID: o.cause.CorrelationID, Connection: o.c.Name,
			ReceiptID: o.receipt.ID, Detail: outcome})
		return o.t.Applier.Queue.Rehear(ctx, tx, events)
	})
}

// meaning reads the receipt: an event of the vendor's, or what a pull heard.
func (o *translation) meaning() (adapters.Translation, error) {
	if o.receipt.Origin != store.OriginPull {
		o.mapping = o.c.Adapter.MappingVersion
		return o.c.Adapter.Translator.Translate(adapters.Event{
			Key: o.receipt.EventKey, Type: o.receipt.Type, OccurredAt: o.receipt.OccurredAt, Body: o.receipt.Body})
	}
	observation, mapping, err := apply.Observed(o.receipt)
	if err != nil {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Err: err}
	}
	o.mapping = mapping
	return adapters.Translation{Observations: []adapters.Observation{observation}}, nil
}

// reject makes dead letters of the parts that cannot be read, once however often this runs.
func (o *translation) reject(ctx context.Context, rejected []adapters.Rejected) error {
	if len(rejected) == 0 {
		return nil
	}
	o.t.Log.Warn("parts of an event cannot be read", "receipt_id", o.receipt.ID, "connection", o.c.Name,
		"correlation_id", o.cause.CorrelationID, "parts", len(rejected))
	parts := make([]apply.Part, len(rejected))
	for i, r := range rejected {
		parts[i] = apply.Part{Rejected: r, Origin: o.receipt.ID, Type: o.receipt.Type}
	}
	return o.t.Applier.InTx(ctx, func(tx apply.Tx) error { apply.Reject(tx, o.cause, parts); return nil })
}

// observe applies what the event itself says. Where that cannot be ordered, the object's current state is applied.
func (o *translation) observe(ctx context.Context, observation adapters.Observation, last bool) error {
	o.t.report(o.c.Name, observation, o.cause.CorrelationID)
	result, err := o.apply(ctx, apply.Input{Observation: observation, SeenAt: o.receipt.ReceivedAt, Finish: last})
	if err != nil || result.Outcome.Final() {
		return err
	}
	if result.Outcome == apply.Ambiguous {
		return o.fetchNow(ctx, observation.Object, last)
	}
	return o.waitForSettlement()
}

// waitForSettlement waits the longer the longer the receipt has waited: a vendor that is down may take its time.
func (o *translation) waitForSettlement() error {
	return jobs.Snooze(min(max(o.t.Applier.Now().Sub(o.receipt.ReceivedAt)/4, minSettleWait), maxSettleWait))
}

// fetch applies an object's current state, unless a read that began after this event arrived has been applied.
func (o *translation) fetch(ctx context.Context, object adapters.Object, last bool) error {
	done, err := o.t.Turns.take(ctx, o.key(object))
	if err != nil {
		return err
	}
	defer done()
	epoch, err := o.t.Store.Epoch(ctx, o.key(object))
	if err != nil {
		return err
	}
	if epoch.LastRead.After(o.receipt.ReceivedAt) {
		if last {
			return o.finish(ctx, "covered by a later read")
		}
		return nil
	}
	return o.fetchNow(ctx, object, last)
}

func (o *translation) fetchNow(ctx context.Context, object adapters.Object, last bool) error {
	gone := o.receipt.OccurredAt
	if gone.IsZero() {
		gone = o.receipt.ReceivedAt
	}
	result, err := o.t.reread(ctx, o.c, object, gone, apply.Input{Cause: o.cause, Finish: last})
	if err != nil || result.Outcome.Final() {
		return err
	}
	return o.waitForSettlement()
}

func (o *translation) apply(ctx context.Context, in apply.Input) (apply.Result, error) {
	in.Cause, in.MappingVersion = o.cause, o.mapping
	return o.t.Applier.Apply(ctx, in)
}

func (o *translation) key(object adapters.Object) store.LinkKey {
	return keyOf(o.c.Name, object)
}

// finish ends a receipt that left nothing to apply.
func (o *translation) finish(ctx context.Context, outcome string) error {
	return o.t.Applier.InTx(ctx, func(tx apply.Tx) error {
		tx.PutSpoken(o.receipt.ID, o.objects)
		tx.FinishReceipt(o.receipt.ID, "done", outcome)
		tx.PutTrail(store.Trail{Action: store.ActionTranslated, CorrelationID: o.cause.CorrelationID, Connection: o.c.Name,
			ReceiptID: o.receipt.ID, Detail: outcome})
		return nil
	})
}

// respond does what a failure's category says.
func (o *translation) respond(ctx context.Context, run jobs.Run, err error) error {
	var f *fault.Error
	if err == nil || jobs.IsSnooze(err) {
		return err
	}
	category := jobs.Internal // the store, or the hub itself
	if errors.As(err, &f) {
		category = f.Category
	} else {
		f = &fault.Error{Category: fault.Transient, Op: "translate", Err: err}
	}
	if wait := o.t.Gate.Respond(ctx, o.receipt.Connection, f); wait != nil && !(run.Last && jobs.Outlasts(wait)) {
		return wait
	}
	if (f.Category == fault.Transient || f.Category == fault.Conflict) && !run.Final(category) {
		o.t.Log.Info("receipt failed, to be tried again", "receipt_id", o.receipt.ID, "connection", o.receipt.Connection,
			"correlation_id", o.cause.CorrelationID, "category", f.Category, "attempt", run.Attempt, "error", f)
		return errors.Join(f, o.failed(ctx, f))
	}
	f.Category = category
	return o.giveUp(ctx, run, f)
}

// failed notes a failure that is tried again.
func (o *translation) failed(ctx context.Context, f *fault.Error) error {
	return o.t.Applier.InTx(ctx, func(tx apply.Tx) error {
		tx.PutTrail(store.Trail{Action: store.ActionFailed, CorrelationID: o.cause.CorrelationID, Connection: o.receipt.Connection,
			ReceiptID: o.receipt.ID, Detail: f.Error()})
		return nil
	})
}

// giveUp makes a dead letter of the receipt.
func (o *translation) giveUp(ctx context.Context, run jobs.Run, f *fault.Error) error {
	o.t.Log.Error("receipt dead-lettered", "receipt_id", o.receipt.ID, "connection", o.receipt.Connection,
		"correlation_id", o.cause.CorrelationID, "category", f.Category, "error", f)
	err := o.t.Applier.InTx(ctx, func(tx apply.Tx) error {
		tx.PutSpoken(o.receipt.ID, o.objects)
		tx.FinishReceipt(o.receipt.ID, "dead", string(f.Category))
		tx.PutDeadLetter(store.DeadLetter{ReceiptID: o.receipt.ID, Connection: o.receipt.Connection, Category: string(f.Category),
			Reason: f.Error(), Attempts: run.Attempt, CorrelationID: o.cause.CorrelationID})
		return nil
	})
	if err != nil {
		return err
	}
	return jobs.Cancel(f)
}

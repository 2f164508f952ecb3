package deliver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// acknowledged stores what the vendor now holds of what was sent, and folds: its answer may hold news of other attributes.
func (o *delivery) acknowledged(ctx context.Context, attempt *store.Attempt, ack adapters.Ack) error {
	return o.store(ctx, attempt, func(tx apply.Tx, b *store.Bundle, link *store.Link) error {
		stored, answer := o.answer(b, link, attempt, ack.Observation)
		if ack.Found {
			// The vendor has this party already: what it holds are claims of its own, and what it lacks is owed next.
			stored.View.Observe(view.Observation{Stamp: answer.Stamp, Message: answer.Held, Paths: answer.HeldPaths, Snapshot: true, Read: true})
			tx.SettleAttempt(attempt.ID, store.Refused, "the vendor has this party already")
			return nil
		}
		o.corrected(stored, attempt)
		stored.View.Deliver(answer)
		o.settle(tx, attempt)
		return nil
	}, string(ack.Observation.ExternalID))
}

// answer is what an answer to an attempt says of its object, for its view.
func (o *delivery) answer(b *store.Bundle, link *store.Link, attempt *store.Attempt, seen adapters.Observation) (*store.View, view.Delivery) {
	clean := apply.CleanAnswer(model.For(attempt.Kind), o.args.Connection, o.c.Carries[attempt.Kind], seen)
	stored := o.viewOf(b, link)
	stored.Raw, stored.MappingVersion = seen.Raw, o.c.Adapter.MappingVersion
	link.Epoch++
	link.State = store.LinkLive
	return stored, view.Delivery{After: attempt.SentAfter, Paths: attempt.Paths, Sent: attempt.Sent, Held: clean.Message, HeldPaths: clean.Paths,
		Stamp: view.Stamp{Time: seen.At.UTC(), Version: seen.Version, Seen: o.d.Applier.Now().UTC()}}
}

func (o *delivery) settle(tx apply.Tx, attempt *store.Attempt) {
	tx.SettleAttempt(attempt.ID, store.Acknowledged, "")
	tx.PutTrail(o.trail(store.ActionDelivered, fmt.Sprintf("revision %d, attempt %d", attempt.Revision, attempt.ID)))
}

// found stores what a search found of a create whose answer never came.
func (o *delivery) found(ctx context.Context, attempt *store.Attempt, made adapters.Observation) error {
	return o.store(ctx, attempt, func(tx apply.Tx, b *store.Bundle, link *store.Link) error {
		stored, now := o.answer(b, link, attempt, made)
		apply.Unheard(stored.View, now)
		o.settle(tx, attempt)
		return nil
	}, string(made.ExternalID))
}

// madeBefore links the object that a create which was given up had made after all. What it holds was sent then: it is
// nobody's claim, and what differs from the record now is owed next.
func (o *delivery) madeBefore(ctx context.Context, attempt *store.Attempt, made adapters.Observation) error {
	return o.store(ctx, attempt, func(tx apply.Tx, b *store.Bundle, link *store.Link) error {
		clean := apply.CleanAnswer(model.For(attempt.Kind), o.args.Connection, o.c.Carries[attempt.Kind], made)
		stored := o.viewOf(b, link)
		stored.Raw, stored.MappingVersion = made.Raw, o.c.Adapter.MappingVersion
		paths := append(slices.DeleteFunc(slices.Clone(clean.Paths), func(path model.Path) bool { return path == "custom.*" }),
			model.For(attempt.Kind).Custom(clean.Message)...)
		stored.View.Deliver(view.Delivery{Stamp: view.Stamp{Time: made.At.UTC(), Version: made.Version}, Paths: slices.Compact(slices.Sorted(slices.Values(paths))),
			Sent: clean.Message, Held: clean.Message, HeldPaths: clean.Paths})
		link.Epoch++
		tx.SettleAttempt(attempt.ID, store.Refused, "an earlier attempt had made the object")
		return nil
	}, string(made.ExternalID))
}

// store runs change on the locked record and its link at the target, and stores what follows. Where the attempt made an
// object, externalID is its id and the link is made.
func (o *delivery) store(ctx context.Context, attempt *store.Attempt, change func(apply.Tx, *store.Bundle, *store.Link) error, externalID string) error {
	key := store.LinkKey{Connection: o.args.Connection, Kind: attempt.Kind, ExternalID: externalID}
	err := o.d.Applier.InTx(ctx, func(tx apply.Tx) error {
		b, link, err := o.receiver(ctx, tx, attempt, key)
		if err != nil || b == nil {
			return err
		}
		if err := change(tx, b, link); err != nil {
			return err
		}
		tx.PutLink(link)
		apply.Elect(tx, b)
		if err := o.putView(tx, b, link); err != nil {
			return err
		}
		if _, err = o.d.Applier.Fold(ctx, tx, b, o.cause); err != nil || attempt.ExternalID != "" {
			return err
		}
		return o.wake(ctx, tx, b.Record.ID)
	})
	if err != nil {
		return fmt.Errorf("store the outcome of attempt %d: %w", attempt.ID, err)
	}
	return nil
}

// maxWoken bounds what one new object wakes. The sweeper takes up the rest, and what begins to wait at this very moment.
const maxWoken = 500

// wake gives jobs to what waits for a record's object at the target.
func (o *delivery) wake(ctx context.Context, tx apply.Tx, id store.RecordID) error {
	waiting, err := tx.WaitingFor(ctx, id, o.args.Connection, maxWoken)
	if err != nil || len(waiting) == 0 {
		return err
	}
	woken := make([]jobs.DeliverArgs, len(waiting))
	for i, other := range waiting {
		woken[i] = jobs.DeliverArgs{RecordID: other, Connection: o.args.Connection}
	}
	return o.d.Applier.Queue.Deliver(ctx, tx, woken)
}

// receiver locks the record whose object the attempt wrote to, or made, with its link. It is the attempt's own, the one
// that this was merged into, or, where the object was taken from it meanwhile, the one that has it now. nil where nothing
// more is to be done.
func (o *delivery) receiver(ctx context.Context, tx apply.Tx, attempt *store.Attempt, key store.LinkKey) (*store.Bundle, *store.Link, error) {
	if attempt.ExternalID == "" {
		if err := o.d.Applier.Claim(ctx, tx, key, attempt.RecordID, o.cause); err != nil {
			return nil, nil, err
		}
	}
	held, err := tx.LockObject(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	id := attempt.RecordID
	if attempt.ExternalID != "" && held != nil {
		id = held.RecordID
	}
	b, err := tx.LockBundle(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if !b.Record.ErasedAt.IsZero() {
		return nil, nil, o.tooLate(ctx, tx, attempt, b, key)
	}
	b.Pending = slices.DeleteFunc(b.Pending, func(a *store.Attempt) bool { return a.ID == attempt.ID })
	link := b.Link(key)
	switch {
	case attempt.ExternalID != "" && !link.Speaks():
		if held != nil {
			return nil, nil, store.Moved() // it moved on while this waited
		}
		tx.SettleAttempt(attempt.ID, store.Abandoned, "the object was unlinked while the push was under way")
		return nil, nil, nil
	case link == nil && held != nil:
		return nil, nil, o.taken(ctx, tx, b, attempt, held)
	case link == nil:
		link = &store.Link{LinkKey: key, RecordID: b.Record.ID, BornOn: attempt.RecordID, State: store.LinkLive, Primary: b.Primary(key.Connection) == nil}
		b.Links = append(b.Links, link)
	}
	return b, link, nil
}

// tooLate ends a delivery whose record was erased while the push was under way. What that made is the vendor's, and nothing
// of it is taken in.
func (o *delivery) tooLate(ctx context.Context, tx apply.Tx, attempt *store.Attempt, b *store.Bundle, key store.LinkKey) error {
	tx.SettleAttempt(attempt.ID, store.Abandoned, "")
	if attempt.ExternalID == "" {
		tx.PutErased(key, b.Record.ID)
	}
	return o.complete(ctx, tx)
}

// taken ends a delivery whose target object turned out to be another record's: two records are one party, and a
// person is asked.
func (o *delivery) taken(ctx context.Context, tx apply.Tx, b *store.Bundle, attempt *store.Attempt, held *store.Link) error {
	tx.SettleAttempt(attempt.ID, store.Refused, "the object is linked to "+string(held.RecordID))
	tx.PutReview(store.Review{LinkKey: held.LinkKey, Reason: store.AmbiguousMatch,
		RecordIDs: []store.RecordID{b.Record.ID, held.RecordID}, CorrelationID: o.cause.CorrelationID})
	return o.giveUp(ctx, tx, b, &fault.Error{Category: fault.Conflict,
		Message: fmt.Sprintf("the vendor's object for it is linked to %s; a review is open", held.RecordID)})
}

func (o *delivery) viewOf(b *store.Bundle, link *store.Link) *store.View {
	stored := b.View(link.Connection, link.ExternalID)
	if stored == nil {
		stored = &store.View{RecordID: b.Record.ID, Source: link.Connection, ExternalID: link.ExternalID, View: view.New(model.For(b.Record.Kind))}
		b.Views = append(b.Views, stored)
	}
	return stored
}

func (o *delivery) putView(tx apply.Tx, b *store.Bundle, link *store.Link) error {
	return tx.PutView(o.viewOf(b, link))
}

// failed does what the fault's category says. attempt is nil where it was a read that failed.
func (o *delivery) failed(ctx context.Context, attempt *store.Attempt, f *fault.Error) error {
	if attempt != nil {
		if err := o.settleFailure(ctx, attempt, f); err != nil || o.ended {
			return err
		}
	}
	if wait := o.d.Gate.Respond(ctx, o.args.Connection, f); wait != nil && !(o.run.Last && jobs.Outlasts(wait)) {
		return wait
	}
	switch {
	case f.Category == fault.Transient && !o.run.Final(f.Category):
		o.d.Log.Info("delivery failed, to be tried again", "record_id", o.args.RecordID, "connection", o.args.Connection,
			"correlation_id", o.cause.CorrelationID, "category", f.Category, "attempt", o.run.Attempt, "error", f)
		return f
	case f.Category == fault.Conflict && o.conflicts < maxConflicts:
		o.conflicts++
		clear(o.readAt)
		return nil // the object is not what we thought: it is read again
	case f.Category == fault.Conflict && !o.run.Final(f.Category):
		return f
	case attempt != nil && attempt.ExternalID != "" && refusesAny(attempt, f):
		return o.store(ctx, attempt, func(_ apply.Tx, b *store.Bundle, link *store.Link) error {
			o.refuse(b, link, attempt.Sent, f)
			return nil
		}, attempt.ExternalID)
	case attempt != nil && o.skip(attempt.Revision, f):
		return nil
	}
	return o.end(ctx, attempt, f)
}

// refusesAny says that the vendor refuses an attribute that was sent: without it the others may go through.
func refusesAny(attempt *store.Attempt, f *fault.Error) bool {
	return slices.ContainsFunc(attempt.Paths, func(path model.Path) bool { return f.Refused[string(path)] != "" })
}

// settleFailure stores that the vendor did not do it, where that is certain, and the failure in the audit.
func (o *delivery) settleFailure(ctx context.Context, attempt *store.Attempt, f *fault.Error) error {
	return o.d.Applier.InTx(ctx, func(tx apply.Tx) error {
		b, err := tx.LockBundle(ctx, attempt.RecordID)
		if err != nil {
			return err
		}
		if !b.Record.ErasedAt.IsZero() {
			return o.complete(ctx, tx)
		}
		if !f.MaybeDone {
			tx.SettleAttempt(attempt.ID, store.Refused, f.Error())
		}
		tx.PutTrail(o.trail(store.ActionFailed, f.Error()))
		return nil
	})
}

// maxConflicts is how often one run of the job reads and tries again at once.
const maxConflicts = 2

// skip leaves refused attributes out of a create of a revision; false where that would leave it as it was.
func (o *delivery) skip(of store.Revision, f *fault.Error) bool {
	o.forget(of)
	fresh := false
	for path, reason := range f.Refused {
		fresh = fresh || o.skipped[path] == ""
		o.skipped[path] = cmp.Or(reason, "refused")
	}
	return fresh
}

// forget has nothing left out of a create any more that was refused in another revision.
func (o *delivery) forget(revision store.Revision) {
	if o.skippedOf != revision {
		clear(o.skipped)
		o.skippedOf = revision
	}
}

// refuse notes at the view which attributes the vendor would not take.
func (o *delivery) refuse(b *store.Bundle, link *store.Link, sent proto.Message, f *fault.Error) {
	stored := o.viewOf(b, link)
	for _, path := range slices.Sorted(maps.Keys(f.Refused)) {
		stored.View.Refuse(model.Path(path), sent, f.Refused[path], o.d.Applier.Now())
	}
}

// end gives the delivery up, or takes note that the object is gone.
func (o *delivery) end(ctx context.Context, attempt *store.Attempt, f *fault.Error) error {
	err := o.d.Applier.InTx(ctx, func(tx apply.Tx) error {
		b, err := tx.LockBundle(ctx, o.args.RecordID)
		if err != nil {
			return err
		}
		if !b.Record.ErasedAt.IsZero() {
			return o.complete(ctx, tx)
		}
		if attempt != nil {
			b.Pending = slices.DeleteFunc(b.Pending, func(a *store.Attempt) bool { return a.ID == attempt.ID })
			if f.MaybeDone {
				tx.SettleAttempt(attempt.ID, store.Abandoned, f.Error())
			}
		}
		if link := b.Link(store.LinkKey{Connection: o.args.Connection, Kind: b.Record.Kind, ExternalID: o.object}); f.Category == fault.Gone && link.Speaks() {
			return o.d.Applier.Gone(ctx, tx, b, link, o.cause) // and look again: there may be other objects
		}
		if b.Record.ID != o.args.RecordID {
			return o.handOver(ctx, tx, b)
		}
		if attempt != nil && attempt.Revision < b.Record.Revision {
			return nil // a newer revision is owed (law 6): look again
		}
		return o.giveUp(ctx, tx, b, f)
	})
	if err != nil {
		return fmt.Errorf("end delivery: %w", err)
	}
	return nil
}

// giveUp makes a dead letter of the delivery and ends its job. A newer revision takes it up again.
func (o *delivery) giveUp(ctx context.Context, tx apply.Tx, b *store.Bundle, f *fault.Error) error {
	tx.PutDelivery(&store.Delivery{RecordID: b.Record.ID, Connection: o.args.Connection, Kind: b.Record.Kind, State: store.Dead,
		Revision: b.Record.Revision, Reason: f.Error(), CorrelationID: o.cause.CorrelationID, TraceParent: o.cause.TraceParent})
	tx.PutDeadLetter(store.DeadLetter{RecordID: b.Record.ID, Connection: o.args.Connection, Category: string(f.Category),
		Reason: f.Error(), Attempts: o.run.Attempt, CorrelationID: o.cause.CorrelationID})
	o.d.Log.Error("delivery dead-lettered", "record_id", b.Record.ID, "connection", o.args.Connection,
		"correlation_id", o.cause.CorrelationID, "category", f.Category, "error", f)
	return o.complete(ctx, tx)
}

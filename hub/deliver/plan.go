package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// situation is what plan sees of a locked record.
type situation struct {
	bundle *store.Bundle
	rules  *policy.Kind
	res    *policy.Resolution
	target *policy.Target
	link   *store.Link
	held   *view.View
	owed   []model.Path
	// refused says that an object is to be made, and the vendor takes nothing of what is owed.
	refused bool
}

// plan looks at the locked record and says what to do next; nil where the job has ended, or is to look again.
func (o *delivery) plan(ctx context.Context) (next step, err error) {
	err = o.d.Applier.InTx(ctx, func(tx apply.Tx) error {
		next, o.ended, o.told = nil, false, nil
		b, err := tx.LockBundle(ctx, o.args.RecordID)
		if errors.Is(err, store.ErrNotFound) {
			return o.complete(ctx, tx)
		}
		if err != nil {
			return err
		}
		if !b.Record.ErasedAt.IsZero() {
			return o.complete(ctx, tx) // nothing is owed any more
		}
		if b.Record.ID != o.args.RecordID && b.PendingFor(o.args.RecordID, o.args.Connection) == nil {
			return o.handOver(ctx, tx, b)
		}
		next, err = o.decide(ctx, tx, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("deliver %s to %s: %w", o.args.RecordID, o.args.Connection, err)
	}
	for _, tell := range o.told {
		tell()
	}
	return next, nil
}

func (o *delivery) decide(ctx context.Context, tx apply.Tx, b *store.Bundle) (step, error) {
	if err := o.d.Applier.Current(b); err != nil {
		return nil, err
	}
	if d := b.Delivery(o.args.Connection); d != nil {
		o.cause = apply.Cause{Source: o.args.Connection, CorrelationID: d.CorrelationID, TraceParent: d.TraceParent}
	}
	if attempt := b.PendingFor(o.args.RecordID, o.args.Connection); attempt != nil {
		attempt.Sends++
		tx.ResendAttempt(attempt.ID)
		tx.PutTrail(o.trail(store.ActionRetried, fmt.Sprintf("attempt %d, send %d", attempt.ID, attempt.Sends)))
		return o.push(attempt), nil
	}
	if d := b.Delivery(o.args.Connection); d != nil && d.State == store.Dead {
		return nil, o.complete(ctx, tx)
	}
	if attempt := b.PendingAttempt(o.args.Connection); attempt != nil {
		return nil, o.block(ctx, tx, b, fmt.Sprintf("waits for the outcome of a push for %s, which began before they were one, or two", attempt.RecordID))
	}
	if o.d.Applier.Active().Policy.Kind(b.Record.Kind) == nil {
		return nil, o.settled(ctx, tx, b) // no policy, no targets
	}
	s, err := o.situation(b)
	if err != nil {
		return nil, err
	}
	if s.target != nil {
		if link := o.d.Applier.ToArchive(s.rules, b, s.target); link != nil {
			return o.archive(ctx, tx, s, link)
		}
	}
	if s.refused {
		return nil, o.giveUp(ctx, tx, b, &fault.Error{Category: fault.Permanent, Op: "create", Message: "nothing of it is taken", Refused: o.skipped})
	}
	if len(s.owed) == 0 {
		return nil, o.settled(ctx, tx, b)
	}
	if brake := b.Braked(o.args.Connection); brake != nil {
		return nil, o.stop(ctx, tx, b, brake)
	}
	if o.mustRead(s) {
		return o.read(s.link.LinkKey, store.Epoch{Linked: true, Number: s.link.Epoch, Began: o.d.Applier.Now().UTC()}), nil
	}
	if s.link == nil && o.unread {
		return nil, o.block(ctx, tx, b, "waits until what is there has been read: the backfill is not done")
	}
	if err := o.contest(tx, s); err != nil {
		return nil, err
	}
	if len(s.owed) == 0 {
		return nil, nil // and look again: the connection may have other objects
	}
	return o.attempt(ctx, tx, s)
}

func (o *delivery) situation(b *store.Bundle) (*situation, error) {
	rules, res, err := o.d.Applier.Resolve(b)
	if err != nil {
		return nil, err
	}
	s := &situation{bundle: b, rules: rules, res: res, target: rules.Target(o.args.Connection)}
	if s.target == nil {
		return s, nil // no target any more: nothing is owed
	}
	s.link, s.owed = o.d.Applier.Next(rules, res, b, s.target)
	if s.link != nil {
		if v := b.View(o.args.Connection, s.link.ExternalID); v != nil {
			s.held = v.View
		}
	}
	if s.link == nil {
		o.forget(b.Record.Revision)
		left := slices.DeleteFunc(slices.Clone(s.owed), func(path model.Path) bool { return o.skipped[string(path)] != "" })
		s.refused = len(left) == 0 && len(s.owed) > 0
		s.owed = left
	}
	return s, nil
}

// handOver ends the job of a record that was merged: nothing of it is under way any more, and the record that lives owes
// what there is.
func (o *delivery) handOver(ctx context.Context, tx apply.Tx, b *store.Bundle) error {
	tx.SettleDelivery(o.args.RecordID, o.args.Connection)
	cause := o.cause
	cause.Source = o.args.Connection
	if _, err := o.d.Applier.Fold(ctx, tx, b, cause); err != nil {
		return err
	}
	return o.complete(ctx, tx)
}

// settled ends the delivery and its job in the transaction that saw nothing owed (law 6).
func (o *delivery) settled(ctx context.Context, tx apply.Tx, b *store.Bundle) error {
	if d := b.Delivery(o.args.Connection); d != nil {
		d.Settle(b.Record.Revision)
		tx.PutDelivery(d)
	}
	return o.complete(ctx, tx)
}

// mustRead says that an owed attribute is one that the target may itself claim, so that it is read before it is
// written: a push does not overwrite what we have not seen.
func (o *delivery) mustRead(s *situation) bool {
	if s.link == nil || o.c.Adapter.Fetcher == nil {
		return false
	}
	if at, read := o.readAt[s.link.ExternalID]; read && at == s.link.Epoch {
		return false
	}
	if o.conflicts > 0 {
		return true
	}
	for _, path := range s.owed {
		if s.rules.Claims(o.args.Connection, path) {
			return true
		}
	}
	return false
}

// attempt freezes the push and stores it before the call.
func (o *delivery) attempt(ctx context.Context, tx apply.Tx, s *situation) (step, error) {
	message, err := o.localReferences(ctx, tx, s)
	var (
		refused *fault.Error
		wait    waits
	)
	switch {
	case errors.As(err, &refused):
		return nil, o.unprepared(ctx, tx, s, refused)
	case errors.As(err, &wait):
		return nil, o.blockFor(ctx, tx, s.bundle, wait.on, wait.Error())
	case err != nil:
		return nil, err
	}
	patch := adapters.Patch{
		Kind: adapters.Kind(s.rules.Schema.Kind()), RecordID: string(s.bundle.Record.ID), Message: message,
		Paths: make([]string, len(s.owed)), Key: o.d.NewKey(),
	}
	for i, path := range s.owed {
		patch.Paths[i] = string(path)
	}
	attempt := &store.Attempt{RecordID: s.bundle.Record.ID, Connection: o.args.Connection, Kind: s.bundle.Record.Kind,
		Revision: s.bundle.Record.Revision, Key: patch.Key, Paths: s.owed, Sent: s.res.Message, Sends: 1}
	if s.link != nil {
		patch.ExternalID, attempt.ExternalID = adapters.ExternalID(s.link.ExternalID), s.link.ExternalID
	}
	if s.held != nil {
		if patch.Held, err = o.heldThere(ctx, tx, s); err != nil {
			return nil, err
		}
		for _, path := range s.owed {
			switch {
			case s.held.Unfit(path): // what is there was seen, and is none of ours to compare with
				s.rules.Schema.Clear(patch.Held, path)
			case s.held.State().HoldsNone(path):
				patch.HeldEmpty = append(patch.HeldEmpty, string(path))
			}
		}
		attempt.SentAfter = s.held.Newest()
	}
	request, err := o.c.Adapter.Pusher.Prepare(patch)
	if err != nil {
		return nil, o.unprepared(ctx, tx, s, fault.As(err))
	}
	attempt.Request = request.Body
	if s.link == nil {
		// A create that was given up may have taken effect: look for its object first.
		abandoned, err := tx.AbandonedCreates(ctx, attempt.RecordID, attempt.Connection)
		if err != nil {
			return nil, err
		}
		for _, a := range abandoned {
			if !slices.Contains(attempt.LookFirst, a.RecordID) {
				attempt.LookFirst = append(attempt.LookFirst, a.RecordID)
			}
		}
	}
	brake, err := o.brake(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	if brake != nil {
		return nil, o.stop(ctx, tx, s.bundle, brake)
	}
	if err := tx.PutAttempt(ctx, attempt); err != nil {
		return nil, err
	}
	if s.link != nil {
		s.link.Epoch++
		tx.PutLink(s.link)
	}
	return o.push(attempt), nil
}

// unprepared does what a patch that the vendor cannot express means: its attributes are refused, or it is given up.
func (o *delivery) unprepared(ctx context.Context, tx apply.Tx, s *situation, f *fault.Error) error {
	switch {
	case len(f.Refused) > 0 && s.link != nil:
		o.refuse(s.bundle, s.link, s.res.Message, f)
		return o.putView(tx, s.bundle, s.link)
	case o.skip(s.bundle.Record.Revision, f):
		return nil
	}
	return o.giveUp(ctx, tx, s.bundle, f)
}

// waits says what a push waits for.
type waits struct {
	path model.Path
	on   store.RecordID
	at   string
}

func (w waits) Error() string { return fmt.Sprintf("%s waits for %s at %s", w.path, w.on, w.at) }

// localReferences turns references to records into the target's own ids. One to a record that was erased will never have
// one: the target cannot take it.
func (o *delivery) localReferences(ctx context.Context, tx apply.Tx, s *situation) (proto.Message, error) {
	message := proto.Clone(s.res.Message)
	for ref := range s.rules.Schema.References(message) {
		id := store.RecordID(ref.Target.GetRecordId())
		if id == "" || !slices.Contains(s.owed, ref.Path) {
			continue
		}
		err := o.localise(ctx, tx, ref.Target, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, waits{ref.Path, id, o.args.Connection}
		case errors.Is(err, store.ErrErased):
			return nil, &fault.Error{Category: fault.Permanent, Refused: map[string]string{string(ref.Path): fmt.Sprintf("%s was erased", id)}}
		case err != nil:
			return nil, err
		}
	}
	return message, nil
}

// heldThere is what the target holds of what is owed, with its own ids in references; those that it has none for stay.
func (o *delivery) heldThere(ctx context.Context, tx apply.Tx, s *situation) (proto.Message, error) {
	held := proto.Clone(s.held.State().Held)
	for ref := range s.rules.Schema.References(held) {
		id := store.RecordID(ref.Target.GetRecordId())
		if id == "" || !slices.Contains(s.owed, ref.Path) {
			continue
		}
		if err := o.localise(ctx, tx, ref.Target, id); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrErased) {
			return nil, err
		}
	}
	return held, nil
}

// localise turns a reference to a record into the target's own id.
func (o *delivery) localise(ctx context.Context, tx apply.Tx, ref *canonicalv1.Reference, id store.RecordID) error {
	external, err := tx.ExternalID(ctx, id, o.args.Connection)
	if err != nil {
		return err
	}
	ref.Target = &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{Connection: o.args.Connection, ExternalId: external}}
	return nil
}

// block ends the job and leaves the delivery visibly waiting; the sweeper takes it up again.
func (o *delivery) block(ctx context.Context, tx apply.Tx, b *store.Bundle, reason string) error {
	return o.blockFor(ctx, tx, b, "", reason)
}

// blockFor is block for another record's object, which wakes it once it is made.
func (o *delivery) blockFor(ctx context.Context, tx apply.Tx, b *store.Bundle, on store.RecordID, reason string) error {
	tx.PutDelivery(&store.Delivery{RecordID: b.Record.ID, Connection: o.args.Connection, Kind: b.Record.Kind, State: store.Blocked,
		Revision: b.Record.Revision, Reason: reason, WaitsFor: on, CorrelationID: o.cause.CorrelationID, TraceParent: o.cause.TraceParent})
	return o.complete(ctx, tx)
}

func (o *delivery) trail(action, detail string) store.Trail {
	return store.Trail{Action: action, CorrelationID: o.cause.CorrelationID, Connection: o.args.Connection, RecordID: o.args.RecordID, Detail: detail}
}

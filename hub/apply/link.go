package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/canonhub/canonhub/hub/store"
)

// Link says by hand that an object is of a record.
type Link struct {
	RecordID store.RecordID
	// Object, whose kind is the record's.
	Object store.LinkKey
	// Primary says that it is to speak for its connection.
	Primary bool
	// Move takes it from the record that it is linked to.
	Move bool
	// By and Why go into the audit.
	By, Why       string
	CorrelationID string
}

// Errors of links made by hand.
var (
	// ErrLinked: the object is another record's.
	ErrLinked = errors.New("the object is linked to another record; say that it is to move")
	// ErrNotLinked: the object is not linked to this record.
	ErrNotLinked = errors.New("the object is not linked to this record")
	// ErrErasedObject: what was known of the object was erased.
	ErrErasedObject = errors.New("the object's record was erased: it is not taken in any more")
)

// Link links an object to a record. An object that nothing but references know, a placeholder, makes its record part of
// this one. Nothing is fetched: what the object says counts from its next observation on, and what is known of it at once.
func (a *Applier) Link(ctx context.Context, l Link) (Result, error) {
	var result Result
	err := a.inTx(ctx, func(tx Tx) error {
		one, err := a.lockLink(ctx, tx, l.RecordID, l.Object)
		if err != nil {
			return err
		}
		cause := Cause{Source: l.By, CorrelationID: l.CorrelationID}
		if err := a.attach(ctx, tx, one, l, cause); err != nil {
			return err
		}
		tx.PutTrail(store.Trail{Action: store.ActionLinked, CorrelationID: l.CorrelationID, Connection: l.Object.Connection,
			RecordID: one.to.Record.ID, Actor: l.By, Detail: l.Why})
		result, err = a.linked(ctx, tx, one.to.Record.ID, l, cause)
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("link %s %s to %s: %w", l.Object.Connection, l.Object.Kind, l.RecordID, err)
	}
	return result, nil
}

// Unlink takes an object from a record: what it said counts no more, and it does not find back by itself. Its next
// observation looks for another record, or makes one.
func (a *Applier) Unlink(ctx context.Context, l Link) (Result, error) {
	var result Result
	err := a.inTx(ctx, func(tx Tx) error {
		one, err := a.lockLink(ctx, tx, l.RecordID, l.Object)
		if err != nil {
			return err
		}
		link := one.to.Link(l.Object)
		if !link.Speaks() {
			return ErrNotLinked
		}
		tx.Bar(l.Object, one.to.Record.ID)
		tx.Bar(l.Object, link.BornOn)
		link.State, link.Primary = store.LinkDetached, false
		tx.PutLink(link)
		elect(tx, one.to, link)
		tx.PutTrail(store.Trail{Action: store.ActionUnlinked, CorrelationID: l.CorrelationID, Connection: l.Object.Connection,
			RecordID: one.to.Record.ID, Actor: l.By, Detail: l.Why})
		if _, err := a.Fold(ctx, tx, one.to, Cause{Source: l.By, CorrelationID: l.CorrelationID}); err != nil {
			return err
		}
		result = Result{Outcome: Applied, RecordID: one.to.Record.ID, Revision: one.to.Record.Revision}
		return nil
	})
	if err != nil {
		return Result{}, fmt.Errorf("unlink %s %s from %s: %w", l.Object.Connection, l.Object.Kind, l.RecordID, err)
	}
	return result, nil
}

// linking is what a change of a link by hand has locked.
type linking struct {
	to *store.Bundle
	// from is the record that the object is, or was, linked to, where that is another one; nil where there is none.
	from *store.Bundle
	// link of the object as it is; nil where it has none.
	link *store.Link
}

// lockLink locks an object with the record that it is to be linked to and the one that it is linked to.
func (a *Applier) lockLink(ctx context.Context, tx Tx, id store.RecordID, object store.LinkKey) (*linking, error) {
	living, err := tx.Living(ctx, id)
	if err != nil {
		return nil, err
	}
	link, err := tx.LinkOf(ctx, object)
	if err != nil {
		return nil, err
	}
	if link != nil && link.RecordID != living[0] {
		living = append(living, link.RecordID)
	}
	bundles, err := tx.LockRecords(ctx, store.Locks{Kind: object.Kind, Objects: []store.LinkKey{object}, Records: living})
	if err != nil {
		return nil, err
	}
	one := &linking{to: bundles[0]}
	if len(bundles) > 1 {
		one.from = bundles[1]
	}
	for _, b := range bundles {
		if b.Record.MergedInto != "" {
			return nil, store.Moved()
		}
	}
	if one.link, err = tx.LinkOf(ctx, object); err != nil {
		return nil, err
	}
	switch {
	case (link == nil) != (one.link == nil) || link != nil && link.RecordID != one.link.RecordID:
		return nil, store.Moved()
	case one.to.Record.Kind != object.Kind:
		return nil, ErrOtherKind
	case !one.to.Record.ErasedAt.IsZero():
		return nil, ErrErased
	case a.Active().Policy.Kind(object.Kind) == nil:
		return nil, ErrNoPolicy
	}
	return one, nil
}

// attach brings the object to the record, from wherever it is.
func (a *Applier) attach(ctx context.Context, tx Tx, one *linking, l Link, cause Cause) error {
	to := one.to.Record.ID
	if one.link == nil {
		contact, err := tx.LockContact(ctx, l.Object, nil, nil)
		if err != nil {
			return err
		}
		if contact.Erased {
			return ErrErasedObject
		}
		tx.PutLink(newLink(l.Object, one.to))
		return a.found(ctx, tx, l.Object)
	}
	tx.Unbar(l.Object, to)
	if one.from == nil {
		if !one.link.Speaks() {
			one.link.State = store.LinkLive
			tx.PutLink(one.link)
		}
		return nil
	}
	switch {
	case !one.link.Speaks():
	case one.from.Record.Placeholder:
		_, err := a.joinBy(ctx, tx, one.from, one.to, cause, Merge{By: l.By, Why: l.Why})
		return err
	case !l.Move:
		return ErrLinked
	default:
		tx.Bar(l.Object, one.from.Record.ID)
	}
	moved := *one.link
	moved.RecordID, moved.BornOn, moved.Primary = to, to, false
	if !moved.Speaks() {
		moved.State = store.LinkLive
	}
	tx.MoveView(l.Object, one.from.Record.ID, to)
	tx.PutLink(&moved)
	return a.without(ctx, tx, one.from.Record.ID, cause)
}

// without folds the record that an object was taken from.
func (a *Applier) without(ctx context.Context, tx Tx, id store.RecordID, cause Cause) error {
	b, err := tx.LockBundle(ctx, id)
	if err != nil {
		return err
	}
	elect(tx, b, nil)
	_, err = a.Fold(ctx, tx, b, cause)
	return err
}

// linked folds the record that an object was brought to.
func (a *Applier) linked(ctx context.Context, tx Tx, id store.RecordID, l Link, cause Cause) (Result, error) {
	b, err := tx.LockBundle(ctx, id)
	if err != nil {
		return Result{}, err
	}
	for _, link := range b.Links {
		if l.Primary && link.Connection == l.Object.Connection && link.Primary != (link.LinkKey == l.Object) {
			link.Primary = link.LinkKey == l.Object
			tx.PutLink(link)
		}
	}
	elect(tx, b, nil)
	if _, err := a.Fold(ctx, tx, b, cause); err != nil {
		return Result{}, err
	}
	return Result{Outcome: Applied, RecordID: id, Revision: b.Record.Revision}, nil
}

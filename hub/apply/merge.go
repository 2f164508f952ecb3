package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// Merge says that two records are one.
type Merge struct {
	// A and B are the ids; which of them lives is told by their age.
	A, B store.RecordID
	// By and Why go into the audit.
	By, Why       string
	CorrelationID string
}

// Errors of merges and of links made by hand.
var (
	// ErrOtherKind: the two are not of one kind.
	ErrOtherKind = errors.New("the records are of different kinds")
	// ErrErased: nothing is left that could be merged or linked.
	ErrErased = store.ErrErased
	// ErrNotMerged: the one is not part of the other.
	ErrNotMerged = errors.New("the record is not merged into this one")
	// ErrNoPolicy: the configuration has no policy for the kind.
	ErrNoPolicy = errors.New("the configuration has no policy for this kind")
)

// Merge makes one record of two, in one transaction: the older id lives, the other answers with it for ever (law 8).
// Links, and the views of their objects, move; what internal sources and people said of the other stays with it, and
// counts where they have said nothing of the one that lives. Where the two are one already, nothing happens.
//
// A push that is under way for the other is settled by the delivery that made it, and what it creates is linked to the
// record that lives; nothing newer is sent there before.
func (a *Applier) Merge(ctx context.Context, m Merge) (Result, error) {
	var result Result
	err := a.inTx(ctx, func(tx Tx) error {
		living, err := tx.Living(ctx, m.A, m.B)
		if err != nil {
			return err
		}
		if living[0] == living[1] {
			b, err := tx.LockBundle(ctx, living[0])
			if err == nil {
				result = Result{Outcome: Duplicate, RecordID: b.Record.ID, Revision: b.Record.Revision}
			}
			return err
		}
		bundles, err := a.lockLiving(ctx, tx, living)
		if err != nil {
			return err
		}
		merged, survivor := byAge(bundles[0], bundles[1])
		cause := Cause{Source: m.By, CorrelationID: m.CorrelationID}
		b, err := a.joinBy(ctx, tx, merged, survivor, cause, m)
		if err != nil {
			return err
		}
		_, err = a.Fold(ctx, tx, b, cause)
		result = Result{Outcome: Applied, RecordID: b.Record.ID, Revision: b.Record.Revision}
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("merge %s and %s: %w", m.A, m.B, err)
	}
	return result, nil
}

// lockLiving locks records that answer for themselves and are of one kind.
func (a *Applier) lockLiving(ctx context.Context, tx Tx, ids []store.RecordID) ([]*store.Bundle, error) {
	first, err := tx.LockRecords(ctx, store.Locks{Kind: kindOf(ids[0]), Records: ids})
	if err != nil {
		return nil, err
	}
	for _, b := range first {
		switch {
		case b.Record.MergedInto != "":
			return nil, store.Moved()
		case b.Record.Kind != first[0].Record.Kind:
			return nil, ErrOtherKind
		case !b.Record.ErasedAt.IsZero():
			return nil, ErrErased
		case a.Active().Policy.Kind(b.Record.Kind) == nil:
			return nil, ErrNoPolicy
		}
	}
	return first, nil
}

// byAge tells which of two records lives: ids are ordered by time.
func byAge(a, b *store.Bundle) (merged, survivor *store.Bundle) {
	if a.Record.ID < b.Record.ID {
		return b, a
	}
	return a, b
}

// join merges two locked records for the hub itself.
func (a *Applier) join(ctx context.Context, tx Tx, merged, survivor *store.Bundle, cause Cause, why string) (*store.Bundle, error) {
	return a.joinBy(ctx, tx, merged, survivor, cause, Merge{Why: why})
}

// joinBy merges two locked records and returns the one that lives, to be folded.
func (a *Applier) joinBy(ctx context.Context, tx Tx, merged, survivor *store.Bundle, cause Cause, m Merge) (*store.Bundle, error) {
	from, to := merged.Record, survivor.Record
	tx.PutMerge(from.ID, to)
	tx.ReviewsMerged(from.ID, to.ID, merged.Reviews, store.Closing{Resolution: store.Resolved, By: m.By, Why: "merged: " + m.Why})
	if err := a.tell(tx, merged, cause); err != nil {
		return nil, err
	}
	var settling []jobs.DeliverArgs
	for _, attempt := range merged.Pending {
		if attempt.RecordID == from.ID {
			settling = append(settling, jobs.DeliverArgs{RecordID: from.ID, Connection: attempt.Connection})
		}
	}
	if err := a.Queue.Deliver(ctx, tx, settling); err != nil {
		return nil, err
	}
	for _, id := range []store.RecordID{from.ID, to.ID} {
		tx.PutTrail(store.Trail{Action: store.ActionMerged, CorrelationID: cause.CorrelationID, RecordID: id, Actor: m.By,
			Detail: fmt.Sprintf("%s into %s: %s", from.ID, to.ID, m.Why)})
	}
	b, err := tx.LockBundle(ctx, to.ID)
	if err != nil {
		return nil, err
	}
	b.Reborn = true
	revive(b.Record, from)
	elect(tx, b, nil)
	return b, nil
}

// tell counts a revision of a record whose life is changed by nothing in it, so that who follows it hears of it.
func (a *Applier) tell(tx Tx, b *store.Bundle, cause Cause) error {
	r := b.Record
	r.Revision++
	if err := tx.PutRecord(r); err != nil {
		return err
	}
	tx.PutChange(&store.Change{RecordID: r.ID, Revision: r.Revision, Kind: r.Kind, Paths: []string{}, Source: cause.Source, CorrelationID: cause.CorrelationID})
	return nil
}

// revive gives the record that lives what the other has of life.
func revive(r, from *store.Record) {
	if !r.DeletedAt.IsZero() && from.DeletedAt.IsZero() && !from.Placeholder {
		r.DeletedAt, r.Archive = zeroTime, false
	}
	if r.Placeholder && !from.Placeholder {
		r.Placeholder, r.Creator = false, from.Creator
	}
}

// Unmerge says that a record is none with the one that it was merged into.
type Unmerge struct {
	// Survivor answers for Merged.
	Survivor, Merged store.RecordID
	// By and Why go into the audit.
	By, Why       string
	CorrelationID string
}

// Unmerge makes two records of one again: each has the links that it was born with, with the views of their objects, and
// both are folded. What was linked since the merge stays with the survivor; what was merged into the other before goes
// with it. What an object said since the merge is its own, wherever it was linked.
func (a *Applier) Unmerge(ctx context.Context, u Unmerge) (survivor, parted Result, err error) {
	err = a.inTx(ctx, func(tx Tx) error {
		m, root, err := a.lockMerged(ctx, tx, u)
		if err != nil {
			return err
		}
		cause := Cause{Source: u.By, CorrelationID: u.CorrelationID}
		tx.Part(m, root)
		tx.NotOne(kindOf(root), root, m.Record, store.Closing{By: u.By, Why: u.Why})
		if survivor, err = a.refound(ctx, tx, root, m.Survivor, cause); err != nil {
			return err
		}
		parted, err = a.refound(ctx, tx, m.Record, nil, cause)
		for _, id := range []store.RecordID{root, m.Record} {
			tx.PutTrail(store.Trail{Action: store.ActionParted, CorrelationID: u.CorrelationID, RecordID: id, Actor: u.By,
				Detail: fmt.Sprintf("%s from %s: %s", m.Record, root, u.Why)})
		}
		return err
	})
	if err != nil {
		return Result{}, Result{}, fmt.Errorf("part %s from %s: %w", u.Merged, u.Survivor, err)
	}
	return survivor, parted, nil
}

// lockMerged locks all records that an unmerge touches.
func (a *Applier) lockMerged(ctx context.Context, tx Tx, u Unmerge) (*store.Merged, store.RecordID, error) {
	living, err := tx.Living(ctx, u.Merged, u.Survivor)
	if err != nil {
		return nil, "", err
	}
	root := living[0]
	if root == u.Merged || living[1] != root {
		return nil, "", ErrNotMerged
	}
	bundles, err := tx.LockRecords(ctx, store.Locks{Kind: kindOf(root), Records: []store.RecordID{root, u.Merged}})
	if err != nil {
		return nil, "", err
	}
	switch {
	case bundles[0].Record.MergedInto != "" || bundles[1].Record.MergedInto != root:
		return nil, "", store.Moved()
	case !bundles[0].Record.ErasedAt.IsZero():
		return nil, "", ErrErased
	case a.Active().Policy.Kind(bundles[0].Record.Kind) == nil:
		return nil, "", ErrNoPolicy
	}
	m, err := tx.Merged(ctx, u.Merged)
	return m, root, err
}

// refound folds a record after a merge was undone. was is what the survivor was before; nil for the other.
func (a *Applier) refound(ctx context.Context, tx Tx, id store.RecordID, was *store.Record, cause Cause) (Result, error) {
	b, err := tx.LockBundle(ctx, id)
	if err != nil {
		return Result{}, err
	}
	b.Reborn = true
	if was != nil && was.ID == id {
		unrevive(b, was)
	}
	elect(tx, b, nil)
	if _, err := a.Fold(ctx, tx, b, cause); err != nil {
		return Result{}, err
	}
	return Result{Outcome: Applied, RecordID: id, Revision: b.Record.Revision}, nil
}

// unrevive takes back the life that a merge gave, unless the record has come to one of its own since.
func unrevive(b *store.Bundle, was *store.Record) {
	alive, spoken := false, len(b.Inherited) > 0
	for _, link := range b.Links {
		alive = alive || link.State == store.LinkLive
	}
	for _, v := range b.Views {
		spoken = spoken || v.ExternalID != ""
	}
	if was.Placeholder && !spoken {
		b.Record.Placeholder, b.Record.Creator = true, was.Creator
	}
	if !was.DeletedAt.IsZero() && !alive {
		b.Record.DeletedAt = was.DeletedAt
	}
}

// kindOf is a record's kind by its id, which carries it.
func kindOf(id store.RecordID) model.Kind {
	kind, _, _ := strings.Cut(string(id), "_")
	return model.Kind(kind)
}

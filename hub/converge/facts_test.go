package converge_test

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// facts is the store in memory: what all hubs of a world share.
type facts struct {
	w *world

	policies   []*store.Policy
	records    table[store.RecordID, store.Record]
	links      table[store.LinkKey, store.Link]
	views      table[viewKey, viewRow]
	matches    table[matchRow, bool]
	gone       table[store.LinkKey, goneRow]
	orphans    table[orphanKey, bool]
	barred     table[barredKey, bool]
	merges     table[int, mergeRow]
	changes    table[changeKey, store.Change]
	deliveries table[deliveryKey, store.Delivery]
	attempts   table[int64, attemptRow]
	reviews    table[int64, store.Review]
	requests   table[store.RequestKey, store.Request]
	receipts   table[string, receiptRow]
	jobs       table[int64, job]
	letters    table[int, store.DeadLetter]

	serial int64
}

func (f *facts) next() int64 { f.serial++; return f.serial }

// tx is one transaction. All that it does is seen at once, since no other runs meanwhile, and is taken back where it does
// not commit.
type tx struct {
	apply.Tx
	*facts
	undo []undo
}

// errCrashed is the end of a task whose process is no more.
var errCrashed = errors.New("the process is no more")

// InTx runs fn in a transaction, and again where it found what it waited for to be merged.
func (f *facts) InTx(_ context.Context, fn func(apply.Tx) error) error {
	f.w.point("before a transaction")
	for try := 1; ; try++ {
		err := f.once(fn)
		if err == nil || try == 10 || !errors.Is(err, store.Moved()) {
			f.w.point("after a transaction")
			return err
		}
	}
}

func (f *facts) once(fn func(apply.Tx) error) (err error) {
	t := &tx{facts: f}
	committed := false
	defer func() {
		if committed {
			return
		}
		for _, undo := range slices.Backward(t.undo) {
			undo()
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	f.w.beforeCommit()
	committed = true
	return nil
}

// put is a transaction of the world's own.
func (f *facts) put(fn func(*tx)) { fn(&tx{facts: f}) }

// SQL is not to be had: the queue is in memory, too.
func (*tx) SQL(context.Context) (pgx.Tx, error) { return nil, errors.New("there is no database here") }

func (f *facts) ActivePolicy(context.Context) (*store.Policy, error) {
	return f.policies[len(f.policies)-1], nil
}

func (f *facts) RecordsBehind(_ context.Context, version int64, limit int) ([]store.RecordID, error) {
	var ids []store.RecordID
	f.records.each(func(id store.RecordID, r store.Record) {
		if r.PolicyVersion < version && len(ids) < limit {
			ids = append(ids, id)
		}
	})
	return ids, nil
}

func (f *facts) ExternalID(_ context.Context, id store.RecordID, connection string) (string, error) {
	external, err := "", store.ErrNotFound
	f.links.each(func(key store.LinkKey, l store.Link) {
		if l.RecordID == f.living(id) && key.Connection == connection && l.Primary && l.State == store.LinkLive {
			external, err = key.ExternalID, nil
		}
	})
	return external, err
}

// Epoch is what a read that begins now must carry.
func (f *facts) Epoch(_ context.Context, key store.LinkKey) (store.Epoch, error) {
	f.w.tick()
	e := store.Epoch{Began: f.w.now}
	if l, there := f.links.get(key); there && l.Speaks() {
		e.Linked, e.Number, e.LastRead = true, l.Epoch, l.ReadBegan
	}
	return e, nil
}

// living is the record that answers for an id.
func (f *facts) living(id store.RecordID) store.RecordID {
	if r, there := f.records.get(id); there && r.MergedInto != "" {
		return r.MergedInto
	}
	return id
}

// PutRequest stores what a request was answered.
func (t *tx) PutRequest(r *store.Request) { t.requests.put(t, r.RequestKey, *r) }

// LockRequest reads what a request was answered.
func (t *tx) LockRequest(_ context.Context, key store.RequestKey) (*store.Request, error) {
	if r, there := t.requests.get(key); there {
		return &r, nil
	}
	return nil, store.ErrNotFound
}

type changeKey struct {
	id       store.RecordID
	revision store.Revision
}

// PutChange stores an entry of the change log.
func (t *tx) PutChange(c *store.Change) {
	key := changeKey{c.RecordID, c.Revision}
	if _, there := t.changes.get(key); there {
		panic("revision " + string(c.RecordID) + " is there twice")
	}
	t.changes.put(t, key, *c)
}

// ChangedSince lists the attributes that changed after a revision.
func (t *tx) ChangedSince(_ context.Context, id store.RecordID, since store.Revision, paths []model.Path) (map[model.Path]store.Revision, bool, error) {
	changed := map[model.Path]store.Revision{}
	t.changes.each(func(key changeKey, c store.Change) {
		if key.id != id || key.revision <= since {
			return
		}
		for _, path := range c.Paths {
			if slices.Contains(paths, model.Path(path)) {
				changed[model.Path(path)] = max(changed[model.Path(path)], key.revision)
			}
		}
	})
	return changed, true, nil
}

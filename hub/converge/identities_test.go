package converge_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

type matchRow struct {
	kind model.Kind
	key  store.MatchKey
	id   store.RecordID
}

type orphanKey struct {
	link    store.LinkKey
	key     store.MatchKey
	receipt string
}

type barredKey struct {
	link store.LinkKey
	id   store.RecordID
}

type goneRow struct{ at, noted time.Time }

// LockContact reads what is known of an object.
func (t *tx) LockContact(_ context.Context, key store.LinkKey, keys []store.MatchKey, refers []store.LinkKey) (*store.Contact, error) {
	c := &store.Contact{Others: map[store.LinkKey]*store.Link{}, ActivePolicy: int64(len(t.policies))}
	link, linked := t.links.get(key)
	if linked && link.Speaks() {
		c.Bundle = t.bundle(t.living(link.RecordID))
		c.Link = c.Bundle.Link(key)
	}
	for _, other := range refers {
		if l, there := t.links.get(other); there && l.Speaks() {
			c.Others[other] = &l
		}
	}
	if c.Link != nil && !c.Bundle.Record.Placeholder {
		return c, nil
	}
	t.barred.each(func(b barredKey, _ bool) {
		if b.link == key {
			c.Barred = append(c.Barred, t.living(b.id))
		}
	})
	if linked && !link.Speaks() {
		c.Detached = link.RecordID
	}
	gone, _ := t.gone.get(key)
	c.GoneAt, c.GoneNoted = gone.at, gone.noted
	c.Waits = t.waits(key)
	c.Matches = t.matching(key.Kind, keys, c.Barred)
	return c, nil
}

// matching lists the records that have the first of the keys that any has.
func (t *tx) matching(kind model.Kind, keys []store.MatchKey, barred []store.RecordID) []store.RecordID {
	for _, key := range keys {
		var found []store.RecordID
		t.matches.each(func(m matchRow, _ bool) {
			record, _ := t.records.get(m.id)
			id := t.living(m.id)
			if m.kind == kind && m.key == key && record.DeletedAt.IsZero() && !slices.Contains(barred, id) && !slices.Contains(found, id) {
				found = append(found, id)
			}
		})
		if len(found) > 0 {
			slices.Sort(found)
			return found
		}
	}
	return nil
}

// PutLink stores a link.
func (t *tx) PutLink(l *store.Link) {
	next := *l
	before, there := t.links.get(l.LinkKey)
	next.LinkedAt = t.w.now
	if there {
		next.LinkedAt = before.LinkedAt
	}
	next.BornOn = cmp.Or(l.BornOn, l.RecordID)
	t.links.put(t, l.LinkKey, next)
}

// LinkOrphan links an object that waited, unless it has a link or a person took it from the record.
func (t *tx) LinkOrphan(l *store.Link) {
	_, linked := t.links.get(l.LinkKey)
	_, barred := t.barred.get(barredKey{l.LinkKey, l.RecordID})
	if !linked && !barred {
		t.PutLink(&store.Link{LinkKey: l.LinkKey, RecordID: l.RecordID, State: l.State, Primary: l.Primary})
	}
}

// LockObject reads an object's link; nil where it is not linked.
func (t *tx) LockObject(_ context.Context, key store.LinkKey) (*store.Link, error) {
	if l, there := t.links.get(key); there && l.Speaks() {
		return &l, nil
	}
	return nil, nil
}

// LinkOf reads an object's link, whatever its state.
func (t *tx) LinkOf(_ context.Context, key store.LinkKey) (*store.Link, error) {
	if l, there := t.links.get(key); there {
		return &l, nil
	}
	return nil, nil
}

// ExternalID is the object that a record is brought to.
func (t *tx) ExternalID(ctx context.Context, id store.RecordID, connection string) (string, error) {
	return t.facts.ExternalID(ctx, id, connection)
}

// PutMatchKey stores a record's key, and asks a person where others have it, too.
func (t *tx) PutMatchKey(kind model.Kind, key store.MatchKey, id store.RecordID, correlationID string) {
	t.matches.put(t, matchRow{kind, key, id}, true)
	t.matches.each(func(m matchRow, _ bool) {
		if m.kind == kind && m.key == key && m.id != id {
			pair := []store.RecordID{min(m.id, id), max(m.id, id)}
			t.PutReview(store.Review{Reason: store.SharedKey, LinkKey: store.LinkKey{Kind: kind}, Path: key.Attribute, RecordIDs: pair, CorrelationID: correlationID})
		}
	})
}

// DropMatchKey takes a key from a record.
func (t *tx) DropMatchKey(kind model.Kind, key store.MatchKey, id store.RecordID) {
	t.matches.drop(t, matchRow{kind, key, id})
}

// PutGone notes that an object which was never linked is gone.
func (t *tx) PutGone(key store.LinkKey, at time.Time) {
	before, _ := t.gone.get(key)
	if before.at.After(at) {
		at = before.at
	}
	t.gone.put(t, key, goneRow{at, t.w.now})
}

// GoneAt is when an object that is not linked was gone.
func (t *tx) GoneAt(_ context.Context, key store.LinkKey) (time.Time, error) {
	gone, _ := t.gone.get(key)
	return gone.at, nil
}

// PutOrphan notes that an object waits for a record.
func (t *tx) PutOrphan(key store.LinkKey, match store.MatchKey, receiptID string) {
	t.orphans.put(t, orphanKey{key, match, receiptID}, true)
}

// TakeOrphans takes the objects that waited for a key.
func (t *tx) TakeOrphans(_ context.Context, kind model.Kind, keys []store.MatchKey) ([]store.Orphan, error) {
	return t.take(func(o orphanKey) bool { return o.link.Kind == kind && slices.Contains(keys, o.key) }), nil
}

// TakeWaiting takes the objects that waited for leave to make a record.
func (t *tx) TakeWaiting(_ context.Context, kind model.Kind, connections []string, _ int) ([]store.Orphan, error) {
	return t.take(func(o orphanKey) bool {
		return o.link.Kind == kind && o.key == store.MatchKey{} && slices.Contains(connections, o.link.Connection)
	}), nil
}

// TakeOrphan takes an object that has found a record.
func (t *tx) TakeOrphan(_ context.Context, key store.LinkKey) ([]store.Orphan, error) {
	return t.take(func(o orphanKey) bool { return o.link == key }), nil
}

// take takes all that objects wait for of which any row is meant, and has heard again what spoke of them.
func (t *tx) take(meant func(orphanKey) bool) []store.Orphan {
	objects := map[store.LinkKey]bool{}
	t.orphans.each(func(o orphanKey, _ bool) { objects[o.link] = objects[o.link] || meant(o) })
	var taken []store.Orphan
	heard := map[string]bool{}
	t.orphans.each(func(o orphanKey, _ bool) {
		if !objects[o.link] {
			return
		}
		t.orphans.drop(t, o)
		if !heard[o.receipt] {
			taken = append(taken, store.Orphan{LinkKey: o.link, Receipt: t.reopen(o.receipt)})
		}
		heard[o.receipt] = true
	})
	return taken
}

// waits says whether an object waited for a record so far.
func (t *tx) waits(key store.LinkKey) bool {
	return slices.ContainsFunc(t.orphans.keys, func(o orphanKey) bool { return o.link == key })
}

// DropView forgets what an object said.
func (t *tx) DropView(key store.LinkKey, id store.RecordID) {
	t.views.drop(t, viewKey{id, key.Connection, key.ExternalID})
}

// MoveView makes an object's view one of another record.
func (t *tx) MoveView(key store.LinkKey, from, to store.RecordID) {
	t.DropView(key, to)
	if row, there := t.views.get(viewKey{from, key.Connection, key.ExternalID}); there {
		t.DropView(key, from)
		t.views.put(t, viewKey{to, key.Connection, key.ExternalID}, row)
	}
}

// Bar notes that an object does not find back to a record by itself.
func (t *tx) Bar(key store.LinkKey, id store.RecordID) { t.barred.put(t, barredKey{key, id}, true) }

// Unbar notes that it may.
func (t *tx) Unbar(key store.LinkKey, id store.RecordID) {
	t.barred.each(func(b barredKey, _ bool) {
		if b.link == key && t.living(b.id) == id {
			t.barred.drop(t, b)
		}
	})
}

package converge_test

import (
	"context"
	"slices"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

type mergeRow struct {
	merged   store.RecordID
	survivor store.Record
	undone   bool
}

// LockRecords reads records as they are.
func (t *tx) LockRecords(_ context.Context, l store.Locks) ([]*store.Bundle, error) {
	bundles := make([]*store.Bundle, len(l.Records))
	for i, id := range l.Records {
		if bundles[i] = t.bundle(id); bundles[i] == nil {
			return nil, store.ErrNotFound
		}
	}
	return bundles, nil
}

// Living tells which records answer for ids.
func (t *tx) Living(_ context.Context, ids ...store.RecordID) ([]store.RecordID, error) {
	out := make([]store.RecordID, len(ids))
	for i, id := range ids {
		if _, there := t.records.get(id); !there {
			return out, store.ErrNotFound
		}
		out[i] = t.living(id)
	}
	return out, nil
}

// PutMerge makes a record part of another.
func (t *tx) PutMerge(merged store.RecordID, survivor *store.Record) {
	t.merges.put(t, int(t.next()), mergeRow{merged: merged, survivor: *survivor})
	t.records.each(func(id store.RecordID, r store.Record) {
		if id == merged || r.MergedInto == merged {
			r.MergedInto = survivor.ID
			t.records.put(t, id, r)
		}
	})
	t.links.each(func(key store.LinkKey, l store.Link) {
		if l.RecordID == merged {
			l.RecordID = survivor.ID
			t.links.put(t, key, l)
		}
	})
	t.moveViews(merged, survivor.ID, func(key viewKey) bool { return key.externalID != "" })
	t.matches.each(func(m matchRow, _ bool) {
		if m.id == merged {
			t.matches.drop(t, m)
		}
	})
	t.deliveries.each(func(key deliveryKey, _ store.Delivery) {
		pending := false
		t.attempts.each(func(_ int64, a attemptRow) {
			pending = pending || a.state == store.Pending && a.RecordID == merged && a.Connection == key.connection
		})
		if key.id == merged && !pending {
			t.SettleDelivery(merged, key.connection)
		}
	})
}

func (t *tx) moveViews(from, to store.RecordID, which func(viewKey) bool) {
	t.views.each(func(key viewKey, row viewRow) {
		if key.id == from && which(key) {
			t.views.drop(t, key)
			t.views.put(t, viewKey{to, key.source, key.externalID}, row)
		}
	})
}

func (t *tx) standing(id store.RecordID) (int, mergeRow, bool) {
	for _, n := range t.merges.keys {
		if m, _ := t.merges.get(n); m.merged == id && !m.undone {
			return n, m, true
		}
	}
	return 0, mergeRow{}, false
}

// Merged reads the merge of a record.
func (t *tx) Merged(_ context.Context, id store.RecordID) (*store.Merged, error) {
	_, row, there := t.standing(id)
	if !there {
		return nil, store.ErrNotFound
	}
	s := row.survivor
	m := &store.Merged{Record: id, Survivor: &store.Record{ID: s.ID, Placeholder: s.Placeholder, Creator: s.Creator, DeletedAt: s.DeletedAt},
		Parts: []store.RecordID{id}}
	for i := 0; i < len(m.Parts); i++ {
		t.merges.each(func(_ int, other mergeRow) {
			if !other.undone && other.survivor.ID == m.Parts[i] {
				m.Parts = append(m.Parts, other.merged)
			}
		})
	}
	return m, nil
}

// Part ends a merge.
func (t *tx) Part(m *store.Merged, from store.RecordID) {
	if n, row, there := t.standing(m.Record); there {
		row.undone = true
		t.merges.put(t, n, row)
	}
	for _, id := range m.Parts {
		r, _ := t.records.get(id)
		r.MergedInto = m.Record
		if id == m.Record {
			r.MergedInto = ""
		}
		t.records.put(t, id, r)
	}
	t.links.each(func(key store.LinkKey, l store.Link) {
		if l.RecordID != from || !slices.Contains(m.Parts, l.BornOn) {
			return
		}
		t.moveViews(from, m.Record, func(v viewKey) bool { return v.source == key.Connection && v.externalID == key.ExternalID })
		l.RecordID = m.Record
		t.links.put(t, key, l)
	})
}

// NotOne notes that two records are not one.
func (t *tx) NotOne(kind model.Kind, a, b store.RecordID, c store.Closing) {
	t.reviews.put(t, t.next(), store.Review{Reason: store.SharedKey, LinkKey: store.LinkKey{Kind: kind}, RecordIDs: []store.RecordID{min(a, b), max(a, b)},
		OpenedAt: t.w.now, ClosedAt: t.w.now, Resolution: store.Dismissed, ClosedBy: c.By})
}

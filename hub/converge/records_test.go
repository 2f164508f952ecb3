package converge_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

type viewKey struct {
	id         store.RecordID
	source     string
	externalID string
}

// viewRow is a view as the store has it: encoded, so that none is changed in place.
type viewRow struct {
	kind   model.Kind
	state  []byte
	refers []string
}

type deliveryKey struct {
	id         store.RecordID
	connection string
}

type attemptRow struct {
	store.Attempt
	state store.AttemptState
}

// LockBundle reads a record, or the one that answers for it, with all around it.
func (t *tx) LockBundle(_ context.Context, id store.RecordID) (*store.Bundle, error) {
	b := t.bundle(t.living(id))
	if b == nil {
		return nil, store.ErrNotFound
	}
	return b, nil
}

// bundle reads a record as it is, with all around it; nil where there is none.
func (f *facts) bundle(id store.RecordID) *store.Bundle {
	record, there := f.records.get(id)
	if !there {
		return nil
	}
	b := &store.Bundle{ActivePolicy: int64(len(f.policies))}
	b.Begin(&record)
	f.links.each(func(_ store.LinkKey, l store.Link) {
		if l.RecordID == id {
			b.Links = append(b.Links, &l)
		}
	})
	slices.SortFunc(b.Links, func(x, y *store.Link) int {
		return cmp.Or(cmp.Compare(x.Connection, y.Connection), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.ExternalID, y.ExternalID))
	})
	f.readViews(b)
	f.deliveries.each(func(key deliveryKey, d store.Delivery) {
		if key.id == id {
			b.Deliveries = append(b.Deliveries, &d)
		}
	})
	f.attempts.each(func(_ int64, a attemptRow) {
		if a.state == store.Pending && (f.living(a.RecordID) == id || b.Link(store.LinkKey{Connection: a.Connection, Kind: a.Kind, ExternalID: a.ExternalID}) != nil) {
			b.Pending = append(b.Pending, &a.Attempt)
		}
	})
	f.reviews.each(func(_ int64, r store.Review) {
		if r.ClosedAt.IsZero() && slices.Contains(r.RecordIDs, id) {
			b.Reviews = append(b.Reviews, &r)
		}
	})
	f.matches.each(func(m matchRow, _ bool) {
		if m.id == id {
			b.MatchKeys = append(b.MatchKeys, m.key)
		}
	})
	slices.SortFunc(b.MatchKeys, store.MatchKey.Compare)
	return b
}

func (f *facts) readViews(b *store.Bundle) {
	var refers []string
	f.views.each(func(key viewKey, row viewRow) {
		inherited := key.externalID == "" && key.id != b.Record.ID && f.living(key.id) == b.Record.ID
		if key.id != b.Record.ID && !inherited {
			return
		}
		refers = append(refers, row.refers...)
		decoded, err := view.Decode(model.For(row.kind), row.state)
		if err != nil {
			panic(err)
		}
		v := &store.View{RecordID: key.id, Source: key.source, ExternalID: key.externalID, View: decoded}
		if inherited {
			b.Inherited = append(b.Inherited, v)
			return
		}
		b.Views = append(b.Views, v)
	})
	for _, id := range refers {
		if to := f.living(store.RecordID(id)); string(to) != id {
			b.Redirect(store.RecordID(id), to)
		}
	}
	byRecord := func(x, y *store.View) int {
		return cmp.Or(cmp.Compare(x.RecordID, y.RecordID), cmp.Compare(x.Source, y.Source), cmp.Compare(x.ExternalID, y.ExternalID))
	}
	slices.SortFunc(b.Views, byRecord)
	slices.SortFunc(b.Inherited, byRecord)
}

// PutRecord stores a record; what it was merged into is not its own to say.
func (t *tx) PutRecord(r *store.Record) error {
	next := *r
	before, there := t.records.get(r.ID)
	next.MergedInto, next.CreatedAt = "", t.w.now
	if there {
		if before.Kind != r.Kind || before.Revision > r.Revision {
			return errors.New("id " + string(r.ID) + " is used again")
		}
		next.MergedInto, next.CreatedAt = before.MergedInto, before.CreatedAt
	}
	t.records.put(t, r.ID, next)
	return nil
}

// PutPromoted has nothing to do: there are no lists here.
func (*tx) PutPromoted(*store.Record, []model.Path) {}

// Restamp notes that a record need not be folded again.
func (t *tx) Restamp(id store.RecordID, version int64) {
	r, _ := t.records.get(id)
	r.PolicyVersion = version
	t.records.put(t, id, r)
}

// PutView stores a view.
func (t *tx) PutView(v *store.View) error {
	state, err := v.View.Encode()
	if err != nil {
		return err
	}
	kind, _, _ := strings.Cut(string(v.RecordID), "_")
	t.views.put(t, viewKey{v.RecordID, v.Source, v.ExternalID}, viewRow{kind: model.Kind(kind), state: state, refers: v.View.Refers()})
	return nil
}

// PutDelivery stores a delivery.
func (t *tx) PutDelivery(d *store.Delivery) {
	t.deliveries.put(t, deliveryKey{d.RecordID, d.Connection}, *d)
}

// SettleDelivery notes that nothing is owed any more.
func (t *tx) SettleDelivery(id store.RecordID, connection string) {
	if d, there := t.deliveries.get(deliveryKey{id, connection}); there {
		d.State, d.Reason, d.WaitsFor = store.Settled, "", ""
		t.PutDelivery(&d)
	}
}

// WaitingFor are the records whose deliveries wait for a record's object.
func (t *tx) WaitingFor(_ context.Context, id store.RecordID, connection string, limit int) (out []store.RecordID, err error) {
	t.deliveries.each(func(key deliveryKey, d store.Delivery) {
		if d.WaitsFor == id && key.connection == connection {
			out = append(out, key.id)
		}
	})
	slices.Sort(out)
	return out[:min(limit, len(out))], nil
}

// PutAttempt stores an attempt. One is under way for a record and a connection at a time.
func (t *tx) PutAttempt(_ context.Context, a *store.Attempt) error {
	var err error
	t.attempts.each(func(_ int64, other attemptRow) {
		if other.state == store.Pending && other.RecordID == a.RecordID && other.Connection == a.Connection {
			err = errors.New("two attempts are pending for " + string(a.RecordID))
		}
	})
	a.ID = t.next()
	t.attempts.put(t, a.ID, attemptRow{*a, store.Pending})
	return err
}

// ResendAttempt counts a send.
func (t *tx) ResendAttempt(id int64) {
	a, _ := t.attempts.get(id)
	a.Sends++
	t.attempts.put(t, id, a)
}

// SettleAttempt stores an outcome.
func (t *tx) SettleAttempt(id int64, state store.AttemptState, _ string) {
	a, _ := t.attempts.get(id)
	a.state = state
	t.attempts.put(t, id, a)
}

// AbandonedCreates lists the creates for a record that were given up.
func (t *tx) AbandonedCreates(_ context.Context, id store.RecordID, connection string) ([]*store.Attempt, error) {
	var found []*store.Attempt
	t.attempts.each(func(_ int64, a attemptRow) {
		r, _ := t.records.get(a.RecordID)
		ours := a.RecordID == id || r.MergedInto == id
		if ours && a.Connection == connection && a.ExternalID == "" && a.state == store.Abandoned {
			found = append(found, &a.Attempt)
		}
	})
	return found, nil
}

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

// View is one source's side of a record, with the source's own object.
type View struct {
	RecordID RecordID
	Source   string
	// ExternalID is empty for sources that are no connection.
	ExternalID     string
	View           *view.View
	Raw            []byte
	MappingVersion int32
}

const viewColumns = `v.record_id, v.source, v.external_id, v.state, v.raw, v.mapping_version`

func scanView(schema *model.Schema, row pgx.Row) (*View, error) {
	var (
		v     View
		state []byte
	)
	if err := row.Scan(&v.RecordID, &v.Source, &v.ExternalID, &state, &v.Raw, &v.MappingVersion); err != nil {
		return nil, err
	}
	decoded, err := view.Decode(schema, state)
	if err != nil {
		return nil, fmt.Errorf("view of %s by %s: %w", v.RecordID, v.Source, err)
	}
	v.View = decoded
	return &v, nil
}

// PutView queues the insert or update of a view.
func (t *Tx) PutView(v *View) error {
	state, err := v.View.Encode()
	if err != nil {
		return fmt.Errorf("view of %s by %s: %w", v.RecordID, v.Source, err)
	}
	t.Queue(`insert into views (record_id, source, external_id, state, raw, mapping_version, refers) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (record_id, source, external_id) do update set state = excluded.state, raw = excluded.raw,
			mapping_version = excluded.mapping_version, refers = excluded.refers, updated_at = now()`,
		v.RecordID, v.Source, v.ExternalID, state, v.Raw, v.MappingVersion, v.View.Refers())
	return nil
}

// Bundle is a record with all that the fold and deliveries read of it.
type Bundle struct {
	Record *Record
	Links  []*Link
	Views  []*View
	// Inherited are the views of internal sources of the records that were merged into this one, oldest record first.
	Inherited []*View
	// Redirects are the records that the views point to and that were merged into others.
	Redirects  map[string]string
	Deliveries []*Delivery
	// Pending are the attempts for this record, for those merged into it, and at the objects that are linked to it.
	Pending   []*Attempt
	MatchKeys []MatchKey
	// Reviews are the open ones about the record.
	Reviews []*Review
	// ActivePolicy is the version of the policy that is active as this is read.
	ActivePolicy int64
	// NewKeys are the match keys that the fold gave to the record.
	NewKeys []MatchKey
	// Reborn says that the record was merged with another, or parted from it: that counts a revision.
	Reborn bool

	// deleted and placeholder are as they were read.
	deleted     time.Time
	placeholder bool
}

// LifeChanged says that the record's being deleted, a placeholder, or one with another is not as it was read.
func (b *Bundle) LifeChanged() bool {
	return b.Reborn || !b.Record.DeletedAt.Equal(b.deleted) || b.Record.Placeholder != b.placeholder
}

// Link returns the bundle's link of an object, nil where there is none.
func (b *Bundle) Link(key LinkKey) *Link {
	for _, l := range b.Links {
		if l.LinkKey == key {
			return l
		}
	}
	return nil
}

// Primary returns the link by which a connection is brought to the record; nil where it has none.
func (b *Bundle) Primary(connection string) *Link {
	for _, l := range b.Links {
		if l.Connection == connection && l.Primary && l.State != LinkDetached {
			return l
		}
	}
	return nil
}

// View returns the bundle's view of a source's object, nil where there is none.
func (b *Bundle) View(source, externalID string) *View {
	for _, v := range b.Views {
		if v.Source == source && v.ExternalID == externalID {
			return v
		}
	}
	return nil
}

// Delivery returns the delivery to a target, nil where there never was one.
func (b *Bundle) Delivery(connection string) *Delivery {
	for _, d := range b.Deliveries {
		if d.Connection == connection {
			return d
		}
	}
	return nil
}

// Review returns the open review of a reason on an attribute; nil where there is none.
func (b *Bundle) Review(reason ReviewReason, connection string, path model.Path) *Review {
	for _, r := range b.Reviews {
		if r.Reason == reason && r.Connection == connection && r.Path == path {
			return r
		}
	}
	return nil
}

// PendingAttempt returns the attempt at a target whose outcome is unknown, nil where there is none. One that was made for
// this record comes before those that a merge brought here, which the jobs that made them settle.
func (b *Bundle) PendingAttempt(connection string) *Attempt {
	if own := b.PendingFor(b.Record.ID, connection); own != nil {
		return own
	}
	for _, a := range b.Pending {
		if a.Connection == connection {
			return a
		}
	}
	return nil
}

// PendingFor returns the one that was made for a record.
func (b *Bundle) PendingFor(id RecordID, connection string) *Attempt {
	for _, a := range b.Pending {
		if a.Connection == connection && a.RecordID == id {
			return a
		}
	}
	return nil
}

// Reading is a view of the bundle as it reads where records that it points to were merged.
func (b *Bundle) Reading(v *View) *view.View { return v.View.Redirected(b.Redirects) }

// Bundle reads a record with its surroundings in one snapshot, without locks; ErrNotFound where there is none.
func (s *Store) Bundle(ctx context.Context, id RecordID) (*Bundle, error) {
	b := &Bundle{}
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		readBundle(batch, b, living, id)
		return tx.SendBatch(ctx, batch).Close()
	})
	return b.orNotFound(err)
}

// LockBundle locks a record and reads all around it. ErrNotFound where there is none.
func (t *Tx) LockBundle(ctx context.Context, id RecordID) (*Bundle, error) {
	b := &Bundle{}
	var still stillThere
	err := t.Read(ctx, func(batch *pgx.Batch) {
		still.lock(batch, living, id)
		readBundle(batch, b, living, id)
	})
	if err == nil {
		err = still.check(b)
	}
	return b.orNotFound(err)
}

// stillThere tells whether the record that was locked is the one that was meant: while a transaction waited for the
// lock, a merge may have moved what it was found by. Nothing moves once it is locked: links and views of a record change
// under its lock alone.
type stillThere struct{ locked, meant *RecordID }

// lock queues the lock on the record that id, an expression over args, tells, and the question whether it still does.
func (s *stillThere) lock(batch *pgx.Batch, id string, args ...any) {
	one := func(into **RecordID) func(pgx.Rows) error {
		return func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, pgx.RowTo[*RecordID])
			if len(found) > 0 {
				*into = found[0]
			}
			return err
		}
	}
	batch.Queue(`select r.id from records r where r.id = `+id+` for update`, args...).Query(one(&s.locked))
	batch.Queue(`select r.id from records r where r.id = `+id, args...).Query(one(&s.meant))
}

func (s *stillThere) check(b *Bundle) error {
	same := s.locked == nil && s.meant == nil || s.locked != nil && s.meant != nil && *s.locked == *s.meant
	if !same || b.Record != nil && (s.locked == nil || *s.locked != b.Record.ID) {
		return errMoved
	}
	return nil
}

func (b *Bundle) orNotFound(err error) (*Bundle, error) {
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	if b.Record == nil {
		return nil, ErrNotFound
	}
	return b, nil
}

// readBundle queues the reads of a bundle; id is a scalar expression over args.
func readBundle(batch *pgx.Batch, b *Bundle, id string, args ...any) {
	collect(batch, &b.Links, scanLinkIn, `select `+linkColumns+` from links l where l.record_id = `+id+`
		order by l.connection, l.kind, l.external_id`, args...)
	batch.Queue(`select `+recordColumns+` from records r where r.id = `+id, args...).Query(func(rows pgx.Rows) error {
		records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Record, error) { return scanRecord(row) })
		if len(records) > 0 {
			b.Record = records[0]
			b.deleted, b.placeholder = b.Record.DeletedAt, b.Record.Placeholder
		}
		return err
	})
	scan := func(row pgx.CollectableRow) (*View, error) {
		if b.Record == nil {
			return nil, ErrNotFound
		}
		return scanView(model.For(b.Record.Kind), row)
	}
	merged := `select m.id from records m where m.merged_into = ` + id
	all := `any(array(select ` + id + ` union all ` + merged + `))`
	collect(batch, &b.Views, scan, `select `+viewColumns+` from views v where v.record_id = `+id+` order by v.source, v.external_id`, args...)
	collect(batch, &b.Inherited, scan, `select `+viewColumns+` from views v where v.record_id = any(array(`+merged+`))
		and v.external_id = '' order by v.record_id, v.source`, args...)
	batch.Queue(`select r.id, r.merged_into from records r where r.merged_into is not null
		and r.id = any(array(select unnest(v.refers) from views v where v.record_id = `+all+`))`, args...).Query(func(rows pgx.Rows) error {
		var from, to string
		_, err := pgx.ForEachRow(rows, []any{&from, &to}, func() error { b.Redirect(RecordID(from), RecordID(to)); return nil })
		return err
	})
	collect(batch, &b.Deliveries, scanDelivery, `select `+deliveryColumns+` from deliveries d where d.record_id = `+id, args...)
	collect(batch, &b.Pending, scanAttempt, `select `+attemptColumns+` from attempts a where a.record_id = `+all+` and a.state = 'pending'
		union select `+attemptColumns+` from links l join attempts a on a.connection = l.connection and a.kind = l.kind
			and a.external_id = l.external_id where l.record_id = `+id+` and a.state = 'pending' and a.external_id <> ''`, args...)
	batch.Queue(activeVersion).QueryRow(func(row pgx.Row) error { return row.Scan(&b.ActivePolicy) })
	collect(batch, &b.Reviews, scanReview, `select `+reviewColumns+` from reviews w where w.record_ids @> array[`+id+`] and w.closed_at is null`, args...)
	collect(batch, &b.MatchKeys, func(row pgx.CollectableRow) (MatchKey, error) {
		var k MatchKey
		return k, row.Scan(&k.Attribute, &k.Value)
	}, `select attribute, value from match_keys where record_id = `+id, args...)
}

// Redirect notes that a record was merged into another.
func (b *Bundle) Redirect(from, to RecordID) {
	if b.Redirects == nil {
		b.Redirects = map[string]string{}
	}
	b.Redirects[string(from)] = string(to)
}

func scanLinkIn(row pgx.CollectableRow) (*Link, error) { return scanLink(row) }

// collect queues a query whose rows are gathered in into.
func collect[T any](batch *pgx.Batch, into *[]T, scan func(pgx.CollectableRow) (T, error), sql string, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scan)
		*into = found
		return err
	})
}

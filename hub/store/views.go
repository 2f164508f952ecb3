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

// scanView reads a view; at has the bundle of its record, which tells the kind.
func scanView(at func(RecordID) *Bundle, row pgx.Row) (*View, error) {
	var (
		v     View
		state []byte
	)
	if err := row.Scan(&v.RecordID, &v.Source, &v.ExternalID, &state, &v.Raw, &v.MappingVersion); err != nil {
		return nil, err
	}
	b := at(v.RecordID)
	if b == nil || b.Record == nil {
		return nil, ErrNotFound
	}
	decoded, err := view.Decode(model.For(b.Record.Kind), state)
	if err != nil {
		return nil, fmt.Errorf("view of %s by %s: %w", v.RecordID, v.Source, err)
	}
	v.View = decoded
	return &v, nil
}

// PutView queues the insert or update of a view. The source's own object is left out where it refers to a record that was
// erased: it has that one's ids, and may have more of it.
func (t *Tx) PutView(v *View) error {
	state, err := v.View.Encode()
	if err != nil {
		return fmt.Errorf("view of %s by %s: %w", v.RecordID, v.Source, err)
	}
	t.Queue(`insert into views (record_id, source, external_id, state, raw, mapping_version, refers) values ($1, $2, $3, $4,
			case when exists (select 1 from records where id = any($7) and erased_at is not null) then null else $5::bytea end, $6, $7)
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
	// Brakes are those that are, or were, on for the record's kind, at any connection.
	Brakes []*Brake
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

// Begin gives a bundle its record as it was read.
func (b *Bundle) Begin(r *Record) { b.Record, b.deleted, b.placeholder = r, r.DeletedAt, r.Placeholder }

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

// Brake returns the brake of an attribute at a connection; nil where it was never on.
func (b *Bundle) Brake(connection string, path model.Path) *Brake {
	for _, k := range b.Brakes {
		if k.Connection == connection && k.Attribute == path {
			return k
		}
	}
	return nil
}

// Braked returns a brake that stops the record's deliveries to a connection; nil where none does.
func (b *Bundle) Braked(connection string) *Brake {
	for _, k := range b.Brakes {
		if k.Connection == connection && k.On() {
			return k
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

// which are the records whose bundles are read, as SQL over the statement's arguments.
type which struct {
	is string // a condition on a record's id
}

// one is a single record; id is a scalar expression.
func one(id string) which { return which{is: " = " + id} }

// readBundle queues the reads of a bundle; id is a scalar expression over args.
func readBundle(batch *pgx.Batch, b *Bundle, id string, args ...any) {
	readBundles(batch, func(RecordID) *Bundle { return b }, one(id), args...)
	batch.Queue(activeVersion).QueryRow(func(row pgx.Row) error { return row.Scan(&b.ActivePolicy) })
}

// readBundles queues the reads of bundles; at has the one of a record.
func readBundles(batch *pgx.Batch, at func(RecordID) *Bundle, w which, args ...any) {
	each(batch, scanLinkIn, func(l *Link) { b := at(l.RecordID); b.Links = append(b.Links, l) },
		`select `+linkColumns+` from links l where l.record_id`+w.is+` order by l.connection, l.kind, l.external_id`, args...)
	each(batch, func(row pgx.CollectableRow) (*Record, error) { return scanRecord(row) }, func(r *Record) {
		at(r.ID).Begin(r)
	}, `select `+recordColumns+` from records r where r.id`+w.is, args...)
	each(batch, func(row pgx.CollectableRow) (*View, error) { return scanView(at, row) }, func(v *View) { b := at(v.RecordID); b.Views = append(b.Views, v) },
		`select `+viewColumns+` from views v where v.record_id`+w.is+` order by v.source, v.external_id`, args...)
	each(batch, scanDelivery, func(d *Delivery) { b := at(d.RecordID); b.Deliveries = append(b.Deliveries, d) },
		`select `+deliveryColumns+` from deliveries d where d.record_id`+w.is+` order by d.connection`, args...)
	readInherited(batch, at, w, args...)
	each(batch, scanAttemptOf, func(o attemptOf) { b := at(o.id); b.Pending = append(b.Pending, o.attempt) },
		`select a.record_id, `+attemptColumns+` from attempts a where a.record_id`+w.is+` and a.state = 'pending'
		union select m.merged_into, `+attemptColumns+` from records m cross join lateral (select * from attempts a
			where a.record_id = m.id and a.state = 'pending' offset 0) as a where m.merged_into`+w.is+`
		union select l.record_id, `+attemptColumns+` from links l cross join lateral (select * from attempts a
			where a.connection = l.connection and a.kind = l.kind and a.external_id = l.external_id and a.state = 'pending'
			and a.external_id <> '' offset 0) as a where l.record_id`+w.is+` order by 2`, args...)
	each(batch, scanReviewOf, func(o reviewOf) { b := at(o.id); b.Reviews = append(b.Reviews, o.review) },
		`select o.record_id, `+reviewColumns+` from review_records o join reviews w on w.id = o.review_id where o.record_id`+w.is+` order by o.review_id`, args...)
	each(batch, scanBrakeOf, func(o brakeOf) { b := at(o.id); b.Brakes = append(b.Brakes, o.brake) },
		`select r.id, `+brakeColumns+` from records r join brakes k on k.kind = r.kind where r.id`+w.is+` order by k.connection, k.attribute`, args...)
	each(batch, scanKeyOf, func(k keyOf) { b := at(k.id); b.MatchKeys = append(b.MatchKeys, k.key) },
		`select record_id, attribute, value from match_keys where record_id`+w.is+` order by attribute, value`, args...)
}

// readInherited queues the reads of what the views of merged records say, and of what all views point to that was merged.
// Views are found record by record: where nothing is known of the tables yet, a join would read all of them.
func readInherited(batch *pgx.Batch, at func(RecordID) *Bundle, w which, args ...any) {
	each(batch, func(row pgx.CollectableRow) (viewOf, error) { return scanViewOf(at, row) }, func(o viewOf) { b := at(o.id); b.Inherited = append(b.Inherited, o.view) },
		`select m.merged_into, `+viewColumns+` from records m cross join lateral (select * from views where record_id = m.id offset 0) as v
		where m.merged_into`+w.is+` and v.external_id = '' order by v.record_id, v.source`, args...)
	each(batch, scanRedirect, func(r redirect) { at(r.id).Redirect(r.from, r.to) },
		`select x.id, r.id, r.merged_into from (
			select v.record_id as id, unnest(v.refers) as refers from views v where v.record_id`+w.is+`
			union select m.merged_into, unnest(v.refers) from records m cross join lateral (select * from views where record_id = m.id offset 0) as v where m.merged_into`+w.is+`
		) as x cross join lateral (select * from records where id = x.refers offset 0) as r where r.merged_into is not null`, args...)
}

// viewOf is a view that a record inherited from one that was merged into it.
type viewOf struct {
	id   RecordID
	view *View
}

// scanViewOf reads such a view; it is of the kind of the record that has it now.
func scanViewOf(at func(RecordID) *Bundle, row pgx.CollectableRow) (o viewOf, err error) {
	o.view, err = scanView(func(RecordID) *Bundle { return at(o.id) }, prefixed{row, []any{&o.id}})
	return o, err
}

// redirect is a record that a view points to, and what it was merged into.
type redirect struct{ id, from, to RecordID }

func scanRedirect(row pgx.CollectableRow) (r redirect, err error) {
	return r, row.Scan(&r.id, &r.from, &r.to)
}

// attemptOf is an attempt with an unknown outcome that concerns a record.
type attemptOf struct {
	id      RecordID
	attempt *Attempt
}

func scanAttemptOf(row pgx.CollectableRow) (o attemptOf, err error) {
	o.attempt, err = readAttempt(prefixed{row, []any{&o.id}})
	return o, err
}

// reviewOf is an open review about a record.
type reviewOf struct {
	id     RecordID
	review *Review
}

func scanReviewOf(row pgx.CollectableRow) (o reviewOf, err error) {
	o.review, err = readReview(prefixed{row, []any{&o.id}})
	return o, err
}

// brakeOf is a brake on the kind of a record.
type brakeOf struct {
	id    RecordID
	brake *Brake
}

func scanBrakeOf(row pgx.CollectableRow) (b brakeOf, err error) {
	b.brake, err = readBrake(prefixed{row, []any{&b.id}})
	return b, err
}

// keyOf is a record's match key.
type keyOf struct {
	id  RecordID
	key MatchKey
}

// Redirect notes that a record was merged into another.
func (b *Bundle) Redirect(from, to RecordID) {
	if b.Redirects == nil {
		b.Redirects = map[string]string{}
	}
	b.Redirects[string(from)] = string(to)
}

func scanLinkIn(row pgx.CollectableRow) (*Link, error) { return scanLink(row) }

func scanKeyOf(row pgx.CollectableRow) (keyOf, error) {
	var k keyOf
	err := row.Scan(&k.id, &k.key.Attribute, &k.key.Value)
	return k, err
}

// each queues a query whose rows are taken one by one.
func each[T any](batch *pgx.Batch, scan func(pgx.CollectableRow) (T, error), take func(T), sql string, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scan)
		for _, row := range found {
			take(row)
		}
		return err
	})
}

// collect queues a query whose rows are gathered in into.
func collect[T any](batch *pgx.Batch, into *[]T, scan func(pgx.CollectableRow) (T, error), sql string, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scan)
		*into = found
		return err
	})
}

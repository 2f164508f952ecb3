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

// PutView queues the insert or update of a view.
func (t *Tx) PutView(v *View) error {
	state, err := v.View.Encode()
	if err != nil {
		return fmt.Errorf("view of %s by %s: %w", v.RecordID, v.Source, err)
	}
	t.Queue(`insert into views (record_id, source, external_id, state, raw, mapping_version) values ($1, $2, $3, $4, $5, $6)
		on conflict (record_id, source, external_id) do update set state = excluded.state, raw = excluded.raw,
			mapping_version = excluded.mapping_version, updated_at = now()`,
		v.RecordID, v.Source, v.ExternalID, state, v.Raw, v.MappingVersion)
	return nil
}

// Bundle is a record with all that the fold and deliveries read of it.
type Bundle struct {
	Record     *Record
	Links      []*Link
	Views      []*View
	Deliveries []*Delivery
	Pending    []*Attempt
	MatchKeys  []MatchKey
	// Reviews are the open ones about the record.
	Reviews []*Review
	// Brakes are those that are, or were, on for the record's kind, at any connection.
	Brakes []*Brake
	// ActivePolicy is the version of the policy that is active as this is read.
	ActivePolicy int64
	// NewKeys are the match keys that the fold gave to the record.
	NewKeys []MatchKey

	// deleted and placeholder are as they were read.
	deleted     time.Time
	placeholder bool
}

// LifeChanged says that the record's being deleted, or a placeholder, is not as it was read.
func (b *Bundle) LifeChanged() bool {
	return !b.Record.DeletedAt.Equal(b.deleted) || b.Record.Placeholder != b.placeholder
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

// PendingAttempt returns the attempt at a target whose outcome is unknown, nil where there is none.
func (b *Bundle) PendingAttempt(connection string) *Attempt {
	for _, a := range b.Pending {
		if a.Connection == connection {
			return a
		}
	}
	return nil
}

// Bundle reads a record with its surroundings in one snapshot, without locks; ErrNotFound where there is none.
func (s *Store) Bundle(ctx context.Context, id RecordID) (*Bundle, error) {
	b := &Bundle{}
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		readBundle(batch, b, "", living, id)
		return tx.SendBatch(ctx, batch).Close()
	})
	return b.orNotFound(err)
}

// LockBundle locks a record's links and the record, in this order, and reads all around it. ErrNotFound where there is none.
func (t *Tx) LockBundle(ctx context.Context, id RecordID) (*Bundle, error) {
	b := &Bundle{}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		readBundle(batch, b, forUpdate, living, id)
	})
	return b.orNotFound(err)
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

// forUpdate locks the rows that it reads.
const forUpdate = " for update"

// which are the records whose bundles are read, as SQL over the statement's arguments.
type which struct {
	is string // a condition on a record's id
}

// one is a single record; id is a scalar expression.
func one(id string) which { return which{is: " = " + id} }

// readBundle queues the reads of a bundle; id is a scalar expression over args. With lock forUpdate the links and then
// the record are locked.
func readBundle(batch *pgx.Batch, b *Bundle, lock, id string, args ...any) {
	readBundles(batch, func(RecordID) *Bundle { return b }, lock, one(id), args...)
	batch.Queue(activeVersion).QueryRow(func(row pgx.Row) error { return row.Scan(&b.ActivePolicy) })
}

// readBundles queues the reads of bundles; at has the one of a record.
func readBundles(batch *pgx.Batch, at func(RecordID) *Bundle, lock string, w which, args ...any) {
	each(batch, scanLinkIn, func(l *Link) { b := at(l.RecordID); b.Links = append(b.Links, l) },
		`select `+linkColumns+` from links l where l.record_id`+w.is+` order by l.connection, l.kind, l.external_id`+lock, args...)
	each(batch, func(row pgx.CollectableRow) (*Record, error) { return scanRecord(row) }, func(r *Record) {
		b := at(r.ID)
		b.Record, b.deleted, b.placeholder = r, r.DeletedAt, r.Placeholder
	}, `select `+recordColumns+` from records r where r.id`+w.is+lock, args...)
	each(batch, func(row pgx.CollectableRow) (*View, error) { return scanView(at, row) }, func(v *View) { b := at(v.RecordID); b.Views = append(b.Views, v) },
		`select `+viewColumns+` from views v where v.record_id`+w.is+` order by v.source, v.external_id`, args...)
	each(batch, scanDelivery, func(d *Delivery) { b := at(d.RecordID); b.Deliveries = append(b.Deliveries, d) },
		`select `+deliveryColumns+` from deliveries d where d.record_id`+w.is+` order by d.connection`, args...)
	each(batch, scanAttempt, func(a *Attempt) { b := at(a.RecordID); b.Pending = append(b.Pending, a) },
		`select `+attemptColumns+` from attempts a where a.record_id`+w.is+` and a.state = 'pending' order by a.id`, args...)
	each(batch, scanReviewOf, func(o reviewOf) { b := at(o.id); b.Reviews = append(b.Reviews, o.review) },
		`select o.record_id, `+reviewColumns+` from review_records o join reviews w on w.id = o.review_id where o.record_id`+w.is+` order by o.review_id`, args...)
	each(batch, scanBrakeOf, func(o brakeOf) { b := at(o.id); b.Brakes = append(b.Brakes, o.brake) },
		`select r.id, `+brakeColumns+` from records r join brakes k on k.kind = r.kind where r.id`+w.is+` order by k.connection, k.attribute`, args...)
	each(batch, scanKeyOf, func(k keyOf) { b := at(k.id); b.MatchKeys = append(b.MatchKeys, k.key) },
		`select record_id, attribute, value from match_keys where record_id`+w.is+` order by attribute, value`, args...)
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

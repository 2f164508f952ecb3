package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// PutOrphan queues the note that an object waits for a record with one of its keys, to hear a receipt again.
func (t *Tx) PutOrphan(key LinkKey, match MatchKey, receiptID string) {
	t.Queue(`insert into orphans (kind, attribute, value, connection, external_id, receipt_id) values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
		key.Kind, match.Attribute, match.Value, key.Connection, key.ExternalID, receiptID)
}

// Orphan is an object that waited for a record, and a receipt that spoke of it.
type Orphan struct {
	LinkKey
	// Receipt is pending again.
	Receipt *Receipt
}

// TakeOrphans removes the objects that waited for a key, whatever other keys they waited for.
func (t *Tx) TakeOrphans(ctx context.Context, kind model.Kind, keys []MatchKey) ([]Orphan, error) {
	var taken []Orphan
	err := t.Read(ctx, func(batch *pgx.Batch) {
		for _, k := range keys {
			take(batch, &taken, `select distinct kind, connection, external_id from orphans where kind = $1 and attribute = $2 and value = $3`,
				kind, k.Attribute, k.Value)
		}
	})
	return taken, err
}

// TakeWaiting removes objects of connections that have waited for leave to make a record.
func (t *Tx) TakeWaiting(ctx context.Context, kind model.Kind, connections []string, limit int) ([]Orphan, error) {
	var taken []Orphan
	err := t.Read(ctx, func(batch *pgx.Batch) {
		take(batch, &taken, `select distinct kind, connection, external_id from orphans
			where kind = $1 and attribute = '' and value = '' and connection = any($2) order by connection, external_id limit $3`, kind, connections, limit)
	})
	return taken, err
}

// TakeOrphan removes an object that has found a record.
func (t *Tx) TakeOrphan(ctx context.Context, key LinkKey) ([]Orphan, error) {
	var taken []Orphan
	err := t.Read(ctx, func(batch *pgx.Batch) {
		take(batch, &taken, `select $1::text as kind, $2::text as connection, $3::text as external_id`, key.Kind, key.Connection, key.ExternalID)
	})
	return taken, err
}

// take queues the removal of objects, a query, and has the receipts heard again that spoke of them.
func take(batch *pgx.Batch, taken *[]Orphan, objects string, args ...any) {
	batch.Queue(`with waiting as (`+objects+`),
		taken as (delete from orphans o using waiting w
			where o.kind = w.kind and o.connection = w.connection and o.external_id = w.external_id
			returning o.kind, o.external_id, o.receipt_id)
		update receipts r set state = 'pending', outcome = null, finished_at = null
		from (select distinct kind, external_id, receipt_id from taken) as heard
		where r.id = heard.receipt_id
		returning r.id, r.connection, r.correlation_id, r.traceparent, heard.kind, heard.external_id`, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Orphan, error) {
			o := Orphan{Receipt: &Receipt{State: "pending"}}
			err := row.Scan(&o.Receipt.ID, &o.Receipt.Connection, &o.Receipt.CorrelationID, &o.Receipt.TraceParent, &o.Kind, &o.ExternalID)
			o.Connection = o.Receipt.Connection
			return o, err
		})
		*taken = append(*taken, found...)
		return err
	})
}

// readWaits queues the question whether an object waited for a record so far.
func readWaits(batch *pgx.Batch, c *Contact, key LinkKey) {
	batch.Queue(`select exists (select 1 from orphans where kind = $1 and connection = $2 and external_id = $3)`, key.Kind, key.Connection, key.ExternalID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&c.Waits) })
}

// ObjectsWait says whether objects of connections wait for leave to make a record.
func (s *Store) ObjectsWait(ctx context.Context, kind model.Kind, connections []string) (wait bool, err error) {
	err = s.pool.QueryRow(ctx, `select exists (select 1 from orphans where kind = $1 and attribute = '' and value = '' and connection = any($2))`,
		kind, connections).Scan(&wait)
	return wait, err
}

// LinkOrphan queues the link of an object that waited, unless it has found another record meanwhile, or a person took it
// from this one.
func (t *Tx) LinkOrphan(l *Link) {
	t.Queue(`insert into links (connection, kind, external_id, record_id, state, is_primary, epoch)
		select $1, $2, $3, $4, $5, $6, 0 where not exists (
			select 1 from unlinked where connection = $1 and kind = $2 and external_id = $3 and record_id = $4)
		on conflict (connection, kind, external_id) do nothing`, l.Connection, l.Kind, l.ExternalID, l.RecordID, l.State, l.Primary)
}

// Orphaned says whether objects of a kind wait for a record by any of the attributes.
func (s *Store) Orphaned(ctx context.Context, kind model.Kind, attributes []string) (some bool, err error) {
	err = s.pool.QueryRow(ctx, `select exists (select 1 from orphans where kind = $1 and attribute = any($2))`, kind, attributes).Scan(&some)
	if err != nil {
		return false, fmt.Errorf("look for orphans of kind %s: %w", kind, err)
	}
	return some, nil
}

// Orphans lists the objects that TakeOrphans would take.
func (s *Store) Orphans(ctx context.Context, kind model.Kind, keys []MatchKey) ([]LinkKey, error) {
	attributes, values := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		attributes[i], values[i] = string(k.Attribute), k.Value
	}
	rows, err := s.pool.Query(ctx, `select distinct o.connection, o.kind, o.external_id
		from unnest($2::text[], $3::text[]) as k (attribute, value)
		join orphans o on o.kind = $1 and o.attribute = k.attribute and o.value = k.value
		join receipts r on r.id = o.receipt_id
		order by o.connection, o.external_id`, kind, attributes, values)
	if err != nil {
		return nil, fmt.Errorf("read orphans: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[LinkKey])
}

package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// PutOrphan queues the note that an object waits for a record with one of its keys.
func (t *Tx) PutOrphan(key LinkKey, match MatchKey, receiptID string) {
	t.Queue(`insert into orphans (kind, attribute, value, connection, external_id, receipt_id) values ($1, $2, $3, $4, $5, $6)
		on conflict (kind, attribute, value, connection, external_id) do update set receipt_id = excluded.receipt_id`,
		key.Kind, match.Attribute, match.Value, key.Connection, key.ExternalID, receiptID)
}

// TakeOrphans removes the objects that waited for a key and returns their receipts, pending again.
func (t *Tx) TakeOrphans(ctx context.Context, kind string, keys []MatchKey) ([]*Receipt, error) {
	var taken []*Receipt
	err := t.Read(ctx, func(batch *pgx.Batch) {
		for _, k := range keys {
			batch.Queue(`with taken as (delete from orphans where kind = $1 and attribute = $2 and value = $3 returning receipt_id)
				update receipts r set state = 'pending', outcome = null, finished_at = null from taken where r.id = taken.receipt_id
				returning r.id, r.connection, r.correlation_id, r.traceparent`, kind, k.Attribute, k.Value).Query(func(rows pgx.Rows) error {
				found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Receipt, error) {
					r := &Receipt{State: "pending"}
					return r, row.Scan(&r.ID, &r.Connection, &r.CorrelationID, &r.TraceParent)
				})
				taken = append(taken, found...)
				return err
			})
		}
	})
	return taken, err
}

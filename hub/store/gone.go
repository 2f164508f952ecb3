package store

import (
	"time"

	"github.com/jackc/pgx/v5"
)

// PutGone queues the note that an object which was never linked is gone, so that older news of it makes no record.
func (t *Tx) PutGone(key LinkKey, at time.Time) {
	t.Queue(`insert into gone_objects (connection, kind, external_id, gone_at) values ($1, $2, $3, $4)
		on conflict (connection, kind, external_id) do update set gone_at = greatest(gone_objects.gone_at, excluded.gone_at)`,
		key.Connection, key.Kind, key.ExternalID, at)
}

// readGone queues the question when an object that is not linked was gone.
func readGone(batch *pgx.Batch, c *Contact, key LinkKey) {
	batch.Queue(`select gone_at from gone_objects where connection = $1 and kind = $2 and external_id = $3`,
		key.Connection, key.Kind, key.ExternalID).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
		if len(found) > 0 {
			c.GoneAt = found[0]
		}
		return err
	})
}

package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// PutGone queues the note that an object which was never linked is gone, so that older news of it makes no record.
func (t *Tx) PutGone(key LinkKey, at time.Time) {
	t.Queue(`insert into gone_objects (connection, kind, external_id, gone_at) values ($1, $2, $3, $4)
		on conflict (connection, kind, external_id) do update set gone_at = greatest(gone_objects.gone_at, excluded.gone_at),
			noted_at = clock_timestamp()`,
		key.Connection, key.Kind, key.ExternalID, at)
}

// GoneAt is when an object that is not linked was gone; zero where it was not.
func (t *Tx) GoneAt(ctx context.Context, key LinkKey) (time.Time, error) {
	c := &Contact{}
	err := t.Read(ctx, func(batch *pgx.Batch) { readGone(batch, c, key) })
	return c.GoneAt, err
}

// readGone queues the question when an object that is not linked was gone, and when that was noted.
func readGone(batch *pgx.Batch, c *Contact, key LinkKey) {
	batch.Queue(`select gone_at, noted_at from gone_objects where connection = $1 and kind = $2 and external_id = $3`,
		key.Connection, key.Kind, key.ExternalID).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&c.GoneAt, &c.GoneNoted}, func() error { return nil })
		return err
	})
}

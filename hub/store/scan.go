package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// scanPage is how many bundles are read, and held, at once.
const scanPage = 100

// Scan visits all records with their surroundings, by id; merged ones are left out. Each page is a snapshot of its own,
// and no transaction is open while visit runs.
func (s *Store) Scan(ctx context.Context, visit func(*Bundle) error) error {
	last := RecordID("")
	for {
		page, err := s.scanAfter(ctx, last)
		if err != nil {
			return fmt.Errorf("scan records: %w", err)
		}
		for _, b := range page {
			if err := visit(b); err != nil {
				return err
			}
			last = b.Record.ID
		}
		if len(page) < scanPage {
			return nil
		}
	}
}

func (s *Store) scanAfter(ctx context.Context, last RecordID) ([]*Bundle, error) {
	var page []*Bundle
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id from records where id > $1 and merged_into is null order by id limit $2`, last, scanPage)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[RecordID])
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for _, id := range ids {
			b := &Bundle{}
			page = append(page, b)
			readBundle(batch, b, "$1::text", id)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	return page, err
}

// CountRecords counts the records that Scan visits.
func (s *Store) CountRecords(ctx context.Context) (n int, err error) {
	err = s.pool.QueryRow(ctx, `select count(*) from records where merged_into is null`).Scan(&n)
	return n, err
}

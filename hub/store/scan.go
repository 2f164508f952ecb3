package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// scanPage is how many bundles are read at once. Two pages are held: one is visited while the next is read.
const scanPage = 200

// Scan visits all records with their surroundings, by id; merged ones are left out. Each page is a snapshot of its own,
// and no transaction is open while visit runs, but the next page's.
func (s *Store) Scan(ctx context.Context, visit func(*Bundle) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type page struct {
		bundles []*Bundle
		err     error
	}
	pages := make(chan page)
	go func() {
		defer close(pages)
		for last, more := RecordID(""), true; more; {
			bundles, err := s.scanAfter(ctx, last)
			select {
			case pages <- page{bundles, err}:
			case <-ctx.Done():
				return
			}
			if more = err == nil && len(bundles) == scanPage; more {
				last = bundles[len(bundles)-1].Record.ID
			}
		}
	}()
	for p := range pages {
		if p.err != nil {
			return fmt.Errorf("scan records: %w", p.err)
		}
		for _, b := range p.bundles {
			if err := visit(b); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// scanAfter reads a page: one statement for each table, not for each record.
func (s *Store) scanAfter(ctx context.Context, last RecordID) ([]*Bundle, error) {
	var bundles []*Bundle
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id from records where id > $1 and merged_into is null order by id limit $2`, last, scanPage)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[RecordID])
		if err != nil || len(ids) == 0 {
			return err
		}
		byID := make(map[RecordID]*Bundle, len(ids))
		for _, id := range ids {
			byID[id] = &Bundle{}
			bundles = append(bundles, byID[id])
		}
		batch := &pgx.Batch{}
		readBundles(batch, func(id RecordID) *Bundle { return byID[id] }, which{is: " = any($1)"}, ids)
		var active int64
		batch.Queue(activeVersion).QueryRow(func(row pgx.Row) error { return row.Scan(&active) })
		err = tx.SendBatch(ctx, batch).Close()
		for _, b := range bundles {
			b.ActivePolicy = active
		}
		return err
	})
	return bundles, err
}

// CountRecords counts the records that Scan visits.
func (s *Store) CountRecords(ctx context.Context) (n int, err error) {
	err = s.pool.QueryRow(ctx, `select count(*) from records where merged_into is null`).Scan(&n)
	return n, err
}

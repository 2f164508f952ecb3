package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// LinkedBundle is a record as an object at a connection is linked to it.
type LinkedBundle struct {
	ExternalID string
	*Bundle
}

// Linked reads the records that objects of a connection are linked to, by the objects' ids, in one snapshot.
func (s *Store) Linked(ctx context.Context, lane Lane, after string, limit int) ([]LinkedBundle, error) {
	var page []LinkedBundle
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select external_id, record_id from links
			where connection = $1 and kind = $2 and external_id > $3 order by external_id limit $4`, lane.Connection, lane.Kind, after, limit)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		var (
			external string
			id       RecordID
		)
		if _, err := pgx.ForEachRow(rows, []any{&external, &id}, func() error {
			page = append(page, LinkedBundle{ExternalID: external, Bundle: &Bundle{}})
			readBundle(batch, page[len(page)-1].Bundle, living, id)
			return nil
		}); err != nil {
			return err
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return nil, fmt.Errorf("read what is linked at %s: %w", lane.Connection, err)
	}
	return page, nil
}

// unlinkedScan bounds how many records are looked at for those without an object.
const unlinkedScan = 2000

// Unlinked reads records that no object of a connection is linked to, by their ids, in one snapshot. last is where it
// ended: fewer than limit may be found where there are more; empty at the end.
func (s *Store) Unlinked(ctx context.Context, lane Lane, after RecordID, limit int) (page []*Bundle, last RecordID, err error) {
	first := RecordID(lane.Kind) + "_"
	past := RecordID(lane.Kind) + "`" // the character after the underscore: ids begin with their kind
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select r.id, r.merged_into is null and not exists (
				select 1 from links l where l.record_id = r.id and l.connection = $4 and l.state <> 'detached')
			from (select id, merged_into from records where id > $1 and id < $2 order by id limit $3) as r order by r.id`,
			max(after, first), past, unlinkedScan, lane.Connection)
		if err != nil {
			return err
		}
		seen := 0
		batch := &pgx.Batch{}
		for ; rows.Next() && len(page) < limit; seen++ {
			var unlinked bool
			if err := rows.Scan(&last, &unlinked); err != nil {
				rows.Close()
				return err
			}
			if unlinked {
				page = append(page, &Bundle{})
				readBundle(batch, page[len(page)-1], "$1::text", last)
			}
		}
		full := len(page) == limit
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		if !full && seen < unlinkedScan {
			last = ""
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return nil, "", fmt.Errorf("read what is not linked at %s: %w", lane.Connection, err)
	}
	return page, last, nil
}

// CountedTo is where counts that are shown end, so that they cost little however much there is.
const CountedTo = 100_000

// Load is how large a connection is, and how much is owed there; CountedTo means that many or more.
type Load struct {
	Links      map[model.Kind]int
	Deliveries map[DeliveryState]int
}

// Load counts live links and unsettled deliveries of a connection.
func (s *Store) Load(ctx context.Context, connection string) (Load, error) {
	load := Load{Links: map[model.Kind]int{}, Deliveries: map[DeliveryState]int{}}
	batch := &pgx.Batch{}
	for _, kind := range model.Kinds() {
		batch.Queue(`select count(*) from (select from links where connection = $1 and kind = $2 and state = 'live' limit $3) as counted`,
			connection, kind, CountedTo).QueryRow(func(row pgx.Row) error {
			var n int
			err := row.Scan(&n)
			load.Links[kind] = n
			return err
		})
	}
	for _, state := range []DeliveryState{Owed, Blocked, Dead} {
		batch.Queue(`select count(*) from (select from deliveries where connection = $1 and state = $2 and state <> 'settled' limit $3) as counted`,
			connection, state, CountedTo).QueryRow(func(row pgx.Row) error {
			var n int
			err := row.Scan(&n)
			load.Deliveries[state] = n
			return err
		})
	}
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return load, fmt.Errorf("count what is at %s: %w", connection, err)
	}
	return load, nil
}

package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// processLock names the advisory lock that a living hub process holds.
const processLock = `hashtextextended('process/' || $1, 0)`

// Live marks this process as living until ctx ends, by a lock that PostgreSQL releases when the process is no more,
// however it ended. It returns once the lock is held; lost is closed when it is not any more.
func (s *Store) Live(ctx context.Context, id string) (lost <-chan struct{}, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("mark process %s as living: %w", id, err)
	}
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(`+processLock+`)`, id); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("mark process %s as living: %w", id, err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = conn.WaitForNotification(ctx) // nothing is listened for: it returns when the connection or ctx ends
		_ = conn.Close(context.WithoutCancel(ctx))
	}()
	return gone, nil
}

// Rescue makes the running jobs of processes that are no more available again, and takes from them the leadership of
// the queue, so that neither waits for a time-out. It returns how many jobs there were.
func (s *Store) Rescue(ctx context.Context) (int64, error) {
	var rescued int64
	err := s.InTx(ctx, func(tx *Tx) error {
		sql, err := tx.SQL(ctx)
		if err != nil {
			return err
		}
		rows, err := sql.Query(ctx, `with known as (
				select distinct attempted_by[array_upper(attempted_by, 1)] as id from river_job where state = 'running'
				union select leader_id from river_leader
			)
			select id from known where id is not null and pg_try_advisory_xact_lock(hashtextextended('process/' || id, 0))`)
		if err != nil {
			return err
		}
		dead, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(dead) == 0 {
			return err
		}
		tag, err := sql.Exec(ctx, `update river_job set state = 'available', scheduled_at = now()
			where state = 'running' and attempted_by[array_upper(attempted_by, 1)] = any($1)`, dead)
		if err != nil {
			return err
		}
		rescued = tag.RowsAffected()
		_, err = sql.Exec(ctx, `delete from river_leader where leader_id = any($1)`, dead)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("rescue jobs: %w", err)
	}
	return rescued, nil
}

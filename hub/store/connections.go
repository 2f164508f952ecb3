package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connection is what all processes must know of a connection.
type Connection struct {
	Name string
	// PausedAt is zero while it runs.
	PausedAt     time.Time
	PausedReason string
	// PausedBy is the person or caller that paused it; empty where the hub did.
	PausedBy string
	// Wait is how long it must not be called, since its vendor asked for that or its circuit breaker is open.
	Wait time.Duration
	// Pace is the share of its rate at which it is called by now: 1 is all of it.
	Pace float64
	// Outages is how often in a row its circuit breaker opened, and BrokenAt when it did first; zero while it is closed.
	Outages  int
	BrokenAt time.Time
}

// Paused says that its work waits, until its credentials work again or somebody resumes it.
func (c Connection) Paused() bool { return !c.PausedAt.IsZero() }

// RegisterConnection notes a configured connection and says whether its credentials are others than before.
func (s *Store) RegisterConnection(ctx context.Context, name, adapter string, fingerprint []byte) (renewed bool, err error) {
	err = s.pool.QueryRow(ctx, `with before as (select credential_fingerprint from connections where name = $1)
		insert into connections (name, adapter, credential_fingerprint) values ($1, $2, $3)
		on conflict (name) do update set adapter = excluded.adapter, credential_fingerprint = excluded.credential_fingerprint
		returning coalesce((select credential_fingerprint from before), ''::bytea) <> credential_fingerprint`,
		name, adapter, fingerprint).Scan(&renewed)
	if err != nil {
		return false, fmt.Errorf("register connection %s: %w", name, err)
	}
	return renewed, nil
}

// Connection reads a connection's state; one that was never registered runs.
func (s *Store) Connection(ctx context.Context, name string) (Connection, error) {
	found, err := s.connections(ctx, `where name = $1`, name)
	if err != nil || len(found) == 0 {
		return Connection{Name: name, Pace: 1}, err
	}
	return found[0], nil
}

// Connections lists all that were ever registered, by name.
func (s *Store) Connections(ctx context.Context) ([]Connection, error) {
	return s.connections(ctx, `order by name`)
}

// PausedConnections lists the connections whose work waits.
func (s *Store) PausedConnections(ctx context.Context) ([]Connection, error) {
	return s.connections(ctx, `where paused_at is not null order by name`)
}

// Probe lets one process try a connection that the hub paused: first after some time, and later after a tenth of how long it
// has been paused, up to most. A new pause begins anew.
func (s *Store) Probe(ctx context.Context, name string, first, most time.Duration) (may bool, err error) {
	tag, err := s.pool.Exec(ctx, `update connections set probed_at = clock_timestamp()
		where name = $1 and paused_at is not null and paused_by = '' and (probed_at is null or probed_at < paused_at
			or probed_at < clock_timestamp() - least($3::interval, greatest($2::interval, (clock_timestamp() - paused_at) / 10)))`, name, first, most)
	if err != nil {
		return false, fmt.Errorf("probe connection %s: %w", name, err)
	}
	return tag.RowsAffected() > 0, nil
}

func (s *Store) connections(ctx context.Context, where string, args ...any) ([]Connection, error) {
	rows, err := s.pool.Query(ctx, `select name, paused_at, coalesce(paused_reason, ''), paused_by,
		greatest(blocked_until - clock_timestamp(), broken_until - clock_timestamp(), interval '0'), `+pace+`, outages, broken_at
		from connections `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Connection, error) {
		var (
			c              Connection
			paused, broken *time.Time
		)
		err := row.Scan(&c.Name, &paused, &c.PausedReason, &c.PausedBy, &c.Wait, &c.Pace, &c.Outages, &broken)
		if paused != nil {
			c.PausedAt = *paused
		}
		if broken != nil {
			c.BrokenAt = *broken
		}
		return c, err
	})
}

// Pause queues the pause of a connection; by is empty where the hub pauses it, which takes over none that there is.
func (t *Tx) Pause(name, reason, by string) {
	t.Queue(`update connections set paused_at = coalesce(paused_at, now()), paused_reason = $2, paused_by = $3
		where name = $1 and ($3 <> '' or paused_at is null)`, name, reason, by)
}

// Resume ends a pause and says whether it did. The connection is called slowly at first. by is
// empty where the hub resumes, which ends none of a person's.
func (t *Tx) Resume(ctx context.Context, name, by string) (resumed bool, err error) {
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`with resumed as (
				update connections set paused_at = null, paused_reason = null, paused_by = '', blocked_until = null,
					pace = $3, pace_at = clock_timestamp(), outages = 0, broken_at = null, broken_until = null
				where name = $1 and ($2 <> '' or paused_at is not null and paused_by = '') returning name)
			select exists (select 1 from resumed)`, name, by, slowStart).QueryRow(func(row pgx.Row) error { return row.Scan(&resumed) })
	})
	return resumed, err
}

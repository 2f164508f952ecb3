package store

import (
	"context"
	"fmt"
	"time"
)

// Share is a process' part of what a vendor allows a connection.
type Share struct {
	// Of is how many processes call the connection just now, this one among them, and Rank this one's place, from 0.
	Of, Rank int
	// Since is how long this one has been among them.
	Since time.Duration
}

// Share enters a process among those that call a connection, for some time, and tells its share. Processes that are no
// more count no longer. One that enters anew just now is not forgotten, and not waited for: it may be about to forget us.
func (s *Store) Share(ctx context.Context, connection, process string, lasts time.Duration) (Share, error) {
	var out Share
	err := s.pool.QueryRow(ctx, `with entered as (
			insert into connection_shares as s (connection, process, joined_at, expires_at)
			values ($1, $2, clock_timestamp(), clock_timestamp() + $3::interval)
			on conflict (connection, process) do update set expires_at = excluded.expires_at,
				joined_at = case when s.expires_at < clock_timestamp() then excluded.joined_at else s.joined_at end
			returning joined_at
		), others as (
			select process, expires_at < clock_timestamp() or pg_try_advisory_xact_lock(hashtextextended('process/' || process, 0)) as gone
			from connection_shares where connection = $1 and process <> $2
		), forgotten as (
			delete from connection_shares where connection = $1 and process in (select process from connection_shares
				where connection = $1 and process in (select process from others where gone) for update skip locked)
		)
		select 1 + count(process) filter (where not gone), count(process) filter (where not gone and process < $2),
			(select clock_timestamp() - joined_at from entered) from others`, connection, process, lasts).Scan(&out.Of, &out.Rank, &out.Since)
	if err != nil {
		return out, fmt.Errorf("share of connection %s: %w", connection, err)
	}
	return out, nil
}

// CountCalls adds to the calls of a connection since midnight UTC, and returns them.
func (s *Store) CountCalls(ctx context.Context, connection string, calls int64) (today int64, err error) {
	err = s.pool.QueryRow(ctx, `update connections
		set calls = case when calls_day = (clock_timestamp() at time zone 'UTC')::date then calls else 0 end + $2,
			calls_day = (clock_timestamp() at time zone 'UTC')::date
		where name = $1 returning calls`, connection, calls).Scan(&today)
	if err != nil {
		return 0, fmt.Errorf("count calls of connection %s: %w", connection, notFound(err))
	}
	return today, nil
}

// Slow keeps every process from calling a connection for some time, and halves its pace thereafter. Answers that say so
// within one second count once.
func (s *Store) Slow(ctx context.Context, name string, wait time.Duration) error {
	_, err := s.pool.Exec(ctx, `update connections
		set blocked_until = greatest(blocked_until, clock_timestamp() + $2::interval),
			pace = case when pace_at > clock_timestamp() - interval '1 second' then pace else greatest(`+pace+` / 2, $3) end,
			pace_at = case when pace_at > clock_timestamp() then pace_at else clock_timestamp() + $2::interval end
		where name = $1`, name, wait, slowest)
	if err != nil {
		return fmt.Errorf("slow connection %s: %w", name, err)
	}
	return nil
}

const (
	// pace is the share of a connection's rate by now: it doubles every five seconds.
	pace = `least(1, pace * power(2, least(20, greatest(0, extract(epoch from clock_timestamp() - coalesce(pace_at, clock_timestamp())) / 5))))::double precision`
	// slowest is the least pace.
	slowest = 1.0 / 32
	// slowStart is the pace after an outage or a pause, when much may wait.
	slowStart = 1.0 / 8
)

// Break keeps every process from calling a connection whose calls fail: for twice as long each time in a row, from first
// to most. Several processes that find out at the same time count once.
func (s *Store) Break(ctx context.Context, name string, first, most time.Duration) error {
	_, err := s.pool.Exec(ctx, `update connections
		set broken_until = clock_timestamp() + least($3::interval, $2::interval * power(2, least(outages, 20))),
			broken_at = coalesce(broken_at, clock_timestamp()), outages = outages + 1
		where name = $1 and (broken_until is null or broken_until <= clock_timestamp())`, name, first, most)
	if err != nil {
		return fmt.Errorf("break connection %s: %w", name, err)
	}
	return nil
}

// Mend ends what Break began; the connection is called slowly at first.
func (s *Store) Mend(ctx context.Context, name string) (mended bool, err error) {
	tag, err := s.pool.Exec(ctx, `update connections set outages = 0, broken_at = null, broken_until = null, pace = $2, pace_at = clock_timestamp()
		where name = $1 and outages > 0`, name, slowStart)
	if err != nil {
		return false, fmt.Errorf("mend connection %s: %w", name, err)
	}
	return tag.RowsAffected() > 0, nil
}

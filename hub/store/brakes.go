package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// BrakeKey names an attribute of a kind at a connection.
type BrakeKey struct {
	Connection string
	Kind       model.Kind
	Attribute  model.Path
}

// Brake is an attribute that changed for too many records of a connection at once.
type Brake struct {
	BrakeKey
	// Window is how long it counts.
	Window time.Duration
	// BrakedAt is zero once it is released.
	BrakedAt time.Time
	// PassesUntil is before when it does not bite again.
	PassesUntil time.Time
	// CountsSince is since when records count.
	CountsSince time.Time
}

// On says that it stops deliveries.
func (b *Brake) On() bool { return !b.BrakedAt.IsZero() }

const brakeColumns = `k.connection, k.kind, k.attribute, k.window_size, k.braked_at, k.passes_until, k.counts_since`

func scanBrake(row pgx.CollectableRow) (*Brake, error) { return readBrake(row) }

func readBrake(row pgx.Row) (*Brake, error) {
	var (
		b                     Brake
		braked, passes, since *time.Time
	)
	err := row.Scan(&b.Connection, &b.Kind, &b.Attribute, &b.Window, &braked, &passes, &since)
	b.BrakedAt, b.PassesUntil, b.CountsSince = orZero(braked), orZero(passes), orZero(since)
	return &b, err
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Reason is what the deliveries that it stops are told to wait for.
func (b *Brake) Reason() string {
	return fmt.Sprintf("the brake is on: %s would change on too many %ss there within %s; close its review to go on", b.Attribute, b.Kind, b.Window)
}

// Changing is the attributes of one record that a push is to change or clear.
type Changing struct {
	Connection string
	Kind       model.Kind
	RecordID   RecordID
	// Windows tells for each attribute when the window began in which it counts.
	Windows map[model.Path]time.Time
}

// CountChanging notes what a push is to change, and returns for each attribute of how many records that is so in the
// window; those that were noted for this record before are left out.
//
// All deliveries of an attribute to a connection meet at one row here, which is locked from this statement to the end of
// the transaction: the attempt's insert and the commit. That bounds pushes to one for each flush of the log, and is why
// the count is exact: whoever exceeds it sees all others. A vendor's pace is far below. Attributes are locked in order.
func (t *Tx) CountChanging(ctx context.Context, c Changing) (map[model.Path]int, error) {
	counts := map[model.Path]int{}
	paths := make([]model.Path, 0, len(c.Windows))
	for path := range c.Windows {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	starts := make([]time.Time, len(paths))
	for i, path := range paths {
		starts[i] = c.Windows[path]
	}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`with marked as (
				insert into brake_marks (window_start, connection, kind, attribute, record_id)
				select start, $1, $2, attribute, $3 from unnest($4::text[], $5::timestamptz[]) as changing (attribute, start)
				on conflict do nothing returning attribute, window_start)
			insert into brake_counts (connection, kind, attribute, window_start, records)
			select $1, $2, attribute, window_start, 1 from marked order by attribute
			on conflict (connection, kind, attribute) do update set
				records = case when brake_counts.window_start < excluded.window_start then 1 else brake_counts.records + 1 end,
				window_start = greatest(brake_counts.window_start, excluded.window_start)
			returning attribute, records`, c.Connection, c.Kind, c.RecordID, paths, starts).Query(func(rows pgx.Rows) error {
			var (
				path model.Path
				n    int
			)
			_, err := pgx.ForEachRow(rows, []any{&path, &n}, func() error {
				counts[path] = n
				return nil
			})
			return err
		})
	})
	return counts, err
}

// LiveLinks counts the live links of a connection.
func (t *Tx) LiveLinks(ctx context.Context, connection string, kind model.Kind) (int, error) {
	var n int
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select count(*) from links where connection = $1 and kind = $2 and state = 'live'`, connection, kind).
			QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
	})
	return n, err
}

// PutBrake queues that a brake is on, or how it was released.
func (t *Tx) PutBrake(b *Brake) {
	t.Queue(`insert into brakes (connection, kind, attribute, window_size, braked_at, passes_until, counts_since)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (connection, kind, attribute) do update set window_size = excluded.window_size,
			braked_at = excluded.braked_at, passes_until = excluded.passes_until, counts_since = excluded.counts_since`,
		b.Connection, b.Kind, b.Attribute, b.Window, nullTime(b.BrakedAt), nullTime(b.PassesUntil), nullTime(b.CountsSince))
}

// LockBrake locks a brake and reads it; ErrNotFound where it was never on.
func (t *Tx) LockBrake(ctx context.Context, key BrakeKey) (*Brake, error) {
	var found []*Brake
	err := t.Read(ctx, func(batch *pgx.Batch) {
		collect(batch, &found, scanBrake, `select `+brakeColumns+` from brakes k where k.connection = $1 and k.kind = $2 and k.attribute = $3 for update`,
			key.Connection, key.Kind, key.Attribute)
	})
	if err != nil || len(found) == 0 {
		return nil, orMissing(err)
	}
	return found[0], nil
}

func orMissing(err error) error {
	if err == nil {
		return ErrNotFound
	}
	return err
}

// BrakesOn lists the brakes that stop deliveries.
func (s *Store) BrakesOn(ctx context.Context) ([]*Brake, error) {
	rows, err := s.pool.Query(ctx, `select `+brakeColumns+` from brakes k where k.braked_at is not null order by k.connection, k.kind, k.attribute`)
	if err != nil {
		return nil, fmt.Errorf("read brakes: %w", err)
	}
	return pgx.CollectRows(rows, scanBrake)
}

// Lane is what a brake stops: the deliveries of one kind to a connection.
type Lane struct {
	Connection string
	Kind       model.Kind
}

// ReleasedLanes lists where deliveries were stopped by a brake and none is on any more.
func (s *Store) ReleasedLanes(ctx context.Context) ([]Lane, error) {
	rows, err := s.pool.Query(ctx, `select k.connection, k.kind from brakes k group by k.connection, k.kind
		having bool_and(k.braked_at is null)
			and (select d.record_id from deliveries d where d.connection = k.connection and d.kind = k.kind and d.braked
				order by d.record_id limit 1) is not null`)
	if err != nil {
		return nil, fmt.Errorf("read released brakes: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Lane])
}

// WakeBraked makes deliveries that a brake stopped owed again, unless one is on, and returns them for their jobs. Those
// that are being changed by others are left for the next time.
func (t *Tx) WakeBraked(ctx context.Context, at Lane, limit int) ([]*Delivery, error) {
	var woken []*Delivery
	err := t.Read(ctx, func(batch *pgx.Batch) {
		collect(batch, &woken, scanDelivery, `with stopped as (
				select record_id, connection from deliveries
				where connection = $1 and kind = $2 and braked
					and not exists (select 1 from brakes where connection = $1 and kind = $2 and braked_at is not null)
				order by record_id limit $3 for update skip locked)
			update deliveries d set state = 'owed', braked = false, reason = '', updated_at = now()
			from stopped where d.record_id = stopped.record_id and d.connection = stopped.connection
			returning `+deliveryColumns, at.Connection, at.Kind, limit)
	})
	return woken, err
}

// CutBrakeMarks forgets marks of windows that began before a time, at most so many, and returns how many there were.
func (s *Store) CutBrakeMarks(ctx context.Context, before time.Time, limit int) (int64, error) {
	tag, err := s.pool.Exec(ctx, `delete from brake_marks where ctid = any(array(
		select ctid from brake_marks where window_start < $1 order by window_start limit $2))`, before, limit)
	if err != nil {
		return 0, fmt.Errorf("cut brake marks: %w", err)
	}
	return tag.RowsAffected(), nil
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// CutChanges has changes that are older than age leave the feed, oldest first, a limited number of them and none behind
// settled, and returns how many left. What they replaced is forgotten: of each record the newest change before the cut
// stays, so that the record can be read as it was at any time since, and is in every snapshot.
func (s *Store) CutChanges(ctx context.Context, age time.Duration, settled ChangePosition, limit int) (left int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var cut ChangePosition
		err := tx.QueryRow(ctx, `select cut from change_log for update skip locked`).Scan(&cut)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another process is at it
		}
		if err != nil {
			return err
		}
		old, err := leaving(ctx, tx, cut, settled, age, limit)
		if err != nil || len(old.ids) == 0 {
			return err
		}
		left = len(old.ids)
		return old.leave(ctx, tx)
	})
	if err != nil {
		return 0, fmt.Errorf("cut changes: %w", err)
	}
	return left, nil
}

// old are changes that leave the feed.
type old struct {
	ids       []string
	revisions []int64
	end       ChangePosition
}

// leaving reads which changes leave next: those up to the first that is young enough to stay.
func leaving(ctx context.Context, tx pgx.Tx, cut, settled ChangePosition, age time.Duration, limit int) (old, error) {
	var (
		o        old
		id       string
		revision int64
		position ChangePosition
		isOld    bool
	)
	rows, err := tx.Query(ctx, `select record_id, revision, seq, changed_at < now() - $3::interval from changes
		where seq > $1 and seq <= $2 order by seq limit $4`, cut, settled, age, limit)
	if err != nil {
		return o, err
	}
	young := false
	_, err = pgx.ForEachRow(rows, []any{&id, &revision, &position, &isOld}, func() error {
		if young = young || !isOld; !young {
			o.ids, o.revisions, o.end = append(o.ids, id), append(o.revisions, revision), position
		}
		return nil
	})
	return o, err
}

// leave forgets what the changes replaced, and moves the feed's beginning behind them.
func (o *old) leave(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `delete from changes where ctid = any(array(
		select c.ctid from unnest($1::text[], $2::bigint[]) as o (record_id, revision)
		cross join lateral (select ctid from changes where record_id = o.record_id and revision < o.revision offset 0) as c))`,
		o.ids, o.revisions); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `update change_log set cut = $1`, o.end)
	return err
}

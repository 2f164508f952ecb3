package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// PullMode is what a run of a pull reads.
type PullMode string

// The modes.
const (
	// Backfill reads everything.
	Backfill PullMode = "backfill"
	// Changes reads what has changed since the last run.
	Changes PullMode = "changes"
	// Reconcile compares all ids with ours.
	Reconcile PullMode = "reconcile"
)

// Pull is how far the reading of one kind from one connection has come.
type Pull struct {
	Lane
	Run PullRun
	// Wanted is a run that was asked for and has not begun.
	Wanted PullWish
	// ResumeCursor is where the next pull of changes begins, and Watermark since when.
	ResumeCursor string
	Watermark    time.Time
	// BackfilledAt, PulledAt and ReconciledAt are the ends of the last run of each mode.
	BackfilledAt, PulledAt, ReconciledAt time.Time
	// Failures counts those in a row; Failure is the last, of FailedAt.
	Failures int
	Failure  string
	FailedAt time.Time
	// NextAt is when the next page is read, or the next run begins.
	NextAt time.Time
}

// PullRun is a run of a pull, or the last one, where Mode is empty.
type PullRun struct {
	Mode PullMode
	// Last is the mode, also once the run has ended.
	Last PullMode
	// ID is its correlation id.
	ID string
	// Step is raised by each page.
	Step       int
	ReportOnly bool
	// Vanishing says that all is listed, and what is gone is looked for; LetVanish that a person has said it may go.
	Vanishing, LetVanish bool
	Cursor               string
	Since                time.Time
	StartedAt, PagedAt   time.Time
	PullCount
	// Total is about how much the run has to read, where that is known; else 0.
	Total   int64
	By, Why string
}

// PullCount counts what a run has met.
type PullCount struct {
	Objects, Changed, MissingHere, MissingThere, Differing, Rejected int64
}

// PullWish asks for a run.
type PullWish struct {
	Mode                  PullMode
	ReportOnly, LetVanish bool
	By, Why               string
}

const pullColumns = `connection, kind, mode, last_mode, run_id, step, report_only, vanishing, let_vanish, cursor, since, started_at, paged_at,
	objects, total, changed, missing_here, missing_there, differing, rejected, asked_by, asked_why,
	wanted, wanted_report, wanted_vanish, wanted_by, wanted_why, resume_cursor, watermark, backfilled_at, pulled_at, reconciled_at,
	failures, failure, failed_at, next_at`

func scanPull(row pgx.Row) (*Pull, error) {
	p := &Pull{}
	times := make([]*time.Time, 8)
	err := row.Scan(&p.Connection, &p.Kind, &p.Run.Mode, &p.Run.Last, &p.Run.ID, &p.Run.Step, &p.Run.ReportOnly, &p.Run.Vanishing, &p.Run.LetVanish,
		&p.Run.Cursor, &times[0], &times[1], &times[2], &p.Run.Objects, &p.Run.Total, &p.Run.Changed, &p.Run.MissingHere, &p.Run.MissingThere,
		&p.Run.Differing, &p.Run.Rejected, &p.Run.By, &p.Run.Why, &p.Wanted.Mode, &p.Wanted.ReportOnly, &p.Wanted.LetVanish, &p.Wanted.By, &p.Wanted.Why,
		&p.ResumeCursor, &times[3], &times[4], &times[5], &times[6], &p.Failures, &p.Failure, &times[7], &p.NextAt)
	for i, to := range []*time.Time{&p.Run.Since, &p.Run.StartedAt, &p.Run.PagedAt, &p.Watermark, &p.BackfilledAt, &p.PulledAt, &p.ReconciledAt, &p.FailedAt} {
		if times[i] != nil {
			*to = *times[i]
		}
	}
	return p, err
}

// Pull reads one; ErrNotFound where there is none.
func (s *Store) Pull(ctx context.Context, lane Lane) (*Pull, error) {
	p, err := scanPull(s.pool.QueryRow(ctx, `select `+pullColumns+` from pulls where connection = $1 and kind = $2`, lane.Connection, lane.Kind))
	if err != nil {
		return nil, notFound(err)
	}
	return p, nil
}

// Pulls reads all there are: one for each connection and kind.
func (s *Store) Pulls(ctx context.Context) ([]*Pull, error) {
	rows, err := s.pool.Query(ctx, `select `+pullColumns+` from pulls order by connection, kind`)
	if err != nil {
		return nil, fmt.Errorf("read pulls: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Pull, error) { return scanPull(row) })
}

// RegisterPull makes the row of a lane, unless it is there.
func (s *Store) RegisterPull(ctx context.Context, lane Lane) error {
	if _, err := s.pool.Exec(ctx, `insert into pulls (connection, kind) values ($1, $2) on conflict do nothing`, lane.Connection, lane.Kind); err != nil {
		return fmt.Errorf("register the pull of %s: %w", lane.Connection, err)
	}
	return nil
}

// WishPull queues the wish for a run, which begins once the one under way has ended. A wish for more stays where one for
// less comes after it.
func (t *Tx) WishPull(lane Lane, w PullWish) {
	t.Queue(`insert into pulls (connection, kind, wanted, wanted_report, wanted_vanish, wanted_by, wanted_why) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (connection, kind) do update set wanted = excluded.wanted, wanted_report = excluded.wanted_report,
			wanted_vanish = excluded.wanted_vanish, wanted_by = excluded.wanted_by, wanted_why = excluded.wanted_why, next_at = least(pulls.next_at, now())
		where pulls.wanted in ('', 'changes') or excluded.wanted = 'backfill' or excluded.wanted = pulls.wanted`,
		lane.Connection, lane.Kind, w.Mode, w.ReportOnly, w.LetVanish, w.By, w.Why)
}

// ErrPullMoved says that another process has gone on with the pull meanwhile.
var ErrPullMoved = errors.New("another process has gone on with this pull")

// PutPull writes a pull as the step after the one it was read at; ErrPullMoved where it stands elsewhere by now. A wish
// that came meanwhile stays, unless the pull says that it has taken it up.
func (t *Tx) PutPull(ctx context.Context, p *Pull, taken PullWish) error {
	r := &p.Run
	moved := true
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`update pulls set mode = $3, run_id = $4, step = step + 1, report_only = $5, vanishing = $6, let_vanish = $7, cursor = $8, since = $9,
				started_at = $10, paged_at = $11, objects = $12, total = $13, changed = $14, missing_here = $15, missing_there = $16, differing = $17,
				rejected = $18, asked_by = $19, asked_why = $20, resume_cursor = $21, watermark = $22, backfilled_at = $23, pulled_at = $24, reconciled_at = $25,
				failures = $26, failure = $27, failed_at = $28, next_at = $29,
				last_mode = $32, wanted = case when wanted = $31 then '' else wanted end
			where connection = $1 and kind = $2 and step = $30 returning false`,
			p.Connection, p.Kind, r.Mode, r.ID, r.ReportOnly, r.Vanishing, r.LetVanish, r.Cursor, nullTime(r.Since), nullTime(r.StartedAt), nullTime(r.PagedAt),
			r.Objects, r.Total, r.Changed, r.MissingHere, r.MissingThere, r.Differing, r.Rejected, r.By, r.Why, p.ResumeCursor, nullTime(p.Watermark),
			nullTime(p.BackfilledAt), nullTime(p.PulledAt), nullTime(p.ReconciledAt), p.Failures, p.Failure, nullTime(p.FailedAt), p.NextAt.UTC(),
			r.Step, taken.Mode, r.Last).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				moved = false
			}
			return rows.Err()
		})
	})
	if err == nil && moved {
		err = ErrPullMoved
	}
	return err
}

// DuePulls lists the pulls of which something is to be read now.
func (s *Store) DuePulls(ctx context.Context) ([]Lane, error) {
	rows, err := s.pool.Query(ctx, `select connection, kind from pulls where next_at <= now() order by next_at`)
	if err != nil {
		return nil, fmt.Errorf("read due pulls: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Lane, err error) {
		err = row.Scan(&l.Connection, &l.Kind)
		return l, err
	})
}

// Backfilled says whether a lane's backfill is done; also where nothing of it is to be pulled.
func (s *Store) Backfilled(ctx context.Context, lane Lane) (done bool, err error) {
	err = s.pool.QueryRow(ctx, `select not exists (select 1 from pulls where connection = $1 and kind = $2 and backfilled_at is null)`,
		lane.Connection, lane.Kind).Scan(&done)
	return done, err
}

// LastReceived tells when the newest webhook of a connection came, and the one that many before it; zero where there is none.
func (s *Store) LastReceived(ctx context.Context, connection string, before int) (newest, older time.Time, err error) {
	var n, o *time.Time
	err = s.pool.QueryRow(ctx, `select
			(select received_at from receipts where connection = $1 and origin = 'webhook' order by connection, received_at desc limit 1),
			(select received_at from receipts where connection = $1 and origin = 'webhook' order by connection, received_at desc offset $2 limit 1)`,
		connection, before).Scan(&n, &o)
	if n != nil {
		newest = *n
	}
	if o != nil {
		older = *o
	}
	return newest, older, err
}

// Known reads the records of the objects of a lane that are linked, by the objects' ids.
func (s *Store) Known(ctx context.Context, lane Lane, externalIDs []string) (map[string]*Bundle, error) {
	known := make(map[string]*Bundle, len(externalIDs))
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select external_id, record_id from links
			where connection = $1 and kind = $2 and external_id = any($3) and state <> 'detached'`, lane.Connection, lane.Kind, externalIDs)
		if err != nil {
			return err
		}
		var (
			batch    pgx.Batch
			external string
			id       RecordID
		)
		if _, err := pgx.ForEachRow(rows, []any{&external, &id}, func() error {
			b := &Bundle{}
			known[external] = b
			readBundle(&batch, b, living, id)
			return nil
		}); err != nil {
			return err
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return nil, fmt.Errorf("read what is known of %s: %w", lane.Connection, err)
	}
	return known, nil
}

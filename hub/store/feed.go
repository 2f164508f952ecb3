package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// ChangeLog is what the change log is, and how far it reaches.
type ChangeLog struct {
	// Feed tells the log of this database from those of others.
	Feed string
	// Begin is before the first change that is kept for the feed.
	Begin ChangePosition
	// End is the greatest place that was given to any transaction, whether it has committed or not.
	End ChangePosition
}

// lastDrawn is the greatest serial of the change log that was drawn.
const lastDrawn = `(select case when is_called then last_value else 0 end from changes_seq_seq)`

// ChangeLog reads how far the change log reaches.
func (s *Store) ChangeLog(ctx context.Context) (ChangeLog, error) {
	var l ChangeLog
	err := s.pool.QueryRow(ctx, `select feed::text, cut, `+lastDrawn+` from change_log`).Scan(&l.Feed, &l.Begin, &l.End)
	if err != nil {
		return l, fmt.Errorf("read the change log's ends: %w", err)
	}
	return l, nil
}

// ChangeWriters lists the transactions that may have written to the change log, or may yet, of those that run. A
// transaction is among them before it draws a place in the log, and until what it wrote can be read.
func (s *Store) ChangeWriters(ctx context.Context) ([]string, error) {
	rows, err := s.pool.Query(ctx, `select virtualtransaction from pg_locks where locktype = 'relation' and relation = 'changes'::regclass
		and database = (select oid from pg_database where datname = current_database()) and mode = 'RowExclusiveLock' and granted`)
	if err != nil {
		return nil, fmt.Errorf("list the change log's writers: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// ChangesQuery asks for a part of the change log.
type ChangesQuery struct {
	// After (exclusive) and Until (inclusive) bound it.
	After, Until ChangePosition
	// Kinds and Sources are those wanted; no sources means all.
	Kinds   []model.Kind
	Sources []string
	// Limit bounds the changes looked at, wanted or not. Bytes bounds the messages, but for the last.
	Limit, Bytes int
}

// wants says in Go what the statement says of messages: those of others are not sent.
func (q *ChangesQuery) wants(c *Change) bool {
	return slices.Contains(q.Kinds, c.Kind) && (len(q.Sources) == 0 || slices.Contains(q.Sources, c.Source))
}

// ChangesPage is a part of the change log.
type ChangesPage struct {
	// Changes are those wanted, in the log's order.
	Changes []*Change
	// End is how far the log was read.
	End ChangePosition
	// Begin is before the first change that the log had afterwards: where that is behind the query's After, the page may
	// lack some.
	Begin ChangePosition
}

// Changes reads a part of the change log, in its order. What is up to Until must be settled: that is the caller's to see to.
func (s *Store) Changes(ctx context.Context, q ChangesQuery) (*ChangesPage, error) {
	page := &ChangesPage{End: q.Until}
	size, looked := 0, 0
	batch := &pgx.Batch{}
	batch.Queue(`select `+changeColumns+`, case when kind = any($3) and (cardinality($4::text[]) = 0 or source = any($4)) then c.message end
		from changes c where c.seq > $1 and c.seq <= $2 order by c.seq limit $5`,
		q.After, q.Until, texts(q.Kinds), texts(q.Sources), q.Limit).Query(takeChanges(func(c *Change) (more bool) {
		looked++
		if q.wants(c) {
			page.Changes = append(page.Changes, c)
			size += c.size()
		}
		if looked == q.Limit || size > q.Bytes {
			page.End = c.Position
			return false
		}
		return true
	}))
	queueBegin(batch, &page.Begin)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return page, nil
}

// SnapshotQuery asks for records of a kind as they were at a place of the change log.
type SnapshotQuery struct {
	Kind model.Kind
	// At is the place; After the id that the previous page ended with.
	At    ChangePosition
	After RecordID
	Limit int
	Bytes int
}

// SnapshotPage is a part of a snapshot.
type SnapshotPage struct {
	// Changes are the newest of each record up to the place, in the order of ids.
	Changes []*Change
	// End is the id up to which records were looked at; empty where there are no more.
	End RecordID
	// Begin is before the first change that the log had afterwards: behind At, the page may be wrong.
	Begin ChangePosition
}

// Snapshot reads a page of records as they were. Records that did not exist, or that another answered for, are left out.
func (s *Store) Snapshot(ctx context.Context, q SnapshotQuery) (*SnapshotPage, error) {
	ids, err := s.idsAfter(ctx, q)
	if err != nil || len(ids) == 0 {
		return &SnapshotPage{}, err
	}
	page, size := &SnapshotPage{}, 0
	if len(ids) == q.Limit {
		page.End = ids[len(ids)-1]
	}
	batch := &pgx.Batch{}
	batch.Queue(`select `+changeColumns+`, c.message from unnest($1::text[]) as p (id)
		cross join lateral (select * from changes where record_id = p.id and seq <= $2 order by revision desc limit 1) as c
		order by p.id collate "C"`, texts(ids), q.At).Query(takeChanges(func(c *Change) (more bool) {
		if c.Record.MergedInto == "" {
			page.Changes = append(page.Changes, c)
			size += c.size()
		}
		if size > q.Bytes {
			page.End = c.RecordID
		}
		return size <= q.Bytes
	}))
	queueBegin(batch, &page.Begin)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read a snapshot of %ss: %w", q.Kind, err)
	}
	return page, nil
}

// idsAfter lists the records of a kind by their ids, which begin with it: '`' comes after '_'.
func (s *Store) idsAfter(ctx context.Context, q SnapshotQuery) ([]RecordID, error) {
	rows, err := s.pool.Query(ctx, `select id from records where id > $1 and id < $2 order by id limit $3`,
		max(q.After, RecordID(q.Kind+"_")), RecordID(q.Kind+"`"), q.Limit)
	if err != nil {
		return nil, fmt.Errorf("list the %ss of a snapshot: %w", q.Kind, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[RecordID])
}

// queueBegin queues the question where the feed begins. It is asked after what was read, so that nothing is cut in between.
func queueBegin(batch *pgx.Batch, into *ChangePosition) {
	batch.Queue(`select cut from change_log`).QueryRow(func(row pgx.Row) error { return row.Scan(into) })
}

// takeChanges reads changes until take has enough; those beyond are not kept in memory.
func takeChanges(take func(*Change) (more bool)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			c, err := scanChange(rows)
			if err != nil {
				return err
			}
			if !take(c) {
				return nil
			}
		}
		return rows.Err()
	}
}

// texts are as they are sent; never null.
func texts[S ~string](from []S) []string {
	out := make([]string, len(from))
	for i, s := range from {
		out[i] = string(s)
	}
	return out
}

package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// RevisionsQuery asks for a part of one record's changes.
type RevisionsQuery struct {
	ID RecordID
	// Before (exclusive) is where the previous page ended; 0 for the newest.
	Before Revision
	// Limit bounds the changes; Bytes bounds the messages, but for the last.
	Limit, Bytes int
}

// Revisions reads the changes of one record, not of one that answers for it, the newest first; more says that there are
// others.
func (s *Store) Revisions(ctx context.Context, q RevisionsQuery) (changes []*Change, more bool, err error) {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	size := 0
	batch := &pgx.Batch{}
	batch.Queue(`select `+changeColumns+`, c.message from changes c where c.record_id = $1 and c.revision < $2
		order by c.revision desc limit $3`, q.ID, before, q.Limit+1).Query(takeChanges(func(c *Change) bool {
		if more = len(changes) == q.Limit || size > q.Bytes; more {
			return false
		}
		changes, size = append(changes, c), size+c.size()
		return true
	}))
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, false, fmt.Errorf("revisions of %s: %w", q.ID, err)
	}
	return changes, more, nil
}

// RevisionOf reads one change of a record; ErrNotFound where it is not kept, or was not made yet.
func (s *Store) RevisionOf(ctx context.Context, id RecordID, revision Revision) (*Change, error) {
	return s.oneChange(ctx, `select `+changeColumns+`, c.message from changes c where c.record_id = $1 and c.revision = $2`, id, revision)
}

// RevisionAt reads the newest change of a record up to a time; ErrNotFound where none is kept.
func (s *Store) RevisionAt(ctx context.Context, id RecordID, at time.Time) (*Change, error) {
	return s.oneChange(ctx, `select `+changeColumns+`, c.message from changes c where c.record_id = $1 and c.changed_at <= $2
		order by c.changed_at desc, c.revision desc limit 1`, id, at)
}

func (s *Store) oneChange(ctx context.Context, sql string, args ...any) (*Change, error) {
	c, err := scanChange(s.pool.QueryRow(ctx, sql, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	return c, err
}

// RecordItself reads a record by its id, even where another answers for it; ErrNotFound where there is none.
func (s *Store) RecordItself(ctx context.Context, id RecordID) (*Record, error) {
	return scanRecord(s.pool.QueryRow(ctx, `select `+recordColumns+` from records r where r.id = $1`, id))
}

// Now is the database's time.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	return now, s.pool.QueryRow(ctx, `select clock_timestamp()`).Scan(&now)
}

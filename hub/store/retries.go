package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// RetryState is why a job is not being worked.
type RetryState string

// The states, as the queue has them.
const (
	// Failed: it will be tried again.
	Failed RetryState = "retryable"
	// Waits: its connection is throttled, paused or away.
	Waits RetryState = "scheduled"
)

// Retry is a job that will be tried again.
type Retry struct {
	RetryPlace
	// ReceiptID of an event, or RecordID of a delivery.
	ReceiptID string
	RecordID  RecordID
	// Attempts and MaxAttempts count tries. The most are those of the queue, or fewer where the job fails in a way that allows fewer.
	Attempts, MaxAttempts int
	// Last is when it was tried last; zero where it was not.
	Last time.Time
	// Reason is the last failure.
	Reason string
	// Since is when the job was made.
	Since time.Time
}

// RetryPlace is a place among the jobs of one queue and state: the order in which the queue takes them up.
type RetryPlace struct {
	Priority int
	Next     time.Time
	ID       int64
}

// Retries reads a page of a queue's jobs in one state, behind a place.
func (s *Store) Retries(ctx context.Context, queue string, state RetryState, after RetryPlace, limit int) ([]Retry, error) {
	rows, err := s.pool.Query(ctx, `select priority, scheduled_at, id, coalesce(args ->> 'receipt_id', ''), coalesce(args ->> 'record_id', ''),
			attempt, coalesce((metadata #>> '{output,max_attempts}')::int, max_attempts), attempted_at, coalesce(errors[array_upper(errors, 1)] ->> 'error', ''), created_at
		from river_job where state = $1::text::river_job_state and queue = $2 and (priority, scheduled_at, id) > ($3, $4, $5)
		order by priority, scheduled_at, id limit $6`, string(state), queue, after.Priority, after.Next, after.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("list retries of %s: %w", queue, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Retry, err error) {
		var last *time.Time
		err = row.Scan(&r.Priority, &r.Next, &r.ID, &r.ReceiptID, &r.RecordID, &r.Attempts, &r.MaxAttempts, &last, &r.Reason, &r.Since)
		if last != nil {
			r.Last = *last
		}
		return r, err
	})
}

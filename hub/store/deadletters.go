package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/canonhub/canonhub/hub/model"
)

// LetterClosing is how a dead letter was closed.
type LetterClosing string

// The ways.
const (
	// Redriven: its work was taken up again.
	Redriven LetterClosing = "redriven"
	// Discarded: a person said that it is not to be done.
	Discarded LetterClosing = "discarded"
	// Succeeded: the same work has a newer dead letter.
	Succeeded LetterClosing = "succeeded"
)

// DeadLetter is a receipt or delivery that the hub gave up on.
type DeadLetter struct {
	ID int64
	// ReceiptID or RecordID tells which it is; Connection is the source's or the target's.
	ReceiptID     string
	RecordID      RecordID
	Connection    string
	Category      string
	Reason        string
	Attempts      int
	CorrelationID string
	// Redrives is how often the same work was redriven before.
	Redrives  int
	CreatedAt time.Time
	// ClosedAt is zero while it is open.
	ClosedAt            time.Time
	Closed              LetterClosing
	ClosedBy, ClosedWhy string
}

// Delivery says that it is a delivery, not a receipt.
func (d *DeadLetter) Delivery() bool { return d.ReceiptID == "" }

// PutDeadLetter queues a dead letter and its audit row. An open one of the same work is succeeded by it.
func (t *Tx) PutDeadLetter(d DeadLetter) {
	subject := "receipt"
	if d.Delivery() {
		subject = "delivery"
	}
	same := `record_id = nullif($4, '') and connection = $2 and subject = 'delivery'`
	if !d.Delivery() {
		same = `receipt_id = nullif($3, '')`
	}
	t.Queue(`with earlier as (select redrives, closed_how from dead_letters where `+same+`),
		succeeded as (update dead_letters set closed_at = now(), closed_how = 'succeeded' where `+same+` and closed_at is null)
		insert into dead_letters (subject, connection, receipt_id, record_id, category, reason, attempts, correlation_id, redrives)
		values ($1, $2, nullif($3, ''), nullif($4, ''), $5, $6, $7, $8, (select count(*) from earlier where closed_how = 'redriven'))`,
		subject, d.Connection, d.ReceiptID, string(d.RecordID), d.Category, d.Reason, d.Attempts, d.CorrelationID)
	t.PutTrail(Trail{Action: ActionDeadLettered, CorrelationID: d.CorrelationID, Connection: d.Connection, RecordID: d.RecordID,
		ReceiptID: d.ReceiptID, Detail: d.Category + ": " + d.Reason})
}

const letterColumns = `d.id, coalesce(d.receipt_id, ''), coalesce(d.record_id, ''), d.connection, d.category, d.reason, d.attempts, d.correlation_id,
	d.redrives, d.created_at, d.closed_at, d.closed_how, d.closed_by, d.closed_why`

func scanLetter(row pgx.Row) (*DeadLetter, error) {
	var (
		d      DeadLetter
		closed *time.Time
	)
	err := row.Scan(&d.ID, &d.ReceiptID, &d.RecordID, &d.Connection, &d.Category, &d.Reason, &d.Attempts, &d.CorrelationID,
		&d.Redrives, &d.CreatedAt, &closed, &d.Closed, &d.ClosedBy, &d.ClosedWhy)
	if closed != nil {
		d.ClosedAt = *closed
	}
	return &d, err
}

// LetterQuery asks for a page of dead letters, oldest first. Empty fields are for all.
type LetterQuery struct {
	Connection, Category string
	// Kinds are those of deliveries; receipts, which may be of any, are read unless Deliveries says otherwise.
	Kinds      []model.Kind
	Deliveries bool
	// Receipts reads receipts alone.
	Receipts bool
	// Since and Before bound when the hub gave up; zero means open.
	Since, Before time.Time
	// IncludeClosed reads closed ones, and deliveries that a newer revision has taken up again.
	IncludeClosed bool
	// After is the last one's number on the page before, and Until bounds them; 0 for none.
	After, Until int64
	Limit        int
}

// DeadLetters reads a page.
func (s *Store) DeadLetters(ctx context.Context, q LetterQuery) ([]*DeadLetter, error) {
	sql, args := q.sql()
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*DeadLetter, error) { return scanLetter(row) })
}

func (q LetterQuery) sql() (string, []any) {
	before, until := q.Before, q.Until
	if before.IsZero() {
		before = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if until == 0 {
		until = 1 << 62
	}
	where, order := `d.id > $2 and d.id <= $3`, `d.id`
	if q.Connection != "" { // said in this way, only the index by connection has the order
		where, order = where+` and d.connection >= $1 and d.connection <= $1`, `d.connection, d.id`
	} else {
		where += ` and $1 = ''`
	}
	if !q.IncludeClosed {
		where += ` and d.closed_at is null and case d.subject
			when 'receipt' then (select r.state from receipts r where r.id = d.receipt_id)
			else (select l.state from deliveries l where l.record_id = d.record_id and l.connection = d.connection) end = 'dead'`
	}
	if q.Deliveries {
		where += ` and d.subject = 'delivery'`
	}
	if q.Receipts {
		where += ` and d.subject = 'receipt'`
	}
	return `select ` + letterColumns + ` from dead_letters d where ` + where + `
		and ($4 = '' or d.category = $4) and (d.subject = 'receipt' or split_part(d.record_id, '_', 1) = any($5))
		and d.created_at >= $6 and d.created_at < $7 order by ` + order + ` limit $8`,
		[]any{q.Connection, q.After, until, q.Category, q.Kinds, q.Since, before, q.Limit}
}

// DeadLetter reads one; ErrNotFound where there is none.
func (s *Store) DeadLetter(ctx context.Context, id int64) (*DeadLetter, error) {
	d, err := scanLetter(s.pool.QueryRow(ctx, `select `+letterColumns+` from dead_letters d where d.id = $1`, id))
	if err != nil {
		return nil, notFound(err)
	}
	return d, nil
}

// CloseLetter closes an open dead letter of work that is dead, and says whether it was one.
func (t *Tx) CloseLetter(ctx context.Context, d *DeadLetter, how LetterClosing, by, why string) (closed bool, err error) {
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`update dead_letters set closed_at = now(), closed_how = $2, closed_by = $3, closed_why = $4 where id = $1 and closed_at is null`,
			d.ID, how, by, why).Exec(func(tag pgconn.CommandTag) error {
			closed = tag.RowsAffected() > 0
			return nil
		})
	})
	if closed {
		t.PutTrail(Trail{Action: string(how), CorrelationID: d.CorrelationID, Connection: d.Connection, RecordID: d.RecordID,
			ReceiptID: d.ReceiptID, Actor: by, Detail: fmt.Sprintf("dead letter %d: %s", d.ID, why)})
	}
	return closed, err
}

// ReviveDelivery has a delivery that was given up owed again; false where it is not given up.
func (t *Tx) ReviveDelivery(ctx context.Context, id RecordID, connection string) (revived bool, err error) {
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`update deliveries set state = 'owed', reason = '', updated_at = now() where record_id = $1 and connection = $2 and state = 'dead'`,
			id, connection).Exec(func(tag pgconn.CommandTag) error {
			revived = tag.RowsAffected() > 0
			return nil
		})
	})
	return revived, err
}

// NewestLetter is the number of the newest dead letter; 0 where there is none.
func (s *Store) NewestLetter(ctx context.Context) (id int64, err error) {
	err = s.pool.QueryRow(ctx, `select coalesce((select id from dead_letters order by id desc limit 1), 0)`).Scan(&id)
	return id, err
}

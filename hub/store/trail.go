package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Trail is one row of the audit: what happened, under which correlation id. It holds no payload and no personal data.
type Trail struct {
	At            time.Time
	Action        string
	CorrelationID string
	Connection    string
	RecordID      RecordID
	ReceiptID     string
	// Actor is the caller or person that did it; empty where the hub did.
	Actor  string
	Detail string
}

// The actions.
const (
	ActionTranslated   = "translated"
	ActionApplied      = "applied"
	ActionDelivered    = "delivered"
	ActionFailed       = "failed"
	ActionRetried      = "retried"
	ActionDeadLettered = "dead-lettered"
	ActionPaused       = "paused"
	ActionResumed      = "resumed"

	ActionMerged   = "merged"
	ActionParted   = "parted"
	ActionLinked   = "linked"
	ActionUnlinked = "unlinked"
	ActionErased   = "erased"

	ActionReviewOpened = "review-opened"
	ActionReviewClosed = "review-closed"
	ActionDecided      = "decided"

	ActionPolicyActivated = "policy-activated"
)

// PutTrail queues a row. All rows of a transaction go out as one statement, before it commits.
func (t *Tx) PutTrail(r Trail) { t.trails = append(t.trails, r) }

// queueTrails queues the statement.
func (t *Tx) queueTrails() {
	n := len(t.trails)
	if n == 0 {
		return
	}
	actions, correlations, connections := make([]string, n), make([]string, n), make([]string, n)
	records, receipts, details, actors := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, r := range t.trails {
		actions[i], correlations[i], connections[i] = r.Action, r.CorrelationID, r.Connection
		records[i], receipts[i], details[i], actors[i] = string(r.RecordID), r.ReceiptID, r.Detail, r.Actor
	}
	t.trails = nil
	t.Queue(`insert into audit (action, correlation_id, connection, record_id, receipt_id, detail, actor)
		select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`,
		actions, correlations, connections, records, receipts, details, actors)
}

// TrailOf reads the rows of a correlation id in order.
func (s *Store) TrailOf(ctx context.Context, correlationID string) ([]Trail, error) {
	rows, err := s.pool.Query(ctx, `select at, action, correlation_id, connection, record_id, receipt_id, actor, detail
		from audit where correlation_id = $1 order by id limit 1000`, correlationID)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Trail, error) {
		var r Trail
		return r, row.Scan(&r.At, &r.Action, &r.CorrelationID, &r.Connection, &r.RecordID, &r.ReceiptID, &r.Actor, &r.Detail)
	})
}

// DeadLetter is a receipt or delivery that the hub gave up on.
type DeadLetter struct {
	// ReceiptID or RecordID tells which it is; Connection is the source's or the target's.
	ReceiptID     string
	RecordID      RecordID
	Connection    string
	Category      string
	Reason        string
	Attempts      int
	CorrelationID string
}

// PutDeadLetter queues a dead letter and its audit row.
func (t *Tx) PutDeadLetter(d DeadLetter) {
	subject := "delivery"
	if d.ReceiptID != "" {
		subject = "receipt"
	}
	t.Queue(`insert into dead_letters (subject, connection, receipt_id, record_id, category, reason, attempts, correlation_id)
		values ($1, $2, nullif($3, ''), nullif($4, ''), $5, $6, $7, $8)`,
		subject, d.Connection, d.ReceiptID, string(d.RecordID), d.Category, d.Reason, d.Attempts, d.CorrelationID)
	t.PutTrail(Trail{Action: ActionDeadLettered, CorrelationID: d.CorrelationID, Connection: d.Connection, RecordID: d.RecordID,
		ReceiptID: d.ReceiptID, Detail: d.Category + ": " + d.Reason})
}

// DeadLetters reads the newest dead letters of a connection.
func (s *Store) DeadLetters(ctx context.Context, connection string, limit int) ([]DeadLetter, error) {
	// Said in this way, only the index by connection has the order; by = the planner may look for the newest among all.
	rows, err := s.pool.Query(ctx, `select connection, coalesce(receipt_id, ''), coalesce(record_id, ''), category, reason, attempts, correlation_id
		from dead_letters where connection >= $1 and connection <= $1 order by dead_letters.connection desc, id desc limit $2`, connection, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (DeadLetter, error) {
		var d DeadLetter
		return d, row.Scan(&d.Connection, &d.ReceiptID, &d.RecordID, &d.Category, &d.Reason, &d.Attempts, &d.CorrelationID)
	})
}

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
	// ActionKept: what was pulled could not be taken in at once, and was kept.
	ActionKept = "kept"
	// ActionPulled: a run of a pull has ended.
	ActionPulled       = "pulled"
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

	// ActionCredentialPut: there is a new version of a credential that the hub keeps.
	ActionCredentialPut = "credential-put"
	// ActionCredentialRetired: a version is good no more.
	ActionCredentialRetired = "credential-retired"
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

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// DeliveryState is how far a delivery has come.
type DeliveryState string

// The states.
const (
	// Owed: the target differs, and a job is to bring it there.
	Owed DeliveryState = "owed"
	// Blocked: it waits for something that is not its own doing; see the reason.
	Blocked DeliveryState = "blocked"
	// Dead: the hub gave up; a newer revision takes it up again.
	Dead DeliveryState = "dead"
	// Settled: the target agreed to the revision.
	Settled DeliveryState = "settled"
)

// Delivery is the obligation to bring one target to a record's newest revision.
type Delivery struct {
	RecordID   RecordID
	Connection string
	Kind       model.Kind
	State      DeliveryState
	// Revision is the newest owed, or the one agreed to.
	Revision      Revision
	Reason        string
	CorrelationID string
	TraceParent   string
}

const deliveryColumns = `d.record_id, d.connection, d.kind, d.state, d.revision, d.reason, d.correlation_id, d.traceparent`

func scanDelivery(row pgx.CollectableRow) (*Delivery, error) {
	var d Delivery
	err := row.Scan(&d.RecordID, &d.Connection, &d.Kind, &d.State, &d.Revision, &d.Reason, &d.CorrelationID, &d.TraceParent)
	return &d, err
}

// PutDelivery queues the insert or update of a delivery.
func (t *Tx) PutDelivery(d *Delivery) {
	t.Queue(`insert into deliveries (record_id, connection, kind, state, revision, reason, correlation_id, traceparent)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (record_id, connection) do update set state = excluded.state, revision = excluded.revision,
			reason = excluded.reason, correlation_id = excluded.correlation_id, traceparent = excluded.traceparent, updated_at = now()`,
		d.RecordID, d.Connection, d.Kind, d.State, d.Revision, d.Reason, d.CorrelationID, d.TraceParent)
}

// OwedDeliveries lists deliveries that have been owed since before a time, oldest first, for the sweeper.
func (s *Store) OwedDeliveries(ctx context.Context, before time.Duration, limit int) ([]*Delivery, error) {
	rows, err := s.pool.Query(ctx, `select `+deliveryColumns+` from deliveries d
		where d.state in ('owed', 'blocked') and d.updated_at < now() - $1::interval order by d.updated_at limit $2`, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read owed deliveries: %w", err)
	}
	return pgx.CollectRows(rows, scanDelivery)
}

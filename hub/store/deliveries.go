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
	Revision Revision
	Reason   string
	// Braked says that it is blocked by a brake, whose release wakes it.
	Braked bool
	// WaitsFor is the record whose object at the connection it is blocked for; empty where it waits for no record.
	WaitsFor      RecordID
	CorrelationID string
	TraceParent   string
}

// Stop says that the delivery waits for a brake's release.
func (d *Delivery) Stop(b *Brake) { d.State, d.Braked, d.Reason = Blocked, true, b.Reason() }

// Settle says that the target agrees to a revision.
func (d *Delivery) Settle(r Revision) {
	d.State, d.Revision, d.Reason, d.Braked, d.WaitsFor = Settled, r, "", false, ""
}

const deliveryColumns = `d.record_id, d.connection, d.kind, d.state, d.revision, d.reason, d.braked, d.waits_for, d.correlation_id, d.traceparent`

func scanDelivery(row pgx.CollectableRow) (*Delivery, error) { return readDelivery(row) }

func readDelivery(row pgx.Row) (*Delivery, error) {
	var d Delivery
	err := row.Scan(&d.RecordID, &d.Connection, &d.Kind, &d.State, &d.Revision, &d.Reason, &d.Braked, &d.WaitsFor, &d.CorrelationID, &d.TraceParent)
	return &d, err
}

// PutDelivery queues the insert or update of a delivery.
func (t *Tx) PutDelivery(d *Delivery) {
	t.Queue(`insert into deliveries (record_id, connection, kind, state, revision, reason, braked, waits_for, correlation_id, traceparent)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (record_id, connection) do update set state = excluded.state, revision = excluded.revision,
			reason = excluded.reason, braked = excluded.braked, waits_for = excluded.waits_for, correlation_id = excluded.correlation_id, traceparent = excluded.traceparent, updated_at = now()`,
		d.RecordID, d.Connection, d.Kind, d.State, d.Revision, d.Reason, d.Braked, d.WaitsFor, d.CorrelationID, d.TraceParent)
}

// WaitingFor are records, up to a limit, whose deliveries to a connection wait for a record's object there.
func (t *Tx) WaitingFor(ctx context.Context, id RecordID, connection string, limit int) ([]RecordID, error) {
	var waiting []RecordID
	err := t.Read(ctx, func(batch *pgx.Batch) {
		collect(batch, &waiting, pgx.RowTo[RecordID], `select record_id from deliveries where waits_for = $1 and waits_for <> '' and connection = $2
			order by record_id limit $3`, id, connection, limit)
	})
	if err != nil {
		return nil, fmt.Errorf("read what waits for %s at %s: %w", id, connection, err)
	}
	return waiting, nil
}

// Waiting is a place among what waits, oldest first; zero is before all.
type Waiting struct {
	Since time.Time
	ID    string
	// Connection of a delivery.
	Connection string
}

// OwedDeliveries lists deliveries behind a place that have been owed since before a time, oldest first, for the sweeper,
// and returns the place of the last; zero where no more are behind it. Those that a brake stopped are not among them.
func (s *Store) OwedDeliveries(ctx context.Context, before time.Duration, after Waiting, limit int) (owed []*Delivery, last Waiting, err error) {
	rows, err := s.pool.Query(ctx, `select d.updated_at, `+deliveryColumns+` from deliveries d
		where d.state in ('owed', 'blocked') and not d.braked and d.updated_at < now() - $1::interval
			and (d.updated_at, d.record_id, d.connection) > ($2, $3, $4)
		order by d.updated_at, d.record_id, d.connection limit $5`, before, after.Since, after.ID, after.Connection, limit)
	if err == nil {
		owed, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Delivery, error) {
			d, err := readDelivery(prefixed{row, []any{&last.Since}})
			last.ID, last.Connection = string(d.RecordID), d.Connection
			return d, err
		})
	}
	if err != nil {
		return nil, Waiting{}, fmt.Errorf("read owed deliveries: %w", err)
	}
	if len(owed) < limit {
		last = Waiting{}
	}
	return owed, last, nil
}

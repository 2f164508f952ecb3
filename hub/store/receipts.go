package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
)

// Receipt is a verified incoming event, kept raw.
type Receipt struct {
	ID         string
	Connection string
	// Origin is how it came to be.
	Origin        Origin
	EventKey      string
	Type          string
	OccurredAt    time.Time
	Body          []byte
	CorrelationID string
	TraceParent   string
	ReceivedAt    time.Time
	// State is pending, done or dead.
	State string
	// Secret is the name of the secret that it was signed with; only given when it is stored.
	Secret string
}

// Origin is how a receipt came to be.
type Origin string

// The origins.
const (
	// OriginWebhook: the vendor sent it; the body is the event's.
	OriginWebhook Origin = "webhook"
	// OriginPull: a pull heard it; the body is a canonhub.store.v1.Observed.
	OriginPull Origin = "pull"
	// OriginPart: the part of an event, or of a page, that could not be read.
	OriginPart Origin = "part"
	// OriginRequest: a webhook's request that could not be cut into events; the body is a canonhub.store.v1.WebhookRequest.
	OriginRequest Origin = "request"
)

// Kept is what has become of a receipt that did not come from outside.
type Kept struct {
	// State is pending, done or dead.
	State, Outcome string
	// Reason of a dead one; safe to show.
	Reason string
}

// KeepReceipt queues a receipt of the hub's own making, unless it is there; a dead one gets its dead letter.
func (t *Tx) KeepReceipt(r *Receipt, k Kept) {
	t.Queue(`with fresh as (
			insert into receipt_keys (connection, event_key) values ($2, $3) on conflict do nothing returning connection
		), stored as (
			insert into receipts (id, connection, event_key, type, occurred_at, body, correlation_id, traceparent, state, outcome, origin, finished_at)
			select $1, $2, $3, $4, $5, coalesce($6, ''::bytea), $7, $8, $9, nullif($10, ''), $11, case when $9 = 'pending' then null else now() end from fresh
			returning id
		), buried as (
			insert into dead_letters (subject, connection, receipt_id, category, reason, attempts, correlation_id, redrives)
			select 'receipt', $2, id, $10, $12, 1, $7, 0 from stored where $9 = 'dead'
		)
		insert into audit (action, correlation_id, connection, receipt_id, detail) select $13, $7, $2, id, $12 from stored`,
		r.ID, r.Connection, r.EventKey, r.Type, nullTime(r.OccurredAt), r.Body, r.CorrelationID, r.TraceParent,
		k.State, k.Outcome, r.Origin, k.Reason, keptAction(k))
}

func keptAction(k Kept) string {
	if k.State == "dead" {
		return ActionDeadLettered
	}
	return ActionKept
}

// PutReceipts stores receipts, leaving out those whose event was received before, and returns the ids of the new ones.
// Receipts must not hold one event twice.
func (t *Tx) PutReceipts(ctx context.Context, receipts []*Receipt) (map[string]bool, error) {
	n := len(receipts)
	ids, connections, keys, types := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	occurred, bodies := make([]*time.Time, n), make([][]byte, n)
	correlations, traces, secrets := make([]string, n), make([]string, n), make([]string, n)
	for i, r := range receipts {
		ids[i], connections[i], keys[i], types[i] = r.ID, r.Connection, r.EventKey, r.Type
		occurred[i], bodies[i] = nullTime(r.OccurredAt), r.Body
		correlations[i], traces[i], secrets[i] = r.CorrelationID, r.TraceParent, r.Secret
	}
	fresh := make(map[string]bool, n)
	err := t.Read(ctx, func(batch *pgx.Batch) {
		// Keys are inserted in order, so that two batches that share events cannot wait for each other.
		batch.Queue(`with arrived as (
				select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[], $7::text[], $8::text[], $9::text[])
					as a (id, connection, event_key, type, occurred_at, body, correlation_id, traceparent, secret)
			), fresh as (
				insert into receipt_keys (connection, event_key)
				select connection, event_key from arrived order by connection, event_key collate "C"
				on conflict do nothing returning connection, event_key
			), stored as (
				insert into receipts (id, connection, event_key, type, occurred_at, body, correlation_id, traceparent)
				select a.id, a.connection, a.event_key, a.type, a.occurred_at, a.body, a.correlation_id, a.traceparent from arrived a join fresh f on f.connection = a.connection and f.event_key = a.event_key
				returning id, connection, correlation_id
			), audited as (
				insert into audit (action, correlation_id, connection, receipt_id, detail)
				select action, s.correlation_id, s.connection, s.id, case when action = 'verified' and a.secret <> '' then 'signed with ' || a.secret else '' end
				from stored s join arrived a on a.id = s.id, unnest(array['received', 'verified', 'queued']) as action
			)
			select id from stored`, ids, connections, keys, types, occurred, bodies, correlations, traces, secrets).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, pgx.RowTo[string])
			for _, id := range found {
				fresh[id] = true
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store receipts: %w", err)
	}
	return fresh, nil
}

// Receipt reads a receipt; ErrNotFound where there is none.
func (s *Store) Receipt(ctx context.Context, id string) (*Receipt, error) {
	var (
		r        Receipt
		occurred *time.Time
	)
	err := s.pool.QueryRow(ctx, `select id, connection, event_key, type, occurred_at, body, correlation_id, traceparent, received_at, state, origin
		from receipts where id = $1`, id).Scan(&r.ID, &r.Connection, &r.EventKey, &r.Type, &occurred, &r.Body,
		&r.CorrelationID, &r.TraceParent, &r.ReceivedAt, &r.State, &r.Origin)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read receipt %s: %w", id, err)
	}
	if occurred != nil {
		r.OccurredAt = *occurred
	}
	return &r, nil
}

// FinishReceipt queues the end of a receipt's way: done, or dead. One that speaks of an erased object is emptied, and its
// event's key, which may be made of what it says, is forgotten: should it come again, it is told by its object.
func (t *Tx) FinishReceipt(id, state, outcome string) {
	t.Queue(`with erased as (select r.connection, r.event_key from receipts r where r.id = $1 and exists (
			select 1 from receipt_objects o join erasures e on e.object_sha256 = o.object_sha256 where o.receipt_id = r.id)),
		forgotten as (delete from receipt_keys k using erased x where k.connection = x.connection and k.event_key = x.event_key)
		update receipts set state = $2, outcome = $3, finished_at = now(),
			body = case when exists (select 1 from erased) then '' else body end,
			event_key = case when exists (select 1 from erased) then '' else event_key end where id = $1`, id, state, outcome)
}

// SplitReceipt queues the end of a request's receipt whose events have receipts of their own by now: nothing is left in it
// that an erasure, which goes by what a receipt speaks of, could miss.
func (t *Tx) SplitReceipt(id, outcome string) {
	t.Queue(`update receipts set state = 'done', outcome = $2, finished_at = now(), body = '' where id = $1`, id, outcome)
}

// Raw is what came from outside, as it came; empty where nothing of it is kept or it cannot be read.
func (r *Receipt) Raw() []byte {
	switch r.Origin {
	case OriginPull:
		kept := &storev1.Observed{}
		if proto.Unmarshal(r.Body, kept) == nil {
			return kept.GetRaw()
		}
	case OriginRequest:
		kept := &storev1.WebhookRequest{}
		if proto.Unmarshal(r.Body, kept) == nil {
			return kept.GetBody()
		}
	default:
		return r.Body
	}
	return nil
}

// Emptied says that the receipt spoke of an erased object, and nothing is left of it.
func (r *Receipt) Emptied() bool { return r.EventKey == "" && len(r.Body) == 0 }

// PendingReceipts lists receipts behind a place that have waited since before a time, oldest first, for the sweeper, and
// returns the place of the last; zero where no more are behind it.
func (s *Store) PendingReceipts(ctx context.Context, before time.Duration, after Waiting, limit int) (pending []*Receipt, last Waiting, err error) {
	rows, err := s.pool.Query(ctx, `select received_at, id, connection, correlation_id, traceparent from receipts
		where state = 'pending' and received_at < now() - $1::interval and (received_at, id) > ($2, $3)
		order by received_at, id limit $4`, before, after.Since, after.ID, limit)
	if err == nil {
		pending, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Receipt, error) {
			r := &Receipt{State: "pending"}
			err := row.Scan(&last.Since, &r.ID, &r.Connection, &r.CorrelationID, &r.TraceParent)
			last.ID = r.ID
			return r, err
		})
	}
	if err != nil {
		return nil, Waiting{}, fmt.Errorf("read pending receipts: %w", err)
	}
	if len(pending) < limit {
		last = Waiting{}
	}
	return pending, last, nil
}

// ReopenReceipt has a receipt heard again: it is pending, and its job is for the caller to insert. ErrNotFound where it
// is pending already, or nothing of it is kept.
func (t *Tx) ReopenReceipt(ctx context.Context, id string) (*Receipt, error) {
	r := &Receipt{ID: id, State: "pending"}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`update receipts set state = 'pending', outcome = null, finished_at = null
			where id = $1 and state <> 'pending' and body <> '' returning connection, correlation_id, traceparent`, id).
			QueryRow(func(row pgx.Row) error { return row.Scan(&r.Connection, &r.CorrelationID, &r.TraceParent) })
	})
	if err != nil {
		return nil, notFound(err)
	}
	return r, nil
}

// HearNumbers notes the numbers that a vendor gave events, and says whether some are missing behind the highest that was
// heard before. Numbers may come in any order, and again.
func (t *Tx) HearNumbers(ctx context.Context, connection string, numbers []int64) (missing bool, err error) {
	var before int64
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`update connections c set sequence = greatest(c.sequence, $2)
			from (select sequence from connections where name = $1 for update) as before
			where c.name = $1 returning before.sequence`, connection, slices.Max(numbers)).QueryRow(func(row pgx.Row) error {
			return row.Scan(&before)
		})
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // a connection that was never registered
	}
	if err != nil {
		return false, fmt.Errorf("numbers of events of %s: %w", connection, err)
	}
	if before == 0 {
		before = slices.Min(numbers) - 1
	}
	fresh := slices.DeleteFunc(slices.Clone(numbers), func(n int64) bool { return n <= before })
	slices.Sort(fresh)
	fresh = slices.Compact(fresh)
	return len(fresh) > 0 && fresh[len(fresh)-1]-before > int64(len(fresh)), nil
}

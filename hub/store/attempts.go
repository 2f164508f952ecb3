package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

// AttemptState is an attempt's outcome.
type AttemptState string

// The states.
const (
	// Pending: its outcome is unknown; nothing newer is sent before it is settled.
	Pending AttemptState = "pending"
	// Acknowledged: the vendor did it.
	Acknowledged AttemptState = "acknowledged"
	// Refused: the vendor did not do it.
	Refused AttemptState = "refused"
	// Abandoned: the hub gave up finding out.
	Abandoned AttemptState = "abandoned"
)

// Attempt is one push, stored before the call (law 7).
type Attempt struct {
	ID         int64
	RecordID   RecordID
	Connection string
	Kind       model.Kind
	// ExternalID is empty for a create.
	ExternalID string
	// Archive says that the object is to be archived, not written.
	Archive  bool
	Revision Revision
	Key      string
	// Request holds the adapter's frozen bytes.
	Request []byte
	Paths   []model.Path
	// Sent is the canonical message as sent.
	Sent proto.Message
	// SentAfter is the newest place in the target's order known when it was sent.
	SentAfter view.Stamp
	// Sends counts the calls made with it.
	Sends int
	// LookFirst are the records for which the object may be there already, by attempts that were given up. It is not stored.
	LookFirst []RecordID
}

const attemptColumns = `a.id, a.record_id, a.connection, a.kind, a.external_id, a.revision, a.idempotency_key, a.request, a.paths, a.sent, a.sent_after, a.sends, a.archive`

func readAttempt(row pgx.Row) (*Attempt, error) {
	var (
		a           Attempt
		sent, after []byte
	)
	if err := row.Scan(&a.ID, &a.RecordID, &a.Connection, &a.Kind, &a.ExternalID, &a.Revision, &a.Key, &a.Request, &a.Paths, &sent, &after, &a.Sends, &a.Archive); err != nil {
		return nil, err
	}
	schema := model.For(a.Kind)
	if schema == nil {
		return nil, fmt.Errorf("attempt %d: this binary does not know kind %q; run a newer one", a.ID, a.Kind)
	}
	stamp := &storev1.Stamp{}
	a.Sent = schema.New()
	if err := proto.Unmarshal(sent, a.Sent); err != nil {
		return nil, fmt.Errorf("attempt %d: decode: %w", a.ID, err)
	}
	if err := proto.Unmarshal(after, stamp); err != nil {
		return nil, fmt.Errorf("attempt %d: decode stamp: %w", a.ID, err)
	}
	a.SentAfter = view.DecodeStamp(stamp)
	return &a, nil
}

// PutAttempt stores a new attempt as pending and sets its id.
func (t *Tx) PutAttempt(ctx context.Context, a *Attempt) error {
	sent, err := proto.Marshal(a.Sent)
	if err != nil {
		return fmt.Errorf("attempt: encode: %w", err)
	}
	after, err := proto.Marshal(view.EncodeStamp(a.SentAfter))
	if err != nil {
		return fmt.Errorf("attempt: encode stamp: %w", err)
	}
	if after == nil {
		after = []byte{}
	}
	return t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`insert into attempts (record_id, connection, kind, external_id, revision, idempotency_key, request, paths, sent, sent_after, state, sends, archive)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', 1, $11) returning id`,
			a.RecordID, a.Connection, a.Kind, a.ExternalID, a.Revision, a.Key, a.Request, a.Paths, sent, after, a.Archive).
			QueryRow(func(row pgx.Row) error { return row.Scan(&a.ID) })
	})
}

// ResendAttempt queues the note that a pending attempt is sent once more.
func (t *Tx) ResendAttempt(id int64) {
	t.Queue(`update attempts set sends = sends + 1 where id = $1`, id)
}

// SettleAttempt queues an attempt's outcome. Of an erased record no reason is kept: it may have been told in its words.
func (t *Tx) SettleAttempt(id int64, state AttemptState, reason string) {
	t.Queue(`update attempts a set state = $2, settled_at = now(),
		error = case when exists (select 1 from records r where r.id = a.record_id and r.erased_at is not null) then '' else $3 end
		where id = $1`, id, state, reason)
}

// AbandonedCreates lists the creates at a connection, for this record and those merged into it, that were given up with
// their outcome unknown, oldest first.
func (t *Tx) AbandonedCreates(ctx context.Context, id RecordID, connection string) ([]*Attempt, error) {
	var found []*Attempt
	err := t.Read(ctx, func(batch *pgx.Batch) {
		collect(batch, &found, func(row pgx.CollectableRow) (*Attempt, error) { return readAttempt(row) }, `select `+attemptColumns+` from attempts a
			where a.record_id = any(array(select id from records where id = $1 or merged_into = $1))
			  and a.connection = $2 and a.external_id = '' and a.state = 'abandoned' order by a.id`, id, connection)
	})
	return found, err
}

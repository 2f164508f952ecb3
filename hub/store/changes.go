package store

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
)

// Change is one entry of the change log.
type Change struct {
	RecordID      RecordID
	Revision      Revision
	Kind          model.Kind
	Paths         []string
	Source        string
	CorrelationID string
	ChangedAt     time.Time
	Position      ChangePosition
	// Record is what the record was at the revision, without its provenance; its message is nil once that was erased. Only
	// reads have it, and of the feed those of wanted changes.
	Record *Record
}

// ChangePosition is a place in the change log: what is at or before it, and what is behind it. The first change is behind 0.
type ChangePosition int64

// PutChange queues an entry, with the record as it was queued before: PutRecord comes first. The record is locked.
func (t *Tx) PutChange(c *Change) {
	t.Queue(`insert into changes (record_id, revision, kind, paths, source, correlation_id, changed_at,
			message, placeholder, created_at, deleted_at, merged_into)
		select r.id, $2, r.kind, $3, $4, $5, r.updated_at, case when r.erased_at is null then r.message end, r.placeholder, r.created_at, r.deleted_at, r.merged_into
		from records r where r.id = $1`, c.RecordID, c.Revision, c.Paths, c.Source, c.CorrelationID)
}

const changeColumns = `c.record_id, c.revision, c.kind, c.paths, c.source, c.correlation_id, c.changed_at, c.seq,
	c.placeholder, c.created_at, c.deleted_at, coalesce(c.merged_into, '')`

// scanChange reads changeColumns, and the message behind them.
func scanChange(row pgx.Row) (*Change, error) {
	var (
		c       Change
		r       Record
		message []byte
		deleted *time.Time
	)
	if err := row.Scan(&c.RecordID, &c.Revision, &c.Kind, &c.Paths, &c.Source, &c.CorrelationID, &c.ChangedAt, &c.Position,
		&r.Placeholder, &r.CreatedAt, &deleted, &r.MergedInto, &message); err != nil {
		return nil, err
	}
	r.ID, r.Kind, r.Revision, r.UpdatedAt = c.RecordID, c.Kind, c.Revision, c.ChangedAt
	if deleted != nil {
		r.DeletedAt = *deleted
	}
	c.Record = &r
	if message == nil {
		return &c, nil
	}
	schema := model.For(r.Kind)
	if schema == nil {
		return nil, fmt.Errorf("change of %s: this binary does not know kind %q; run a newer one", r.ID, r.Kind)
	}
	r.Message = schema.New()
	if err := proto.Unmarshal(message, r.Message); err != nil {
		return nil, fmt.Errorf("change of %s to revision %d: decode: %w", r.ID, r.Revision, err)
	}
	return &c, nil
}

// size is what a change takes in memory, about.
func (c *Change) size() int {
	if c.Record.Message == nil {
		return 0
	}
	return proto.Size(c.Record.Message)
}

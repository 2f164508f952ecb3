package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

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
}

// ChangePosition is a place in the change log.
type ChangePosition struct {
	XID uint64
	Seq int64
}

// PutChange queues an entry.
func (t *Tx) PutChange(c *Change) {
	t.Queue(`insert into changes (record_id, revision, kind, paths, source, correlation_id) values ($1, $2, $3, $4, $5, $6)`,
		c.RecordID, c.Revision, c.Kind, c.Paths, c.Source, c.CorrelationID)
}

// Changes reads entries behind a position, in order, up to the horizon: those of transactions older than the oldest that
// still runs. What a slow transaction commits later is therefore always behind the position of any reader.
func (s *Store) Changes(ctx context.Context, after ChangePosition, limit int) ([]Change, error) {
	// The order names the table: xid alone is the output's, a number, for which there is no index.
	rows, err := s.pool.Query(ctx, `select record_id, revision, kind, paths, source, correlation_id, changed_at, xid::text::bigint, seq
		from changes where (xid, seq) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot())
		order by changes.xid, changes.seq limit $3`, fmt.Sprint(after.XID), after.Seq, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Change, error) {
		var c Change
		err := row.Scan(&c.RecordID, &c.Revision, &c.Kind, &c.Paths, &c.Source, &c.CorrelationID, &c.ChangedAt, &c.Position.XID, &c.Position.Seq)
		return c, err
	})
}

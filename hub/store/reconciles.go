package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// PutSeen queues the note that a run has seen objects at the vendor.
func (t *Tx) PutSeen(p *Pull, externalIDs []string) {
	t.Queue(`insert into pull_seen (connection, kind, external_id, run_id) select distinct $1, $2, unnest($3::text[]), $4
		on conflict (connection, kind, external_id) do update set run_id = excluded.run_id`, p.Connection, p.Kind, externalIDs, p.Run.ID)
}

// unseen are the live objects of a lane, known since before the run, that the run has not seen.
const unseen = `from links l where l.connection = $1 and l.kind = $2 and l.state = 'live' and l.created_at < $3
	and not exists (select 1 from pull_seen s where s.connection = l.connection and s.kind = l.kind and s.external_id = l.external_id and s.run_id = $4)`

// CountUnseen counts, over the whole lane and so once a reconcile, the live objects that a run might have seen, and those that it has not.
func (s *Store) CountUnseen(ctx context.Context, p *Pull) (known, missing int, err error) {
	err = s.pool.QueryRow(ctx, `select (select count(*) from links where connection = $1 and kind = $2 and state = 'live' and created_at < $3),
		(select count(*) `+unseen+`)`, p.Connection, p.Kind, p.Run.StartedAt, p.Run.ID).Scan(&known, &missing)
	if err != nil {
		return 0, 0, fmt.Errorf("count what has vanished at %s: %w", p.Connection, err)
	}
	return known, missing, nil
}

// unseenScan bounds how many objects are looked at for those that a run has not seen.
const unseenScan = 2000

// Unseen lists objects that a run has not seen, behind an id, in the order of ids. last is where it ended: fewer than
// limit may be found where there are more; empty at the end.
func (s *Store) Unseen(ctx context.Context, p *Pull, after string, limit int) (missing []string, last string, err error) {
	rows, err := s.pool.Query(ctx, `select l.external_id, l.state = 'live' and l.created_at < $3 and seen.there is null
			from (select external_id, state, created_at from links where connection = $1 and kind = $2 and external_id > $5
				order by external_id limit $6) as l
			left join lateral (select true as there from pull_seen s
				where s.connection = $1 and s.kind = $2 and s.external_id = l.external_id and s.run_id = $4 limit 1) as seen on true
			order by l.external_id`,
		p.Connection, p.Kind, p.Run.StartedAt, p.Run.ID, after, unseenScan)
	if err != nil {
		return nil, "", fmt.Errorf("read what has vanished at %s: %w", p.Connection, err)
	}
	defer rows.Close()
	seen := 0
	for ; len(missing) < limit && rows.Next(); seen++ {
		var gone bool
		if err := rows.Scan(&last, &gone); err != nil {
			return nil, "", fmt.Errorf("read what has vanished at %s: %w", p.Connection, err)
		}
		if gone {
			missing = append(missing, last)
		}
	}
	if len(missing) < limit && seen < unseenScan {
		last = ""
	}
	rows.Close()
	return missing, last, rows.Err()
}

// DropSeen queues the end of what a run has seen.
func (t *Tx) DropSeen(l Lane) {
	t.Queue(`delete from pull_seen where connection = $1 and kind = $2`, l.Connection, l.Kind)
}

// Finding is something in which a vendor and the hub differ.
type Finding struct {
	ID int64
	LinkKey
	RunID string
	// What is missing_here, missing_there or differing.
	What     string
	RecordID RecordID
	// Paths are the attributes that differ.
	Paths    []model.Path
	Repaired bool
	FoundAt  time.Time
}

// The findings.
const (
	MissingHere  = "missing_here"
	MissingThere = "missing_there"
	Differing    = "differing"
)

// MaxFindings bounds the findings that are kept of a run; the others are counted.
const MaxFindings = 1000

// PutFindings queues findings of a run.
func (t *Tx) PutFindings(found []Finding) {
	for _, f := range found {
		t.Queue(`insert into pull_findings (connection, kind, run_id, finding, external_id, record_id, paths, repaired) values ($1, $2, $3, $4, $5, $6, coalesce($7, array[]::text[]), $8)`,
			f.Connection, f.Kind, f.RunID, f.What, f.ExternalID, f.RecordID, f.Paths, f.Repaired)
	}
}

// DropFindings queues the end of the findings of a lane's earlier runs.
func (t *Tx) DropFindings(l Lane) {
	t.Queue(`delete from pull_findings where connection = $1 and kind = $2`, l.Connection, l.Kind)
}

// Findings lists those of a lane's last reconcile, behind a number.
func (s *Store) Findings(ctx context.Context, l Lane, after int64, limit int) ([]Finding, error) {
	rows, err := s.pool.Query(ctx, `select id, connection, kind, external_id, run_id, finding, record_id, paths, repaired, found_at from pull_findings
		where connection = $1 and kind = $2 and id > $3 order by connection, kind, id limit $4`, l.Connection, l.Kind, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (f Finding, err error) {
		err = row.Scan(&f.ID, &f.Connection, &f.Kind, &f.ExternalID, &f.RunID, &f.What, &f.RecordID, &f.Paths, &f.Repaired, &f.FoundAt)
		return f, err
	})
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// RequestKey names a caller's request.
type RequestKey struct{ Caller, RequestID string }

// Request is one that was answered.
type Request struct {
	RequestKey
	// Fingerprint tells what was asked.
	Fingerprint []byte
	Answer      []byte
	RecordID    RecordID
}

// Erased says that the record was erased since, and with it what was asked and answered.
func (r *Request) Erased() bool { return len(r.Answer) == 0 }

// LockRequest locks a request until the transaction ends, and reads what it was answered; ErrNotFound where it is new.
func (t *Tx) LockRequest(ctx context.Context, key RequestKey) (*Request, error) {
	r := &Request{RequestKey: key}
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select pg_advisory_xact_lock(hashtextextended('request/' || $1 || '/' || $2, 0))`, key.Caller, key.RequestID)
		batch.Queue(`select fingerprint, answer, record_id from requests where caller = $1 and request_id = any(array[$2, `+erasedRequest("$1", "$2")+`])`, key.Caller, key.RequestID).
			QueryRow(func(row pgx.Row) error { return row.Scan(&r.Fingerprint, &r.Answer, &r.RecordID) })
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("lock request: %w", err)
	}
	return r, nil
}

// PutRequest queues what a request was answered.
func (t *Tx) PutRequest(r *Request) {
	t.Queue(`insert into requests (caller, request_id, fingerprint, answer, record_id) values ($1, $2, $3, $4, $5)`,
		r.Caller, r.RequestID, r.Fingerprint, r.Answer, r.RecordID)
}

// CutRequests forgets some of the answers that are older than age, and returns how many.
func (s *Store) CutRequests(ctx context.Context, age time.Duration, limit int) (int64, error) {
	tag, err := s.pool.Exec(ctx, `delete from requests where ctid = any(array(
		select ctid from requests where created_at < now() - $1::interval order by created_at limit $2))`, age, limit)
	if err != nil {
		return 0, fmt.Errorf("cut requests: %w", err)
	}
	return tag.RowsAffected(), nil
}

// ChangedSince lists which of some attributes changed after a revision of a record, with the newest revision that did.
// complete is false where the change log does not reach back that far any more.
func (t *Tx) ChangedSince(ctx context.Context, id RecordID, since Revision, paths []model.Path) (changed map[model.Path]Revision, complete bool, err error) {
	changed = map[model.Path]Revision{}
	texts := make([]string, len(paths))
	for i, path := range paths {
		texts[i] = string(path)
	}
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select exists (select 1 from changes where record_id = $1 and revision = $2 + 1)
			or not exists (select 1 from records where id = $1 and revision > $2)`, id, since).
			QueryRow(func(row pgx.Row) error { return row.Scan(&complete) })
		batch.Queue(`select p, max(c.revision) from changes c, unnest(c.paths) as p
			where c.record_id = $1 and c.revision > $2 and p = any($3) group by p`, id, since, texts).Query(func(rows pgx.Rows) error {
			var (
				path     model.Path
				revision Revision
			)
			_, err := pgx.ForEachRow(rows, []any{&path, &revision}, func() error { changed[path] = revision; return nil })
			return err
		})
	})
	if err != nil {
		return nil, false, fmt.Errorf("changes of %s since %d: %w", id, since, err)
	}
	return changed, complete, nil
}

package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// RecordID names a record: type-prefixed, time-ordered, never reused (law 8).
type RecordID string

// Revision counts a record's changes, from 1; 0 before the first.
type Revision int64

// Record is a canonical object.
type Record struct {
	ID            RecordID
	Kind          model.Kind
	Revision      Revision
	Message       proto.Message
	Provenance    *storev1.Provenance
	PolicyVersion int64
	// Creator is the source whose word made it.
	Creator string
	// Placeholder says that another record refers to it and no source has described it yet.
	Placeholder bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
	// DeletedAt is zero while it lives.
	DeletedAt time.Time
	// Archive says that its delete is carried to targets.
	Archive bool
	// ErasedAt is when all that it held was erased, zero where it was not.
	ErasedAt time.Time
	// MergedInto is the record that answers for it; empty where it answers for itself.
	MergedInto RecordID
}

const recordColumns = `r.id, r.kind, r.revision, r.message, r.provenance, r.policy_version, r.creator, r.placeholder,
	r.created_at, r.updated_at, r.deleted_at, r.archive, r.erased_at, coalesce(r.merged_into, '')`

// living follows a merge: the id of the record that answers for $1.
const living = `coalesce((select merged_into from records where id = $1), $1)`

func scanRecord(row pgx.Row) (*Record, error) {
	var (
		r                   Record
		message, provenance []byte
		deleted, erased     *time.Time
	)
	if err := row.Scan(&r.ID, &r.Kind, &r.Revision, &message, &provenance, &r.PolicyVersion, &r.Creator, &r.Placeholder,
		&r.CreatedAt, &r.UpdatedAt, &deleted, &r.Archive, &erased, &r.MergedInto); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, ErrNotFound
		}
		return nil, err
	}
	if deleted != nil {
		r.DeletedAt = *deleted
	}
	if erased != nil {
		r.ErasedAt = *erased
	}
	schema := model.For(r.Kind)
	if schema == nil {
		return nil, fmt.Errorf("record %s: this binary does not know kind %q; run a newer one", r.ID, r.Kind)
	}
	r.Message, r.Provenance = schema.New(), &storev1.Provenance{}
	if err := errors.Join(proto.Unmarshal(message, r.Message), proto.Unmarshal(provenance, r.Provenance)); err != nil {
		return nil, fmt.Errorf("record %s: decode: %w", r.ID, err)
	}
	return &r, nil
}

// Record reads a record by id; ErrNotFound where there is none.
func (s *Store) Record(ctx context.Context, id RecordID) (*Record, error) {
	return scanRecord(s.pool.QueryRow(ctx, `select `+recordColumns+` from records r where r.id = `+living, id))
}

// Records reads several records in one snapshot, in no order; ids that do not exist are left out.
func (s *Store) Records(ctx context.Context, ids []RecordID) (map[RecordID]*Record, error) {
	rows, err := s.pool.Query(ctx, `select asked.id, `+recordColumns+`
		from unnest($1::text[]) as asked (id)
		join records a on a.id = asked.id
		join records r on r.id = coalesce(a.merged_into, a.id)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	found := make(map[RecordID]*Record, len(ids))
	for rows.Next() {
		var asked RecordID
		r, err := scanRecord(prefixed{rows, []any{&asked}})
		if err != nil {
			rows.Close()
			return nil, fmt.Errorf("read records: %w", err)
		}
		found[asked] = r
	}
	return found, rows.Err()
}

// prefixed scans columns that stand before those of a shared scanner.
type prefixed struct {
	row   pgx.Row
	first []any
}

func (p prefixed) Scan(dest ...any) error { return p.row.Scan(append(p.first, dest...)...) }

// Lookup finds the record that an object is linked to; ErrNotFound where there is none.
func (s *Store) Lookup(ctx context.Context, connection string, kind model.Kind, externalID string) (*Record, error) {
	return scanRecord(s.pool.QueryRow(ctx, `select `+recordColumns+`
		from links l join records a on a.id = l.record_id join records r on r.id = coalesce(a.merged_into, a.id)
		where l.connection = $1 and l.kind = $2 and l.external_id = $3 and l.state <> 'detached'`, connection, kind, externalID))
}

// RecordsBehind pages through the ids of records that an older policy folded.
func (s *Store) RecordsBehind(ctx context.Context, policyVersion int64, limit int) ([]RecordID, error) {
	rows, err := s.pool.Query(ctx, `select id from records where policy_version < $1 order by policy_version, id limit $2`,
		policyVersion, limit)
	if err != nil {
		return nil, fmt.Errorf("records behind the policy: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[RecordID])
}

// PutRecord queues the insert or update of a record.
func (t *Tx) PutRecord(r *Record) error {
	message, err := proto.Marshal(r.Message)
	if err != nil {
		return fmt.Errorf("record %s: encode: %w", r.ID, err)
	}
	provenance, err := proto.Marshal(r.Provenance)
	if err != nil {
		return fmt.Errorf("record %s: encode provenance: %w", r.ID, err)
	}
	t.Queue(`insert into records (id, kind, revision, message, provenance, policy_version, creator, placeholder, deleted_at, archive)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (id) do update set revision = excluded.revision, message = excluded.message,
			provenance = excluded.provenance, policy_version = excluded.policy_version, creator = excluded.creator,
			placeholder = excluded.placeholder, deleted_at = excluded.deleted_at, archive = excluded.archive,
			updated_at = case when records.revision = excluded.revision then records.updated_at
				else greatest(clock_timestamp(), records.updated_at) end`,
		r.ID, r.Kind, r.Revision, message, provenance, r.PolicyVersion, r.Creator, r.Placeholder, nullTime(r.DeletedAt), r.Archive)
	return nil
}

func notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Restamp queues that a record need not be folded again by a policy version.
func (t *Tx) Restamp(id RecordID, version int64) {
	t.Queue(`update records set policy_version = $2 where id = $1`, id, version)
}

// Is says that the record is of a kind, which its id carries.
func (id RecordID) Is(kind model.Kind) bool { return strings.HasPrefix(string(id), string(kind)+"_") }

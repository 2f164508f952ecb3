package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// DriftChange is how a vendor's objects differ from before.
type DriftChange string

// The changes.
const (
	// UnknownField: a field that the adapter does not know.
	UnknownField DriftChange = "unknown_field"
	// UnknownValue: a value of an enum that the adapter does not know.
	UnknownValue DriftChange = "unknown_value"
	// VanishedField: a field that nearly all objects had, and none has any more.
	VanishedField DriftChange = "vanished_field"
	// ChangedType: a field of another JSON type than before.
	ChangedType DriftChange = "changed_type"
)

// DriftKey names one difference.
type DriftKey struct {
	Connection string
	Kind       model.Kind
	Change     DriftChange
	// Path in the vendor's object: `address.line1`, `lines[].price`.
	Path string
}

// Drift is one difference, counted.
type Drift struct {
	DriftKey
	// Detail says more: "string, was number". It holds nobody's values.
	Detail string
	// Seen is in how many objects, as far as they were looked at.
	Seen                int64
	FirstSeen, LastSeen time.Time
}

func (k DriftKey) compare(other DriftKey) int {
	return strings.Compare(strings.Join([]string{k.Connection, string(k.Kind), string(k.Change), k.Path}, "\x00"),
		strings.Join([]string{other.Connection, string(other.Kind), string(other.Change), other.Path}, "\x00"))
}

// AddDrift adds to what was counted. Of a connection's kind no more than most differences are kept.
func (s *Store) AddDrift(ctx context.Context, all []Drift, most int) error {
	n := len(all)
	connections, kinds, changes, paths, details, seen := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]int64, n)
	slices.SortFunc(all, func(a, b Drift) int { return a.compare(b.DriftKey) }) // two processes do not wait for each other
	for i, d := range all {
		connections[i], kinds[i], changes[i], paths[i], details[i], seen[i] = d.Connection, string(d.Kind), string(d.Change), d.Path, d.Detail, d.Seen
	}
	_, err := s.pool.Exec(ctx, `insert into drift as d (connection, kind, change, path, detail, seen)
		select a.* from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) as a (connection, kind, change, path, detail, seen)
		where (select true from drift o where o.connection = a.connection and o.kind = a.kind and o.change = a.change and o.path = a.path)
			or (select count(*) from (select 1 from drift o where o.connection = a.connection and o.kind = a.kind limit $7) as there) < $7
		on conflict (connection, kind, change, path) do update
			set seen = d.seen + excluded.seen, detail = excluded.detail, last_seen = now()`, connections, kinds, changes, paths, details, seen, most)
	if err != nil {
		return fmt.Errorf("count drift: %w", err)
	}
	return nil
}

// Drift reads a page of some kinds in the order of keys, behind a key; of one connection where it is named.
func (s *Store) Drift(ctx context.Context, connection string, kinds []model.Kind, after DriftKey, limit int) ([]Drift, error) {
	rows, err := s.pool.Query(ctx, `select connection, kind, change, path, detail, seen, first_seen, last_seen from drift
		where (connection, kind, change, path) > ($1, $2, $3, $4) and ($5 = '' or connection = $5) and kind = any($6)
		order by connection, kind, change, path limit $7`, after.Connection, after.Kind, after.Change, after.Path, connection, kinds, limit)
	if err != nil {
		return nil, fmt.Errorf("read drift: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Drift, err error) {
		err = row.Scan(&d.Connection, &d.Kind, &d.Change, &d.Path, &d.Detail, &d.Seen, &d.FirstSeen, &d.LastSeen)
		return d, err
	})
}

// DriftShape is what the objects of one form at a vendor had in common.
type DriftShape struct {
	Connection string
	Kind       string
	// Op is what they came by.
	Op string
	// Shape is the watch's own form of it.
	Shape []byte
}

// PutDriftShapes replaces what was learnt.
func (s *Store) PutDriftShapes(ctx context.Context, all []DriftShape) error {
	n := len(all)
	connections, kinds, ops, shapes := make([]string, n), make([]string, n), make([]string, n), make([][]byte, n)
	slices.SortFunc(all, func(a, b DriftShape) int {
		return cmp.Or(strings.Compare(a.Connection, b.Connection), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Op, b.Op))
	})
	for i, d := range all {
		connections[i], kinds[i], ops[i], shapes[i] = d.Connection, d.Kind, d.Op, d.Shape
	}
	_, err := s.pool.Exec(ctx, `insert into drift_shapes (connection, kind, op, shape) select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
		on conflict (connection, kind, op) do update set shape = excluded.shape, updated_at = now()`, connections, kinds, ops, shapes)
	if err != nil {
		return fmt.Errorf("keep the shapes of vendors' objects: %w", err)
	}
	return nil
}

// DriftShapes reads what was learnt of a connection's objects.
func (s *Store) DriftShapes(ctx context.Context, connection string) ([]DriftShape, error) {
	rows, err := s.pool.Query(ctx, `select connection, kind, op, shape from drift_shapes where connection = $1`, connection)
	if err != nil {
		return nil, fmt.Errorf("read the shapes of vendors' objects: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[DriftShape])
}

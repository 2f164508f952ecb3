package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/model"
)

// LinkKey names an object at a connection.
type LinkKey struct {
	Connection string
	Kind       model.Kind
	ExternalID string
}

// LinkState is what became of a linked object.
type LinkState string

// The states.
const (
	LinkLive     LinkState = "live"
	LinkGone     LinkState = "gone"
	LinkDetached LinkState = "detached"
)

// Link is a row of the id map.
type Link struct {
	LinkKey
	RecordID RecordID
	State    LinkState
	// Primary says that this object speaks for its connection, where that has several for one record.
	Primary bool
	// Epoch is raised by every push and every applied read.
	Epoch int64
	// ReadBegan is when the last applied read began, by the database's clock.
	ReadBegan time.Time
	// GoneAt is when the object was deleted, by the source's clock.
	GoneAt time.Time
	// Archived says that it is gone since the hub archived it there.
	Archived bool
	// BornOn is the record that it was linked to, where that was merged into the one that it is linked to now.
	BornOn RecordID
	// LinkedAt is when it was linked first; zero for a new one.
	LinkedAt time.Time
}

// Speaks says that the object is one of its record: what it said counts.
func (l *Link) Speaks() bool { return l != nil && l.State != LinkDetached }

const linkColumns = `l.connection, l.kind, l.external_id, l.record_id, l.state, l.is_primary, l.epoch, l.read_began, l.gone_at,
	l.archived, coalesce(l.born_on, l.record_id), l.created_at`

func scanLink(row pgx.Row) (*Link, error) {
	var (
		l               Link
		readBegan, gone *time.Time
	)
	if err := row.Scan(&l.Connection, &l.Kind, &l.ExternalID, &l.RecordID, &l.State, &l.Primary, &l.Epoch, &readBegan, &gone,
		&l.Archived, &l.BornOn, &l.LinkedAt); err != nil {
		return nil, err
	}
	if readBegan != nil {
		l.ReadBegan = *readBegan
	}
	if gone != nil {
		l.GoneAt = *gone
	}
	return &l, nil
}

// PutLink queues the insert or update of a link.
func (t *Tx) PutLink(l *Link) {
	t.Queue(`insert into links (connection, kind, external_id, record_id, state, is_primary, epoch, read_began, gone_at, archived, born_on)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce(nullif($11, ''), $4))
		on conflict (connection, kind, external_id) do update set record_id = excluded.record_id, state = excluded.state,
			is_primary = excluded.is_primary, epoch = excluded.epoch, read_began = excluded.read_began, gone_at = excluded.gone_at,
			archived = excluded.archived, born_on = excluded.born_on`,
		l.Connection, l.Kind, l.ExternalID, l.RecordID, l.State, l.Primary, l.Epoch, nullTime(l.ReadBegan), nullTime(l.GoneAt), l.Archived, string(l.BornOn))
}

// LinkOf reads an object's link, whatever its state, without locks; nil where it has none.
func (t *Tx) LinkOf(ctx context.Context, key LinkKey) (*Link, error) {
	var links []*Link
	err := t.Read(ctx, func(batch *pgx.Batch) {
		collect(batch, &links, scanLinkIn, `select `+linkColumns+` from links l where l.connection = $1 and l.kind = $2 and l.external_id = $3`,
			key.Connection, key.Kind, key.ExternalID)
	})
	if err != nil || len(links) == 0 {
		return nil, err
	}
	return links[0], nil
}

// ExternalID is the id of the object that a record is brought to at a connection; ErrNotFound where there is none,
// ErrErased where there will never be one.
func (t *Tx) ExternalID(ctx context.Context, id RecordID, connection string) (string, error) {
	type object struct {
		ID     *string
		Erased bool
	}
	var found []object
	err := t.Read(ctx, func(batch *pgx.Batch) {
		collect(batch, &found, pgx.RowToStructByPos[object], `select l.external_id, r.erased_at is not null from records r
			left join links l on l.record_id = r.id and l.connection = $2 and l.is_primary and l.state = 'live'
			where r.id = `+living, id, connection)
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("external id of %s at %s: %w", id, connection, err)
	case len(found) > 0 && found[0].Erased:
		return "", ErrErased
	case len(found) == 0 || found[0].ID == nil:
		return "", ErrNotFound
	}
	return *found[0].ID, nil
}

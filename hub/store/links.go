package store

import (
	"context"
	"errors"
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
}

const linkColumns = `l.connection, l.kind, l.external_id, l.record_id, l.state, l.is_primary, l.epoch, l.read_began, l.gone_at`

func scanLink(row pgx.Row) (*Link, error) {
	var (
		l               Link
		readBegan, gone *time.Time
	)
	if err := row.Scan(&l.Connection, &l.Kind, &l.ExternalID, &l.RecordID, &l.State, &l.Primary, &l.Epoch, &readBegan, &gone); err != nil {
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
	t.Queue(`insert into links (connection, kind, external_id, record_id, state, is_primary, epoch, read_began, gone_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (connection, kind, external_id) do update set record_id = excluded.record_id, state = excluded.state,
			is_primary = excluded.is_primary, epoch = excluded.epoch, read_began = excluded.read_began, gone_at = excluded.gone_at`,
		l.Connection, l.Kind, l.ExternalID, l.RecordID, l.State, l.Primary, l.Epoch, nullTime(l.ReadBegan), nullTime(l.GoneAt))
}

// ExternalID is the id of the object that a record is brought to at a connection; ErrNotFound where there is none.
func (s *Store) ExternalID(ctx context.Context, id RecordID, connection string) (string, error) {
	var external string
	err := s.pool.QueryRow(ctx, `select external_id from links where record_id = `+living+` and connection = $2
		and is_primary and state = 'live'`, id, connection).Scan(&external)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("external id of %s at %s: %w", id, connection, err)
	}
	return external, nil
}

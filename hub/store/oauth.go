package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// OAuthToken is what is kept of a connection's tokens.
type OAuthToken struct {
	// Version counts them; 0 where there has been none yet.
	Version int64
	// Sealed is the token; empty with version 0.
	Sealed []byte
	// Left is how long the access token lives from now on, by the database's clock; nil means until the vendor says no.
	Left *time.Duration
	// Age is how long ago it was obtained.
	Age time.Duration
	// Refusal is why the vendor gives no further token for it; empty while it does.
	Refusal string
	// LeasedBy is the process that renews it, or did not come to the end of that; empty for none.
	LeasedBy string
	// ObtainedBy granted access; it stays through refreshes.
	ObtainedBy string
}

// OAuthToken reads a connection's token; the zero value where there is none.
func (s *Store) OAuthToken(ctx context.Context, connection string) (OAuthToken, error) {
	var t OAuthToken
	err := s.pool.QueryRow(ctx, `select version, sealed, expires_at - clock_timestamp(), clock_timestamp() - obtained_at, refusal, obtained_by, lease_by
		from oauth_tokens where connection = $1`, connection).Scan(&t.Version, &t.Sealed, &t.Left, &t.Age, &t.Refusal, &t.ObtainedBy, &t.LeasedBy)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return OAuthToken{}, fmt.Errorf("read the token of connection %s: %w", connection, err)
	}
	return t, nil
}

// LeaseOAuth lets one process renew a version of a connection's token, for a while; false where another one does, or the
// version is another by now.
func (s *Store) LeaseOAuth(ctx context.Context, connection string, version int64, process string, during time.Duration) (bool, error) {
	tag, err := s.pool.Exec(ctx, `insert into oauth_tokens as t (connection, version, sealed, obtained_by, lease_by, lease_until)
		values ($1, 0, '', '', $3, clock_timestamp() + $4::interval)
		on conflict (connection) do update set lease_by = excluded.lease_by, lease_until = excluded.lease_until
			where t.version = $2 and t.lease_until < clock_timestamp()`, connection, version, process, during)
	if err != nil {
		return false, fmt.Errorf("lease the token of connection %s: %w", connection, err)
	}
	return tag.RowsAffected() == 1, nil
}

// ReleaseOAuth gives a lease back.
func (s *Store) ReleaseOAuth(ctx context.Context, connection, process string) error {
	_, err := s.pool.Exec(ctx, `update oauth_tokens set lease_by = '', lease_until = '-infinity' where connection = $1 and lease_by = $2`, connection, process)
	if err != nil {
		return fmt.Errorf("release the token of connection %s: %w", connection, err)
	}
	return nil
}

// RenewOAuth replaces a version of a connection's token by the next, and ends the lease; false where somebody else has
// replaced it. Lifetime is nil where the vendor states none.
func (s *Store) RenewOAuth(ctx context.Context, connection string, version int64, sealed []byte, lifetime *time.Duration) (bool, error) {
	tag, err := s.pool.Exec(ctx, `update oauth_tokens set version = version + 1, sealed = $3, expires_at = clock_timestamp() + $4::interval, obtained_at = clock_timestamp(),
			lease_by = '', lease_until = '-infinity', refused_at = null, refusal = ''
		where connection = $1 and version = $2`, connection, version, sealed, lifetime)
	if err != nil {
		return false, fmt.Errorf("keep the token of connection %s: %w", connection, err)
	}
	return tag.RowsAffected() == 1, nil
}

// GrantOAuth replaces a connection's token, whatever it was, by one that a person granted.
func (s *Store) GrantOAuth(ctx context.Context, connection string, sealed []byte, lifetime *time.Duration, by string) error {
	_, err := s.pool.Exec(ctx, `insert into oauth_tokens as t (connection, version, sealed, expires_at, obtained_by)
		values ($1, 1, $2, clock_timestamp() + $3::interval, $4)
		on conflict (connection) do update set version = t.version + 1, sealed = excluded.sealed, expires_at = excluded.expires_at, obtained_at = clock_timestamp(),
			obtained_by = excluded.obtained_by, lease_by = '', lease_until = '-infinity', refused_at = null, refusal = ''`, connection, sealed, lifetime, by)
	if err != nil {
		return fmt.Errorf("keep the token of connection %s: %w", connection, err)
	}
	return nil
}

// RefuseOAuth notes that the vendor gives no further token for a version.
func (s *Store) RefuseOAuth(ctx context.Context, connection string, version int64, why string) error {
	_, err := s.pool.Exec(ctx, `update oauth_tokens set refused_at = clock_timestamp(), refusal = $3, lease_by = '', lease_until = '-infinity'
		where connection = $1 and version = $2`, connection, version, why)
	if err != nil {
		return fmt.Errorf("note the refusal of connection %s's token: %w", connection, err)
	}
	return nil
}

// OAuthState is a grant that a person was sent away for.
type OAuthState struct {
	SHA256     []byte
	Connection string
	// Sealed is what is needed to take the answer.
	Sealed    []byte
	CreatedBy string
}

// PutOAuthState keeps one, and forgets those that are older than within.
func (s *Store) PutOAuthState(ctx context.Context, state OAuthState, within time.Duration) error {
	_, err := s.pool.Exec(ctx, `with old as (delete from oauth_states where created_at < now() - $5::interval)
		insert into oauth_states (state_sha256, connection, sealed, created_by) values ($1, $2, $3, $4)`,
		state.SHA256, state.Connection, state.Sealed, state.CreatedBy, within)
	if err != nil {
		return fmt.Errorf("keep a grant's state: %w", err)
	}
	return nil
}

// TakeOAuthState takes one away, so that it serves once; ErrNotFound where there is none, or it is older than within.
func (s *Store) TakeOAuthState(ctx context.Context, sha256 []byte, within time.Duration) (OAuthState, error) {
	state := OAuthState{SHA256: sha256}
	err := s.pool.QueryRow(ctx, `delete from oauth_states where state_sha256 = $1 and created_at > now() - $2::interval
		returning connection, sealed, created_by`, sha256, within).Scan(&state.Connection, &state.Sealed, &state.CreatedBy)
	if errors.Is(err, pgx.ErrNoRows) {
		return OAuthState{}, ErrNotFound
	}
	if err != nil {
		return OAuthState{}, fmt.Errorf("take a grant's state: %w", err)
	}
	return state, nil
}

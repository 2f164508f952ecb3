package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// CredentialKey names what the hub keeps a text for: a connection's place for a secret.
type CredentialKey struct {
	Connection string
	// Name is as the configuration has it: api_key, webhook.secrets, oauth.client_secret.
	Name string
}

// Credential is one version of it.
type Credential struct {
	CredentialKey
	// Version counts from 1; none is used twice.
	Version int64
	// Sealed is the text; empty once it is retired.
	Sealed    []byte
	CreatedAt time.Time
	CreatedBy string
	// ValidUntil is when an older one ends; zero for the newest.
	ValidUntil time.Time
	// RetiredAt is zero while it is kept. RetiredBy is empty where its time was over.
	RetiredAt time.Time
	RetiredBy string
	// Valid says that it is good now, by the database's clock.
	Valid bool
}

const credentialColumns = `connection, name, version, sealed, created_at, created_by, nullif(valid_until, 'infinity'), retired_at, retired_by,
	retired_at is null and valid_until > clock_timestamp()`

func scanCredential(row pgx.CollectableRow) (c Credential, err error) {
	var until, retired *time.Time
	err = row.Scan(&c.Connection, &c.Name, &c.Version, &c.Sealed, &c.CreatedAt, &c.CreatedBy, &until, &retired, &c.RetiredBy, &c.Valid)
	if until != nil {
		c.ValidUntil = *until
	}
	if retired != nil {
		c.RetiredAt = *retired
	}
	return c, err
}

// Credentials reads the versions that are good now, of some connections: by name, the newest first.
func (s *Store) Credentials(ctx context.Context, connections []string) ([]Credential, error) {
	return s.credentials(ctx, `connection = any($1) and retired_at is null and valid_until > clock_timestamp()
		order by connection, name, version desc`, connections)
}

// CredentialVersions reads the versions of one name, or of all of a connection where it is empty: the newest thousand,
// retired ones, too, by name, the newest first.
func (s *Store) CredentialVersions(ctx context.Context, k CredentialKey) ([]Credential, error) {
	return s.credentials(ctx, `connection = $1 and ($2 = '' or name = $2) order by name, version desc limit 1000`, k.Connection, k.Name)
}

// SealedCredentials reads the versions of all connections that are not retired.
func (s *Store) SealedCredentials(ctx context.Context) ([]Credential, error) {
	return s.credentials(ctx, `retired_at is null order by connection, name, version`)
}

func (s *Store) credentials(ctx context.Context, where string, args ...any) ([]Credential, error) {
	rows, err := s.pool.Query(ctx, `select `+credentialColumns+` from credentials where `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanCredential)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	return all, nil
}

// LockCredential makes the transaction the only one that changes a name's versions, and reads them: the newest thousand,
// the newest first.
func (t *Tx) LockCredential(ctx context.Context, k CredentialKey) (versions []Credential, err error) {
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select pg_advisory_xact_lock(hashtextextended('credential/' || $1::text || '/' || $2::text, 0))`, k.Connection, k.Name)
		batch.Queue(`select `+credentialColumns+` from credentials where connection = $1 and name = $2 order by version desc limit 1000`, k.Connection, k.Name).
			Query(func(rows pgx.Rows) (err error) {
				versions, err = pgx.CollectRows(rows, scanCredential)
				return err
			})
	})
	return versions, err
}

// PutCredential adds a version; those before it are good for an overlap from now on, or for as long as they were where
// that is less. The transaction holds the name's lock.
func (t *Tx) PutCredential(ctx context.Context, c *Credential, overlap time.Duration) error {
	return t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`update credentials set valid_until = least(valid_until, clock_timestamp() + $3::interval)
			where connection = $1 and name = $2 and retired_at is null`, c.Connection, c.Name, overlap)
		batch.Queue(`insert into credentials (connection, name, version, sealed, created_by) values ($1, $2, $3, $4, $5) returning created_at`,
			c.Connection, c.Name, c.Version, c.Sealed, c.CreatedBy).QueryRow(func(row pgx.Row) error { return row.Scan(&c.CreatedAt) })
	})
}

// RetireCredential ends a version at once, and forgets its text. The newest that is left has no end any more. The
// transaction holds the name's lock.
func (t *Tx) RetireCredential(k CredentialKey, version int64, by string) {
	t.Queue(`update credentials set retired_at = clock_timestamp(), retired_by = $4, sealed = ''
		where connection = $1 and name = $2 and version = $3 and retired_at is null`, k.Connection, k.Name, version, by)
	t.Queue(`update credentials set valid_until = 'infinity' where connection = $1 and name = $2 and retired_at is null and valid_until > clock_timestamp()
		and version = (select max(version) from credentials where connection = $1 and name = $2 and retired_at is null and valid_until > clock_timestamp())`,
		k.Connection, k.Name)
}

// ExpireCredentials retires the versions whose time is over, of some connections.
func (t *Tx) ExpireCredentials(ctx context.Context, connections []string) (over []Credential, err error) {
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`update credentials set retired_at = valid_until, sealed = ''
			where connection = any($1) and retired_at is null and valid_until <= clock_timestamp()
			returning `+credentialColumns, connections).Query(func(rows pgx.Rows) (err error) {
			over, err = pgx.CollectRows(rows, scanCredential)
			return err
		})
	})
	return over, err
}

// ResealCredential replaces a version's sealed text by the same text, sealed anew; false where it is another by now.
func (s *Store) ResealCredential(ctx context.Context, c Credential, sealed []byte) (bool, error) {
	tag, err := s.pool.Exec(ctx, `update credentials set sealed = $5 where connection = $1 and name = $2 and version = $3 and sealed = $4`,
		c.Connection, c.Name, c.Version, c.Sealed, sealed)
	if err != nil {
		return false, fmt.Errorf("seal %s of connection %s anew: %w", c.Name, c.Connection, err)
	}
	return tag.RowsAffected() == 1, nil
}

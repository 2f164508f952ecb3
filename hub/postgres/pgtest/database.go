package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The first halves of the advisory locks on the maintenance database. They end with the session that holds them.
const (
	lockUsers    int32 = 0x63680001 // shared by every process that runs tests
	lockProcess  int32 = 0x63680002 // with a process's token: that process lives
	lockTemplate int32 = 0x63680003 // with a template's hash: exclusive to make or drop it, shared to copy it
	lockWatchdog int32 = 0x63680004 // the one watchdog of a server
)

const (
	prefixDatabase = "canonhub_test_"     // then the token and a number
	prefixTemplate = "canonhub_template_" // then the hash
	prefixBuilding = "canonhub_building_" // then the hash
)

// zone is half an hour off, and far from UTC.
const zone = "Canada/Newfoundland"

// template is a database to copy from, by the hash of its name.
type template struct {
	hash    string
	lock    int32
	migrate func(ctx context.Context, url string) error
}

func (t template) name() string     { return prefixTemplate + t.hash }
func (t template) building() string { return prefixBuilding + t.hash }

// create makes a database from a template, and the template first where it is missing.
func (s *server) create(ctx context.Context, key string, migrate func(context.Context, string) error) (string, error) {
	digest := sha256.Sum256([]byte(key))
	t := template{hash: hex.EncodeToString(digest[:8]), lock: templateLock(digest[:]), migrate: migrate}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	name := fmt.Sprintf("%s%d_%d", prefixDatabase, s.token, s.made.Add(1))
	for {
		copied, err := s.copy(ctx, conn, t, name)
		if err != nil || copied {
			return name, err
		}
		if err := s.make(ctx, conn, t); err != nil {
			return "", fmt.Errorf("template %s: %w", key, err)
		}
	}
}

func templateLock(digest []byte) int32 { return int32(binary.BigEndian.Uint32(digest)) }

// copy makes the database name from t, if t exists.
func (s *server) copy(ctx context.Context, conn *pgxpool.Conn, t template, name string) (bool, error) {
	copied := false
	err := locked(ctx, conn, "_shared", t.lock, func() error {
		exists, err := databaseExists(ctx, conn, t.name())
		if err != nil || !exists {
			return err
		}
		copied = true
		return createFrom(ctx, conn, name, t.name())
	})
	return copied, err
}

// make builds t under another name first, so that a template is whole; afterwards nobody may connect to it, for
// a database with sessions cannot be copied.
func (s *server) make(ctx context.Context, conn *pgxpool.Conn, t template) error {
	return locked(ctx, conn, "", t.lock, func() error {
		exists, err := databaseExists(ctx, conn, t.name())
		if err != nil || exists {
			return err
		}
		if err := dropDatabase(ctx, conn, t.building()); err != nil {
			return err
		}
		if err := createFrom(ctx, conn, t.building(), "template1"); err != nil {
			return err
		}
		if err := t.migrate(ctx, s.url(t.building())); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		_, err = conn.Exec(ctx, fmt.Sprintf("alter database %s rename to %s", quote(t.building()), quote(t.name())))
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, fmt.Sprintf("alter database %s allow_connections false", quote(t.name())))
		return err
	})
}

// drop removes a test's database, and cuts the connections that the test forgot.
func (s *server) drop(ctx context.Context, name string) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return dropDatabase(ctx, conn, name)
}

// locked calls work while conn's session holds a template's lock; how is the suffix of the lock's function.
func locked(ctx context.Context, conn *pgxpool.Conn, how string, key int32, work func() error) error {
	if _, err := conn.Exec(ctx, "select pg_advisory_lock"+how+"($1, $2)", lockTemplate, key); err != nil {
		return err
	}
	err := work()
	if _, unlockErr := conn.Exec(ctx, "select pg_advisory_unlock"+how+"($1, $2)", lockTemplate, key); unlockErr != nil {
		_ = conn.Conn().Close(ctx) // the session, and the lock with it
	}
	return err
}

func databaseExists(ctx context.Context, conn *pgxpool.Conn, name string) (exists bool, err error) {
	err = conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).Scan(&exists)
	return exists, err
}

func createFrom(ctx context.Context, conn *pgxpool.Conn, name, source string) error {
	if _, err := conn.Exec(ctx, fmt.Sprintf("create database %s template %s", quote(name), quote(source))); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf("alter database %s set timezone = '%s'", quote(name), zone)); err != nil {
		return fmt.Errorf("set the time zone of %s: %w", name, err)
	}
	return nil
}

func dropDatabase(ctx context.Context, conn *pgxpool.Conn, name string) error {
	if _, err := conn.Exec(ctx, fmt.Sprintf("drop database if exists %s with (force)", quote(name))); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

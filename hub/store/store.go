// Package store is the hub's one store, PostgreSQL: a concept a file, every statement written by hand.
//
// A transaction is a function passed to InTx. Statements are pipelined: what a step reads goes out as one batch, and
// writes are queued until the commit, which travels with the last of them. Round trips inside a transaction cost more
// than fsync does, and they are the time for which its locks are held.
package store

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a pool of connections to the one database.
type Store struct {
	pool   *pgxpool.Pool
	bounds bounds
}

// Options set up the pool.
type Options struct {
	// MaxConns bounds the connections of this process; 0 means 24.
	MaxConns int32
	// Tracer is told of every statement; nil for nobody.
	Tracer pgx.QueryTracer
}

// Open connects to a migrated database. It does not wait for the first connection.
func Open(ctx context.Context, url string, options Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", hideURL(err))
	}
	config.MaxConns = options.MaxConns
	if config.MaxConns == 0 {
		config.MaxConns = 24
	}
	config.ConnConfig.Tracer = options.Tracer
	config.ConnConfig.RuntimeParams["application_name"] = "canonhub"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["random_page_cost"] = "1.1" // of disks without a moving head; lookups by key are what the hub does
	config.ConnConfig.RuntimeParams["jit"] = "off"              // no statement here is worth the compiling, which a plan without statistics asks for
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", hideURL(err))
	}
	return &Store{pool: pool, bounds: bounds{few: fewRecords, scan: pageScan, count: countScan}}, nil
}

// hideURL keeps a password that stands in a malformed URL out of the error.
func hideURL(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return errors.New("it cannot be parsed; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	return err
}

// Pool is for what manages its own statements on this database: the queue.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Close waits for connections in use and closes all.
func (s *Store) Close() { s.pool.Close() }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.pool.Ping(ctx) }

// migrationLock is the advisory lock under which one process migrates while others wait.
const migrationLock = 0x63616e6f6e687562 // "canonhub"

// Migrate brings a database to this binary's schema, the queue's tables included. Several processes may call it at once.
func Migrate(ctx context.Context, url string) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("database URL: %w", hideURL(err))
	}
	lock, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("migrate: connect: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close(context.WithoutCancel(ctx))) }() // ends the lock, too
	if _, err := lock.Exec(ctx, "select pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("migrate: lock: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	sub, err := goose.NewProvider(goose.DialectPostgres, db, Migrations())
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := sub.Up(ctx); err != nil {
		return fmt.Errorf("migrate the hub's tables: %w", err)
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer pool.Close()
	queue, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{})
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the queue's tables: %w", err)
	}
	return nil
}

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("not found")

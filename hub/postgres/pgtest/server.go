package pgtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/canonhub/canonhub/hub/postgres/internal/cluster"
)

// server is the PostgreSQL that this process's tests share with others.
type server struct {
	pool  *pgxpool.Pool // on the maintenance database
	alive *pgx.Conn     // holds this process's locks
	base  *url.URL
	token int32 // marks the databases of this process; a lock on it says that the process lives
	made  atomic.Int64
}

var (
	openOnce sync.Once
	opened   *server
	openErr  error
)

// shared opens the server once a process. It is never closed: the locks end with the process.
func shared(ctx context.Context) (*server, error) {
	openOnce.Do(func() { opened, openErr = open(ctx) })
	return opened, openErr
}

func open(ctx context.Context) (*server, error) {
	s, err := find(ctx)
	if err != nil {
		return nil, err
	}
	return s, s.sweep(ctx)
}

func find(ctx context.Context) (*server, error) {
	if given := os.Getenv("CANONHUB_TEST_DATABASE_URL"); given != "" {
		return connect(ctx, given)
	}
	return builtIn(ctx, directory(), idle)
}

// builtIn starts or joins the server in dir, which ends once it had no users for so many seconds.
func builtIn(ctx context.Context, dir string, idle int) (*server, error) {
	own, err := cluster.Start(ctx, dir, forgetful(), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("%w (if it is broken, remove %s; or name another server in CANONHUB_TEST_DATABASE_URL)", err, dir)
	}
	return attach(ctx, own, idle)
}

// directory is where the user's test server lives.
func directory() string {
	if cache, err := os.UserCacheDir(); err == nil {
		return filepath.Join(cache, "canonhub", "pgtest")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("canonhub-pgtest-%d", os.Geteuid()))
}

// forgetful is what a server runs with whose data nobody misses.
func forgetful() cluster.Settings {
	return cluster.Settings{Parameters: map[string]string{
		"fsync":              "off",
		"full_page_writes":   "off",
		"synchronous_commit": "off",
		"autovacuum":         "off",
		"max_connections":    "500",
		"max_wal_size":       "256MB",
		"shared_buffers":     "128MB",
	}}
}

// connect opens the server behind a URL and marks this process as alive there.
func connect(ctx context.Context, address string) (*server, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the test server's URL cannot be read") // the parser's own words contain the password
	}
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &server{pool: pool, base: base, token: rand.Int32()}
	if err := s.markAlive(ctx, config.ConnConfig); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// url is where a database of this server is found.
func (s *server) url(database string) string {
	u := *s.base
	u.Path = "/" + database
	return u.String()
}

// markAlive takes this process's locks in a session that lasts as long as the process.
func (s *server) markAlive(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `select pg_advisory_lock_shared($1, 0), pg_advisory_lock($2, $3)`, lockUsers, lockProcess, s.token)
	if err != nil {
		_ = conn.Close(ctx)
		return fmt.Errorf("announce this process: %w", err)
	}
	s.alive = conn
	return nil
}

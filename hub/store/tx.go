package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tx is one transaction. It begins with the first batch that it sends and commits with the last, so that neither costs
// a round trip.
type Tx struct {
	conn   *pgxpool.Conn
	tx     pgx.Tx // nil until the first statement
	writes *pgx.Batch
	trails []Trail
}

// generic has PostgreSQL plan each statement once a connection. What a transaction reads it finds by keys, whatever their
// values, so that planning it anew each time, to which PostgreSQL turns once tables are analyzed, takes longer than all else
// that it does. The plans test looks at generic plans, too.
const generic = "set local plan_cache_mode = force_generic_plan"

// maxTries bounds how often InTx runs a function whose transaction PostgreSQL broke off, or under which records were
// merged.
const maxTries = 10

// errMoved says that what a transaction waited for has become part of another record meanwhile.
var errMoved = errors.New("the record was merged, or parted, while this waited for it")

// InTx runs fn in a transaction and commits what it queued, unless fn fails. A transaction that PostgreSQL broke off
// because of others (deadlock, serialisation), or under which records were merged, runs again, so fn must do nothing outside of it. No transaction is open
// while a vendor is called (law 4).
func (s *Store) InTx(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		err := s.inTx(ctx, fn)
		if err == nil || try == maxTries || !brokenOff(err) {
			return err
		}
	}
}

func (s *Store) inTx(ctx context.Context, fn func(*Tx) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("database connection: %w", err)
	}
	defer conn.Release()
	tx := &Tx{conn: conn, writes: &pgx.Batch{}}
	err = fn(tx)
	if err == nil {
		err = tx.commit(ctx)
	}
	if err != nil && tx.tx != nil {
		_ = tx.tx.Rollback(context.WithoutCancel(ctx)) // on failure pgx closes the connection
	}
	return err
}

// brokenOff says that others are why the transaction could not go on: serialisation failure, deadlock, a merge.
func brokenOff(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, errMoved) || errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// Queue adds a write; it goes out with the next Flush, Read or commit.
func (t *Tx) Queue(sql string, args ...any) { t.writes.Queue(sql, args...) }

// Read sends what is queued and the statements that fill adds, in one round trip. Results are read by the functions
// given to the statements' Query and QueryRow.
func (t *Tx) Read(ctx context.Context, fill func(*pgx.Batch)) error {
	fill(t.writes)
	return t.Flush(ctx)
}

// Flush sends what is queued.
func (t *Tx) Flush(ctx context.Context) error {
	batch := t.writes
	t.writes = &pgx.Batch{}
	if batch.Len() == 0 {
		return nil
	}
	if t.tx != nil {
		return statement(t.tx.SendBatch(ctx, batch).Close())
	}
	first := &pgx.Batch{}
	first.BeginTx(pgx.TxOptions{})
	first.Queue(generic)
	first.QueuedQueries = append(first.QueuedQueries, batch.QueuedQueries...)
	results := t.conn.SendBatch(ctx, first)
	t.tx = results.Tx()
	return statement(results.Close())
}

func statement(err error) error {
	if err != nil {
		return fmt.Errorf("database statement: %w", err)
	}
	return nil
}

// commit sends what is queued and commits in the same round trip.
func (t *Tx) commit(ctx context.Context) error {
	t.queueTrails()
	if t.tx == nil && t.writes.Len() == 0 {
		return nil
	}
	t.writes.Queue("commit")
	if err := t.Flush(ctx); err != nil {
		return err
	}
	if status := t.conn.Conn().PgConn().TxStatus(); status != 'I' {
		return fmt.Errorf("commit left the transaction open (status %c)", status)
	}
	return nil
}

// SQL is the transaction as the queue and single statements use it; what is queued goes out first.
func (t *Tx) SQL(ctx context.Context) (pgx.Tx, error) {
	if err := t.Flush(ctx); err != nil {
		return nil, err
	}
	if t.tx == nil {
		tx, err := t.conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: "begin; " + generic})
		if err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
		t.tx = tx
	}
	return t.tx, nil
}

package pgtest

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// sweep drops the databases of processes that are no more: nobody holds the lock on their token.
func (s *server) sweep(ctx context.Context) error {
	return s.each(ctx, prefixDatabase, func(conn *pgxpool.Conn, name, rest string) error {
		text, _, _ := strings.Cut(rest, "_")
		token, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil // not one of ours
		}
		var free bool
		err = conn.QueryRow(ctx, `select pg_try_advisory_lock($1, $2)`, lockProcess, int32(token)).Scan(&free)
		if err != nil || !free {
			return err
		}
		if err := dropDatabase(ctx, conn, name); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, `select pg_advisory_unlock($1, $2)`, lockProcess, int32(token))
		return err
	})
}

// sweepTemplates drops all templates: a server that was just started keeps none from earlier days.
func (s *server) sweepTemplates(ctx context.Context) error {
	for _, prefix := range []string{prefixTemplate, prefixBuilding} {
		err := s.each(ctx, prefix, func(conn *pgxpool.Conn, name, rest string) error {
			digest, err := hex.DecodeString(rest)
			if err != nil || len(digest) < 4 {
				return nil // not one of ours
			}
			return locked(ctx, conn, "", templateLock(digest), func() error { return dropDatabase(ctx, conn, name) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each visits the databases whose names start with prefix.
func (s *server) each(ctx context.Context, prefix string, visit func(conn *pgxpool.Conn, name, rest string) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, `select datname from pg_database where starts_with(datname::text, $1)`, prefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := visit(conn, name, strings.TrimPrefix(name, prefix)); err != nil {
			return err
		}
	}
	return nil
}

package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ensureDatabase leaves our role and our database; each start repairs what an interrupted one left undone.
func (s *Server) ensureDatabase(ctx context.Context) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var role, database bool
	err = conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1), exists (select from pg_database where datname = $2)`,
		Role, Database).Scan(&role, &database)
	if err != nil {
		return fmt.Errorf("look for the hub's database: %w", err)
	}
	if !role {
		// A password cannot be a parameter; ours has letters and digits alone, and these statements are not logged.
		statement := fmt.Sprintf("create role %s login createdb password '%s'", pgx.Identifier{Role}.Sanitize(), s.password)
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("create role %s: %w", Role, err)
		}
	}
	if !database {
		statement := fmt.Sprintf("create database %s owner %s", pgx.Identifier{Database}.Sanitize(), pgx.Identifier{Role}.Sanitize())
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("create database %s: %w", Database, err)
		}
	}
	return nil
}

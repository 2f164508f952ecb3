package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// SealedToken is a connection's token of OAuth as it is kept.
type SealedToken struct {
	Connection string
	Version    int64
	Sealed     []byte
}

// SealedTokens reads the tokens of all connections.
func (s *Store) SealedTokens(ctx context.Context) ([]SealedToken, error) {
	rows, err := s.pool.Query(ctx, `select connection, version, sealed from oauth_tokens where version > 0 order by connection`)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[SealedToken])
}

// ResealToken replaces a token by the same, sealed anew; false where it is another by now.
func (s *Store) ResealToken(ctx context.Context, t SealedToken, sealed []byte) (bool, error) {
	tag, err := s.pool.Exec(ctx, `update oauth_tokens set sealed = $4 where connection = $1 and version = $2 and sealed = $3`,
		t.Connection, t.Version, t.Sealed, sealed)
	if err != nil {
		return false, fmt.Errorf("seal the token of connection %s anew: %w", t.Connection, err)
	}
	return tag.RowsAffected() == 1, nil
}

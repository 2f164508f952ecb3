package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
)

// Policy is an activated version of the policy.
type Policy struct {
	Version int64
	Config  map[string]*configv1.KindPolicy
	// Phases of the connections that are not live, by name.
	Phases map[string]string
}

// activeVersion is the number of the active version, 0 where there is none.
const activeVersion = `select coalesce((select version from policies order by version desc limit 1), 0)`

// stored is the policy as a configuration of nothing else.
func (p Policy) stored() *configv1.Config {
	config := &configv1.Config{Policies: p.Config, Connections: map[string]*configv1.Connection{}}
	for name, phase := range p.Phases {
		config.Connections[name] = &configv1.Connection{Phase: phase}
	}
	return config
}

// ActivatePolicy makes a policy the active version, unless the active one is the same already, and returns it. All
// processes fold by it from then on.
func (s *Store) ActivatePolicy(ctx context.Context, p Policy) (*Policy, error) {
	stored, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.stored())
	if err != nil {
		return nil, fmt.Errorf("activate policy: encode: %w", err)
	}
	sum := sha256.Sum256(stored)
	active := &p
	err = s.InTx(ctx, func(tx *Tx) error {
		tx.Queue(`select pg_advisory_xact_lock(hashtextextended('policies', 0))`)
		sql, err := tx.SQL(ctx)
		if err != nil {
			return err
		}
		var newest []byte
		err = sql.QueryRow(ctx, `select version, sha256 from policies order by version desc limit 1`).Scan(&active.Version, &newest)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if bytes.Equal(newest, sum[:]) {
			return nil
		}
		return sql.QueryRow(ctx, `insert into policies (sha256, config) values ($1, $2) returning version`, sum[:], stored).Scan(&active.Version)
	})
	if err != nil {
		return nil, fmt.Errorf("activate policy: %w", err)
	}
	return active, nil
}

// ActivePolicy reads the active version; ErrNotFound where none ever was.
func (s *Store) ActivePolicy(ctx context.Context) (*Policy, error) {
	var (
		p      Policy
		stored []byte
	)
	err := s.pool.QueryRow(ctx, `select version, config from policies order by version desc limit 1`).Scan(&p.Version, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	config := &configv1.Config{}
	if err := proto.Unmarshal(stored, config); err != nil {
		return nil, fmt.Errorf("read policy %d: decode: %w", p.Version, err)
	}
	p.Config, p.Phases = config.GetPolicies(), map[string]string{}
	for name, c := range config.GetConnections() {
		p.Phases[name] = c.GetPhase()
	}
	return &p, nil
}

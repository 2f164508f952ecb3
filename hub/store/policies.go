package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
)

// Policy is a version of the policy. Versions are appended and stay; the greatest is the active one, in all processes.
type Policy struct {
	Version int64
	Config  map[string]*configv1.KindPolicy
	// Phases of the connections that are not live, by name.
	Phases map[string]string
	PolicyOrigin

	// ActivatedAt is when, ActivatedBy who, and Comment why, as far as they said.
	ActivatedAt time.Time
	ActivatedBy string
	Comment     string
	// Repeats is the newest earlier version that says the same; 0 where none does.
	Repeats int64
	// Digest identifies what the policy says, in hex. It is set on what was read.
	Digest string
}

// PolicyOrigin is where a policy's rules stand. It is no part of what the policy says.
type PolicyOrigin struct {
	// File is the configuration's name; empty where it came from none.
	File string
	// Lines of rules and targets in it, by place: `customer/attributes/email`, `customer/targets/crm`.
	Lines map[string]int
}

// activeVersion is the number of the active version, 0 where there is none.
const activeVersion = `select coalesce((select version from policies order by version desc limit 1), 0)`

// stored is the policy as a configuration of nothing else.
func (p *Policy) stored() *configv1.Config {
	config := &configv1.Config{Policies: p.Config, Connections: map[string]*configv1.Connection{}}
	for name, phase := range p.Phases {
		config.Connections[name] = &configv1.Connection{Phase: phase}
	}
	return config
}

// Sum identifies what the policy says.
func (p *Policy) Sum() [sha256.Size]byte { return digest(p.stored().ProtoReflect()) }

var (
	// ErrPolicyMoved says that another version is active than the one that was expected.
	ErrPolicyMoved = errors.New("another version of the policy was activated meanwhile")
	// ErrSuperseded says that a policy was active once and is not any more.
	ErrSuperseded = errors.New("the policy was active once, and another has replaced it")
)

// standing is how a policy stands to the versions there are.
type standing struct {
	// active version, 0 where there is none; same says that it is this very policy.
	active int64
	same   bool
	// earlier is the newest other version that says the same, 0 where none does.
	earlier int64
}

// ActivatePolicy makes a policy the active version, unless the active one says the same already, and returns the active
// one's number. All processes fold by it from then on.
func (s *Store) ActivatePolicy(ctx context.Context, p Policy) (*Policy, error) {
	return s.activate(ctx, p, func(standing) error { return nil })
}

// ReplacePolicy is ActivatePolicy as long as the active version is the one given; else ErrPolicyMoved.
func (s *Store) ReplacePolicy(ctx context.Context, active int64, p Policy) (*Policy, error) {
	return s.activate(ctx, p, func(at standing) error {
		if at.active != active {
			return fmt.Errorf("%w: version %d is active, not %d", ErrPolicyMoved, at.active, active)
		}
		return nil
	})
}

// OfferPolicy is ActivatePolicy for a policy that never was active; one that was, and is not any more, is ErrSuperseded.
func (s *Store) OfferPolicy(ctx context.Context, p Policy) (*Policy, error) {
	return s.activate(ctx, p, func(at standing) error {
		if !at.same && at.earlier != 0 {
			return fmt.Errorf("%w: it is version %d, and version %d is active", ErrSuperseded, at.earlier, at.active)
		}
		return nil
	})
}

// activate appends a version where may agrees. One that says the same as the active one is not appended; where the
// file has moved its rules, their new lines are noted.
func (s *Store) activate(ctx context.Context, p Policy, may func(standing) error) (*Policy, error) {
	stored, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.stored())
	if err != nil {
		return nil, fmt.Errorf("activate policy: encode: %w", err)
	}
	sum := p.Sum()
	p.Digest = hex.EncodeToString(sum[:])
	if p.Lines == nil {
		p.Lines = map[string]int{}
	}
	err = s.InTx(ctx, func(tx *Tx) error {
		tx.Queue(`select pg_advisory_xact_lock(hashtextextended('policies', 0))`)
		at, err := tx.standing(ctx, sum[:])
		if err == nil {
			err = may(at)
		}
		switch {
		case err != nil:
			return err
		case !at.same:
			return tx.appendPolicy(ctx, &p, at.earlier, sum[:], stored)
		case p.File != "":
			tx.Queue(`update policies set file = $2, lines = $3 where version = $1`, at.active, p.File, p.Lines)
		}
		p.Version = at.active
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("activate policy: %w", err)
	}
	return &p, nil
}

func (t *Tx) standing(ctx context.Context, sum []byte) (at standing, err error) {
	err = t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`select active.version, coalesce(active.sha256 = $1, false),
				coalesce((select version from policies where sha256 = $1 and version < active.version order by version desc limit 1), 0)
			from (select 0 as version, null::bytea as sha256 union all
				(select version, sha256 from policies order by version desc limit 1)) as active
			order by active.version desc limit 1`, sum).QueryRow(func(row pgx.Row) error {
			return row.Scan(&at.active, &at.same, &at.earlier)
		})
	})
	return at, err
}

func (t *Tx) appendPolicy(ctx context.Context, p *Policy, repeats int64, sum, stored []byte) error {
	p.Repeats = repeats
	err := t.Read(ctx, func(batch *pgx.Batch) {
		batch.Queue(`insert into policies (sha256, config, activated_by, comment, repeats, file, lines)
			values ($1, $2, $3, $4, nullif($5::bigint, 0), $6, $7) returning version, activated_at`,
			sum, stored, p.ActivatedBy, p.Comment, repeats, p.File, p.Lines).QueryRow(func(row pgx.Row) error {
			return row.Scan(&p.Version, &p.ActivatedAt)
		})
	})
	t.PutTrail(Trail{Action: ActionPolicyActivated, CorrelationID: fmt.Sprintf("policy-%d", p.Version), Actor: p.ActivatedBy, Detail: p.Comment})
	return err
}

const policyColumns = `version, sha256, config, activated_at, activated_by, comment, coalesce(repeats, 0), file, lines`

func scanPolicy(row pgx.CollectableRow) (*Policy, error) {
	var (
		p           Policy
		sum, stored []byte
	)
	if err := row.Scan(&p.Version, &sum, &stored, &p.ActivatedAt, &p.ActivatedBy, &p.Comment, &p.Repeats, &p.File, &p.Lines); err != nil {
		return nil, err
	}
	config := &configv1.Config{}
	if err := proto.Unmarshal(stored, config); err != nil {
		return nil, fmt.Errorf("policy %d: decode: %w", p.Version, err)
	}
	p.Digest, p.Config, p.Phases = hex.EncodeToString(sum), config.GetPolicies(), map[string]string{}
	for name, c := range config.GetConnections() {
		p.Phases[name] = c.GetPhase()
	}
	return &p, nil
}

// ActivePolicy reads the active version; ErrNotFound where none ever was.
func (s *Store) ActivePolicy(ctx context.Context) (*Policy, error) {
	return s.policy(ctx, `select `+policyColumns+` from policies order by version desc limit 1`)
}

// PolicyVersion reads a version; ErrNotFound where there is none.
func (s *Store) PolicyVersion(ctx context.Context, version int64) (*Policy, error) {
	return s.policy(ctx, `select `+policyColumns+` from policies where version = $1`, version)
}

func (s *Store) policy(ctx context.Context, sql string, args ...any) (*Policy, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanPolicy)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return p, nil
}

// PolicyVersions lists versions older than before, the newest first; 0 begins with the active one.
func (s *Store) PolicyVersions(ctx context.Context, before int64, limit int) ([]*Policy, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	rows, err := s.pool.Query(ctx, `select `+policyColumns+` from policies where version < $1 order by version desc limit $2`, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	return pgx.CollectRows(rows, scanPolicy)
}

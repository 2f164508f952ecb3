package plan

import (
	"context"
	"errors"
	"fmt"

	"github.com/canonhub/canonhub/hub/store"
)

// ErrOutdated says that a plan does not hold any more: it was made for another policy, or another version is active now.
var ErrOutdated = errors.New("the plan does not hold: it was made for another policy, or another version has been activated since; plan again")

// Activate makes a policy the active one, as long as the plan with the digest holds; an empty digest asks for none.
func Activate(ctx context.Context, db *store.Store, p *store.Policy, digest string) (*store.Policy, error) {
	if digest == "" {
		return db.ActivatePolicy(ctx, *p)
	}
	active, err := db.ActivePolicy(ctx)
	if err != nil {
		return nil, fmt.Errorf("the active policy: %w", err)
	}
	if Digest(p, active.Version) != digest {
		return nil, ErrOutdated
	}
	activated, err := db.ReplacePolicy(ctx, active.Version, *p)
	if errors.Is(err, store.ErrPolicyMoved) {
		return nil, fmt.Errorf("%w (%w)", ErrOutdated, err)
	}
	return activated, err
}

package oauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/canonhub/canonhub/hub/store"
)

// Sealed is where tokens are kept.
type Sealed interface {
	SealedTokens(context.Context) ([]store.SealedToken, error)
	ResealToken(ctx context.Context, t store.SealedToken, sealed []byte) (bool, error)
}

// Resealer seals anew what an older key has sealed.
type Resealer interface {
	Reseal(purpose string, sealed []byte) (anew []byte, needed bool, err error)
}

// Reseal seals anew the tokens that an older key has sealed, and tells how many there were. One that is renewed meanwhile
// is left as it is by then: whoever wants to be sure does it until there are none. One that no key opens keeps the others from
// nothing; the error names each.
func Reseal(ctx context.Context, kept Sealed, box Resealer) (found int, err error) {
	tokens, err := kept.SealedTokens(ctx)
	if err != nil {
		return 0, err
	}
	var closed error
	for _, t := range tokens {
		anew, needed, err := box.Reseal(purpose(t.Connection), t.Sealed)
		switch {
		case err != nil:
			closed = errors.Join(closed, fmt.Errorf("the token of connection %s: %w", t.Connection, err))
			continue
		case !needed:
			continue
		}
		found++
		if _, err := kept.ResealToken(ctx, t, anew); err != nil {
			return found, err
		}
	}
	return found, closed
}

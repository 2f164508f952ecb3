package credentials

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/store"
)

// DefaultOverlap is how long older versions are good beside a new one, where nobody says.
const DefaultOverlap = 24 * time.Hour

var (
	// ErrNoKeys says that there is nothing to seal with.
	ErrNoKeys = errors.New("the hub has no keys to seal by; give some under secrets as keys in the configuration")
	// ErrNoVersion says that there is no such version, or name.
	ErrNoVersion = errors.New("nothing is kept under this name and version")
	// ErrLast says that no other version is good.
	ErrLast = errors.New("no other version is good, and the connection would stand without; put a new one first")
)

// Unknown says that a connection has no place of a name.
type Unknown struct {
	Connection string
	// Places are those that it has.
	Places []string
}

// Error tells which there are. It does not quote the name: somebody may have written a secret there.
func (u *Unknown) Error() string {
	return fmt.Sprintf("nothing of this name can be kept for %s; there are %s", u.Connection, strings.Join(u.Places, ", "))
}

// Untaken says that a text is none that the adapter takes.
type Untaken struct{ Reason string }

// Error says why, without the text.
func (u *Untaken) Error() string { return "the adapter does not take this: " + u.Reason }

// Put is a new version.
type Put struct {
	store.CredentialKey
	Text adapters.Secret
	// Overlap is how long the versions before are good beside it.
	Overlap time.Duration
	By      string
}

// Put keeps a new version, unless its text is the newest version's already.
func (k *Keeper) Put(ctx context.Context, p Put) (store.Credential, error) {
	if err := k.takes(p); err != nil {
		return store.Credential{}, err
	}
	var kept store.Credential
	err := k.o.Store.InTx(ctx, func(tx *store.Tx) error {
		before, err := tx.LockCredential(ctx, p.CredentialKey)
		if err != nil {
			return err
		}
		var newest store.Credential
		if len(before) > 0 {
			newest = before[0]
		}
		if newest.Valid && k.same(newest, p.Text) {
			kept = newest
			return nil
		}
		kept = store.Credential{CredentialKey: p.CredentialKey, Version: newest.Version + 1, CreatedBy: p.By, Valid: true}
		if kept.Sealed, err = k.o.Box.Seal(purpose(p.CredentialKey, kept.Version), []byte(p.Text.Reveal())); err != nil {
			return err
		}
		tx.PutTrail(store.Trail{Action: store.ActionCredentialPut, Connection: p.Connection, Actor: p.By,
			Detail: fmt.Sprintf("%s v%d; those before it are good for %s", p.Name, kept.Version, p.Overlap)})
		return tx.PutCredential(ctx, &kept, p.Overlap)
	})
	k.awake()
	return kept, err
}

// takes says why something cannot be kept; nil where it can.
func (k *Keeper) takes(p Put) error {
	h := k.holders[p.Connection]
	switch {
	case h == nil:
		return store.ErrNotFound
	case !slices.Contains(h.c.Places(), p.Name):
		return &Unknown{Connection: p.Connection, Places: h.c.Places()}
	case k.o.Box == nil:
		return ErrNoKeys
	case p.Text.IsZero():
		return &Untaken{"it is empty"}
	}
	if err := h.c.Takes(p.Name, p.Text); err != nil {
		return &Untaken{err.Error()}
	}
	return nil
}

func (k *Keeper) same(c store.Credential, text adapters.Secret) bool {
	before, err := k.o.Box.Open(purpose(c.CredentialKey, c.Version), c.Sealed)
	return err == nil && string(before) == text.Reveal()
}

// Versions reads what is kept for a connection, under one name where it is given: by name, the newest first.
func (k *Keeper) Versions(ctx context.Context, key store.CredentialKey) ([]store.Credential, error) {
	if k.holders[key.Connection] == nil {
		return nil, store.ErrNotFound
	}
	return k.o.Store.CredentialVersions(ctx, key)
}

// Retire is the end of a version.
type Retire struct {
	store.CredentialKey
	Version int64
	// EvenLast retires it where no other is good.
	EvenLast bool
	By       string
}

// Retire ends a version at once, and forgets its text. One that has ended already stays as it is.
func (k *Keeper) Retire(ctx context.Context, r Retire) (store.Credential, error) {
	if k.holders[r.Connection] == nil {
		return store.Credential{}, store.ErrNotFound
	}
	err := k.o.Store.InTx(ctx, func(tx *store.Tx) error {
		all, err := tx.LockCredential(ctx, r.CredentialKey)
		version, others := r.among(all)
		switch {
		case err != nil:
			return err
		case version.Version == 0:
			return ErrNoVersion
		case !version.RetiredAt.IsZero():
			return nil
		case version.Valid && others == 0 && !r.EvenLast:
			return ErrLast
		}
		tx.RetireCredential(r.CredentialKey, r.Version, r.By)
		tx.PutTrail(store.Trail{Action: store.ActionCredentialRetired, Connection: r.Connection, Actor: r.By, Detail: fmt.Sprintf("%s v%d", r.Name, r.Version)})
		return nil
	})
	if err != nil {
		return store.Credential{}, err
	}
	k.awake()
	all, err := k.o.Store.CredentialVersions(ctx, r.CredentialKey)
	version, _ := r.among(all)
	return version, err
}

// among finds the version, and counts the others that are good.
func (r Retire) among(all []store.Credential) (version store.Credential, others int) {
	for _, c := range all {
		if c.Version == r.Version {
			version = c
		} else if c.Valid {
			others++
		}
	}
	return version, others
}

// Reseal seals anew the versions that an older key has sealed, and tells how many there were. One that no key opens keeps
// the others from nothing; the error names each.
func (k *Keeper) Reseal(ctx context.Context) (found int, err error) {
	if k.o.Box == nil {
		return 0, ErrNoKeys
	}
	all, err := k.o.Store.SealedCredentials(ctx)
	if err != nil {
		return 0, err
	}
	var closed error
	for _, c := range all {
		anew, needed, err := k.o.Box.Reseal(purpose(c.CredentialKey, c.Version), c.Sealed)
		switch {
		case err != nil:
			closed = errors.Join(closed, fmt.Errorf("%s v%d of connection %s: %w", c.Name, c.Version, c.Connection, err))
			continue
		case !needed:
			continue
		}
		found++
		if _, err := k.o.Store.ResealCredential(ctx, c, anew); err != nil {
			return found, err
		}
	}
	return found, closed
}

package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// Fold folds a locked record again, after something in its bundle has changed, and stores what follows. A record of a kind
// that has no policy any more stays as it is.
func (a *Applier) Fold(ctx context.Context, tx Tx, b *store.Bundle, cause Cause) (*policy.Resolution, error) {
	if err := a.Current(b); err != nil {
		return nil, err
	}
	if !b.Record.ErasedAt.IsZero() {
		return nil, ErrErased
	}
	active := a.Active()
	rules := active.Policy.Kind(b.Record.Kind)
	if rules == nil {
		return nil, nil
	}
	f := &fold{a: a, tx: tx, bundle: b, rules: rules, version: active.Version, cause: cause}
	if _, err := f.record(); err != nil {
		return nil, err
	}
	return f.resolution, f.follow(ctx)
}

// Current sees that the policy in force here is the one that was active as a bundle was read. What it returns where it is
// not has InTx run again under that.
func (a *Applier) Current(b *store.Bundle) error {
	if b.ActivePolicy != a.Active().Version {
		return errPolicyMoved
	}
	return nil
}

// Resolve folds a bundle without storing anything, and returns the policy that it used with what follows.
func (a *Applier) Resolve(b *store.Bundle) (*policy.Kind, *policy.Resolution, error) {
	rules := a.Active().Policy.Kind(b.Record.Kind)
	if rules == nil {
		return nil, nil, fmt.Errorf("no policy for %s; add one to the configuration", b.Record.Kind)
	}
	return rules, rules.Resolve(Sources(rules, b)), nil
}

// InTx runs fn, which may call Fold, in a transaction.
func (a *Applier) InTx(ctx context.Context, fn func(Tx) error) error { return a.inTx(ctx, fn) }

// PolicySource is the source of what a new version of the policy changes.
const PolicySource = "policy"

// refoldPage is how many records are looked up at once.
const refoldPage = 500

// Refold folds all records that an older policy folded, and then hears the objects again that may make records now. It
// may be broken off and called again.
func (a *Applier) Refold(ctx context.Context) error {
	version := a.Active().Version
	for {
		ids, err := a.Store.RecordsBehind(ctx, version, refoldPage)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return a.admit(ctx)
		}
		for _, id := range ids {
			err := a.inTx(ctx, func(tx Tx) error {
				b, err := tx.LockBundle(ctx, id)
				if err != nil {
					return err
				}
				if b.Record.ID != id || a.Active().Policy.Kind(b.Record.Kind) == nil || !b.Record.ErasedAt.IsZero() {
					tx.Restamp(id, version) // a redirect, a kind that has no policy any more, an erased record: nothing to fold
					return nil
				}
				_, err = a.Fold(ctx, tx, b, Cause{Source: PolicySource, CorrelationID: fmt.Sprintf("policy-%d", version)})
				return err
			})
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("refold %s: %w", id, err)
			}
		}
	}
}

// Admitted are the sources that may make records, by kind.
func (a *Applier) Admitted() map[model.Kind][]string {
	admitted := map[model.Kind][]string{}
	for _, kind := range model.Kinds() {
		if rules := a.Active().Policy.Kind(kind); rules != nil {
			admitted[kind] = slices.DeleteFunc(a.Connections.Names(), func(name string) bool { return !rules.MayCreate(name) })
		}
	}
	return admitted
}

// admit hears the objects again that waited for leave to make a record and have it now.
func (a *Applier) admit(ctx context.Context) error {
	for kind, sources := range a.Admitted() {
		for more := true; more; {
			err := a.inTx(ctx, func(tx Tx) error {
				orphans, err := tx.TakeWaiting(ctx, kind, sources, refoldPage)
				more = len(orphans) >= refoldPage // there is one for each receipt: as many as objects, or more
				if err != nil {
					return err
				}
				return a.rehear(ctx, tx, orphans)
			})
			if err != nil {
				return fmt.Errorf("hear %ss again that waited: %w", kind, err)
			}
		}
	}
	return nil
}

// Gone takes note that a push found a linked object gone, and folds by what the policy says of that.
func (a *Applier) Gone(ctx context.Context, tx Tx, b *store.Bundle, link *store.Link, cause Cause) error {
	lose(link, a.Now().UTC())
	a.deleted(a.Active().Policy.Kind(b.Record.Kind), b, link)
	elect(tx, b, link)
	tx.PutLink(link)
	_, err := a.Fold(ctx, tx, b, cause)
	return err
}

// Package plan tells what another policy would change before it is activated: it folds every record by it and writes
// nothing. What it counts is what the fold after the activation does, by the fold's own functions (apply.Changed,
// Owed, Settling).
//
// Its memory is bounded whatever there is: pages of records, as many samples and attributes as are shown, and the ids of
// waiting objects that would be linked, up to a number.
package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// maxAttributes bounds the attributes that are counted by themselves: there may be any number of custom ones.
	maxAttributes = 1000
	// maxTaken bounds the waiting objects that are kept in mind as linked; further ones may be counted once for each
	// record that has their key.
	maxTaken = 100_000
	// others is where further custom attributes are counted, once each.
	others = model.Path("custom.*")
)

// Options say what is compared.
type Options struct {
	Store *store.Store
	// Policy is the one that may become active; Connections are those that the hub has then.
	Policy      *store.Policy
	Connections connection.Set
	// Samples is how many changes are shown of each attribute.
	Samples int
	// Progress is told after each record, of how many there were; nil for nobody.
	Progress func(done, total int)
}

// Report is what would change.
type Report struct {
	// Digest identifies the policy and what it was compared with.
	Digest string
	// Active is the version of the policy that is compared with.
	Active int64
	// Kinds by name, those with records.
	Kinds map[model.Kind]*Kind
	// Before and After are the files that the policies' rules stand in.
	Before, After string
}

// Kind is what would change in records of one kind.
type Kind struct {
	// Records there are, and Changed is how many of them would have another value.
	Records, Changed int
	// Without says that the new policy has no rules for this kind: its records stay as they are.
	Without bool
	// Attributes counts the records in which one would change.
	Attributes map[model.Path]int
	// Targets counts what would be sent, by connection.
	Targets map[string]*Target
	// Linked counts the objects that wait for a record and would be linked to one, by the new match keys. What they say
	// is applied then, as if they came in anew; what that changes is not foretold.
	Linked int
	// Samples are some of the changes, Options.Samples for an attribute.
	Samples []Sample
}

// Target is what would be sent to one connection, beyond what is on its way already.
type Target struct {
	Created, Updated int
	// Ended counts deliveries that are owed, blocked or given up now and would not be owed any more.
	Ended int
}

// Sample is one change.
type Sample struct {
	ID     store.RecordID
	Path   model.Path
	Before Side
	After  Side
}

// Side is a value and why it is there.
type Side struct {
	// Value in protobuf's JSON form; null for none.
	Value *structpb.Value
	// Source that says it, empty where nobody does.
	Source string
	// Rule by which it does; nil where nobody ever spoke of it.
	Rule *policy.Rule
}

// Digest identifies the plan of a policy as compared with a version: whoever activates by it gets what the plan showed,
// or is told to plan again.
func Digest(p *store.Policy, active int64) string {
	sum := p.Sum()
	both := sha256.Sum256(fmt.Appendf(sum[:], "/%d", active))
	return hex.EncodeToString(both[:16])
}

// Make folds every record by the new policy. It holds a few pages of records at a time.
func Make(ctx context.Context, o Options) (*Report, error) {
	active, err := o.Store.ActivePolicy(ctx)
	if err != nil {
		return nil, fmt.Errorf("the active policy: %w; a hub activates its own when it starts", err)
	}
	m := &maker{store: o.Store, samples: o.Samples, applier: &apply.Applier{Connections: o.Connections}, report: &Report{
		Digest: Digest(o.Policy, active.Version), Active: active.Version, Kinds: map[model.Kind]*Kind{}, Before: active.File, After: o.Policy.File}}
	if m.before, err = apply.Compile(active); err != nil {
		return nil, err
	}
	if m.after, err = apply.Compile(o.Policy); err != nil {
		return nil, err
	}
	done, total := 0, 0
	if o.Progress != nil {
		if total, err = o.Store.CountRecords(ctx); err != nil {
			return nil, err
		}
	}
	if err := m.lookForOrphans(ctx); err != nil {
		return nil, err
	}
	err = o.Store.Scan(ctx, func(b *store.Bundle) error {
		if err := m.record(ctx, b); err != nil {
			return err
		}
		if done++; o.Progress != nil {
			o.Progress(done, max(done, total))
		}
		return nil
	})
	return m.report, err
}

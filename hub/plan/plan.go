// Package plan tells what another policy would change before it is activated: it folds every record by both and writes
// nothing.
package plan

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// Options say what is compared.
type Options struct {
	Store *store.Store
	// Policy is the one that may become active; Connections are those of its configuration.
	Policy      *policy.Policy
	Connections connection.Set
	// Samples is how many changes are shown of each attribute.
	Samples int
	// Progress is told after each record; nil for nobody.
	Progress func(done int)
}

// Report is what would change.
type Report struct {
	// Active is the version of the policy that is compared with.
	Active int64
	// Kinds by name, those with records or a policy.
	Kinds map[model.Kind]*Kind
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
	// Samples are some of the changes, Options.Samples for an attribute.
	Samples []Sample
}

// Target is what would be sent to one connection, beyond what is owed already.
type Target struct{ Created, Updated int }

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
	// Source that says it, empty where nobody does, by Rule.
	Source string
	Rule   policy.Rule
}

// Make folds every record by the active policy and by the new one. It holds a page of records at a time.
func Make(ctx context.Context, o Options) (*Report, error) {
	active, err := o.Store.ActivePolicy(ctx)
	if err != nil {
		return nil, fmt.Errorf("the active policy: %w; a hub activates its own when it starts", err)
	}
	before, err := apply.Compile(active)
	if err != nil {
		return nil, err
	}
	m := &maker{o: o, before: before, applier: &apply.Applier{Connections: o.Connections},
		report: &Report{Active: active.Version, Kinds: map[model.Kind]*Kind{}}}
	done := 0
	err = o.Store.Scan(ctx, func(b *store.Bundle) error {
		m.record(b)
		if done++; o.Progress != nil {
			o.Progress(done)
		}
		return nil
	})
	return m.report, err
}

type maker struct {
	o       Options
	before  *policy.Policy
	applier *apply.Applier // for what a target is owed, nothing else
	report  *Report
}

func (m *maker) kind(kind model.Kind) *Kind {
	k := m.report.Kinds[kind]
	if k == nil {
		k = &Kind{Attributes: map[model.Path]int{}, Targets: map[string]*Target{}}
		m.report.Kinds[kind] = k
	}
	return k
}

func (m *maker) record(b *store.Bundle) {
	k := m.kind(b.Record.Kind)
	k.Records++
	rules := m.o.Policy.Kind(b.Record.Kind)
	if rules == nil {
		k.Without = true
		return
	}
	after := rules.Resolve(apply.Sources(rules, b))
	was, before := m.before.Kind(b.Record.Kind), &policy.Resolution{Message: b.Record.Message}
	if was != nil {
		before = was.Resolve(apply.Sources(was, b))
	}
	changed := false
	for _, path := range paths(rules.Schema, before, after) {
		if rules.Schema.Equal(before.Message, after.Message, path) {
			continue
		}
		changed = true
		if k.Attributes[path]++; k.Attributes[path] <= m.o.Samples {
			k.Samples = append(k.Samples, Sample{ID: b.Record.ID, Path: path, Before: side(rules.Schema, before, path), After: side(rules.Schema, after, path)})
		}
	}
	if changed {
		k.Changed++
	}
	for _, target := range rules.Targets() {
		m.target(k, b, target, owed{rules, after, target}, m.owedNow(was, before, target.Connection))
	}
}

// owed is what a target differs in under one policy.
type owed struct {
	rules  *policy.Kind
	res    *policy.Resolution
	target *policy.Target
}

func (m *maker) owedNow(was *policy.Kind, before *policy.Resolution, name string) *owed {
	if was == nil || was.Target(name) == nil {
		return nil
	}
	return &owed{was, before, was.Target(name)}
}

// target counts what would be sent that is not on its way already: the same attributes with the same values.
func (m *maker) target(k *Kind, b *store.Bundle, target *policy.Target, next owed, now *owed) {
	paths := m.applier.Owed(next.rules, next.res, b, next.target)
	if now != nil {
		already := m.applier.Owed(now.rules, now.res, b, now.target)
		paths = slices.DeleteFunc(paths, func(path model.Path) bool {
			return slices.Contains(already, path) && next.rules.Schema.Equal(next.res.Message, now.res.Message, path)
		})
	}
	if len(paths) == 0 {
		return
	}
	if k.Targets[target.Connection] == nil {
		k.Targets[target.Connection] = &Target{}
	}
	if b.Primary(target.Connection) == nil {
		k.Targets[target.Connection].Created++
	} else {
		k.Targets[target.Connection].Updated++
	}
}

// paths are the attributes that either resolution may have.
func paths(schema *model.Schema, resolutions ...*policy.Resolution) []model.Path {
	all := schema.Paths()
	for _, r := range resolutions {
		for _, path := range schema.Custom(r.Message) {
			if !slices.Contains(all, path) {
				all = append(all, path)
			}
		}
	}
	return all
}

func side(schema *model.Schema, r *policy.Resolution, path model.Path) Side {
	s := Side{Value: schema.JSON(r.Message, path)}
	for i := range r.Attributes {
		a := &r.Attributes[i]
		if !slices.Contains(a.Leaves, path) {
			continue
		}
		s.Rule = *a.Rule
		if a.Winner != nil {
			s.Source = a.Winner.Source.Name
		}
	}
	return s
}

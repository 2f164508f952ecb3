package plan

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// maker counts, record by record.
type maker struct {
	store         *store.Store
	before, after *policy.Policy
	samples       int
	applier       *apply.Applier // for what a target is owed, nothing else
	report        *Report

	orphaned map[model.Kind]bool // kinds of which objects wait for records by what the new policy matches
	taken    map[store.LinkKey]bool
}

func (m *maker) kind(kind model.Kind) *Kind {
	k := m.report.Kinds[kind]
	if k == nil {
		k = &Kind{Attributes: map[model.Path]int{}, Targets: map[string]*Target{}}
		m.report.Kinds[kind] = k
	}
	return k
}

// side is a record under one policy; rules are nil where the policy has none for its kind.
type side struct {
	rules *policy.Kind
	res   *policy.Resolution
}

func fold(rules *policy.Kind, b *store.Bundle) side {
	if rules == nil {
		return side{}
	}
	return side{rules, rules.Resolve(apply.Sources(rules, b))}
}

func (m *maker) record(ctx context.Context, b *store.Bundle) error {
	k := m.kind(b.Record.Kind)
	k.Records++
	rules := m.after.Kind(b.Record.Kind)
	if rules == nil {
		k.Without = true
		return nil
	}
	after, before := fold(rules, b), fold(m.before.Kind(b.Record.Kind), b)
	changed := apply.Changed(rules.Schema, b.Record.Message, after.res.Message)
	for _, path := range changed {
		if m.count(k, path) <= m.samples {
			k.Samples = append(k.Samples, Sample{ID: b.Record.ID, Path: path,
				Before: before.sample(rules.Schema, b.Record.Message, path), After: after.sample(rules.Schema, after.res.Message, path)})
		}
	}
	if len(changed) > 0 {
		k.Changed++
		b.Record.Revision++ // as the fold would; deliveries look at it
	}
	if err := m.adopt(ctx, k, b, rules, apply.Sources(rules, b)); err != nil {
		return err
	}
	for _, target := range rules.Targets() {
		m.target(k, b, before, after, target.Connection)
	}
	for _, d := range b.Deliveries {
		if rules.Target(d.Connection) == nil && (d.State == store.Owed || d.State == store.Blocked) {
			k.target(d.Connection).Ended++ // no target any more
		}
	}
	return nil
}

// count counts a change of an attribute and says how often it has been counted.
func (m *maker) count(k *Kind, path model.Path) int {
	if _, counted := k.Attributes[path]; !counted && len(k.Attributes) >= maxAttributes && strings.HasPrefix(string(path), "custom.") {
		path = others
	}
	k.Attributes[path]++
	return k.Attributes[path]
}

func (k *Kind) target(connection string) *Target {
	if k.Targets[connection] == nil {
		k.Targets[connection] = &Target{}
	}
	return k.Targets[connection]
}

// target counts what the fold would begin to send to a target, or end.
func (m *maker) target(k *Kind, b *store.Bundle, before, after side, connection string) {
	delivery, pending := b.Delivery(connection), b.PendingAttempt(connection) != nil
	owed := m.owed(b, after, connection)
	waits := delivery != nil && (delivery.State == store.Owed || delivery.State == store.Blocked)
	switch apply.Settling(delivery, b.Record.Revision, pending || len(owed) > 0, apply.PolicySource) {
	case apply.Begins:
		if waits && len(m.beyond(b, before, after, connection, owed)) == 0 {
			return // on its way
		}
		if b.Primary(connection) == nil {
			k.target(connection).Created++
		} else {
			k.target(connection).Updated++
		}
	case apply.Ends:
		k.target(connection).Ended++
	case apply.Stays:
		if waits && len(owed) == 0 && len(m.owed(b, before, connection)) > 0 {
			k.target(connection).Ended++ // its job finds nothing to do
		}
	}
}

// owed is what a target differs in; nothing where it is none.
func (m *maker) owed(b *store.Bundle, s side, connection string) []model.Path {
	if s.rules == nil || s.rules.Target(connection) == nil {
		return nil
	}
	return m.applier.Owed(s.rules, s.res, b, s.rules.Target(connection))
}

// beyond is what is owed that is not already: the same attributes with the same values.
func (m *maker) beyond(b *store.Bundle, before, after side, connection string, owed []model.Path) []model.Path {
	already := m.owed(b, before, connection)
	return slices.DeleteFunc(owed, func(path model.Path) bool {
		return slices.Contains(already, path) && after.rules.Schema.Equal(after.res.Message, before.res.Message, path)
	})
}

// sample is an attribute's value in a record's message, and who says it by which rule.
func (s side) sample(schema *model.Schema, message proto.Message, path model.Path) Side {
	out := Side{Value: schema.JSON(message, path)}
	if s.res == nil {
		return out
	}
	for i := range s.res.Attributes {
		a := &s.res.Attributes[i]
		if !slices.Contains(a.Leaves, path) {
			continue
		}
		out.Rule = a.Rule
		if a.Winner != nil {
			out.Source = a.Winner.Source.Name
		}
	}
	return out
}

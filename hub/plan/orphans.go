package plan

import (
	"context"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// lookForOrphans asks once whether objects wait at all: with none, no record need be asked about.
func (m *maker) lookForOrphans(ctx context.Context) error {
	m.orphaned, m.taken = map[model.Kind]bool{}, map[store.LinkKey]bool{}
	for _, kind := range model.Kinds() {
		if rules := m.after.Kind(kind); rules != nil {
			keys := make([]string, len(rules.Match()))
			for i, key := range rules.Match() {
				keys[i] = key.String()
			}
			some, err := m.store.Orphaned(ctx, kind, keys)
			if err != nil {
				return err
			}
			m.orphaned[kind] = some
		}
	}
	return nil
}

// adopt links the objects that wait for keys which the record would get, as the fold does before it looks at targets.
func (m *maker) adopt(ctx context.Context, k *Kind, b *store.Bundle, rules *policy.Kind, sources []policy.Source) error {
	if !m.orphaned[b.Record.Kind] {
		return nil
	}
	_, gained := apply.MatchKeys(rules, b, sources)
	if len(gained) == 0 {
		return nil
	}
	waiting, err := m.store.Orphans(ctx, b.Record.Kind, gained)
	if err != nil {
		return err
	}
	for _, key := range waiting {
		if m.taken[key] || apply.Adopted(b, key) == nil {
			continue
		}
		if k.Linked++; len(m.taken) < maxTaken {
			m.taken[key] = true
		}
	}
	return nil
}

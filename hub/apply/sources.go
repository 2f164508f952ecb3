package apply

import (
	"maps"
	"slices"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// Sources are a bundle's views as Resolve reads them.
func Sources(rules *policy.Kind, b *store.Bundle) []policy.Source {
	sources := make([]policy.Source, 0, len(b.Views)+1)
	for _, v := range b.Views {
		link := linkOf(b, v)
		if v.Source == policy.Keeper || v.ExternalID != "" && !link.Speaks() {
			continue
		}
		sources = append(sources, policy.Source{Name: v.Source, ExternalID: v.ExternalID, State: b.Reading(v).State(),
			Secondary: link != nil && !link.Primary, Creator: v.Source == b.Record.Creator, Decisions: v.View.Decisions})
	}
	for _, v := range b.Inherited {
		if v.Source != policy.Keeper {
			sources = inherit(sources, b, v)
		}
	}
	if kept := keptBefore(rules, b); kept != nil {
		sources = append(sources, policy.Source{Name: policy.Keeper, State: kept.State(), Decisions: kept.Decisions})
	}
	return sources
}

// linkOf is the link of the object that a view is of; nil for views of internal sources.
func linkOf(b *store.Bundle, v *store.View) *store.Link {
	return b.Link(store.LinkKey{Connection: v.Source, Kind: b.Record.Kind, ExternalID: v.ExternalID})
}

// inherit hears what an internal source, or a person, said of a record that was merged into this one: it counts where the
// same source has said nothing of that field here. Its view stays with the record that it was born on.
func inherit(sources []policy.Source, b *store.Bundle, v *store.View) []policy.Source {
	said := b.Reading(v)
	at := slices.IndexFunc(sources, func(s policy.Source) bool { return s.Name == v.Source && s.ExternalID == "" })
	if at < 0 {
		return append(sources, policy.Source{Name: v.Source, State: said.State(), Creator: v.Source == b.Record.Creator, Decisions: said.Decisions})
	}
	sources[at].State = sources[at].State.Over(said.State())
	decisions := maps.Clone(said.Decisions)
	maps.Copy(decisions, sources[at].Decisions)
	sources[at].Decisions = decisions
	return sources
}

// Owes says whether a target is to be brought to the record: something differs, or an earlier push has to be settled.
func (a *Applier) Owes(rules *policy.Kind, res *policy.Resolution, b *store.Bundle, target *policy.Target) bool {
	return b.PendingAttempt(target.Connection) != nil || a.ToArchive(rules, b, target) != nil || len(a.Owed(rules, res, b, target)) > 0
}

// ToArchive is an object of a target that is to be archived since its record was deleted; nil where there is none.
func (a *Applier) ToArchive(rules *policy.Kind, b *store.Bundle, target *policy.Target) *store.Link {
	c := a.Connections[target.Connection]
	if b.Record.DeletedAt.IsZero() || !b.Record.Archive || !b.Record.ErasedAt.IsZero() || rules.Phase(target.Connection) != policy.Live ||
		c == nil || c.Adapter.Archiver == nil || !c.Carries[rules.Schema.Kind()].Archive {
		return nil
	}
	for _, link := range b.Links {
		if link.Connection == target.Connection && link.State == store.LinkLive {
			return link
		}
	}
	return nil
}

// Owed lists the attributes in which a target differs from the record and is to be brought to it.
func (a *Applier) Owed(rules *policy.Kind, res *policy.Resolution, b *store.Bundle, target *policy.Target) []model.Path {
	_, owed := a.Next(rules, res, b, target)
	return owed
}

// Next is the object of a target that is to be brought to the record first, and the attributes in which it differs; no
// object where one is to be made. The primary comes before the others, which follow it.
func (a *Applier) Next(rules *policy.Kind, res *policy.Resolution, b *store.Bundle, target *policy.Target) (*store.Link, []model.Path) {
	if rules.Phase(target.Connection) != policy.Live {
		return b.Primary(target.Connection), nil
	}
	return a.differs(rules, res, b, target)
}

// Differs lists the attributes in which a target differs from the record, and that would be brought there were its
// connection live.
func (a *Applier) Differs(rules *policy.Kind, res *policy.Resolution, b *store.Bundle, target *policy.Target) []model.Path {
	_, paths := a.differs(rules, res, b, target)
	return paths
}

func (a *Applier) differs(rules *policy.Kind, res *policy.Resolution, b *store.Bundle, target *policy.Target) (*store.Link, []model.Path) {
	c, primary := a.Connections[target.Connection], b.Primary(target.Connection)
	if c == nil || c.Adapter.Pusher == nil || b.Record.Placeholder || !b.Record.DeletedAt.IsZero() {
		return primary, nil
	}
	carriage := c.Carries[rules.Schema.Kind()]
	if primary == nil || primary.State == store.LinkGone && primary.Archived { // archived with its record, which lives again
		if !target.Create || !carriage.Create {
			return nil, nil
		}
		return nil, rules.Diff(res, nil, target, carriage.New)
	}
	if paths := a.differsAt(rules, res, b, target, primary); len(paths) > 0 {
		return primary, paths
	}
	for _, link := range b.Links {
		if link.Connection != target.Connection || link.Primary {
			continue
		}
		paths := slices.DeleteFunc(a.differsAt(rules, res, b, target, link), func(path model.Path) bool { return isMatched(rules, path) })
		if len(paths) > 0 {
			return link, paths
		}
	}
	return primary, nil
}

// differsAt lists the attributes in which one object differs.
func (a *Applier) differsAt(rules *policy.Kind, res *policy.Resolution, b *store.Bundle, target *policy.Target, link *store.Link) []model.Path {
	if link.State != store.LinkLive {
		return nil
	}
	var held *view.View
	if v := b.View(target.Connection, link.ExternalID); v != nil {
		held = b.Reading(v)
	} else if !link.Primary {
		return nil // nothing is known of it yet
	}
	return rules.Diff(res, held, target, a.Connections[target.Connection].Carries[rules.Schema.Kind()].Out)
}

// isMatched says that objects are told apart by an attribute. A vendor that holds a party twice has mostly had to hold
// these differently, and keeps them unique: at objects that are not primary they are left alone.
func isMatched(rules *policy.Kind, path model.Path) bool {
	return slices.ContainsFunc(rules.Match(), func(key policy.MatchKey) bool { return slices.Contains(key, path) })
}

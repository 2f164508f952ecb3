package apply

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// kept is what the hub holds of one attribute or group.
type kept struct {
	path    model.Path
	leaves  []model.Path
	message proto.Message
	stamp   view.Stamp
	side    string
}

// keptBefore is the hub's own view: what it holds while sources disagree (mode hold), a stored fact as any other view.
// Of an attribute that is only now held it is what the record has. nil where nothing is held.
func keptBefore(rules *policy.Kind, b *store.Bundle) *view.View {
	var all []kept
	stored := b.View(policy.Keeper, "")
	for path, leaves := range rules.Holds(rules.Schema.Custom(b.Record.Message)) {
		if origin := b.Record.Provenance.GetAttributes()[string(path)]; origin != nil {
			all = append(all, kept{path, leaves, b.Record.Message, view.DecodeStamp(origin.GetStamp()), origin.GetSource()})
		}
		if stored == nil {
			continue
		}
		if state := b.Reading(stored).State(); state.Spoke(leaves[0]) {
			all = slices.DeleteFunc(all, func(k kept) bool { return k.path == path })
			all = append(all, kept{path, leaves, state.Said, state.Claims[leaves[0]], stored.View.Decisions[path].Side})
		}
	}
	return keeping(rules.Schema, all)
}

// keeping makes the view that says all that.
func keeping(schema *model.Schema, all []kept) *view.View {
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b kept) int { return a.stamp.Time.Compare(b.stamp.Time) })
	v := view.New(schema)
	for _, k := range all {
		message := schema.New()
		for _, leaf := range k.leaves {
			schema.Copy(message, k.message, leaf)
		}
		v.Observe(view.Observation{Stamp: view.Stamp{Time: k.stamp.Time}, Message: message, Paths: k.leaves})
		v.Decisions[k.path] = view.Decision{Side: k.side}
	}
	return v
}

// keep stores what is held from now on: what the sources agree on, or what it was.
func (f *fold) keep() error {
	var all []kept
	for i := range f.resolution.Attributes {
		if a := &f.resolution.Attributes[i]; a.Rule.Mode == policy.Hold && a.Winner != nil {
			all = append(all, kept{a.Path, a.Leaves, f.resolution.Message, a.Winner.Stamp, a.WhoseWord()})
		}
	}
	now, stored := keeping(f.rules.Schema, all), f.bundle.View(policy.Keeper, "")
	switch {
	case now == nil && stored == nil:
		return nil
	case now == nil:
		now = view.New(f.rules.Schema)
	}
	if stored == nil {
		stored = &store.View{RecordID: f.bundle.Record.ID, Source: policy.Keeper, View: view.New(f.rules.Schema)}
		f.bundle.Views = append(f.bundle.Views, stored)
	}
	if sameKept(f.rules.Schema, stored.View, now) {
		return nil
	}
	stored.View = now
	return f.tx.PutView(stored)
}

func sameKept(schema *model.Schema, a, b *view.View) bool {
	x, y := a.State(), b.State()
	if !maps.EqualFunc(a.Decisions, b.Decisions, func(d, e view.Decision) bool { return d.Side == e.Side }) || len(x.Claims) != len(y.Claims) {
		return false
	}
	for path, stamp := range x.Claims {
		if other, ok := y.Claims[path]; !ok || stamp.Compare(other) != 0 || !schema.Equal(x.Said, y.Said, path) {
			return false
		}
	}
	return true
}

// disputes opens a review for each attribute on which sources disagree while it is held, and closes those that are over.
func (f *fold) disputes() {
	disputed := map[model.Path]bool{}
	for i := range f.resolution.Attributes {
		if a := &f.resolution.Attributes[i]; a.Disputed {
			disputed[a.Path] = true
			if f.bundle.Review(store.Held, "", a.Path) == nil {
				f.tx.PutReview(store.Review{Reason: store.Held, LinkKey: store.LinkKey{Kind: f.bundle.Record.Kind}, Path: a.Path,
					RecordIDs: []store.RecordID{f.bundle.Record.ID}, ReceiptID: f.cause.ReceiptID, CorrelationID: f.cause.CorrelationID})
			}
		}
	}
	for _, r := range f.bundle.Reviews {
		if r.Reason == store.Held && !disputed[r.Path] {
			f.tx.CloseReview(r, store.Closing{Resolution: store.SettledItself, Why: "the sources agree, or nothing is held any more"})
		}
	}
}

package converge_test

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// oneIn is true once in n times; false where the failure does not need it.
func oneIn(t *rapid.T, n int, what string) bool { return rapid.IntRange(0, n-1).Draw(t, what) == n-1 }

// drawVendor draws a system with its habits.
func (w *world) drawVendor(name string) *vendor {
	t := w.t
	v := &vendor{w: w, name: name, tag: name[:1], keys: map[string]adapters.Ack{}, carries: map[model.Kind][]model.Path{}, takes: map[model.Kind][]model.Path{},
		refuses: map[model.Path]string{}, undoes: map[model.Path]string{}}
	v.skew = time.Duration(rapid.SampledFrom([]int{0, 1, -3, 20, 90, -60}).Draw(t, name+" is off by")) * time.Second
	v.coarse, v.counts = oneIn(t, 4, "whole seconds"), oneIn(t, 4, "counts")
	v.thin, v.partial = oneIn(t, 3, "thin events"), oneIn(t, 3, "partial events")
	v.lower, v.trims = oneIn(t, 3, "small letters"), oneIn(t, 3, "trims")
	v.unique, v.forgets = oneIn(t, 5, "unique e-mail"), oneIn(t, 4, "forgets keys")
	v.creates = !oneIn(t, 6, "creates nothing")
	for _, kind := range []model.Kind{model.Customer, model.Order} {
		for _, path := range attributes[kind] {
			if !oneIn(t, 8, "lacks "+string(path)) {
				v.carries[kind] = append(v.carries[kind], path)
				if !oneIn(t, 10, "keeps to itself "+string(path)) {
					v.takes[kind] = append(v.takes[kind], path)
				}
			}
		}
	}
	if oneIn(t, 4, "refuses") {
		path := rapid.SampledFrom([]model.Path{"email", "note", "company"}).Draw(t, "refused")
		v.refuses[path] = rapid.SampledFrom([]string{"b", "d", "w", "x", ""}).Draw(t, "refused value")
	}
	if oneIn(t, 8, "automation") {
		v.undoes[rapid.SampledFrom([]model.Path{"note", "company"}).Draw(t, "automated")] = v.tag + "-auto"
	}
	return v
}

// drawPolicy draws who decides what.
func (w *world) drawPolicy() map[string]*configv1.KindPolicy {
	policies := map[string]*configv1.KindPolicy{"customer": w.drawKind(model.Customer)}
	if !oneIn(w.t, 8, "no orders") {
		policies["order"] = w.drawKind(model.Order)
	}
	return policies
}

func (w *world) drawKind(kind model.Kind) *configv1.KindPolicy {
	t, sources := w.t, w.sources()
	k := &configv1.KindPolicy{Attributes: map[string]*configv1.Rule{"*": w.drawRule("*")}, Targets: map[string]*configv1.Target{}}
	k.Create = w.some(sources, "create")
	if oneIn(t, 3, "deletes") {
		k.Delete = &configv1.Delete{By: w.some(sources, "delete"), Effect: rapid.SampledFrom([]string{"tombstone", "ignore"}).Draw(t, "effect")}
	}
	if oneIn(t, 2, "merges") {
		k.Merge = &configv1.Merge{By: w.some(sources, "merge")}
	}
	if kind == model.Customer {
		k.Match = rapid.SampledFrom([][]string{{"email"}, nil, {"email", "company"}, {"company + billing_address.city"}}).Draw(t, "match")
		for _, path := range []string{"email", "note", "company", "billing_address", "billing_address.*", "billing_address.city", "tags", "custom.tier"} {
			if oneIn(t, 3, "rule for "+path) {
				k.Attributes[path] = w.drawRule(path)
			}
		}
	}
	for _, v := range w.vendors {
		if !oneIn(t, 6, v.name+" is no target") {
			k.Targets[v.name] = w.drawTarget(kind)
		}
	}
	return k
}

func (w *world) drawTarget(kind model.Kind) *configv1.Target {
	t := w.t
	target := &configv1.Target{Create: !oneIn(t, 4, "only updates"), Attributes: []string{"*"}, TugOfWar: &configv1.TugOfWar{Corrections: 2}}
	if kind != model.Customer {
		return target
	}
	if oneIn(t, 4, "takes some") {
		target.Attributes = []string{"email", "billing_address.*", "tags"}
	}
	if oneIn(t, 8, "when") {
		target.When = rapid.SampledFrom([]string{`record.note != "x1"`, `record.company != ""`}).Draw(t, "condition")
	}
	return target
}

// some are one or more of the sources, in any order.
func (w *world) some(sources []string, what string) []string {
	order := rapid.Permutation(sources).Draw(w.t, what+" order")
	return order[:len(order)-rapid.IntRange(0, len(order)-1).Draw(w.t, what+" without")]
}

func (w *world) drawRule(path string) *configv1.Rule {
	t := w.t
	rule := &configv1.Rule{}
	some := w.some(w.sources(), "named")
	modes := []string{"prefer", "authority", "latest", "first", "majority", "hold"}
	switch path {
	case "*", "email", "billing_address.*":
	case "tags":
		modes = append(modes, "union", "union")
	default:
		modes = append(modes, "follow")
	}
	switch rapid.SampledFrom(modes).Draw(t, "mode") {
	case "prefer":
		rule.Prefer = some
	case "authority":
		rule.Authority = some[0]
	case "latest":
		rule.Latest = some
		rule.Skew = durationpb.New(time.Duration(rapid.SampledFrom([]int{5, 0, 0, 60}).Draw(t, "skew")) * time.Second)
	case "first":
		rule.First = some
	case "majority":
		rule.Majority = some
	case "hold":
		rule.Hold = some
	case "union":
		rule.Union = some
	case "follow":
		rule.Follow = "email"
	}
	switch {
	case !oneIn(t, 8, "filter"):
	case slices.Contains([]string{"email", "note", "company"}, path):
		rule.Unless = `value.contains("x2")`
	default:
		rule.Unless = `source == "` + w.sources()[0] + `"`
	}
	return rule
}

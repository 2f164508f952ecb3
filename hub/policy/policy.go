// Package policy decides attribute by attribute: Resolve makes a record of views, Diff tells what a target lacks of it.
// It is pure: no I/O, no clock.
//
// The unit of a decision is what a rule's path names: an attribute, or a whole group (`billing_address`), which is then
// taken from one source alone.
package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/hub/model"
)

// DefaultSkew is how far sources' clocks may differ under Latest where a rule does not say.
const DefaultSkew = 5 * time.Second

// Mode is a way to decide.
type Mode string

// The modes.
const (
	// Authority: what the one source says.
	Authority Mode = "authority"
	// Prefer: the first source in the list that has a value.
	Prefer Mode = "prefer"
	// Latest: of the claims within the skew of the newest, that of the first source in the list.
	Latest Mode = "latest"
	// First: the oldest claim.
	First Mode = "first"
	// Majority: the value that most sources say.
	Majority Mode = "majority"
	// Union: all texts that any source has.
	Union Mode = "union"
	// Follow: what the winner of another attribute says.
	Follow Mode = "follow"
	// Hold: what the sources agree on; while they disagree, it stays as it is.
	Hold Mode = "hold"
)

// The sources that are nobody who keeps objects. No connection or caller has these names.
const (
	// Operator is what people decided for one record.
	Operator = "operator"
	// Keeper is what the hub itself holds for Hold: the value that the sources last agreed on.
	Keeper = "rule"
)

func reserved(source string) bool { return source == Operator || source == Keeper }

// Effect is what a delete does.
type Effect string

// The effects.
const (
	// Ignore: only the link is gone.
	Ignore Effect = "ignore"
	// Tombstone: the record is marked as deleted.
	Tombstone Effect = "tombstone"
	// Archive: the record is marked as deleted, and its objects at targets are archived.
	Archive Effect = "archive"
)

// Rule is who says what the attributes under a path are.
type Rule struct {
	// Path as configured: `*`, `email`, `billing_address.*`.
	Path string
	Mode Mode
	// Sources in order of the list; one for Authority.
	Sources []string
	Skew    time.Duration
	// Follows is the attribute whose winner is followed, for Follow.
	Follows model.Path
	// Unless is the condition on claims that do not count, in CEL; empty for none.
	Unless string
	// Key is the field that tells the elements of a list of messages apart, for Union; empty for texts.
	Key string
	// Line is where the rule stands in the configuration's file; 0 where that is not known.
	Line int
}

// Policy is what decides over all kinds.
type Policy struct {
	kinds  map[model.Kind]*Kind
	phases map[string]Phase
}

// Kind returns the policy for a kind; nil where the configuration has none.
func (p *Policy) Kind(kind model.Kind) *Kind { return p.kinds[kind] }

// Kind is the compiled policy for one kind.
type Kind struct {
	Schema *model.Schema
	units  []unit
	order  []int                // of units, each after the one that it follows
	custom map[model.Path]*Rule // by `custom.name`
	others *Rule                // for every other custom attribute
	unless map[*Rule]*condition // of custom attributes

	phases   map[string]Phase
	create   []string
	deleteBy []string
	effect   Effect
	mergeBy  []string
	match    []MatchKey
	writable map[string]*pathSet // by caller; who is not in it may write all
	targets  map[string]*Target
}

// unit is what is decided as one.
type unit struct {
	path   model.Path // what provenance names
	leaves []model.Path
	rule   *Rule
	unless *condition // nil for none
}

// Target is what one connection is brought to.
type Target struct {
	Connection string
	// Create says that objects are made there.
	Create bool
	takes  *pathSet
	when   *condition // nil for always
	// TugOfWar bounds the corrections of one attribute of one object.
	TugOfWar TugOfWar
}

// TugOfWar is how many corrections within a window are made of an attribute that something at the target undoes.
type TugOfWar struct {
	Corrections int
	Window      time.Duration
}

// DefaultTugOfWar goes for targets that do not say.
var DefaultTugOfWar = TugOfWar{Corrections: 5, Window: time.Hour}

// Wants says whether the target is brought to a record at all.
func (t *Target) Wants(r *Resolution) bool {
	return t.when == nil || t.when.holds(map[string]any{"record": r.Message})
}

// MayWrite says whether a caller may write an attribute.
func (k *Kind) MayWrite(caller string, path model.Path) bool {
	set, limited := k.writable[caller]
	return !limited || set.has(path)
}

// pathSet is a set of attributes as configured.
type pathSet struct {
	paths  map[model.Path]bool // nil for all
	custom bool
}

func (s *pathSet) has(path model.Path) bool {
	return s.paths == nil || s.paths[path] || s.custom && strings.HasPrefix(string(path), "custom.")
}

// Takes says whether the target takes an attribute.
func (t *Target) Takes(path model.Path) bool {
	return t.takes.has(path)
}

// MayCreate says whether a source's first word of an unknown object makes a record.
func (k *Kind) MayCreate(source string) bool {
	return slices.Contains(k.create, source) && k.Phase(source) == Live
}

// DeleteEffect is what a source's delete does.
func (k *Kind) DeleteEffect(source string) Effect {
	if slices.Contains(k.deleteBy, source) && k.Phase(source) == Live {
		return k.effect
	}
	return Ignore
}

// MayMerge says whether a source's merge of two objects merges their records.
func (k *Kind) MayMerge(source string) bool {
	return slices.Contains(k.mergeBy, source) && k.Phase(source) == Live
}

// MatchKey is what tells on first contact that two objects are one: an attribute, or several that must all agree.
type MatchKey []model.Path

// String is the key as configured.
func (m MatchKey) String() string {
	texts := make([]string, len(m))
	for i, path := range m {
		texts[i] = string(path)
	}
	return strings.Join(texts, "+")
}

// Match lists the match keys in the order in which they are tried.
func (k *Kind) Match() []MatchKey { return k.match }

// Targets lists the connections that records are brought to, by name.
func (k *Kind) Targets() []*Target {
	names := make([]string, 0, len(k.targets))
	for name := range k.targets {
		names = append(names, name)
	}
	slices.Sort(names)
	targets := make([]*Target, len(names))
	for i, name := range names {
		targets[i] = k.targets[name]
	}
	return targets
}

// Target returns a connection's target, nil where it is none.
func (k *Kind) Target(connection string) *Target { return k.targets[connection] }

// Claims says whether the policy would ever take an attribute's value from a source.
func (k *Kind) Claims(source string, path model.Path) bool {
	rule := k.ruleFor(path)
	return rule != nil && slices.Contains(rule.Sources, source)
}

func (k *Kind) ruleFor(path model.Path) *Rule {
	if strings.HasPrefix(string(path), "custom.") {
		if rule := k.custom[path]; rule != nil {
			return rule
		}
		return k.others
	}
	for i := range k.units {
		if slices.Contains(k.units[i].leaves, path) {
			return k.units[i].rule
		}
	}
	return nil
}

package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// Problem is a mistake in a configured policy.
type Problem struct {
	// At is where, below `policies`: customer, attributes, emial.
	At      []string
	Message string
}

// Compile makes a policy of its configuration and tells all mistakes. Whether the sources exist is not its matter.
// phases are those of connections that are not live. The policy is of use only where there are no problems.
func Compile(configured map[string]*configv1.KindPolicy, phases map[string]Phase) (*Policy, []Problem) {
	p := &Policy{kinds: map[model.Kind]*Kind{}, phases: phases}
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		schema := model.For(model.Kind(name))
		if schema == nil {
			problems = append(problems, Problem{At: []string{name}, Message: fmt.Sprintf("no kind %q; the kinds are %v", name, model.Kinds())})
			continue
		}
		c := compiler{name: name, schema: schema, from: configured[name], phases: phases}
		p.kinds[schema.Kind()] = c.kind()
		problems = append(problems, c.problems...)
	}
	return p, problems
}

// compiler makes one kind's policy.
type compiler struct {
	name     string
	schema   *model.Schema
	from     *configv1.KindPolicy
	phases   map[string]Phase
	problems []Problem
}

func (c *compiler) fail(message string, at ...string) {
	c.problems = append(c.problems, Problem{At: append([]string{c.name}, at...), Message: message})
}

func (c *compiler) kind() *Kind {
	k := &Kind{
		Schema: c.schema, phases: c.phases, custom: map[model.Path]*Rule{}, targets: map[string]*Target{}, writable: map[string]*pathSet{},
		create: c.from.GetCreate(), deleteBy: c.from.GetDelete().GetBy(), effect: Effect(c.from.GetDelete().GetEffect()),
		mergeBy: c.from.GetMerge().GetBy(),
	}
	for _, text := range c.from.GetMatch() {
		if key := c.matchKey(text); key != nil {
			k.match = append(k.match, key)
		}
	}
	rules := map[string]*Rule{}
	for path, rule := range c.from.GetAttributes() {
		rules[path] = makeRule(path, rule)
	}
	c.checkPaths(rules)
	for _, field := range c.schema.Fields() {
		c.field(k, field, rules)
	}
	c.follow(k)
	for _, name := range slices.Sorted(maps.Keys(c.from.GetWrite())) {
		k.writable[name] = c.pathSet(c.from.GetWrite()[name].GetAttributes(), "write", name, "attributes")
	}
	for _, name := range slices.Sorted(maps.Keys(c.from.GetTargets())) {
		k.targets[name] = c.target(name, c.from.GetTargets()[name])
	}
	return k
}

// matchKey reads `email` or `name.full + billing_address.postal_code`.
func (c *compiler) matchKey(text string) MatchKey {
	var key MatchKey
	for part := range strings.SplitSeq(text, "+") {
		path := model.Path(strings.TrimSpace(part))
		if err := c.schema.CheckText(path); err != nil {
			c.fail(err.Error(), "match")
			return nil
		}
		key = append(key, path)
	}
	return key
}

func makeRule(path string, from *configv1.Rule) *Rule {
	rule := &Rule{Path: path, Mode: Prefer, Sources: from.GetPrefer()}
	switch {
	case from.GetAuthority() != "":
		rule.Mode, rule.Sources = Authority, []string{from.GetAuthority()}
	case len(from.GetLatest()) > 0:
		rule.Mode, rule.Sources, rule.Skew = Latest, from.GetLatest(), DefaultSkew
		if from.GetSkew() != nil {
			rule.Skew = from.GetSkew().AsDuration()
		}
	case len(from.GetFirst()) > 0:
		rule.Mode, rule.Sources = First, from.GetFirst()
	case len(from.GetMajority()) > 0:
		rule.Mode, rule.Sources = Majority, from.GetMajority()
	case len(from.GetUnion()) > 0:
		rule.Mode, rule.Sources = Union, from.GetUnion()
	case from.GetFollow() != "":
		rule.Mode, rule.Follows = Follow, model.Path(from.GetFollow())
	case len(from.GetHold()) > 0:
		rule.Mode, rule.Sources = Hold, from.GetHold()
	}
	rule.Unless, rule.Key = from.GetUnless(), from.GetKey()
	return rule
}

func (c *compiler) checkPaths(rules map[string]*Rule) {
	for _, path := range slices.Sorted(maps.Keys(rules)) {
		group, part, split := strings.Cut(path, ".")
		switch {
		case path == "*" || path == "custom" || path == "custom.*":
		case c.schema.Group(path) != nil: // the group as a whole
		case split && part == "*" && c.schema.Group(group) != nil:
		default:
			if err := c.schema.Check(model.Path(path)); err != nil {
				c.fail(err.Error(), "attributes", path)
			}
		}
	}
}

// field makes the units of one top-level field: one for an attribute, one for a group, or one for each part that a
// rule singles out and one for the rest.
func (c *compiler) field(k *Kind, field string, rules map[string]*Rule) {
	all := rules["*"]
	if field == "custom" {
		k.others = first(rules["custom.*"], rules["custom"], all)
		for path, rule := range rules {
			if strings.HasPrefix(path, "custom.") && path != "custom.*" {
				k.custom[model.Path(path)] = rule
			}
		}
		if k.others == nil {
			c.uncovered("custom.*")
		}
		k.unless = map[*Rule]*condition{}
		for _, path := range slices.Sorted(maps.Keys(k.custom)) {
			k.unless[k.custom[path]] = c.judge(k.custom[path], path, []model.Path{path})
		}
		if k.others != nil {
			k.unless[k.others] = c.judge(k.others, "custom.*", []model.Path{"custom.*"})
		}
		return
	}
	group := c.schema.Group(field)
	if group == nil {
		c.unit(k, model.Path(field), []model.Path{model.Path(field)}, first(rules[field], all))
		return
	}
	var rest []model.Path
	for _, leaf := range group {
		if rule := first(rules[string(leaf)], rules[field+".*"]); rule != nil {
			c.unit(k, leaf, []model.Path{leaf}, rule)
			continue
		}
		rest = append(rest, leaf)
	}
	if len(rest) > 0 {
		c.unit(k, model.Path(field), rest, first(rules[field], all))
	}
}

func (c *compiler) unit(k *Kind, path model.Path, leaves []model.Path, rule *Rule) {
	if rule == nil {
		c.uncovered(string(path))
		return
	}
	k.units = append(k.units, unit{path: path, leaves: leaves, rule: rule, unless: c.judge(rule, path, leaves)})
}

// judge checks that a rule fits a unit that it decides, and compiles its condition.
func (c *compiler) judge(rule *Rule, path model.Path, leaves []model.Path) *condition {
	if rule.Mode == Union {
		c.judgeUnion(rule, path, leaves)
	}
	if rule.Unless == "" {
		return nil
	}
	compiled, err := compileUnless(c.schema, path, rule.Unless)
	if err != nil {
		c.fail(err.Error(), "attributes", rule.Path, "unless")
	}
	return compiled
}

func (c *compiler) judgeUnion(rule *Rule, path model.Path, leaves []model.Path) {
	keys := c.schema.Keys(leaves[0])
	switch {
	case len(leaves) == 1 && keys != nil && slices.Contains(keys, rule.Key):
	case len(leaves) == 1 && keys != nil && rule.Key == "":
		c.fail(fmt.Sprintf("union of %s needs a key that tells its elements apart; there are %s", path, strings.Join(keys, ", ")), "attributes", rule.Path)
	case len(leaves) == 1 && keys != nil:
		c.fail(fmt.Sprintf("no key %q in %s; there are %s", rule.Key, path, strings.Join(keys, ", ")), "attributes", rule.Path, "key")
	case len(leaves) > 1 || !c.schema.Texts(leaves[0]):
		c.fail(fmt.Sprintf("union is for lists of texts, and %s is none", path), "attributes", rule.Path)
	case rule.Key != "":
		c.fail(fmt.Sprintf("%s is a list of texts, which needs no key", path), "attributes", rule.Path, "key")
	}
}

// follow finds for each rule that follows the unit that it follows, and an order in which all can be decided.
func (c *compiler) follow(k *Kind) {
	placed := make([]int, len(k.units)) // 0: not yet, 1: on the way, 2: done
	var place func(i int) bool
	place = func(i int) bool {
		if placed[i] == 0 {
			placed[i] = 1
			if rule := k.units[i].rule; rule.Mode == Follow {
				j := k.unitOf(rule.Follows)
				switch {
				case j < 0:
					c.fail(fmt.Sprintf("follow names %q, which is no attribute that is decided by itself", rule.Follows), "attributes", rule.Path, "follow")
				case !place(j):
					c.fail(fmt.Sprintf("%s follows %s in a circle", k.units[i].path, rule.Follows), "attributes", rule.Path, "follow")
				default:
					rule.Follows, rule.Sources = k.units[j].path, k.units[j].rule.Sources
				}
			}
			placed[i] = 2
			k.order = append(k.order, i)
		}
		return placed[i] == 2
	}
	for i := range k.units {
		place(i)
	}
	for _, rule := range k.customRules() {
		if rule.Mode != Follow {
			continue
		}
		j := k.unitOf(rule.Follows)
		if j < 0 {
			c.fail(fmt.Sprintf("follow names %q, which is no attribute that is decided by itself", rule.Follows), "attributes", rule.Path, "follow")
			continue
		}
		rule.Follows, rule.Sources = k.units[j].path, k.units[j].rule.Sources
	}
}

// unitOf is the index of the unit that a path names or lies in; -1 for none.
func (k *Kind) unitOf(path model.Path) int {
	return slices.IndexFunc(k.units, func(u unit) bool { return u.path == path || slices.Contains(u.leaves, path) })
}

func (k *Kind) customRules() []*Rule {
	var rules []*Rule
	for _, path := range slices.Sorted(maps.Keys(k.custom)) {
		rules = append(rules, k.custom[path])
	}
	if k.others != nil {
		rules = append(rules, k.others)
	}
	return rules
}

func (c *compiler) uncovered(path string) {
	c.fail(fmt.Sprintf("no rule covers %s.%s; add one for it, or \"*\" for all that have none", c.name, path), "attributes")
}

func (c *compiler) target(name string, from *configv1.Target) *Target {
	t := &Target{Connection: name, Create: from.GetCreate(), TugOfWar: tugOfWar(from.GetTugOfWar())}
	if from.GetWhen() != "" {
		var err error
		if t.when, err = compileWhen(c.schema, from.GetWhen()); err != nil {
			c.fail(err.Error(), "targets", name, "when")
		}
	}
	t.takes = c.pathSet(from.GetAttributes(), "targets", name, "attributes")
	return t
}

// pathSet reads a list of attributes, groups, `custom.*` and `*`.
func (c *compiler) pathSet(texts []string, at ...string) *pathSet {
	set := &pathSet{paths: map[model.Path]bool{}}
	for _, text := range texts {
		field, isAll := strings.CutSuffix(text, ".*")
		switch {
		case text == "*":
			return &pathSet{}
		case text == "custom" || text == "custom.*":
			set.custom = true
		case c.schema.Group(field) != nil && (isAll || field == text):
			for _, leaf := range c.schema.Group(field) {
				set.paths[leaf] = true
			}
		default:
			if err := c.schema.Check(model.Path(text)); err != nil {
				c.fail(err.Error(), at...)
			}
			set.paths[model.Path(text)] = true
		}
	}
	return set
}

func tugOfWar(from *configv1.TugOfWar) TugOfWar {
	t := DefaultTugOfWar
	if from.GetCorrections() > 0 {
		t.Corrections = int(from.GetCorrections())
	}
	if from.GetWindow() != nil {
		t.Window = from.GetWindow().AsDuration()
	}
	return t
}

func first(rules ...*Rule) *Rule {
	for _, rule := range rules {
		if rule != nil {
			return rule
		}
	}
	return nil
}

package policy

import (
	"slices"
	"strings"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

// decisionOn is a source's decision on what is decided as one: on that itself, or on the group that it is part of.
func decisionOn(s *Source, path model.Path) *view.Decision {
	if d, ok := s.Decisions[path]; ok {
		return &d
	}
	group, _, _ := strings.Cut(string(path), ".")
	if d, ok := s.Decisions[model.Path(group)]; ok {
		return &d
	}
	return nil
}

func sideOf(s *Source, path model.Path) string {
	if d := decisionOn(s, path); d != nil && d.Side != "" {
		return d.Side
	}
	return s.Name
}

// decided finds the operator's decision on a unit; nil where there is none or it does not stand any more.
func (k *Kind) decided(u *unit, sources []*Source, claims []Claim) *view.Decision {
	operator := slices.IndexFunc(sources, func(s *Source) bool { return s.Name == Operator })
	if operator < 0 {
		return nil
	}
	decision := decisionOn(sources[operator], u.path)
	if decision == nil || decision.Authority == "" && !k.stands(u, decision.Over, claims) {
		return nil
	}
	return decision
}

func claimOf(claims []Claim, source string) int {
	return slices.IndexFunc(claims, func(c Claim) bool { return c.Source.Name == source })
}

// stands says that the sources that count say what they said then.
func (k *Kind) stands(u *unit, over []view.Said, claims []Claim) bool {
	counted := 0
	for i := range claims {
		if !k.counts(u, claims[i]) {
			continue
		}
		counted++
		then := slices.IndexFunc(over, func(said view.Said) bool {
			return said.Source == claims[i].Source.Name && said.ExternalID == claims[i].Source.ExternalID
		})
		if then < 0 || slices.ContainsFunc(u.leaves, func(leaf model.Path) bool {
			return !k.Schema.Equal(over[then].Message, claims[i].Source.State.Said, leaf)
		}) {
			return false
		}
	}
	return counted == len(over)
}

// counts says that a claim is of a source that the rule hears.
func (k *Kind) counts(u *unit, c Claim) bool {
	return !reserved(c.Source.Name) && (rankOf(u.rule, c) >= 0 || u.rule.Mode == Authority && c.Source.Creator)
}

// Over is what the sources that the rule for a path hears say of it now, for a decision to be made over it. leaves are
// the attributes that are decided as one; none where the policy decides over nothing by this path.
func (k *Kind) Over(sources []Source, path model.Path) (over []view.Said, leaves []model.Path) {
	u := k.unit(path)
	if u == nil {
		return nil, nil
	}
	speaking := make([]*Source, 0, len(sources))
	for i := range sources {
		if !sources[i].Secondary {
			speaking = append(speaking, &sources[i])
		}
	}
	claims, _ := k.claims(u, speaking)
	claims, _ = k.filter(u, claims)
	for _, c := range claims {
		if !k.counts(u, c) {
			continue
		}
		said := view.Said{Source: c.Source.Name, ExternalID: c.Source.ExternalID, Message: k.Schema.New()}
		for _, leaf := range u.leaves {
			k.Schema.Copy(said.Message, c.Source.State.Said, leaf)
		}
		over = append(over, said)
	}
	return over, u.leaves
}

// unit is what is decided as one under a path; nil where there is none.
func (k *Kind) unit(path model.Path) *unit {
	if strings.HasPrefix(string(path), "custom.") {
		rule := k.ruleFor(path)
		if k.Schema.Check(path) != nil || rule == nil {
			return nil
		}
		return &unit{path: path, leaves: []model.Path{path}, rule: rule, unless: k.unless[rule]}
	}
	for i := range k.units {
		if k.units[i].path == path {
			return &k.units[i]
		}
	}
	return nil
}

// hold is what the sources in the list agree on. While they disagree, it is what is held, and a person is to be asked.
func (k *Kind) hold(u *unit, claims []Claim) (winner int, disputed bool) {
	best := -1
	for i := range claims {
		rank := rankOf(u.rule, claims[i])
		if rank < 0 {
			continue
		}
		if best >= 0 && !k.same(u, claims[best], claims[i]) {
			disputed = true
		}
		if best < 0 || rank < rankOf(u.rule, claims[best]) {
			best = i
		}
	}
	if best >= 0 && !disputed {
		return best, false
	}
	return claimOf(claims, Keeper), disputed
}

// Holds lists the attributes that are held while sources disagree, those of message's custom attributes included, with
// the parts that are decided as one.
func (k *Kind) Holds(custom []model.Path) map[model.Path][]model.Path {
	held := map[model.Path][]model.Path{}
	for i := range k.units {
		if k.units[i].rule.Mode == Hold {
			held[k.units[i].path] = k.units[i].leaves
		}
	}
	for _, path := range custom {
		if rule := k.ruleFor(path); rule != nil && rule.Mode == Hold {
			held[path] = []model.Path{path}
		}
	}
	return held
}

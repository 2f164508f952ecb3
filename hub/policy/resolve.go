package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

// Source is one view of a record, as Resolve reads it.
type Source struct {
	// Name of the connection, caller, rule or operator.
	Name string
	// ExternalID of the source's object; empty for sources that are no connection.
	ExternalID string
	// State is what the source said. Nothing but Said, Claims and Blanks is read.
	State *view.State
	// Secondary says that the source has another object for this record, which speaks for it.
	Secondary bool
	// Creator says that this source made the record: it stands in for an authority that has not spoken.
	Creator bool
}

// LossReason tells why a claim was not accepted.
type LossReason string

// The reasons.
const (
	NotAuthority    LossReason = "not_authority"
	NotNamed        LossReason = "not_named"
	LowerPreference LossReason = "lower_preference"
	Older           LossReason = "older"
	Empty           LossReason = "empty"
)

// Claim is what one source says of one unit.
type Claim struct {
	Source *Source
	Stamp  view.Stamp
	// HasValue is false for a claim of emptiness.
	HasValue bool
}

// Lost is a claim that was not accepted.
type Lost struct {
	Claim
	Reason LossReason
}

// Attribute is one decision.
type Attribute struct {
	// Path of the unit: an attribute, or a group.
	Path   model.Path
	Leaves []model.Path
	Rule   *Rule
	// Winner is the accepted claim; nil where there is none.
	Winner *Claim
	Lost   []Lost
	// StandIn says that the winner stands in for an authority that has not spoken.
	StandIn bool
}

// Resolution is what follows from a policy and views.
type Resolution struct {
	// Message is the record.
	Message proto.Message
	// Attributes are the decisions on all units that any source has claimed.
	Attributes []Attribute
	accepted   map[model.Path]bool
}

// Accepted says that an attribute's value, or that it has none, comes from a claim. What nobody claimed is never pushed.
func (r *Resolution) Accepted(path model.Path) bool { return r.accepted[path] }

// Resolve folds the views of one record (law 5). The order of sources does not matter.
func (k *Kind) Resolve(sources []Source) *Resolution {
	speaking := make([]*Source, 0, len(sources))
	for i := range sources {
		if !sources[i].Secondary {
			speaking = append(speaking, &sources[i])
		}
	}
	slices.SortFunc(speaking, func(a, b *Source) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ExternalID, b.ExternalID))
	})
	r := &Resolution{Message: k.Schema.New(), accepted: map[model.Path]bool{}}
	for i := range k.units {
		k.decide(r, &k.units[i], speaking)
	}
	for _, path := range customPaths(speaking) {
		k.decide(r, &unit{path: path, leaves: []model.Path{path}, rule: k.ruleFor(path)}, speaking)
	}
	return r
}

func customPaths(sources []*Source) []model.Path {
	paths := map[model.Path]bool{}
	for _, s := range sources {
		for path := range s.State.Claims {
			if strings.HasPrefix(string(path), "custom.") {
				paths[path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// decide resolves one unit.
func (k *Kind) decide(r *Resolution, u *unit, sources []*Source) {
	claims := make([]Claim, 0, len(sources))
	for _, s := range sources {
		if c, ok := k.claim(s, u); ok {
			claims = append(claims, c)
		}
	}
	if len(claims) == 0 || u.rule == nil {
		return
	}
	a := Attribute{Path: u.path, Leaves: u.leaves, Rule: u.rule}
	var winner int
	switch u.rule.Mode {
	case Authority:
		winner, a.StandIn = authority(u.rule, claims)
	case Prefer:
		winner = prefer(u.rule, claims)
	case Latest:
		winner = latest(u.rule, claims)
	}
	if winner >= 0 {
		a.Winner = &claims[winner]
		k.accept(r, u, a.Winner)
	}
	for i := range claims {
		if i != winner {
			a.Lost = append(a.Lost, Lost{Claim: claims[i], Reason: whyLost(u.rule, claims, i, winner)})
		}
	}
	r.Attributes = append(r.Attributes, a)
}

// claim is what a source says of a unit, as new as the newest of its parts.
func (k *Kind) claim(s *Source, u *unit) (Claim, bool) {
	c := Claim{Source: s}
	spoke := false
	for _, leaf := range u.leaves {
		stamp, ok := s.State.Claims[leaf]
		if !ok {
			continue
		}
		if !spoke || stamp.Compare(c.Stamp) > 0 {
			c.Stamp = stamp
		}
		spoke = true
		c.HasValue = c.HasValue || !k.Schema.Empty(s.State.Said, leaf)
	}
	return c, spoke
}

// accept writes the winner's value into the record. Of a group it takes all that the winner spoke of, so that no part
// of another source's group remains.
func (k *Kind) accept(r *Resolution, u *unit, winner *Claim) {
	s := winner.Source.State
	for _, leaf := range u.leaves {
		if s.Spoke(leaf) || len(u.leaves) > 1 && s.Blanks[leaf] {
			k.Schema.Copy(r.Message, s.Said, leaf)
			r.accepted[leaf] = true
		}
	}
}

func authority(rule *Rule, claims []Claim) (winner int, standIn bool) {
	for i := range claims {
		if claims[i].Source.Name == rule.Sources[0] {
			return i, false
		}
	}
	for i := range claims {
		if claims[i].Source.Creator {
			return i, true
		}
	}
	return -1, false
}

func prefer(rule *Rule, claims []Claim) int {
	best, bestRank := -1, 0
	for i := range claims {
		rank := rankOf(rule, claims[i])
		if rank < 0 {
			continue
		}
		if !claims[i].HasValue {
			rank += len(rule.Sources) // any value is before any emptiness
		}
		if best < 0 || rank < bestRank {
			best, bestRank = i, rank
		}
	}
	return best
}

func latest(rule *Rule, claims []Claim) int {
	newest := -1
	for i := range claims {
		if rankOf(rule, claims[i]) >= 0 && (newest < 0 || claims[i].Stamp.Time.After(claims[newest].Stamp.Time)) {
			newest = i
		}
	}
	if newest < 0 {
		return -1
	}
	horizon := claims[newest].Stamp.Time.Add(-rule.Skew)
	best := newest
	for i := range claims {
		if rank := rankOf(rule, claims[i]); rank >= 0 && !claims[i].Stamp.Time.Before(horizon) && rank < rankOf(rule, claims[best]) {
			best = i
		}
	}
	return best
}

func rankOf(rule *Rule, c Claim) int { return slices.Index(rule.Sources, c.Source.Name) }

func whyLost(rule *Rule, claims []Claim, i, winner int) LossReason {
	switch {
	case rule.Mode == Authority:
		return NotAuthority
	case rankOf(rule, claims[i]) < 0:
		return NotNamed
	case rule.Mode == Latest && winner >= 0 && claims[i].Stamp.Time.Before(claims[winner].Stamp.Time):
		return Older
	case rule.Mode == Prefer && !claims[i].HasValue:
		return Empty
	}
	return LowerPreference
}

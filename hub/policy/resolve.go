package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

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
	// Decisions are what stands behind the claims of Operator and Keeper.
	Decisions map[model.Path]view.Decision
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
	Filtered        LossReason = "filtered"
	Newer           LossReason = "newer"
	Minority        LossReason = "minority"
	NotFollowed     LossReason = "not_followed"
	// Silent: its connection is not live.
	Silent LossReason = "silent"
	// Outdated: a person's decision, and a source has said something else since.
	Outdated LossReason = "outdated"
	// Overruled: a person decided otherwise for this record.
	Overruled LossReason = "overruled"
	// Disagreed: sources disagree, and the value is held as it was.
	Disagreed LossReason = "disagreed"
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
	// Joined are the further claims that are part of the value, under Union.
	Joined []Claim
	Lost   []Lost
	// StandIn says that the winner stands in for an authority that has not spoken.
	StandIn bool
	// Disputed says that sources disagree on what is held while they do: a person is to be asked.
	Disputed bool
	// Decision is a person's that decided; nil where the rule did.
	Decision *view.Decision
}

// WhoseWord is the source whose value it is: that of a decision or of what is held, where one of these won.
func (a *Attribute) WhoseWord() string {
	switch {
	case a.Winner == nil:
		return ""
	case reserved(a.Winner.Source.Name):
		return sideOf(a.Winner.Source, a.Path)
	}
	return a.Winner.Source.Name
}

// Resolution is what follows from a policy and views.
type Resolution struct {
	// Message is the record.
	Message proto.Message
	// Attributes are the decisions on all units that any source has claimed.
	Attributes []Attribute
	accepted   map[model.Path]bool
	disputed   map[model.Path][]string // whose claims on what is held disagree
}

// Disputes says that an attribute is held while a source's claim on it disagrees: until that is decided, the source is
// left with its own word.
func (r *Resolution) Disputes(path model.Path, source string) bool {
	return slices.Contains(r.disputed[path], source)
}

// Accepted says that an attribute's value, or that it has none, comes from a claim. What nobody claimed is never pushed.
func (r *Resolution) Accepted(path model.Path) bool { return r.accepted[path] }

func (r *Resolution) dispute(leaves []model.Path, source string) {
	for _, leaf := range leaves {
		r.disputed[leaf] = append(r.disputed[leaf], source)
	}
}

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
	r := &Resolution{Message: k.Schema.New(), accepted: map[model.Path]bool{}, disputed: map[model.Path][]string{}}
	decided := make([]*Attribute, len(k.units))
	winners := map[model.Path]string{}
	for _, i := range k.order {
		if decided[i] = k.decide(r, &k.units[i], speaking, winners); decided[i] != nil {
			winners[k.units[i].path] = decided[i].WhoseWord()
		}
	}
	for _, path := range customPaths(speaking) {
		rule := k.ruleFor(path)
		decided = append(decided, k.decide(r, &unit{path: path, leaves: []model.Path{path}, rule: rule, unless: k.unless[rule]}, speaking, winners))
	}
	for _, a := range decided {
		if a != nil {
			r.Attributes = append(r.Attributes, *a)
		}
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

// decide resolves one unit; nil where nobody speaks of it. winners are whose word the units before are.
func (k *Kind) decide(r *Resolution, u *unit, sources []*Source, winners map[model.Path]string) *Attribute {
	claims, silent := k.claims(u, sources)
	if len(claims)+len(silent) == 0 || u.rule == nil {
		return nil
	}
	a := &Attribute{Path: u.path, Leaves: u.leaves, Rule: u.rule}
	claims, a.Lost = k.filter(u, claims)
	a.Lost = append(a.Lost, silent...)
	a.Decision = k.decided(u, sources, claims)
	winner := k.choose(a, u, claims, winners)
	if winner >= 0 {
		a.Winner = &claims[winner]
		k.accept(r, u, a.Winner)
	}
	for i := range claims {
		if a.Disputed && rankOf(u.rule, claims[i]) >= 0 {
			r.dispute(u.leaves, claims[i].Source.Name)
		}
		switch {
		case i == winner || claims[i].Source.Name == Keeper:
		case a.Decision == nil && u.rule.Mode == Union && claims[i].HasValue && rankOf(u.rule, claims[i]) >= 0:
			a.Joined = append(a.Joined, claims[i])
		default:
			a.Lost = append(a.Lost, Lost{Claim: claims[i], Reason: k.whyLost(a, u, claims, i, winner)})
		}
	}
	slices.SortFunc(a.Joined, func(x, y Claim) int { return cmp.Compare(rankOf(u.rule, x), rankOf(u.rule, y)) })
	for i := range a.Joined {
		k.Schema.Join(r.Message, a.Joined[i].Source.State.Said, u.leaves[0], u.rule.Key)
	}
	return a
}

// claims are what sources say of a unit, and those of connections that are not live.
func (k *Kind) claims(u *unit, sources []*Source) (claims []Claim, silent []Lost) {
	claims = make([]Claim, 0, len(sources))
	for _, s := range sources {
		c, ok := k.claim(s, u)
		switch {
		case !ok:
		case k.Phase(s.Name) != Live:
			silent = append(silent, Lost{Claim: c, Reason: Silent})
		default:
			claims = append(claims, c)
		}
	}
	return claims, silent
}

// choose finds the claim that is accepted, -1 for none: a person's decision, where there is one that stands, else the rule's.
func (k *Kind) choose(a *Attribute, u *unit, claims []Claim, winners map[model.Path]string) (winner int) {
	switch {
	case a.Decision != nil && a.Decision.Authority == "":
		return claimOf(claims, Operator)
	case a.Decision != nil:
		winner, a.StandIn = authority(a.Decision.Authority, claims)
		return winner
	}
	switch u.rule.Mode {
	case Authority:
		winner, a.StandIn = authority(u.rule.Sources[0], claims)
	case Latest:
		winner = latest(u.rule, claims)
	case First:
		winner = oldest(u.rule, claims)
	case Majority:
		winner = k.majority(u, claims)
	case Hold:
		winner, a.Disputed = k.hold(u, claims)
	case Follow:
		if winner = claimOf(claims, winners[u.rule.Follows]); reserved(winners[u.rule.Follows]) {
			winner = prefer(u.rule, claims) // a person's own value: no source is followed
		}
	default: // Prefer, and Union, whose first it is
		winner = prefer(u.rule, claims)
	}
	return winner
}

// filter takes out the claims that do not count.
func (k *Kind) filter(u *unit, claims []Claim) (counting []Claim, lost []Lost) {
	if u.unless == nil {
		return claims, nil
	}
	for _, c := range claims {
		if c.HasValue && !reserved(c.Source.Name) && u.unless.holds(map[string]any{"value": k.Schema.Native(c.Source.State.Said, u.path), "source": c.Source.Name}) {
			lost = append(lost, Lost{Claim: c, Reason: Filtered})
			continue
		}
		counting = append(counting, c)
	}
	return counting, lost
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

func authority(source string, claims []Claim) (winner int, standIn bool) {
	for i := range claims {
		if claims[i].Source.Name == source {
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
		if rankOf(rule, claims[i]) >= 0 && (newest < 0 || rule.time(claims[i]).After(rule.time(claims[newest]))) {
			newest = i
		}
	}
	if newest < 0 {
		return -1
	}
	horizon := rule.time(claims[newest]).Add(-rule.Skew)
	best := newest
	for i := range claims {
		if rank := rankOf(rule, claims[i]); rank >= 0 && !rule.time(claims[i]).Before(horizon) && rank < rankOf(rule, claims[best]) {
			best = i
		}
	}
	return best
}

// time is a claim's, as it counts between sources: one from further in the future than clocks may differ counts as of
// when the hub first heard it. Else one source with a wrong clock would win for years.
func (r *Rule) time(c Claim) time.Time {
	if seen := c.Stamp.Seen; !seen.IsZero() && c.Stamp.Time.After(seen.Add(r.Skew)) {
		return seen
	}
	return c.Stamp.Time
}

// oldest is the claim with a value that has stood the longest; without any value, that of emptiness.
func oldest(rule *Rule, claims []Claim) int {
	best := -1
	better := func(a, b Claim) bool {
		if a.HasValue != b.HasValue {
			return a.HasValue
		}
		return cmp.Or(a.Stamp.Time.Compare(b.Stamp.Time), cmp.Compare(rankOf(rule, a), rankOf(rule, b))) < 0
	}
	for i := range claims {
		if rankOf(rule, claims[i]) >= 0 && (best < 0 || better(claims[i], claims[best])) {
			best = i
		}
	}
	return best
}

// majority is the first in the list of those who say what most say. Emptiness counts only where nobody has a value.
func (k *Kind) majority(u *unit, claims []Claim) int {
	best, bestVotes := -1, 0
	for i := range claims {
		if rankOf(u.rule, claims[i]) < 0 || !claims[i].HasValue {
			continue
		}
		votes := 0
		for j := range claims {
			if rankOf(u.rule, claims[j]) >= 0 && k.same(u, claims[i], claims[j]) {
				votes++
			}
		}
		if best < 0 || votes > bestVotes || votes == bestVotes && rankOf(u.rule, claims[i]) < rankOf(u.rule, claims[best]) {
			best, bestVotes = i, votes
		}
	}
	if best < 0 {
		return prefer(u.rule, claims)
	}
	return best
}

// same says that two claims have one value.
func (k *Kind) same(u *unit, a, b Claim) bool {
	return !slices.ContainsFunc(u.leaves, func(leaf model.Path) bool {
		return !k.Schema.Equal(a.Source.State.Said, b.Source.State.Said, leaf)
	})
}

func rankOf(rule *Rule, c Claim) int { return slices.Index(rule.Sources, c.Source.Name) }

func (k *Kind) whyLost(a *Attribute, u *unit, claims []Claim, i, winner int) LossReason {
	rule := u.rule
	switch {
	case claims[i].Source.Name == Operator:
		return Outdated
	case a.Decision != nil:
		return Overruled
	case rule.Mode == Follow:
		return NotFollowed
	case rule.Mode == Authority:
		return NotAuthority
	case rankOf(rule, claims[i]) < 0:
		return NotNamed
	case a.Disputed:
		return Disagreed
	case rule.Mode == Latest && winner >= 0 && rule.time(claims[i]).Before(rule.time(claims[winner])):
		return Older
	case !claims[i].HasValue && rule.Mode != Latest:
		return Empty
	case rule.Mode == First && winner >= 0 && claims[i].Stamp.Time.After(claims[winner].Stamp.Time):
		return Newer
	case rule.Mode == Majority && winner >= 0 && !k.same(u, claims[i], claims[winner]):
		return Minority
	}
	return LowerPreference
}

package converge_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

// claims: what a source is taken to say, its own people said; what the hub brought there is no claim of it.
func (w *world) claims(b *store.Bundle) {
	for _, view := range b.Views {
		state := view.View.State()
		if view.ExternalID == "" {
			w.callersWord(b, view)
			continue
		}
		v := w.vendor(view.Source)
		o := v.object(b.Record.Kind, adapters.ExternalID(view.ExternalID))
		if o == nil || b.Link(store.LinkKey{Connection: v.name, Kind: b.Record.Kind, ExternalID: view.ExternalID}) == nil {
			w.fail("%s has a view of %s, which is none of its objects", short(b.Record.ID), view.ExternalID)
		}
		for _, path := range v.carries[b.Record.Kind] {
			word := o.word(path)
			stamp, spoke := state.Claims[path]
			said := text(state.Said, path)
			if path == "customer" {
				continue // references are the hub's own to say
			}
			if spoke && !word.typed[said] && !w.handled(v, o) {
				w.fail("%s is taken to say %s of %s is %q, which nobody typed there", v, path, o.ExternalID, said)
			}
			if !w.known(v, o, word) {
				continue
			}
			if word.text != "" && (said != word.text || !spoke) {
				w.fail("at %s they said %s of %s is %q, and the hub has heard %q", v, path, o.ExternalID, word.text, said)
			}
			if spoke && !stamp.Time.Equal(word.at) {
				w.fail("at %s they said %s of %s at %s, and the hub has heard it of %s", v, path, o.ExternalID, word.at, stamp.Time)
			}
		}
	}
}

// known says that all that people said of an attribute must have reached the hub, as it was said: no event was lost, or
// tells only where to look, nobody said what the hub was bringing there at the time, and the object was not begun anew
// with another record.
func (w *world) known(v *vendor, o *object, word *word) bool {
	if v.thin || v.coarse || o.blurred || w.handled(v, o) {
		return false
	}
	for text := range word.typed {
		if word.given[text] {
			return false
		}
	}
	return true
}

// handled says that a person linked an object, or took it from a record, or did so with another that was made for the same
// record: a search by our id cannot tell these apart.
func (w *world) handled(v *vendor, o *object) bool {
	return slices.ContainsFunc(v.objects, func(other *object) bool {
		same := other == o || other.recordID != "" && other.recordID == o.recordID
		return same && w.byHand[v.key(other)]
	})
}

// callersWord: a caller is taken to say what it wrote last.
func (w *world) callersWord(b *store.Bundle, view *store.View) {
	if view.Source == policy.Operator || view.Source == policy.Keeper {
		return
	}
	state := view.View.State()
	for path, said := range w.said[viewKey{view.RecordID, view.Source, ""}] {
		if heard := text(state.Said, path); heard != said {
			w.fail("%s wrote %s of %s is %q, and the hub has heard %q", view.Source, path, short(b.Record.ID), said, heard)
		}
	}
}

// claim is what one source says of what is decided as one, as the second reading of the policy has it.
type claim struct {
	source string
	rank   int // in the rule's list; -1 where it is not in there
	at     time.Time
	empty  bool
	maker  bool
	values string
}

// decided: each decision is what a plain reading of the policy says.
func (w *world) decided(b *store.Bundle, sources []policy.Source, r *policy.Resolution) {
	winners := map[model.Path]string{}
	for i := range r.Attributes {
		winners[r.Attributes[i].Path] = r.Attributes[i].WhoseWord()
	}
	for i := range r.Attributes {
		a := &r.Attributes[i]
		if a.Decision != nil || a.Rule.Mode == policy.Hold && a.Disputed {
			continue
		}
		claims := w.read(b, sources, a)
		winner, some := plainly(a.Rule, claims, winners)
		if !some {
			if a.Winner != nil && a.Rule.Mode != policy.Hold {
				w.fail("%s of %s is %s's word, and should be nobody's", a.Path, short(b.Record.ID), a.Winner.Source.Name)
			}
			continue
		}
		if a.Winner == nil || a.Winner.Source.Name != winner.source {
			w.fail("%s of %s should be %s's word by %s (%v)", a.Path, short(b.Record.ID), winner.source, tellMode(a.Rule), claims)
		}
		if a.Rule.Mode == policy.Union {
			w.united(b, a, claims)
			continue
		}
		for _, leaf := range a.Leaves {
			said := text(a.Winner.Source.State.Said, leaf)
			if leaf != "customer" && text(b.Record.Message, leaf) != said && a.Winner.Source.State.Spoke(leaf) {
				w.fail("%s of %s should be %q, as %s says, and is %q", leaf, short(b.Record.ID), said, winner.source, text(b.Record.Message, leaf))
			}
		}
	}
}

// united: a union has what any source in the list has.
func (w *world) united(b *store.Bundle, a *policy.Attribute, claims []claim) {
	has := strings.Split(text(b.Record.Message, a.Path), ",")
	for _, c := range claims {
		for _, tag := range strings.Split(c.values, ",") {
			if c.rank >= 0 && !c.empty && !slices.Contains(has, tag) {
				w.fail("%s of %s lacks %s, which %s has", a.Path, short(b.Record.ID), tag, c.source)
			}
		}
	}
}

// read lists what sources say of an attribute.
func (w *world) read(b *store.Bundle, sources []policy.Source, a *policy.Attribute) []claim {
	var claims []claim
	for _, s := range sources {
		if s.Secondary || s.Name == policy.Operator || s.Name == policy.Keeper {
			continue
		}
		c := claim{source: s.Name, rank: slices.Index(a.Rule.Sources, s.Name), empty: true, maker: s.Name == b.Record.Creator}
		spoke := false
		for _, leaf := range a.Leaves {
			stamp, said := s.State.Claims[leaf]
			if !said {
				continue
			}
			at := stamp.Time
			if !stamp.Seen.IsZero() && at.After(stamp.Seen.Add(a.Rule.Skew)) && a.Rule.Mode == policy.Latest {
				at = stamp.Seen // no clock is that far ahead
			}
			if !spoke || at.After(c.at) {
				c.at = at
			}
			spoke = true
			value := text(s.State.Said, leaf)
			c.empty = c.empty && value == none
			c.values += value
		}
		if spoke && !filtered(a.Rule.Unless, c) {
			claims = append(claims, c)
		}
	}
	return claims
}

func filtered(unless string, c claim) bool {
	switch {
	case unless == "" || c.empty:
		return false
	case strings.HasPrefix(unless, "source"):
		return strings.Contains(unless, `"`+c.source+`"`)
	}
	return strings.Contains(c.values, "x2")
}

// plainly is the policy's modes read once more, without any of the core's code.
func plainly(rule *policy.Rule, claims []claim, winners map[model.Path]string) (claim, bool) {
	named := slices.DeleteFunc(slices.Clone(claims), func(c claim) bool { return c.rank < 0 })
	best := func(from []claim, before func(a, b claim) int) (claim, bool) {
		if len(from) == 0 {
			return claim{}, false
		}
		return slices.MinFunc(from, before), true
	}
	byRank := func(a, b claim) int { return cmp.Compare(a.rank, b.rank) }
	valueFirst := func(a, b claim) int { return cmp.Or(boolCompare(a.empty, b.empty), byRank(a, b)) }
	switch rule.Mode {
	case policy.Authority:
		if winner, some := best(named, byRank); some {
			return winner, true
		}
		return best(slices.DeleteFunc(claims, func(c claim) bool { return !c.maker }), byRank)
	case policy.Latest:
		newest, some := best(named, func(a, b claim) int { return b.at.Compare(a.at) })
		if !some {
			return claim{}, false
		}
		return best(slices.DeleteFunc(named, func(c claim) bool { return c.at.Before(newest.at.Add(-rule.Skew)) }), byRank)
	case policy.First:
		return best(named, func(a, b claim) int { return cmp.Or(boolCompare(a.empty, b.empty), a.at.Compare(b.at), byRank(a, b)) })
	case policy.Majority:
		votes := map[string]int{}
		for _, c := range named {
			if !c.empty {
				votes[c.values]++
			}
		}
		return best(named, func(a, b claim) int {
			return cmp.Or(boolCompare(a.empty, b.empty), cmp.Compare(votes[b.values], votes[a.values]), byRank(a, b))
		})
	case policy.Follow:
		for _, c := range claims {
			if c.source == winners[rule.Follows] {
				return c, true
			}
		}
		if winners[rule.Follows] == policy.Operator {
			return best(named, valueFirst)
		}
		return claim{}, false
	case policy.Hold:
		return best(named, byRank)
	}
	return best(named, valueFirst)
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func tellMode(r *policy.Rule) string {
	return strings.Join(append([]string{r.Path + ":", string(r.Mode)}, r.Sources...), " ")
}

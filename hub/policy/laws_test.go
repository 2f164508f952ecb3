package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/view"
)

// quiet is the hub that everything is compared with: each event arrives at once and once, nothing is pushed, read or
// looked at.
var quiet = hub{}

// busy does all that a hub may do.
var busy = hub{shuffles: true, reads: true, looks: true, delivers: true, interferes: true}

// told is all that a resolution tells, as texts; of a source's counter nothing, since pushes count, too.
func told(r *policy.Resolution) map[string]string {
	out := map[string]string{}
	for _, a := range r.Attributes {
		line := decision(r, a.Path)
		if a.Winner != nil {
			line += " at " + a.Winner.Stamp.Time.Format(time.StampMilli)
		}
		for _, lost := range a.Lost {
			line += fmt.Sprintf(", lost at %s with a value: %v", lost.Stamp.Time.Format(time.StampMilli), lost.HasValue)
		}
		for _, leaf := range a.Leaves {
			line += fmt.Sprintf("; %s is %s, accepted: %v", leaf, textAt(r.Message, leaf), r.Accepted(leaf))
		}
		out[string(a.Path)] = line
	}
	return out
}

// some are those of the sources that the mask has.
func some(sources []policy.Source, mask int) []policy.Source {
	var out []policy.Source
	for _, s := range sources {
		if mask&(1<<(s.Name[0]-'a')) != 0 {
			out = append(out, s)
		}
	}
	return out
}

// sameRecords compares two runs of a script for every subset of the sources.
func sameRecords(t *rapid.T, a, b *world) {
	for mask := range 1 << len(a.vendors) {
		want, got := told(a.k.Resolve(some(a.sources(), mask))), told(b.k.Resolve(some(b.sources(), mask)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("of the sources %b (-one run +the other):\n%s", mask, diff)
		}
	}
}

// "Resolve … Deterministic: arrival order, duplicates … do not matter", nor does when it ran in between.
func TestLawArrivalOrderDuplicatesAndLooksDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, false)
		k := compileRules(t, s, drawRules(t, s))
		sameRecords(t, live(t, s, k, quiet), live(t, s, k, hub{shuffles: true, reads: true, looks: true}))
	})
}

// "For every policy and every subset of sources, Resolve is unchanged by any deliveries in between."
func TestLawDeliveriesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, false)
		k := compileRules(t, s, drawRules(t, s))
		sameRecords(t, live(t, s, k, quiet), live(t, s, k, busy))
	})
}

// "said, the source's last own claim, with its version or time, kept whatever we deliver there"; "an attribute's time is
// when its value last changed in that source". A claim that its source has since changed never wins, since it is none.
func TestLawASourceSaysWhatItsPeopleLastLeftThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, false)
		w := live(t, s, compileRules(t, s, drawRules(t, s)), busy)
		for i, v := range w.vendors {
			state, truth := v.view.State(), s.truth(i)
			for _, path := range worldPaths {
				own, spoke := truth[path]
				stamp, claims := state.Claims[path]
				if claims != spoke || textAt(state.Said, path) != own.text && spoke || !stamp.Time.Equal(own.time) && spoke {
					t.Fatalf("%s says %s: %v, %s at %s; its people: %v, %s at %s", v.name, path,
						claims, textAt(state.Said, path), stamp.Time, spoke, own.text, own.time)
				}
			}
		}
	})
}

// own is what a vendor's people last left in an attribute.
type own struct {
	text string // "-" for none
	time time.Time
}

// truth is what a vendor's people left there, told from the script alone.
func (s *script) truth(i int) map[model.Path]own {
	v := s.vendors[i]
	at := func(ms int) time.Time {
		moment := time.Unix(1_000_000, 0).UTC().Add(v.skew + time.Duration(ms)*time.Millisecond)
		if v.counts {
			moment = moment.Truncate(time.Second)
		}
		return moment
	}
	truth := map[model.Path]own{}
	for _, path := range pathsIn(v.initial) {
		truth[path] = own{textAt(customer(v.initial), path), at(i + 1)}
	}
	for n, e := range s.edits {
		if e.vendor != i {
			continue
		}
		text := e.text
		if text == "" {
			text = "-"
		}
		truth[e.path] = own{text, at((n + 1) * 1000)}
	}
	return truth
}

// Section 4's table, applied to what people left in the vendors, agrees with the record, whatever the hub did.
func TestLawTheRecordIsWhatTheTableOfModesSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, false)
		all := drawRules(t, s)
		w := live(t, s, compileRules(t, s, all), busy)
		r := w.resolve()
		for _, path := range []model.Path{"email", "phone", "note", "custom.tier"} {
			winner := s.expected(all, path)
			want := s.claims(path)[winner].text
			if got := textAt(r.Message, path); r.Accepted(path) != (winner != "") || winner != "" && got != want {
				t.Fatalf("%s is %s (accepted: %v), want %s from %q by %v", path, got, r.Accepted(path), want, winner, all)
			}
		}
	})
}

// claims are what each vendor's people say of an attribute.
func (s *script) claims(path model.Path) map[string]own {
	claims := map[string]own{}
	for i, v := range s.vendors {
		if claim, ok := s.truth(i)[path]; ok {
			claims[v.name] = claim
		}
	}
	return claims
}

// expected is the table of DESIGN.md section 4, written once more: who wins, or "" for nobody.
func (s *script) expected(all map[string]*configv1.Rule, path model.Path) string {
	rule := all[string(path)]
	if rule == nil {
		rule = all["*"]
	}
	claims := s.claims(path)
	if rule.GetUnless() != "" { // says: unless it is source a's
		if claims["a"].text != "-" {
			delete(claims, "a")
		}
	}
	if _, ok := claims[rule.GetAuthority()]; ok {
		return rule.GetAuthority()
	}
	if _, ok := claims["a"]; ok && rule.GetAuthority() != "" {
		return "a" // made the record
	}
	if rule.GetFollow() != "" {
		winner := s.expected(all, model.Path(rule.GetFollow()))
		if _, ok := claims[winner]; ok {
			return winner
		}
		return ""
	}
	if len(rule.GetLatest()) > 0 {
		return latestOf(claims, rule.GetLatest())
	}
	var blank string
	var valued []string
	for _, name := range slices.Concat(rule.GetPrefer(), rule.GetFirst(), rule.GetMajority()) {
		claim, ok := claims[name]
		switch {
		case ok && claim.text != "-":
			valued = append(valued, name)
		case ok && (blank == "" || len(rule.GetFirst()) > 0 && claim.time.Before(claims[blank].time)):
			blank = name
		}
	}
	if len(valued) == 0 {
		return blank
	}
	votes := func(name string) (n int) {
		for _, other := range valued {
			if claims[other].text == claims[name].text {
				n++
			}
		}
		return n
	}
	best := valued[0]
	for _, name := range valued {
		if len(rule.GetFirst()) > 0 && claims[name].time.Before(claims[best].time) || len(rule.GetMajority()) > 0 && votes(name) > votes(best) {
			best = name
		}
	}
	return best
}

func latestOf(claims map[string]own, names []string) string {
	var newest time.Time
	for _, name := range names {
		if claim, ok := claims[name]; ok && claim.time.After(newest) {
			newest = claim.time
		}
	}
	for _, name := range names {
		if claim, ok := claims[name]; ok && !claim.time.Before(newest.Add(-policy.DefaultSkew)) {
			return name
		}
	}
	return ""
}

// "A source without authority never changes the value": whatever people do in a system that a rule does not name.
func TestLawASourceWithoutAuthorityChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, false)
		all := map[string]*configv1.Rule{"*": rapid.SampledFrom([]*configv1.Rule{
			{Authority: "a"}, {Prefer: []string{"a"}}, {Latest: []string{"a"}},
		}).Draw(t, "rule")}
		k := compileRules(t, s, all)
		without := &script{vendors: s.vendors}
		for _, e := range s.edits {
			if s.vendors[e.vendor].name != "a" {
				e.vendor, e.path = -1, "" // nothing happens in that second
			}
			without.edits = append(without.edits, e)
		}
		with, alone := live(t, s, k, busy).resolve(), live(t, without, k, quiet).resolve()
		if diff := cmp.Diff(accepted(alone), accepted(with)); diff != "" {
			t.Fatalf("(-a alone +with the others):\n%s", diff)
		}
		if !proto.Equal(alone.Message, with.Message) {
			t.Fatalf("with a alone the record is %v, with the others %v", alone.Message, with.Message)
		}
	})
}

// accepted tells for each attribute where its value is from.
func accepted(r *policy.Resolution) map[model.Path]string {
	out := map[model.Path]string{}
	for _, a := range r.Attributes {
		if a.Winner != nil {
			out[a.Path] = a.Winner.Source.Name + a.Winner.Stamp.Time.String()
		}
	}
	return out
}

// "The order of sources does not matter."
func TestLawTheOrderOfSourcesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, false)
		w := live(t, s, compileRules(t, s, drawRules(t, s)), hub{shuffles: true, delivers: true})
		sources := w.sources()
		if len(sources) > 0 { // two objects of one source, both primary: it is told apart by their ids
			second := sources[0]
			second.ExternalID, second.State = "2", sources[len(sources)-1].State
			sources = append(sources, second)
		}
		want := told(w.k.Resolve(sources))
		if diff := cmp.Diff(want, told(w.k.Resolve(rapid.Permutation(sources).Draw(t, "order")))); diff != "" {
			t.Fatalf("(-one order +the other):\n%s", diff)
		}
		for range 3 {
			if diff := cmp.Diff(want, told(w.k.Resolve(sources))); diff != "" {
				t.Fatalf("(-once +again):\n%s", diff)
			}
		}
	})
}

// "Normalisation is not drift … Diff is empty where the record still has the agreed value": one push each, and all is
// settled, whatever the vendor made of it, before its echo and after, and the record has not moved.
func TestLawOnePushSettlesATarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, false)
		w := live(t, s, compileRules(t, s, drawRules(t, s)), busy)
		before := told(w.resolve())
		settled := func(v *vendor, when string) {
			if owed := v.owed(w.resolve()); len(owed) > 0 {
				t.Fatalf("%s: %s is owed to %s", when, owed, v.name)
			}
		}
		for _, v := range w.vendors {
			r := w.resolve()
			v.push(r.Message, v.owed(r))
			settled(v, "after one push")
		}
		w.drain()
		for _, v := range w.vendors {
			settled(v, "after all echoes")
			v.fetch()
			settled(v, "after a read")
			for _, path := range v.carries {
				if got := textAt(v.view.State().Held, path); got != textAt(v.object, path) {
					t.Fatalf("%s has %s %s, and the view says %s", v.name, path, textAt(v.object, path), got)
				}
			}
		}
		if diff := cmp.Diff(before, told(w.resolve())); diff != "" {
			t.Fatalf("the record moved (-before +after):\n%s", diff)
		}
	})
}

// "An echo … equals the view already: no loop": an object that we made claims nothing until somebody edits it there, and
// then that alone.
func TestLawAnObjectThatWeMadeClaimsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made := &vendor{spec: &spec{name: "b", carries: worldPaths, shouts: rapid.Bool().Draw(t, "shouts"), lags: rapid.Bool().Draw(t, "lags"),
			partial: rapid.Bool().Draw(t, "partial")}, object: customer(""), view: view.New(schema)}
		s := &script{vendors: []*spec{made.spec}}
		made.w = &world{t: t, s: s, k: compileRules(t, s, map[string]*configv1.Rule{"*": {Prefer: []string{"b"}}}), hub: hub{shuffles: true}}
		var paths []model.Path
		for _, path := range worldPaths {
			if rapid.Bool().Draw(t, "delivers") {
				paths = append(paths, path)
			}
		}
		record := customer("email=a phone=1 note=n billing_address.line1=l billing_address.city=c custom.tier=gold")
		made.push(record, paths)
		for len(made.outbox) > 0 {
			made.arrive()
		}
		if claims := made.view.State().Claims; len(claims) > 0 {
			t.Fatalf("it claims %v", claims)
		}
		edited := rapid.SampledFrom(worldPaths).Draw(t, "edited")
		made.w.now = 1000
		made.edit(edit{path: edited, text: "edited"})
		made.arrive()
		if claims := made.view.State().Claims; len(claims) != 1 || textAt(made.view.State().Said, edited) != "edited" {
			t.Fatalf("after an edit of %s it claims %v", edited, claims)
		}
	})
}

// "Equal versions, different values … the hub fetches the object's current state and uses that": where clocks tick in
// whole seconds, order within one is lost, but not the truth: after a last read the view holds what the vendor has.
func TestLawWholeSecondsLoseNoDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScript(t, true)
		w := live(t, s, compileRules(t, s, drawRules(t, s)), hub{shuffles: true, reads: true, looks: true, delivers: true, interferes: true})
		for _, v := range w.vendors {
			v.fetch()
			for _, path := range v.carries {
				if got, want := textAt(v.view.State().Held, path), textAt(v.object, path); got != want {
					t.Fatalf("%s has %s %s, and the view says %s", v.name, path, want, got)
				}
			}
		}
		for _, v := range w.vendors {
			r := w.resolve()
			v.push(r.Message, v.owed(r))
		}
		w.drain()
		for _, v := range w.vendors {
			if owed := v.owed(w.resolve()); len(owed) > 0 {
				t.Fatalf("after one push and its echoes %s is owed to %s", owed, v.name)
			}
		}
	})
}

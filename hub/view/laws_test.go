package view_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

// told is an observation, or a delivery and its answer, as the reference below has it: texts alone.
type told struct {
	stamp, after int
	snapshot     bool
	says         map[model.Path]string // "-" for none
	sent         map[model.Path]string // deliveries
}

var toldPaths = []model.Path{"email", "phone", "billing_address.line1", "billing_address.city", "custom.tier"}

// reference is the rules of DESIGN.md, "What a view must know to be right", over all that was ever told, in the order of
// the source: no window, no base, no storage.
func reference(all []told) []string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b told) int { return cmp.Compare(a.stamp, b.stamp) })
	var lines []string
	for _, path := range toldPaths {
		said, held, agreed, since, blank := "", "", "", 0, false
		for i, now := range all {
			value, speaks := now.says[path]
			switch sent, delivered := now.sent[path]; {
			case delivered:
				held, agreed = value, sent
			case !speaks:
			case value == held && (now.snapshot || value != "-" || said != "" || agreed != ""):
			case value == "-" && held == "" && now.snapshot:
				held, blank = "-", true
			default:
				held, agreed = value, ""
				if !echoed(all[i:], path) {
					said, since, blank = value, now.stamp, false
				}
			}
		}
		if line := told1(path, said, since, blank, held, agreed); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// echoed says that the first of these has a value that one of the others was delivering at the time.
func echoed(all []told, path model.Path) bool {
	return slices.ContainsFunc(all[1:], func(d told) bool {
		_, delivered := d.sent[path]
		return delivered && d.after < all[0].stamp && d.says[path] == all[0].says[path]
	})
}

// told1 is the line that describe would write.
func told1(path model.Path, said string, since int, blank bool, held, agreed string) string {
	var words []string
	if said != "" {
		words = append(words, fmt.Sprintf("said %s@%d", said, since))
	}
	if blank && path != "custom.tier" {
		words = append(words, "blank")
	}
	if held != "" && held != "-" {
		words = append(words, "held "+held)
	}
	if agreed != "" && agreed != held {
		words = append(words, "agreed "+agreed)
	}
	if len(words) == 0 || slices.Equal(words, []string{"blank"}) {
		return ""
	}
	return string(path) + ": " + strings.Join(words, ", ")
}

// drawTold draws what is told at one moment: few values, so that they often meet, and often what was told before.
func drawTold(t *rapid.T, stamp int, before map[model.Path]string) told {
	value := rapid.SampledFrom([]string{"-", "a", "b", "A"})
	now := told{stamp: stamp, snapshot: rapid.IntRange(0, 2).Draw(t, "snapshot") > 0, says: map[model.Path]string{}}
	deliver := rapid.IntRange(0, 2).Draw(t, "deliver") == 0
	now.snapshot = now.snapshot || deliver
	if deliver {
		now.sent, now.after = map[model.Path]string{}, max(0, stamp-rapid.IntRange(1, 4).Draw(t, "after"))
	}
	for _, path := range toldPaths {
		if now.snapshot || rapid.Bool().Draw(t, "speaks") {
			now.says[path] = before[path]
			if before[path] == "" || rapid.IntRange(0, 3).Draw(t, "moves") == 0 {
				now.says[path] = value.Draw(t, string(path))
			}
			before[path] = now.says[path]
		}
		if deliver && rapid.Bool().Draw(t, "delivers") {
			now.sent[path] = value.Draw(t, "sent")
		}
	}
	return now
}

// tell tells it to the view and returns it as an observation, to be told again.
func (now told) tell(v *view.View) (view.Observation, view.Outcome) {
	message, paths := texts(now.says)
	o := view.Observation{Stamp: at(now.stamp), Message: message, Paths: paths, Snapshot: now.snapshot}
	if now.snapshot && now.stamp%2 == 0 { // `custom.*` is what a carriage says
		at := slices.Index(o.Paths, "custom.tier")
		o.Paths[at] = "custom.*"
	}
	if now.sent == nil {
		return o, v.Observe(o)
	}
	sent, delivered := texts(now.sent)
	v.Deliver(view.Delivery{After: at(now.after), Stamp: o.Stamp, Sent: sent, Paths: delivered, Held: o.Message, HeldPaths: o.Paths})
	return o, view.Applied
}

func texts(values map[model.Path]string) (message *canonicalv1.Customer, paths []model.Path) {
	var pairs []string
	for _, path := range toldPaths {
		value, ok := values[path]
		if !ok {
			continue
		}
		paths = append(paths, path)
		if value != "-" {
			pairs = append(pairs, string(path)+"="+value)
		}
	}
	return customer(strings.Join(pairs, " ")), paths
}

// Law: a view is a function of what was told; the order and number of tellings, being looked at and being stored in
// between do not matter. Eight are kept, so that any order is right for eight.
func TestTheStateDoesNotDependOnTheOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []told
		before := map[model.Path]string{}
		for i := range rapid.IntRange(0, 8).Draw(t, "count") {
			all = append(all, drawTold(t, i+1, before))
		}
		if len(all) == 0 {
			return
		}
		checkArrival(t, rapid.Permutation(all).Draw(t, "arrival"))
	})
}

// Law: the same for long sequences, where none is overtaken by more than three.
func TestFoldingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []told
		before := map[model.Path]string{}
		late := map[int]int{}
		for i := range rapid.IntRange(9, 40).Draw(t, "count") {
			all = append(all, drawTold(t, i+1, before))
			late[i+1] = i + 1 + rapid.IntRange(0, 3).Draw(t, "late")
		}
		slices.SortStableFunc(all, func(a, b told) int { return cmp.Compare(late[a.stamp], late[b.stamp]) })
		checkArrival(t, all)
	})
}

func checkArrival(t *rapid.T, arrival []told) {
	v := view.New(schema)
	var past []view.Observation
	for i, now := range arrival {
		o, outcome := now.tell(v)
		if outcome != view.Applied {
			t.Fatalf("what was told at %d is %s", now.stamp, outcome)
		}
		past = append(past, o)
		switch rapid.IntRange(0, 5).Draw(t, "between") {
		case 0: // told again
			again := rapid.SampledFrom(past).Draw(t, "again")
			// That a partial observation said outright that there is none is not to be seen any more where it was folded.
			unsure := !again.Snapshot && slices.ContainsFunc(again.Paths, func(path model.Path) bool { return schema.Empty(again.Message, path) })
			if outcome := v.Observe(again); outcome != view.Duplicate && outcome != view.Stale && (outcome != view.Ambiguous || !unsure) {
				t.Fatalf("what was told at %s again is %s", again.Stamp, outcome)
			}
		case 1: // looked at
			got, want := describe(v.State()), reference(arrival[:i+1])
			if !slices.Equal(got, want) {
				t.Fatalf("state after %d\n got %v\nwant %v", i+1, got, want)
			}
		case 2: // stored
			v = restore(t, v)
		}
	}
	if got, want := describe(v.State()), reference(arrival); !slices.Equal(got, want) {
		t.Fatalf("state\n got %v\nwant %v", got, want)
	}
}

func restore(t *rapid.T, v *view.View) *view.View {
	stored, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := view.Decode(schema, stored)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

package view_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
	"github.com/canonhub/canonhub/hub/view"
)

var schema = model.For(model.Customer)

// carried is what the snapshots of these tests speak of.
var carried = []model.Path{"email", "phone", "note", "billing_address.line1", "billing_address.city", "custom.*"}

// at is a place in the order of a source that has no counter.
func at(second int) view.Stamp { return view.Stamp{Time: time.Unix(int64(second), 0).UTC()} }

var customer, pathsIn, textAt = modeltest.Customer, modeltest.Paths, modeltest.Text

// scenario is a view and what happens to it, told in one line each.
type scenario struct {
	t *testing.T
	v *view.View
}

func begin(t *testing.T) *scenario {
	t.Helper()
	return &scenario{t: t, v: view.New(schema)}
}

func snapshot(second int, values string) view.Observation {
	return view.Observation{Stamp: at(second), Message: customer(values), Paths: carried, Snapshot: true}
}

func partial(second int, values string) view.Observation {
	return view.Observation{Stamp: at(second), Message: customer(values), Paths: pathsIn(values)}
}

func read(second int, values string) view.Observation {
	o := snapshot(second, values)
	o.Read = true
	return o
}

// delivery was sent when `after` was the newest place known; its answer, at `second`, is a snapshot with held.
func delivery(after, second int, sent, held string) view.Delivery {
	return view.Delivery{
		After: at(after), Stamp: at(second), Sent: customer(sent), Paths: pathsIn(sent), Held: customer(held), HeldPaths: carried,
	}
}

func (s *scenario) observe(o view.Observation, want view.Outcome) {
	s.t.Helper()
	if got := s.v.Observe(o); got != want {
		s.t.Errorf("observation at %s of %v is %s, want %s", o.Stamp, o.Message, got, want)
	}
}

func (s *scenario) deliver(after, second int, sent, held string) {
	s.v.Deliver(delivery(after, second, sent, held))
}

// is compares the state with lines such as "email: said a@5, held x, agreed X"; what is agreed as it is held, and what
// is not told, is left out.
func (s *scenario) is(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	if got := describe(s.v.State()); !slices.Equal(got, want) {
		s.t.Errorf("state\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func describe(s *view.State) []string {
	parts := map[model.Path][]string{}
	for path, stamp := range s.Claims {
		place := fmt.Sprint(stamp.Version)
		if stamp.Version == 0 {
			place = fmt.Sprint(stamp.Time.Unix())
		}
		parts[path] = append(parts[path], fmt.Sprintf("said %s@%s", textAt(s.Said, path), place))
	}
	for path := range s.Blanks {
		if !strings.HasPrefix(string(path), "custom.") { // no group has it, and `custom.*` does not name it
			parts[path] = append(parts[path], "blank")
		}
	}
	for path := range schema.Present(s.Said) {
		if _, ok := s.Claims[path]; !ok {
			parts[path] = append(parts[path], "SAID WITHOUT A CLAIM")
		}
	}
	for path := range schema.Present(s.Held) {
		parts[path] = append(parts[path], "held "+textAt(s.Held, path))
	}
	for _, path := range slices.Concat(schema.Paths(), schema.Custom(s.Held), schema.Custom(s.Agreed)) {
		if s.Holds(s.Agreed, path) && !schema.Equal(s.Held, s.Agreed, path) && !slices.Contains(parts[path], "agreed "+textAt(s.Agreed, path)) {
			parts[path] = append(parts[path], "agreed "+textAt(s.Agreed, path))
		}
	}
	var lines []string
	for path, words := range parts {
		if !slices.Equal(words, []string{"blank"}) { // never had one, and has none
			lines = append(lines, string(path)+": "+strings.Join(words, ", "))
		}
	}
	slices.SortFunc(lines, cmp.Compare)
	return lines
}

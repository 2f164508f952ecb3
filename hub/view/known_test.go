package view_test

import (
	"testing"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/view"
)

// holdsNone says of which attributes the source is known to have none, before and after the view was stored.
func (s *scenario) holdsNone(want map[model.Path]bool) {
	s.t.Helper()
	stored, err := s.v.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	again, err := view.Decode(schema, stored)
	if err != nil {
		s.t.Fatal(err)
	}
	for path, is := range want {
		if s.v.State().HoldsNone(path) != is || again.State().HoldsNone(path) != is {
			s.t.Errorf("known to have no %s: %v, and stored and read again %v; want %v", path, s.v.State().HoldsNone(path), again.State().HoldsNone(path), is)
		}
	}
}

func TestWhatWasNeverSeenIsNotKnownToBeEmpty(t *testing.T) {
	s := begin(t)
	s.holdsNone(map[model.Path]bool{"email": false, "custom.tier": false})
	s.observe(partial(5, "email=a phone="), view.Applied)
	s.holdsNone(map[model.Path]bool{"email": false, "phone": true, "note": false, "custom.tier": false})
	s.observe(partial(6, "custom.tier="), view.Applied)
	s.holdsNone(map[model.Path]bool{"custom.tier": true, "custom.colour": false})
}

// A snapshot that speaks of `custom.*` tells of each name that there might be.
func TestASnapshotTellsWhatIsEmpty(t *testing.T) {
	s := begin(t)
	s.observe(snapshot(5, "email=a custom.tier=gold"), view.Applied)
	s.holdsNone(map[model.Path]bool{"email": false, "phone": true, "company": false, "custom.tier": false, "custom.colour": true})
	s.deliver(5, 6, "phone=1 custom.colour=red custom.tier=", "email=a phone=1 custom.colour=red")
	s.holdsNone(map[model.Path]bool{"phone": false, "note": true, "custom.tier": true, "custom.colour": false})
	for second := 7; second < 30; second++ { // what was told by the first is folded
		s.observe(partial(second, "email=a@"+string(rune('a'+second))), view.Applied)
	}
	s.holdsNone(map[model.Path]bool{"email": false, "phone": false, "note": true, "company": false, "custom.size": true, "custom.colour": false})
}

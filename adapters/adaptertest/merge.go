package adaptertest

import (
	"slices"
	"testing"

	"github.com/canonhub/canonhub/adapters"
)

var mergeChecks = []check{
	{"MergesNameWhoLivesOn", needs(adapters.Merges, adapters.Webhooks, adapters.Fetches), mergesAreTold},
}

// By webhook or by a read, each object that a merge ended names the one that lives on, and that one is told of.
func mergesAreTold(t testing.TB, s Suite) {
	st := s.stage(t)
	if st.Merge == nil {
		t.Fatal("the Fixture lacks Merge, which a kind with merges needs")
	}
	s.eachKind(can(adapters.Merges, adapters.Webhooks, adapters.Fetches), func(c adapters.Carriage) {
		one, other := st.Seed(c.Kind), st.Seed(c.Kind)
		st.settle(t)
		gone, lives := st.Merge(c.Kind, one, other)
		said, fetch := st.translated(t, s, st.settle(t))
		loser, winner := adapters.Object{Kind: c.Kind, ExternalID: gone}, adapters.Object{Kind: c.Kind, ExternalID: lives}
		told := slices.ContainsFunc(said[loser], func(o adapters.Observation) bool { return o.Gone && o.MergedInto == lives })
		if !told && !slices.Contains(fetch, loser) {
			t.Errorf("%s %s was merged into %s; the webhooks neither say so nor fetch it: %+v", c.Kind, gone, lives, said[loser])
		}
		if len(said[winner]) == 0 && !slices.Contains(fetch, winner) {
			t.Errorf("%s %s lives on after a merge; the webhooks say nothing of it and fetch nothing", c.Kind, lives)
		}
		if o, err := st.Fetcher.Fetch(within(t), loser); err == nil && (!o.Gone || o.MergedInto != lives) {
			t.Errorf("%s %s was merged into %s; a read gives %+v", c.Kind, gone, lives, o)
		}
		if now := st.mustFetch(t, winner); now.Gone {
			t.Errorf("%s %s lives on after a merge, and is gone", c.Kind, lives)
		}
	})
}

package adaptertest

import (
	"slices"
	"testing"

	"github.com/canonhub/canonhub/adapters"
)

var mergeChecks = []check{
	{"MergesNameWhoLivesOn", needs(adapters.Merges, adapters.Fetches), mergesAreTold},
}

// By webhook, or by a pull where there are none, and by a read, each object that a merge ended names the one that lives on,
// and that one is told of.
func mergesAreTold(t testing.TB, s Suite) {
	hooked, pulled := can(adapters.Merges, adapters.Webhooks, adapters.Fetches), can(adapters.Merges, adapters.PullsChanges, adapters.Fetches)
	st := s.stage(t)
	if st.Merge == nil {
		t.Fatal("the Fixture lacks Merge, which a kind with merges needs")
	}
	s.eachKind(hooked, func(c adapters.Carriage) {
		one, other := st.Seed(c.Kind), st.Seed(c.Kind)
		st.settle(t)
		gone, lives := st.Merge(c.Kind, one, other)
		said, fetch := st.translated(t, s, st.settle(t))
		st.judgeMerge(t, "the webhooks", said, fetch, c.Kind, gone, lives)
	})
	s.eachHaul(t, func(c adapters.Carriage) bool { return !hooked(c) && pulled(c) }, func(h *haul) {
		kind := h.carriage.Kind
		one, other := h.Seed(kind), h.Seed(kind)
		h.everything(t, 2)
		gone, lives := h.Merge(kind, one, other)
		clear(h.said)
		h.changes(t, 2)
		said := map[adapters.Object][]adapters.Observation{}
		for id, all := range h.said {
			said[h.object(id)] = all
		}
		h.judgeMerge(t, "the pull of changes", said, nil, kind, gone, lives)
	})
	for _, c := range s.carries() {
		if can(adapters.Merges)(c) && !hooked(c) && !pulled(c) {
			t.Errorf("%ss are merged, and neither webhooks nor pulls of changes can tell", c.Kind)
		}
	}
}

// judgeMerge says that a merge was told, by what was said and by what is to be fetched, and shows in a read.
func (s *stage) judgeMerge(t testing.TB, teller string, said map[adapters.Object][]adapters.Observation, fetch []adapters.Object, kind adapters.Kind, gone, lives adapters.ExternalID) {
	t.Helper()
	loser, winner := adapters.Object{Kind: kind, ExternalID: gone}, adapters.Object{Kind: kind, ExternalID: lives}
	told := slices.ContainsFunc(said[loser], func(o adapters.Observation) bool { return o.Gone && o.MergedInto == lives })
	if !told && !slices.Contains(fetch, loser) {
		t.Errorf("%s %s was merged into %s; %s neither says so nor fetches it: %+v", kind, gone, lives, teller, said[loser])
	}
	if len(said[winner]) == 0 && !slices.Contains(fetch, winner) {
		t.Errorf("%s %s lives on after a merge; %s says nothing of it and fetches nothing", kind, lives, teller)
	}
	if o, err := s.Fetcher.Fetch(within(t), loser); err == nil && (!o.Gone || o.MergedInto != lives) {
		t.Errorf("%s %s was merged into %s; a read gives %+v", kind, gone, lives, o)
	}
	if now := s.mustFetch(t, winner); now.Gone {
		t.Errorf("%s %s lives on after a merge, and is gone", kind, lives)
	}
}

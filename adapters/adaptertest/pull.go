package adaptertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var pullChecks = []check{
	{"APullGivesEverything", needs(adapters.Pulls), pullGivesEverything},
	{"APullOfChangesGivesWhatChanged", needs(adapters.PullsChanges), pullGivesChanges},
	{"APullOfChangesTellsOfDeletes", needs(adapters.PullsDeletes), pullTellsOfDeletes},
	{"NothingBetweenPagesIsLeftOut", needs(adapters.Pulls), nothingLeftOut},
	{"EqualTimesAcrossPagesAreNeitherSkippedNorLooped", needs(adapters.Pulls), equalTimes},
	{"APageAskedForAgainIsTheSame", needs(adapters.Pulls), pageAgain},
	{"AForeignCursorBeginsAnew", needs(adapters.Pulls), foreignCursor},
	{"AnEmptyVendorEndsAtOnce", needs(adapters.Pulls), emptyVendor},
	{"AFailedPullHasItsCategory", needs(adapters.Pulls), pullFaults},
	{"AListHasWhatAPullHas", needs(adapters.Pulls), listing},
	{"WhatIsThereIsCounted", needs(adapters.Counts), counting},
	{"AFailedCountHasItsCategory", needs(adapters.Counts), countFaults},
}

func pullGivesEverything(t testing.TB, s Suite) {
	s.eachHaul(t, pullable, func(h *haul) {
		kind := h.carriage.Kind
		ids := h.SeedMany(kind, 7)
		ids = append(ids, h.Seed(kind), h.Seed(kind))
		h.everything(t, 2)
		h.has(t, "a whole pull", ids)
		h.agrees(t, ids)
		for _, size := range []int{0, 1, 1 << 20} { // whatever is asked for, the vendor's bounds are kept
			page := h.page(t, adapters.Query{Kind: kind, Size: size})
			if n := len(page.Observations) + len(page.Fetch); n > h.carriage.Pull.MaxPage || size == 1 && n > 1 {
				t.Errorf("asked for %d %ss, a page has %d", size, kind, n)
			}
		}
	})
}

func pullGivesChanges(t testing.TB, s Suite) {
	s.eachHaul(t, can(adapters.PullsChanges), func(h *haul) {
		kind := h.carriage.Kind
		old := h.SeedMany(kind, 3)
		h.everything(t, 2)
		edited := old[1]
		h.Edit(h.object(edited))
		h.has(t, "a change right after the pull", h.following(t, []adapters.ExternalID{edited, h.Seed(kind)}))
		h.has(t, "a change right after the pull of changes", h.following(t, []adapters.ExternalID{h.Seed(kind)}))
		h.clock.forward(2 * (time.Hour + h.carriage.Pull.Lag))
		late := h.Seed(kind)
		clear(h.said)
		h.pull(t, adapters.Query{Kind: kind, Since: h.clock.now().Add(-time.Hour - h.carriage.Pull.Lag), Size: 2}, nil)
		h.has(t, "a pull of what changed in the last hour", []adapters.ExternalID{late})
		for _, id := range old {
			if h.said[id] != nil {
				t.Errorf("a pull of what changed in the last hour says something of a %s of two hours ago", kind)
			}
		}
	})
}

// following pulls what changed, forgets what was said before, and gives the ids back.
func (h *haul) following(t testing.TB, ids []adapters.ExternalID) []adapters.ExternalID {
	t.Helper()
	clear(h.said)
	h.changes(t, 2)
	h.agrees(t, ids)
	return ids
}

func pullTellsOfDeletes(t testing.TB, s Suite) {
	s.eachHaul(t, can(adapters.PullsDeletes), func(h *haul) {
		ids := h.SeedMany(h.carriage.Kind, 3)
		h.everything(t, 2)
		clear(h.said)
		if !h.Delete(h.object(ids[1])) {
			t.Fatalf("nobody can delete a %s there, and pulls of deletes are declared", h.carriage.Kind)
		}
		h.changes(t, 2)
		if !slices.ContainsFunc(h.said[ids[1]], func(o adapters.Observation) bool { return o.Gone }) {
			t.Errorf("a %s was deleted; the pull of changes says of it %+v", h.carriage.Kind, h.said[ids[1]])
		}
	})
}

// Objects are made, changed and deleted after every page, those at its edges among them. What stays must be pulled all
// the same, and what changes is in the pull or in the next one.
func nothingLeftOut(t testing.TB, s Suite) {
	s.eachHaul(t, pullable, func(h *haul) {
		kind := h.carriage.Kind
		ids := h.SeedMany(kind, 20)
		var touched, deleted, made []adapters.ExternalID
		h.pull(t, adapters.Query{Kind: kind, Size: 3}, func(page int, seen []adapters.ExternalID) {
			if page > 5 {
				return
			}
			made = append(made, h.Seed(kind))
			if len(seen) > 0 { // the cursor's own place
				deleted = h.delete(deleted, seen[len(seen)-1])
			}
			deleted = h.delete(deleted, ids[19-page])
			for _, id := range []adapters.ExternalID{ids[page], ids[10+page]} {
				if !slices.Contains(deleted, id) {
					h.Edit(h.object(id))
					touched = append(touched, id)
				}
			}
		})
		h.has(t, "what was there all the while", without(ids, deleted))
		if !h.carriage.Can(adapters.PullsChanges) {
			h.agrees(t, without(ids, append(touched, deleted...)))
			return
		}
		h.changes(t, 3)
		h.has(t, "what was made meanwhile, with the next pull", without(made, deleted))
		h.agrees(t, without(append(ids, made...), deleted))
	})
}

// delete deletes an object that is still there.
func (h *haul) delete(deleted []adapters.ExternalID, id adapters.ExternalID) []adapters.ExternalID {
	if !slices.Contains(deleted, id) && h.Delete(h.object(id)) {
		return append(deleted, id)
	}
	return deleted
}

// The commonest bug of such tools: rows that share the time stamp at a page's border.
func equalTimes(t testing.TB, s Suite) {
	s.eachHaul(t, pullable, func(h *haul) {
		kind := h.carriage.Kind
		before := h.clock.now().Add(-time.Hour)
		ids := h.SeedMany(kind, 1500)
		for _, size := range []int{min(37, h.carriage.Pull.MaxPage), h.carriage.Pull.MaxPage} {
			queries := []adapters.Query{{Kind: kind, Size: size}}
			if h.carriage.Can(adapters.PullsChanges) {
				queries = append(queries, adapters.Query{Kind: kind, Size: size, Since: before})
			}
			for _, q := range queries {
				clear(h.said)
				h.pages = 0
				h.pull(t, q, nil)
				h.has(t, fmt.Sprintf("%d of one time, by %d, since %s", len(ids), size, q.Since), ids)
				if least := len(ids) / size; h.pages > 3*least+10 {
					t.Errorf("%d %ss of one time took %d pages of %d", len(ids), kind, h.pages, size)
				}
			}
		}
	})
}

func pageAgain(t testing.TB, s Suite) {
	s.eachHaul(t, pullable, func(h *haul) {
		ids := h.SeedMany(h.carriage.Kind, 5)
		q := adapters.Query{Kind: h.carriage.Kind, Size: 2}
		q.Cursor = h.page(t, q).Next
		one, two := h.take(t, h.page(t, q)), h.take(t, h.page(t, q))
		if len(one) == 0 || !slices.Equal(one, two) {
			t.Errorf("the second page of %d %ss has %v, and asked for again %v", len(ids), h.carriage.Kind, one, two)
		}
	})
}

func foreignCursor(t testing.TB, s Suite) {
	s.eachHaul(t, pullable, func(h *haul) {
		for _, text := range []string{"x-canonhub", "eyJ4Ijoxfq", "%%%", "\x00"} {
			_, err := h.Puller.Pull(within(t), adapters.Query{Kind: h.carriage.Kind, Cursor: text, Size: 2})
			if f := faultIn(t, "pull from a cursor of nobody's", err); f.Category != fault.Gone {
				t.Errorf("pull from a cursor of nobody's: %v, want the category gone", err)
			}
		}
	})
}

func emptyVendor(t testing.TB, s Suite) {
	s.eachHaul(t, pullable, func(h *haul) {
		h.everything(t, 2)
		if h.carriage.Can(adapters.PullsChanges) {
			h.changes(t, 2)
			first := h.Seed(h.carriage.Kind)
			h.changes(t, 2)
			h.has(t, "the first object ever", []adapters.ExternalID{first})
		}
		if h.pages > 6 {
			t.Errorf("with nothing there, %d pages were read", h.pages)
		}
	})
}

func pullFaults(t testing.TB, s Suite) {
	s.eachHaul(t, pullable, func(h *haul) {
		kind := h.carriage.Kind
		ids := h.SeedMany(kind, 5)
		for _, each := range failures {
			h.inject(each.fault)
			_, err := h.Puller.Pull(within(t), adapters.Query{Kind: kind, Size: 2})
			what := fmt.Sprintf("pull %ss, %s", kind, each.fault)
			if each.category == fault.Gone { // no object was asked for, and no cursor
				if f := faultIn(t, what, err); f.Category == fault.Gone {
					t.Errorf("%s: %v; want another category, since that means that a cursor is not known any more", what, err)
				}
				continue
			}
			judge(t, what, err, each.fault, each.category)
		}
		h.everything(t, 2)
		h.has(t, "after the failures", ids)
	})
}

func listing(t testing.TB, s Suite) {
	if s.unconnected(t, s.settings(nil)).Lister == nil {
		t.Log("declared: no Lister; a whole pull serves")
		return
	}
	s.eachHaul(t, pullable, func(h *haul) {
		kind := h.carriage.Kind
		ids := h.SeedMany(kind, 5)
		h.everything(t, 5)
		listed := map[adapters.ExternalID]adapters.Entry{}
		q := adapters.Query{Kind: kind, Size: 2}
		for range 20 {
			page, err := h.Lister.List(within(t), q)
			if err != nil {
				t.Fatalf("list %ss: %v", kind, err)
			}
			for _, e := range page.Entries {
				listed[e.ExternalID] = e
			}
			if q.Cursor = page.Next; !page.More {
				break
			}
		}
		for _, id := range ids {
			if e, o := listed[id], h.said[id][0]; !e.At.Equal(o.At) || e.Version != o.Version {
				t.Errorf("%s %s is listed as %+v, pulled at %s, version %d", kind, id, e, o.At, o.Version)
			}
		}
	})
}

// counting counts by whichever of the two ways the adapter has. What the vendor's count has beside, it has before, too.
func counting(t testing.TB, s Suite) {
	s.eachHaul(t, can(adapters.Counts), func(h *haul) {
		kind := h.carriage.Kind
		count := func() int {
			if h.Counter == nil {
				return h.page(t, adapters.Query{Kind: kind, Size: 2}).Total
			}
			n, err := h.Counter.Count(within(t), kind)
			if err != nil {
				t.Fatalf("count %ss: %v", kind, err)
			}
			return n
		}
		h.SeedMany(kind, 3)
		before := count()
		h.SeedMany(kind, 5)
		if after := count(); before < 3 || after != before+5 {
			t.Errorf("with 3 %ss or more %d were counted, and %d with 5 more", kind, before, after)
		}
	})
}

func countFaults(t testing.TB, s Suite) {
	s.eachHaul(t, can(adapters.Counts), func(h *haul) {
		if h.Counter == nil {
			t.Log("declared: no Counter; pages tell how many there are")
			return
		}
		for _, each := range failures {
			h.inject(each.fault)
			_, err := h.Counter.Count(within(t), h.carriage.Kind)
			if each.category == fault.Gone { // of no object
				if f := faultIn(t, "count", err); f.Category == fault.Gone {
					t.Errorf("count, %s: %v; want another category, since no object was asked for", each.fault, err)
				}
				continue
			}
			judge(t, fmt.Sprintf("count %ss, %s", h.carriage.Kind, each.fault), err, each.fault, each.category)
		}
	})
}

package adaptertest

import (
	"slices"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// haul is what pulls of one kind brought.
type haul struct {
	*stage
	suite    Suite
	carriage adapters.Carriage
	said     map[adapters.ExternalID][]adapters.Observation
	pages    int
	// next is how the next pull of changes begins.
	next adapters.Query
}

// eachHaul runs a check for each kind that can be pulled, with a sandbox of its own.
func (s Suite) eachHaul(t testing.TB, fits func(adapters.Carriage) bool, run func(*haul)) {
	t.Helper()
	s.eachKind(fits, func(c adapters.Carriage) {
		st := s.stage(t)
		if st.SeedMany == nil {
			t.Fatal("the Fixture lacks SeedMany, which an adapter with pulls needs")
		}
		run(&haul{stage: st, suite: s, carriage: c, said: map[adapters.ExternalID][]adapters.Observation{}})
	})
}

// everything is a pull of all there is.
func (h *haul) everything(t testing.TB, size int) {
	t.Helper()
	h.pull(t, adapters.Query{Kind: h.carriage.Kind, Size: size}, nil)
}

// changes is the pull that follows the one before, as the hub begins it.
func (h *haul) changes(t testing.TB, size int) {
	t.Helper()
	q := h.next
	q.Size = size
	h.pull(t, q, nil)
}

// pull reads all pages. Between them, meanwhile is told of the page's number and objects.
func (h *haul) pull(t testing.TB, q adapters.Query, meanwhile func(page int, ids []adapters.ExternalID)) {
	t.Helper()
	bound := 200 + 4*h.Count(h.carriage.Kind)/max(1, q.Size)
	for n := range bound {
		page := h.page(t, q)
		ids := h.take(t, page)
		if !page.More {
			h.ends(t, q, page)
			return
		}
		if meanwhile != nil {
			meanwhile(n, ids)
		}
		if page.Next == "" {
			t.Fatalf("page %d of %ss: there is more, and no Next", n, h.carriage.Kind)
		}
		q.Cursor = page.Next
	}
	t.Fatalf("a pull of %ss, of which there are %d, has no end after %d pages of %d", h.carriage.Kind, h.Count(h.carriage.Kind), bound, q.Size)
}

func (h *haul) page(t testing.TB, q adapters.Query) adapters.Page {
	t.Helper()
	page, err := h.Puller.Pull(within(t), q)
	if err != nil {
		t.Fatalf("pull %ss from cursor %q: %v", q.Kind, q.Cursor, err)
	}
	h.pages++
	if len(page.Rejected) > 0 {
		t.Errorf("pull %ss: rejected %+v", q.Kind, page.Rejected)
	}
	if len(page.Next) > 4096 {
		t.Errorf("pull %ss: the cursor is %d bytes long", q.Kind, len(page.Next))
	}
	leaks(t, h.settings, "a cursor", page.Next)
	return page
}

// take keeps what a page says, and reads what it names.
func (h *haul) take(t testing.TB, page adapters.Page) []adapters.ExternalID {
	t.Helper()
	var ids []adapters.ExternalID
	for _, o := range page.Observations {
		if o.Kind != h.carriage.Kind {
			t.Errorf("a pull of %ss says something of a %s", h.carriage.Kind, o.Kind)
		}
		checkObservation(t, h.suite, o)
		h.said[o.ExternalID] = append(h.said[o.ExternalID], o)
		ids = append(ids, o.ExternalID)
	}
	for _, object := range page.Fetch {
		o, err := h.Fetcher.Fetch(within(t), object)
		if fault.CategoryOf(err) == fault.Gone {
			o, err = adapters.Observation{Object: object, Gone: true, At: h.clock.now()}, nil
		}
		if err != nil {
			t.Fatalf("fetch %s %s, which a page names: %v", object.Kind, object.ExternalID, err)
		}
		h.said[o.ExternalID] = append(h.said[o.ExternalID], o)
		ids = append(ids, o.ExternalID)
	}
	return ids
}

// ends judges the last page, and keeps where the next pull begins.
func (h *haul) ends(t testing.TB, q adapters.Query, page adapters.Page) {
	t.Helper()
	h.next = adapters.Query{Kind: q.Kind, Cursor: page.Next, Since: page.Watermark.Add(-h.carriage.Pull.Lag)}
	if !h.carriage.Can(adapters.PullsChanges) {
		return
	}
	if page.Next == "" && page.Watermark.IsZero() {
		t.Errorf("the last page of %ss says neither by Next nor by Watermark where the next pull begins", q.Kind)
	}
	if ahead := page.Watermark.Sub(h.clock.now()); ahead > time.Minute {
		t.Errorf("the last page of %ss has a watermark %s ahead of the vendor's clock", q.Kind, ahead)
	}
	if page.Next == "" && page.Watermark.Before(q.Since) {
		t.Errorf("the last page of %ss has the watermark %s, before %s, from which it pulled", q.Kind, page.Watermark, q.Since)
	}
}

// has says that objects were pulled.
func (h *haul) has(t testing.TB, what string, ids []adapters.ExternalID) {
	t.Helper()
	for _, id := range ids {
		if len(h.said[id]) == 0 {
			t.Errorf("%s: %s %s, of %d, was left out in %d pages", what, h.carriage.Kind, id, len(ids), h.pages)
			return
		}
	}
}

// agrees says that the newest said of each object, of those that something was said of, is what a read shows.
func (h *haul) agrees(t testing.TB, ids []adapters.ExternalID) {
	t.Helper()
	if !h.carriage.Can(adapters.Fetches) {
		return
	}
	for _, id := range ids {
		if len(h.said[id]) > 0 {
			agreesWithFetch(t, h.stage, h.carriage, h.said[id])
		}
	}
}

func (h *haul) object(id adapters.ExternalID) adapters.Object {
	return adapters.Object{Kind: h.carriage.Kind, ExternalID: id}
}

// without are the ids that are not among others.
func without(all, others []adapters.ExternalID) []adapters.ExternalID {
	return slices.DeleteFunc(slices.Clone(all), func(id adapters.ExternalID) bool { return slices.Contains(others, id) })
}

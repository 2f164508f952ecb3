package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// maxFound is HubSpot's largest page of a search, maxOffset how far a search goes.
	maxFound  = 200
	maxOffset = 10_000
)

// query is a search. Filters of a group must all hold, and one group must.
type query struct {
	FilterGroups []struct {
		Filters []struct{ PropertyName, Operator, Value string }
	}
	Sorts      []struct{ PropertyName, Direction string }
	Properties []string
	Limit      int
	After      string
}

// search answers the little of HubSpot's search that an incremental sync needs: EQ, GT and GTE, one ascending sort.
// Archived objects are passed over.
func (s *table) search(r *http.Request) reply {
	var in query
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Sorts) > 1 || in.Limit > maxFound {
		return s.malformed()
	}
	offset, err := strconv.Atoi(cmp.Or(in.After, "0"))
	size := cmp.Or(in.Limit, 10)
	if err != nil || offset+size > maxOffset {
		return s.problem(http.StatusBadRequest, "VALIDATION_ERROR", "The search has more than 10,000 results.")
	}
	var found []*Object
	for _, c := range s.objects {
		if !c.Archived && in.matches(c) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, in.order)
	out := struct {
		Total   int     `json:"total"`
		Results []wire  `json:"results"`
		Paging  *paging `json:"paging,omitempty"`
	}{Total: len(found), Results: []wire{}}
	for _, c := range found[min(offset, len(found)):min(offset+size, len(found))] {
		out.Results = append(out.Results, s.render(c, in.Properties))
	}
	if offset+size < len(found) {
		out.Paging = next(strconv.Itoa(offset + size))
	}
	return reply{http.StatusOK, out}
}

func (q query) matches(c *Object) bool {
	for _, group := range q.FilterGroups {
		all := true
		for _, f := range group.Filters {
			order := compare(c.Properties[f.PropertyName], f.Value)
			all = all && (f.Operator == "EQ" && order == 0 || f.Operator == "GTE" && order >= 0 || f.Operator == "GT" && order > 0)
		}
		if all {
			return true
		}
	}
	return len(q.FilterGroups) == 0
}

// order is that of the sort. What it leaves open, HubSpot leaves open, too: here the newest id comes first, unlike what a
// reader may hope for.
func (q query) order(a, b *Object) int {
	if len(q.Sorts) > 0 {
		name := q.Sorts[0].PropertyName
		if order := compare(a.Properties[name], b.Properties[name]); order != 0 {
			return order
		}
	}
	return cmp.Compare(b.number(), a.number())
}

// compare compares values as HubSpot does: times and numbers by what they are. Times may be given in milliseconds.
func compare(a, b string) int {
	x, okX := numeric(a)
	y, okY := numeric(b)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

func numeric(text string) (int64, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UnixMilli(), true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

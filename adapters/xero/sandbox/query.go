package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

type direction int

const (
	ascending  direction = 1
	descending direction = -1
)

// list answers a page of objects, or all of them.
func (s *Server) list(r *http.Request) reply {
	many, q := r.PathValue("many"), r.URL.Query()
	if s.tables[many] == nil {
		return notFound()
	}
	fits, err := s.filter(many, q, r.Header.Get("If-Modified-Since"))
	if err != nil {
		return answer(http.StatusBadRequest, map[string]any{"ErrorNumber": 16, "Type": "QueryParseException", "Message": err.Error()})
	}
	field, way, _ := strings.Cut(q.Get("order"), " ")
	if field != "" && !slices.ContainsFunc(columns[many], func(each string) bool { return strings.EqualFold(each, field) }) {
		return answer(http.StatusBadRequest, map[string]any{"ErrorNumber": 16, "Type": "QueryParseException", "Message": "No property or field '" + field + "' exists in type"})
	}
	to := ascending
	if strings.EqualFold(way, "DESC") {
		to = descending
	}
	all := slices.DeleteFunc(s.sorted(many, field, to), func(o *Object) bool { return !fits(o) })
	how, out := unpaged, s.envelope(many, nil)
	if q.Get("page") != "" || q.Get("summaryOnly") == "true" {
		how = whole
		all, out["pagination"] = cut(all, q)
	}
	if q.Get("summaryOnly") == "true" {
		how = short
	}
	shown := []map[string]any{}
	for _, o := range all {
		shown = append(shown, s.render(many, o, how, unitdp(q)))
	}
	out[many] = shown
	return answer(http.StatusOK, out)
}

// cut is one page; sizes beyond what there is are brought within it.
func cut(all []*Object, q url.Values) ([]*Object, map[string]any) {
	size, err := strconv.Atoi(q.Get("pageSize"))
	if err != nil {
		size = 100
	}
	size = min(max(size, 1), 1000)
	page, _ := strconv.Atoi(q.Get("page"))
	page = max(page, 1)
	told := map[string]any{"page": page, "pageSize": size, "pageCount": (len(all) + size - 1) / size, "itemCount": len(all)}
	from := min((page-1)*size, len(all))
	return all[from:min(from+size, len(all))], told
}

func unitdp(q url.Values) int32 {
	if q.Get("unitdp") == "4" {
		return 4
	}
	return 2
}

// sorted are all objects of a kind by a field, and by id where that is the same.
func (s *Server) sorted(many, field string, to direction) []*Object {
	var all []*Object
	for _, o := range s.tables[many].objects {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *Object) int {
		order := 0
		switch {
		case field == "" || field == "UpdatedDateUTC":
			order = a.Changed.Compare(b.Changed)
		case !strings.EqualFold(field, s.tables[many].id): // which is what is left to compare
			order = strings.Compare(a.Text(field), b.Text(field))
		}
		if order == 0 {
			order = strings.Compare(a.ID, b.ID)
		}
		return order * int(to)
	})
	return all
}

package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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
		switch field {
		case "ContactID", "InvoiceId", "InvoiceID":
		case "Name":
			order = strings.Compare(a.Text(field), b.Text(field))
		default:
			order = a.Changed.Compare(b.Changed)
		}
		if order == 0 {
			order = strings.Compare(a.ID, b.ID)
		}
		return order * int(to)
	})
	return all
}

// term is one comparison of a filter, as much as is known of the language.
var term = regexp.MustCompile(`^\s*([A-Za-z.]+)\s*(?:==|=)\s*"((?:[^"]|"")*)"\s*$`)

// conjunction joins terms.
var conjunction = regexp.MustCompile(`(?i)\s+AND\s+|&&`)

// filter says which objects a query is about.
func (s *Server) filter(many string, q url.Values, since string) (func(*Object) bool, error) {
	var tests []func(*Object) bool
	if since != "" {
		at, err := time.Parse("2006-01-02T15:04:05", since)
		if err != nil {
			return nil, fmt.Errorf("the date %s is not valid", since)
		}
		tests = append(tests, func(o *Object) bool { return !o.Changed.Before(at) })
	}
	if where := q.Get("where"); where != "" {
		for _, part := range conjunction.Split(where, -1) {
			found := term.FindStringSubmatch(part)
			if found == nil || !slices.Contains([]string{"Type", "Status", "Name", "EmailAddress", "ContactNumber", "Reference", "InvoiceNumber"}, found[1]) {
				return nil, fmt.Errorf("no property or field in %s", part)
			}
			value := strings.ReplaceAll(found[2], `""`, `"`)
			tests = append(tests, func(o *Object) bool { return strings.EqualFold(o.Text(found[1]), value) })
		}
	}
	for parameter, field := range map[string]string{"IDs": s.tables[many].id, "ContactIDs": "ContactID", "InvoiceNumbers": "InvoiceNumber", "Statuses": "Status"} {
		if wanted := q.Get(parameter); wanted != "" {
			tests = append(tests, func(o *Object) bool {
				return slices.Contains(strings.Split(wanted, ","), o.Text(field)) || field == s.tables[many].id && slices.Contains(strings.Split(wanted, ","), o.ID)
			})
		}
	}
	if many == contacts && q.Get("includeArchived") != "true" {
		tests = append(tests, func(o *Object) bool { return o.Text("ContactStatus") == active })
	}
	return func(o *Object) bool {
		return !slices.ContainsFunc(tests, func(test func(*Object) bool) bool { return !test(o) })
	}, nil
}

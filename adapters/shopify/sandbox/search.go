package sandbox

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// entry is an object that a search may find.
type entry struct {
	id    int64
	at    time.Time
	thing func() *thing
}

// term is one of a search's filters, all of which must hold.
var term = regexp.MustCompile(`([a-z_]+):(>=|<=|<|>)?(?:'([^']*)'|(\S+))`)

// search finds, sorts and cuts. A filter that it does not know is left out, with a warning.
func (s *Server) search(all []entry, f field, extensions map[string]any) (any, error) {
	text, _ := f.args["query"].(string)
	var warnings []any
	for _, m := range term.FindAllStringSubmatch(text, -1) {
		holds, ok := filter(m[1], m[2], m[3]+m[4])
		if !ok {
			warnings = append(warnings, map[string]any{"field": m[1], "message": "Invalid search field for this query.", "code": "invalid_field"})
			continue
		}
		all = slices.DeleteFunc(all, func(e entry) bool { return !holds(e) })
	}
	if len(warnings) > 0 {
		extensions["search"] = []any{map[string]any{"path": []string{f.name}, "query": text, "warnings": warnings}}
	}
	if f.args["sortKey"] == "UPDATED_AT" {
		slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) }) // by id within one time
	}
	first, ok := number(f.args["first"])
	if !ok || first < 1 || first > 250 {
		return nil, coded("BAD_REQUEST", "you must provide one of first or last, up to 250")
	}
	if after, is := f.args["after"].(string); is {
		last := slices.IndexFunc(all, func(e entry) bool { return e.cursor() == after })
		if last < 0 {
			return nil, coded("BAD_REQUEST", "Invalid cursor for current pagination sort.")
		}
		all = all[last+1:]
	}
	nodes, end := []any{}, any(nil)
	for _, e := range all[:min(int(first), len(all))] {
		nodes, end = append(nodes, e.thing()), e.cursor()
	}
	return &thing{"Connection", map[string]any{
		"nodes":    nodes,
		"pageInfo": &thing{"PageInfo", map[string]any{"hasNextPage": len(all) > int(first), "endCursor": end}},
	}}, nil
}

// cursor says where in a list an entry is.
func (e entry) cursor() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"last_id":%d}`, e.id))
}

func filter(name, operator, text string) (func(entry) bool, bool) {
	var compare func(entry) int
	switch name {
	case "id":
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, false
		}
		compare = func(e entry) int { return cmp.Compare(e.id, id) }
	case "updated_at":
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, false
		}
		compare = func(e entry) int { return e.at.Compare(at) }
	default:
		return nil, false
	}
	return func(e entry) bool {
		c := compare(e)
		switch operator {
		case ">=":
			return c >= 0
		case "<=":
			return c <= 0
		case ">":
			return c > 0
		case "<":
			return c < 0
		}
		return c == 0
	}, true
}

// number is a whole number among arguments.
func number(value any) (int64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	out, err := n.Int64()
	return out, err == nil
}

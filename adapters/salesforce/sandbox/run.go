package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// runQuery answers a query, with at most size rows.
func (s *Server) runQuery(text string, size int, bin bool) reply {
	q, err := parseQuery(text)
	if err != nil {
		return problem(http.StatusBadRequest, "MALFORMED_QUERY", "\n"+text+"\n^\nERROR at Row:1:Column:1\n"+err.Error())
	}
	t := s.tables[q.from]
	if t == nil {
		return problem(http.StatusBadRequest, "INVALID_TYPE", "sObject type '"+q.from+"' is not supported.")
	}
	rows, refusal := s.rows(t, q, bin)
	if refusal != nil {
		return *refusal
	}
	if q.counts {
		return reply{http.StatusOK, map[string]any{"totalSize": len(rows), "done": true, "records": []any{}}}
	}
	return s.piece(&result{t: t, q: q, rows: rows, size: size}, 0)
}

// rows are those that a query chooses, in its order.
func (s *Server) rows(t *table, q selection, bin bool) ([]*Object, *reply) {
	if refusal := t.knows(q); refusal != nil {
		return nil, refusal
	}
	if refusal := t.judges(q.where); refusal != nil {
		return nil, refusal
	}
	var out []*Object
	for _, o := range t.sorted() {
		if (bin || !o.Deleted) && s.holds(t, o, q.where) {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b *Object) int {
		for _, by := range q.order {
			c := cmp.Compare(s.key(t, a, by.field), s.key(t, b, by.field))
			if by.down {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	if q.limit >= 0 && len(out) > q.limit {
		out = out[:q.limit]
	}
	return out, nil
}

// key is what a row is sorted by.
func (s *Server) key(t *table, o *Object, name string) string {
	v, _ := s.value(t, o, name).(string)
	return v
}

// column is the field that a path ends in, its table, and the ids that lead there.
func (t *table) column(path string) (f field, ok bool) {
	parent, child, of := strings.Cut(path, ".")
	if !of {
		f, ok = t.fields[path]
		return f, ok
	}
	for _, f := range t.fields {
		if f.parent == parent && parent != "" {
			for _, table := range parents[parent] {
				if f, ok := schemas[table].fields[child]; ok {
					return f, true
				}
			}
		}
	}
	return field{}, false
}

// parents are the objects behind the names that queries have for them.
var parents = map[string][]string{
	"Account": {"Account"}, "Owner": {"User", "Group"}, "Contact": {"Contact"}, "BillToContact": {"Contact"}, "Product2": {"Product2"},
	"PricebookEntry": {"PricebookEntry"}, "Order": {"Order"},
}

func noColumn(t *table, path string) *reply {
	out := problem(http.StatusBadRequest, "INVALID_FIELD", "\nSELECT "+path+" FROM "+t.name+"\n       ^\nERROR at Row:1:Column:8\nNo such column '"+path+
		"' on entity '"+t.name+"'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.")
	return &out
}

// knows says that an object has all fields that a query names.
func (t *table) knows(q selection) *reply {
	names := slices.Clone(q.fields)
	for _, by := range q.order {
		names = append(names, by.field)
	}
	for _, path := range names {
		if _, ok := t.column(path); !ok {
			return noColumn(t, path)
		}
	}
	return nil
}

// shown is the value that a path leads to.
func (s *Server) shown(t *table, o *Object, path string) any {
	parent, child, of := strings.Cut(path, ".")
	if !of {
		return s.value(t, o, path)
	}
	to, other := s.parent(t, o, parent)
	if other == nil {
		return nil
	}
	return s.value(to, other, child)
}

// parent is the row that another belongs to; nil where there is none.
func (s *Server) parent(t *table, o *Object, name string) (*table, *Object) {
	for _, by := range sortedKeys(t.fields) {
		if t.fields[by].parent != name || name == "" {
			continue
		}
		for _, table := range parents[name] {
			if other := s.tables[table].row(o.Text(by)); other != nil {
				return s.tables[table], other
			}
		}
	}
	return nil, nil
}

// show is a row with the fields that a query names.
func (s *Server) show(t *table, o *Object, q selection) (map[string]any, *reply) {
	out := map[string]any{"attributes": attributes(t.name, o.ID)}
	for _, path := range q.fields {
		parent, child, of := strings.Cut(path, ".")
		if !of {
			out[path] = s.value(t, o, path)
			continue
		}
		to, other := s.parent(t, o, parent)
		if other == nil {
			out[parent] = nil
			continue
		}
		inside, _ := out[parent].(map[string]any)
		if inside == nil {
			inside = map[string]any{"attributes": attributes(to.name, other.ID)}
			out[parent] = inside
		}
		inside[child] = s.value(to, other, child)
	}
	for _, child := range q.children {
		inside, refusal := s.children(o, child)
		if refusal != nil {
			return nil, refusal
		}
		out[child.from] = inside
	}
	return out, nil
}

// children are the rows that belong to another, a piece of them; null where there are none.
func (s *Server) children(o *Object, q selection) (any, *reply) {
	of, ok := childOf[q.from]
	if !ok {
		out := problem(http.StatusBadRequest, "INVALID_TYPE", "Didn't understand relationship '"+q.from+"' in field path.")
		return nil, &out
	}
	belongs := comparison{field: of.by, operator: "=", values: []literal{{o.ID, true}}}
	inner := q
	if inner.where = belongs; q.where != nil {
		inner.where = both{belongs, q.where}
	}
	t := s.tables[of.sobject]
	rows, refusal := s.rows(t, inner, true) // the bin's, too, where nothing says otherwise
	if refusal != nil || len(rows) == 0 {
		return nil, refusal
	}
	out := s.piece(&result{t: t, q: inner, rows: rows, size: s.options.Piece}, 0)
	if out.status != http.StatusOK {
		return nil, &out
	}
	return out.body, nil
}

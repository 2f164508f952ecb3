package sandbox

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// judges checks a condition's fields and what they are compared with.
func (t *table) judges(c condition) *reply {
	switch c := c.(type) {
	case both:
		for _, one := range c {
			if refusal := t.judges(one); refusal != nil {
				return refusal
			}
		}
	case either:
		return t.judges(both(c))
	case comparison:
		f, ok := t.column(c.field)
		if !ok {
			return noColumn(t, c.field)
		}
		for _, v := range c.values {
			if refusal := f.takes(c.field, v); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

// takes says that a field can be compared with a constant.
func (f field) takes(path string, v literal) *reply {
	var out reply
	switch {
	case v.text == "null" && !v.quoted:
		return nil
	case f.sort == ids && (len(v.text) != 15 && len(v.text) != 18 || !v.quoted):
		out = problem(http.StatusBadRequest, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: "+v.text)
	case (f.sort == datetime || f.sort == date || f.sort == flags || f.sort == numbers) == v.quoted:
		out = problem(http.StatusBadRequest, "INVALID_FIELD", "value of filter criterion for field '"+path+"' must be of type "+string(f.sort)+" and should not be enclosed in quotes")
	default:
		return nil
	}
	return &out
}

// holds says whether a row meets a condition.
func (s *Server) holds(t *table, o *Object, c condition) bool {
	meets := func(one condition) bool { return s.holds(t, o, one) }
	switch c := c.(type) {
	case both:
		return !slices.ContainsFunc(c, func(one condition) bool { return !meets(one) })
	case either:
		return slices.ContainsFunc(c, meets)
	case comparison:
		return s.compares(t, o, c)
	}
	return true
}

// compares makes one comparison. Letter case is of no account, but in ids.
func (s *Server) compares(t *table, o *Object, c comparison) bool {
	f, _ := t.column(c.field)
	if at, ok := o.moment(c.field); ok {
		return c.operator != "IN" && compared(c.operator, at.Compare(c.values[0].moment()))
	}
	is := sortable(f, s.shown(t, o, c.field))
	if c.operator == "LIKE" {
		return is != "" && c.values[0].pattern().MatchString(is)
	}
	for _, v := range c.values {
		want := v.text
		if v.text == "null" && !v.quoted {
			want = ""
		}
		if d := cmp.Compare(is, sortable(f, want)); compared(c.operator, d) && (is != "" || d == 0 || c.operator == "!=") {
			return true
		}
	}
	return false
}

// pattern is a constant of LIKE: % stands for any text, _ for one character.
func (l literal) pattern() *regexp.Regexp {
	quoted := regexp.QuoteMeta(strings.ToLower(l.text))
	return regexp.MustCompile("(?s)^" + strings.NewReplacer("%", ".*", "_", ".").Replace(quoted) + "$")
}

// compared says whether an operator is met by how two values stand to each other.
func compared(operator string, d int) bool {
	switch operator {
	case "!=":
		return d != 0
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	case ">":
		return d > 0
	case ">=":
		return d >= 0
	}
	return d == 0
}

// moment is one of the times that every row has.
func (o *Object) moment(name string) (time.Time, bool) {
	switch name {
	case "SystemModstamp":
		return o.Stamp, true
	case "LastModifiedDate":
		return o.Modified, true
	case "CreatedDate":
		return o.Created, true
	}
	return time.Time{}, false
}

// moment is a constant that is a time.
func (l literal) moment() time.Time {
	at, _ := time.Parse(time.RFC3339Nano, l.text) // what is none is before all
	return at
}

// sortable is a value in a form that sorts as Salesforce sorts it.
func sortable(f field, v any) string {
	text, _ := v.(string)
	switch {
	case v == true:
		return "true"
	case v == false:
		return "false"
	case f.sort == ids && len(text) == 15:
		return checked(text)
	case f.sort == texts || f.sort == email:
		return strings.ToLower(text)
	}
	return text
}

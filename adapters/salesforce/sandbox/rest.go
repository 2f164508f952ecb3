package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// versions are those of the API that are served.
var versions = regexp.MustCompile(`^v(3[1-9]|[4-6][0-9])\.0$`)

// route finds what answers a call.
func (s *Server) route(in request) reply {
	parts := trimmedPath(in.path)
	if len(parts) == 2 && parts[0] == "services" && parts[1] == "data" && in.method == http.MethodGet {
		return reply{http.StatusOK, []any{map[string]string{"label": "Winter '26", "url": "/services/data/v65.0", "version": "65.0"}}}
	}
	if len(parts) < 3 || parts[0] != "services" || parts[1] != "data" || !versions.MatchString(parts[2]) {
		return notFound()
	}
	parts = parts[3:]
	switch {
	case len(parts) == 0 && in.method == http.MethodGet:
		base := "/services/data/" + trimmedPath(in.path)[2]
		return reply{http.StatusOK, map[string]any{"sobjects": base + "/sobjects", "query": base + "/query", "queryAll": base + "/queryAll", "composite": base + "/composite"}}
	case len(parts) == 1 && in.method == http.MethodGet && (parts[0] == "query" || parts[0] == "queryAll"):
		return s.runQuery(url.Values(in.query).Get("q"), batchSize(in.header("Sforce-Query-Options")), parts[0] == "queryAll")
	case len(parts) == 2 && in.method == http.MethodGet && (parts[0] == "query" || parts[0] == "queryAll"):
		return s.goOn(parts[1])
	case len(parts) == 1 && parts[0] == "limits" && in.method == http.MethodGet:
		most := s.most()
		return reply{http.StatusOK, map[string]any{"DailyApiRequests": map[string]int{"Max": most, "Remaining": most - len(s.calls)}}}
	case len(parts) == 1 && parts[0] == "composite" && in.method == http.MethodPost:
		return s.composite(in)
	case len(parts) >= 2 && parts[0] == "sobjects" && s.tables[parts[1]] != nil:
		return s.sobject(s.tables[parts[1]], parts[2:], in)
	}
	return notFound()
}

// sobject answers a call about one row: by its id, or by a field that tells rows apart.
func (s *Server) sobject(t *table, parts []string, in request) reply {
	if len(parts) == 2 && in.method == http.MethodPatch {
		return s.upsert(t, parts[0], parts[1], in)
	}
	if len(parts) == 0 && in.method == http.MethodPost {
		return s.create(t, in)
	}
	if len(parts) != 1 {
		return notFound()
	}
	o := t.row(parts[0])
	switch {
	case o == nil:
		return notFound()
	case o.Deleted:
		return deleted()
	case in.method == http.MethodDelete:
		if why := s.needed(t, o); why != "" {
			return problem(http.StatusBadRequest, "DELETE_FAILED", why, []string{}...)
		}
		s.bin(t.name, o, true)
		return reply{status: http.StatusNoContent}
	case in.method == http.MethodPatch:
		return s.update(t, o, in)
	case in.method == http.MethodGet:
		return s.read(t, o, url.Values(in.query).Get("fields"))
	}
	return problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '"+in.method+"' not allowed. Allowed are HEAD,GET,PATCH,DELETE")
}

// create makes a row.
func (s *Server) create(t *table, in request) reply {
	fields, refusal := s.body(t, in.body)
	if refusal != nil {
		return *refusal
	}
	o, refusal := s.make(t, fields)
	if refusal != nil {
		return *refusal
	}
	return reply{http.StatusCreated, map[string]any{"id": o.ID, "success": true, "errors": []any{}}}
}

// read shows a row: the fields that are named, or all.
func (s *Server) read(t *table, o *Object, fields string) reply {
	q := selection{fields: strings.Split(fields, ",")}
	if fields == "" {
		q.fields = sortedKeys(t.fields)
	}
	if refusal := t.knows(q); refusal != nil {
		return *refusal
	}
	row, refusal := s.show(t, o, q)
	if refusal != nil {
		return *refusal
	}
	return reply{http.StatusOK, row}
}

// needed says why a row cannot be deleted.
func (s *Server) needed(t *table, o *Object) string {
	for _, c := range s.tables["Case"].sorted() {
		if t.name == "Contact" && c.Fields["ContactId"] == o.ID && !c.Deleted {
			return "Your attempt to delete " + o.Text("Name") + " could not be completed because it is associated with the following cases.: " + c.Text("CaseNumber")
		}
	}
	if t.name == "Order" && o.Text("StatusCode") == "Activated" {
		return "An activated order can't be deleted."
	}
	return ""
}

func (s *Server) update(t *table, o *Object, in request) reply {
	if since := in.header("If-Unmodified-Since"); since != "" {
		at, err := http.ParseTime(since)
		switch {
		case err != nil:
			return problem(http.StatusBadRequest, "INVALID_HEADER", "invalid If-Unmodified-Since")
		case o.Modified.After(at):
			return reply{status: http.StatusPreconditionFailed}
		}
	}
	fields, refusal := s.body(t, in.body)
	if refusal == nil {
		refusal = s.judge(t, o, fields)
	}
	if refusal != nil {
		return *refusal
	}
	s.set(t.name, o, fields)
	return reply{status: http.StatusNoContent}
}

// upsert changes the row that has a value, or makes one.
func (s *Server) upsert(t *table, name, value string, in request) reply {
	if name != s.options.ExternalID || t.fields[name].sort == "" {
		return problem(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+name)
	}
	var having []*Object
	for _, o := range t.sorted() {
		if !o.Deleted && strings.EqualFold(o.Text(name), value) {
			having = append(having, o)
		}
	}
	if len(having) > 1 {
		var list []string
		for _, o := range having {
			list = append(list, "/services/data/v65.0/sobjects/"+t.name+"/"+o.ID)
		}
		return reply{http.StatusMultipleChoices, list}
	}
	fields, refusal := s.body(t, in.body)
	if _, repeats := fields[name]; refusal == nil && repeats {
		out := problem(http.StatusBadRequest, "INVALID_FIELD", "The "+name+" field should not be specified in the sobject data.", name)
		refusal = &out
	}
	if refusal != nil {
		return *refusal
	}
	if len(having) == 1 {
		if refusal := s.judge(t, having[0], fields); refusal != nil {
			return *refusal
		}
		s.set(t.name, having[0], fields)
		return reply{http.StatusOK, map[string]any{"id": having[0].ID, "success": true, "errors": []any{}, "created": false}}
	}
	fields[name] = value
	o, refusal := s.make(t, fields)
	if refusal != nil {
		return *refusal
	}
	return reply{http.StatusCreated, map[string]any{"id": o.ID, "success": true, "errors": []any{}, "created": true}}
}

// body reads the fields of a write, as they are kept.
func (s *Server) body(t *table, raw []byte) (map[string]any, *reply) {
	fields := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		out := problem(http.StatusBadRequest, "JSON_PARSER_ERROR", "Unexpected end of input")
		return nil, &out
	}
	for name, value := range fields {
		f, known := t.fields[name]
		kept, ok := f.keep(value)
		var out reply
		switch {
		case !known:
			out = problem(http.StatusBadRequest, "INVALID_FIELD", "No such column '"+name+"' on sobject of type "+t.name)
		case f.locked:
			out = problem(http.StatusBadRequest, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: "+name+". Please check the security settings of this field and verify that it is read/write for your profile or permission set.", name)
		case !ok:
			out = problem(http.StatusBadRequest, "JSON_PARSER_ERROR", "Cannot deserialize instance of "+string(f.sort)+" from VALUE_STRING value or request may be missing a required field", name)
		default:
			fields[name] = kept
			continue
		}
		return nil, &out
	}
	return fields, nil
}

// keep is a value as it is kept: trimmed, nothing for an empty text.
func (f field) keep(value any) (any, bool) {
	var text string
	switch v := value.(type) {
	case nil:
		return nil, true
	case bool:
		return v, f.sort == flags
	case json.Number:
		return string(v), f.sort == numbers && numberForm.MatchString(string(v))
	case string:
		text = strings.TrimSpace(v)
	default:
		return nil, false
	}
	switch f.sort {
	case email:
		text = strings.ToLower(text)
	case date:
		if _, err := time.Parse(time.DateOnly, text); text != "" && (err != nil || !dateForm.MatchString(text)) {
			return nil, false
		}
	case ids:
		if len(text) == 15 {
			text = checked(text)
		}
	case numbers:
		if !numberForm.MatchString(text) {
			return nil, false
		}
	}
	if text == "" {
		return nil, true
	}
	return text, true
}

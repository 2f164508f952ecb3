package sandbox

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// named is the object that a request's path names; nil where there is none.
func (s *Server) named(r *http.Request) (many string, o *Object) {
	many = r.PathValue("many")
	if many == "" {
		many, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/v2/"), "/")
	}
	t := s.tables[many]
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if t == nil || err != nil {
		return many, nil
	}
	if o = t.objects[id]; o != nil && o.Gone && many == "tickets" {
		return many, nil // a deleted user is still shown
	}
	return many, o
}

func (s *Server) one(many string, o *Object) map[string]any {
	return map[string]any{s.tables[many].one: s.render(many, o)}
}

func (s *Server) show(r *http.Request) reply {
	many, o := s.named(r)
	if o == nil {
		return notFound()
	}
	return answer(http.StatusOK, s.one(many, o))
}

// me is the first user, the agent that owns the token.
func (s *Server) me(*http.Request) reply {
	return answer(http.StatusOK, s.one("users", s.tables["users"].objects[firstUser+1]))
}

// body reads `{"ticket": {…}}`. Numbers are int64, lists are tags.
func (s *Server) body(many string, r *http.Request) (map[string]any, bool) {
	var in map[string]map[string]any
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	if err := d.Decode(&in); err != nil || in[s.tables[many].one] == nil {
		return nil, false
	}
	fields := in[s.tables[many].one]
	for name, value := range fields {
		switch value := value.(type) {
		case json.Number:
			n, err := value.Int64()
			if err != nil {
				return nil, false
			}
			fields[name] = n
		case []any:
			var tags []string
			for _, one := range value {
				text, ok := one.(string)
				if !ok {
					return nil, false
				}
				tags = append(tags, text)
			}
			fields[name] = tidyTags(tags)
		case string:
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields, true
}

func malformed() reply {
	return problem(http.StatusBadRequest, "InvalidJSON", "The request body is malformed")
}

// remembered is the answer to a create with an idempotency key.
type remembered struct {
	body   []byte
	answer reply
	at     time.Time
}

// keyed is how long a key is known.
const keyed = 2 * time.Hour

func (s *Server) create(r *http.Request) reply {
	many, key := r.PathValue("many"), r.Header.Get("Idempotency-Key")
	if s.tables[many] == nil {
		return problem(http.StatusNotFound, "InvalidEndpoint", "Not found")
	}
	var whole bytes.Buffer
	if _, err := whole.ReadFrom(r.Body); err != nil {
		return malformed()
	}
	if many != "tickets" || key == "" { // users have no keys
		return s.make(many, r, whole.Bytes())
	}
	if before, ok := s.keys[key]; ok && s.options.Now().Sub(before.at) < keyed {
		if !bytes.Equal(before.body, whole.Bytes()) {
			return problem(http.StatusBadRequest, "IdempotentRequestError", "Request parameters don't match the given idempotency key")
		}
		before.answer.lookup = "hit"
		return before.answer
	}
	out := s.make(many, r, whole.Bytes())
	if out.status == http.StatusCreated {
		s.keys[key] = remembered{whole.Bytes(), out, s.options.Now()}
	}
	out.lookup = "miss"
	return out
}

func (s *Server) make(many string, r *http.Request, whole []byte) reply {
	r.Body = http.MaxBytesReader(nil, readCloser{bytes.NewReader(whole)}, 1<<20)
	fields, ok := s.body(many, r)
	if !ok {
		return malformed()
	}
	o, refusals := s.new(many, fields)
	if len(refusals) > 0 {
		return invalid(refusals)
	}
	return answer(http.StatusCreated, s.one(many, o))
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// new makes an object of what a client gives, or says why not.
func (s *Server) new(many string, fields map[string]any) (*Object, []refusal) {
	blank := &Object{Fields: maps.Clone(empties[many])}
	refusals := s.validate(many, blank, fields)
	if many == "tickets" {
		comment, _ := fields["comment"].(map[string]any)
		body, _ := comment["body"].(string)
		if strings.TrimSpace(body) == "" {
			refusals = append(refusals, refusal{"description", "BlankValue", "Description: cannot be blank"})
		}
		fields["description"] = strings.TrimSpace(body)
		if fields["requester_id"] == nil {
			fields["requester_id"] = int64(firstUser + 1)
		}
		if fields["subject"] == nil {
			fields["subject"] = body
		}
	} else if name, _ := fields["name"].(string); name == "" {
		refusals = append(refusals, refusal{"name", "BlankValue", "Name: is too short (minimum one character)"})
	}
	if len(refusals) > 0 {
		return nil, refusals
	}
	o := s.insert(many, s.writable(many, fields))
	s.tell(many, o, "created", map[string]any{})
	return o, nil
}

func (s *Server) update(r *http.Request) reply {
	many, o := s.named(r)
	if o == nil {
		return notFound()
	}
	fields, ok := s.body(many, r)
	if !ok {
		return malformed()
	}
	if fields["safe_update"] == true && fields["updated_stamp"] != stamp(o.Changed) {
		return problem(http.StatusConflict, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data and try again.")
	}
	if refusals := s.change(many, o, fields); len(refusals) > 0 {
		return invalid(refusals)
	}
	return answer(http.StatusOK, s.one(many, o))
}

// change writes what a client or a user gives, and tells of each property.
func (s *Server) change(many string, o *Object, fields map[string]any) []refusal {
	if refusals := s.validate(many, o, fields); len(refusals) > 0 {
		return refusals
	}
	before := maps.Clone(o.Fields)
	fields = s.writable(many, fields)
	delete(fields, "email") // the identities' matter
	for _, name := range s.set(o, fields) {
		s.tellChange(many, o, name, before[name])
	}
	return nil
}

// writers are the fields that clients may write.
var writers = map[string][]string{
	"tickets": {"subject", "description", "type", "priority", "status", "requester_id", "assignee_id", "group_id", "tags", "external_id", "due_at", "via"},
	"users":   {"name", "email", "phone", "locale", "role", "tags", "notes", "external_id", "suspended"},
}

// writable are the fields as they are stored; others are passed over without a word.
func (s *Server) writable(many string, fields map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range fields {
		if !slices.Contains(writers[many], name) {
			continue
		}
		text, isText := value.(string)
		switch {
		case name == "email" && isText:
			value = strings.ToLower(text)
		case name == "subject":
			out["raw_subject"] = value
		case isText && text == "" && name != "notes":
			value = nil
		}
		out[name] = value
	}
	return out
}

func (s *Server) deleteTicket(r *http.Request) reply {
	_, o := s.named(r)
	if o == nil {
		return notFound()
	}
	s.bin("tickets", o)
	return reply{status: http.StatusNoContent}
}

// deleteUser answers with the user, who is shown on.
func (s *Server) deleteUser(r *http.Request) reply {
	many, o := s.named(r)
	if o == nil || o.Gone {
		return notFound()
	}
	s.bin(many, o)
	return answer(http.StatusOK, s.one(many, o))
}

// bin deletes an object, softly.
func (s *Server) bin(many string, o *Object) {
	o.Gone, o.Changed = true, s.now()
	if many == "users" {
		o.Fields["active"] = false
		s.tell(many, o, "deleted", map[string]any{})
		return
	}
	s.tell(many, o, "soft_deleted", map[string]any{})
}

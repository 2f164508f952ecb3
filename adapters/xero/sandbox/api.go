package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// remembered is the answer to a write with an idempotency key.
type remembered struct {
	request string
	answer  reply
	at      time.Time
}

// keyed is how long a key is known.
const keyed = 6 * time.Minute

// once does the work of a write with a key once, and gives the answer again, a failure's too.
func (s *Server) once(r *http.Request, handle func(*http.Request) reply) reply {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method == http.MethodGet {
		return handle(r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 10<<20))
	if err != nil || len(key) > 128 {
		return problem(http.StatusBadRequest, "Bad Request", "The Idempotency Key is longer than 128 characters, or the body than 10 MB.")
	}
	request := r.Method + " " + r.URL.String() + "\n" + string(body)
	if before, ok := s.keys[key]; ok && s.options.Now().Sub(before.at) < keyed {
		if before.request != request {
			return problem(http.StatusBadRequest, "Bad Request", "Idempotency Key "+key+" is used with a different request.")
		}
		return before.answer
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	out := handle(r)
	s.keys[key] = remembered{request, out, s.options.Now()}
	return out
}

// show answers one object, by its id or by its number.
func (s *Server) show(r *http.Request) reply {
	many := r.PathValue("many")
	if s.tables[many] == nil {
		return notFound()
	}
	o := s.tables[many].find(r.PathValue("id"))
	if o == nil {
		return notFound()
	}
	return answer(http.StatusOK, s.envelope(many, []map[string]any{s.render(many, o, whole, unitdp(r.URL.Query()))}))
}

// sent are the objects in a request: `{"Contacts": [{…}]}`, or one of them.
func sent(many string, r *http.Request) ([]map[string]json.RawMessage, bool) {
	var body map[string]json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, false
	}
	raw, listed := body[many]
	if !listed {
		return []map[string]json.RawMessage{body}, true
	}
	var all []map[string]json.RawMessage
	return all, json.Unmarshal(raw, &all) == nil
}

// write is one object that is written: to one that is there, or to a new one.
type write struct {
	many   string
	in     map[string]json.RawMessage
	to     *Object // nil makes one
	unitdp int32
}

func (s *Server) create(r *http.Request) reply {
	return s.each(r, func(many string, in map[string]json.RawMessage) *Object { return nil })
}

// upsert writes to what has the id, the number or, of a contact, the name that is sent.
func (s *Server) upsert(r *http.Request) reply {
	return s.each(r, func(many string, in map[string]json.RawMessage) *Object {
		t := s.tables[many]
		for _, field := range []string{t.id, t.number} {
			if o := t.find(textOf(in[field])); o != nil {
				return o
			}
		}
		if many == contacts {
			return s.named(textOf(in["Name"]))
		}
		return nil
	})
}

func (s *Server) update(r *http.Request) reply {
	many := r.PathValue("many")
	if s.tables[many] == nil || s.tables[many].find(r.PathValue("id")) == nil {
		return notFound()
	}
	return s.each(r, func(string, map[string]json.RawMessage) *Object { return s.tables[many].find(r.PathValue("id")) })
}

// each writes the objects of a request. Where errors are summarised, one that cannot be written leaves all of them.
func (s *Server) each(r *http.Request, to func(many string, in map[string]json.RawMessage) *Object) reply {
	many := r.PathValue("many")
	if s.tables[many] == nil {
		return notFound()
	}
	all, ok := sent(many, r)
	if !ok {
		return answer(http.StatusBadRequest, map[string]any{"ErrorNumber": 17, "Type": "NoDataProcessedException", "Message": "No data has been processed for this endpoint."})
	}
	summarised := r.URL.Query().Get("summarizeErrors") != "false"
	var done, broken []map[string]any
	var work []func()
	for _, in := range all {
		o, apply, errors := s.judge(write{many, in, to(many, in), unitdp(r.URL.Query())})
		if len(errors) > 0 {
			element := refusedElement(s.tables[many].id, in, o, errors)
			broken = append(broken, element)
			done = append(done, element)
			continue
		}
		at := len(done)
		done = append(done, nil)
		work = append(work, func() {
			apply()
			done[at] = s.render(many, o, whole, unitdp(r.URL.Query()))
			done[at]["StatusAttributeString"], done[at]["HasErrors"] = "OK", false
		})
	}
	if len(broken) > 0 && summarised {
		return answer(http.StatusBadRequest, map[string]any{"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred", "Elements": broken})
	}
	for _, one := range work {
		one()
	}
	return answer(http.StatusOK, s.envelope(many, done))
}

// judge says what a write would make of an object, or why it cannot be.
func (s *Server) judge(w write) (o *Object, apply func(), errors []string) {
	if w.many == contacts {
		return s.judgeContact(w)
	}
	return s.judgeInvoice(w)
}

// refusedElement is an object as it was sent, with what is wrong with it.
func refusedElement(id string, in map[string]json.RawMessage, o *Object, errors []string) map[string]any {
	out := map[string]any{id: "00000000-0000-0000-0000-000000000000"}
	for name, raw := range in {
		out[name] = raw
	}
	if o != nil && o.ID != "" {
		out[id] = o.ID
	}
	var list []map[string]string
	for _, text := range errors {
		list = append(list, map[string]string{"Message": text})
	}
	out["HasErrors"], out["HasValidationErrors"], out["StatusAttributeString"], out["ValidationErrors"] = true, true, "ERROR", list
	return out
}

// textOf is a text in JSON; empty for what is none.
func textOf(raw json.RawMessage) string {
	var text string
	_ = json.Unmarshal(raw, &text)
	return text
}

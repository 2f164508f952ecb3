package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// form is the tree that bracketed parameters make: address[city]=Berlin.
type form map[string]any

// parse reads the form of a request's body.
func parse(values url.Values) form {
	root := form{}
	for name, all := range values {
		keys := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
		at := root
		for _, key := range keys[:len(keys)-1] {
			next, ok := at[key].(form)
			if !ok {
				next = form{}
				at[key] = next
			}
			at = next
		}
		at[keys[len(keys)-1]] = all[len(all)-1]
	}
	return root
}

// text is a parameter's text; false where it is missing.
func (f form) text(name string) (string, bool) {
	t, ok := f[name].(string)
	return t, ok
}

// child is a group of parameters; nil where it is missing.
func (f form) child(name string) form {
	c, _ := f[name].(form)
	return c
}

// reply is an answer before it is written.
type reply struct {
	status int
	body   []byte
	header map[string]string
}

func (r reply) write(w http.ResponseWriter) {
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the client may be gone
}

func ok(body any) reply {
	text, err := json.Marshal(body)
	if err != nil {
		return problem(http.StatusInternalServerError, "api_error", "", "", err.Error())
	}
	return reply{status: http.StatusOK, body: text}
}

// problem is Stripe's form of an error.
func problem(status int, kind, code, param, message string) reply {
	e := map[string]any{"type": kind, "message": message}
	if code != "" {
		e["code"] = code
	}
	if param != "" {
		e["param"] = param
	}
	text, _ := json.Marshal(map[string]any{"error": e}) // texts alone
	return reply{status: status, body: text}
}

func missing(id string) reply {
	return problem(http.StatusNotFound, "invalid_request_error", "resource_missing", "id", "No such object: '"+id+"'")
}

// answered is a first answer, repeated under its idempotency key.
type answered struct {
	request string
	reply   reply
}

// once handles a request; under an idempotency key that was used before it repeats the first answer, and refuses other
// parameters. What failed validation is not kept.
func (s *Server) once(r *http.Request, handle func(*http.Request, form) reply) reply {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return problem(http.StatusBadRequest, "invalid_request_error", "", "", "the body cannot be read")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return problem(http.StatusBadRequest, "invalid_request_error", "", "", "the body is no form")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, request := r.Header.Get("Idempotency-Key"), r.URL.Path+"?"+values.Encode()
	if before, used := s.answered[key]; used && key != "" {
		if before.request != request {
			return problem(http.StatusBadRequest, "idempotency_error", "", "", "Keys for idempotent requests can only be used with the same parameters.")
		}
		return before.reply
	}
	out := handle(r, parse(values))
	if key != "" && r.Method == http.MethodPost && out.status != http.StatusBadRequest {
		out.header = map[string]string{"Idempotent-Replayed": "false"}
		s.answered[key] = answered{request, reply{out.status, out.body, map[string]string{"Idempotent-Replayed": "true"}}}
	}
	return out
}

func clone(o object) object {
	text, _ := json.Marshal(o) // made of JSON's own types
	var out object
	_ = json.Unmarshal(text, &out)
	return out
}

// nowhere takes the answer of work whose answer is lost.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header       { return n.header }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

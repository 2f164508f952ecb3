// Package sandbox is a Salesforce org for tests and demonstrations: accounts, contacts, cases, orders and their products
// over the wire format of its REST API, with upserts, composite requests, queries, the bin, merges and its errors, and the
// grants by which an app gets in.
//
// It is unkind where Salesforce is: stamps show whole seconds, and an import's rows have one; numbers are printed as Java
// prints doubles; texts are trimmed and addresses brought to lower case; a deleted row is there for queryAll alone; an
// order's products come in pieces; AND and OR may not stand side by side without parentheses; ids differ in letter case;
// the limit on calls is a 403 that does not say when to come again; when a session ends is not told. It shares no code with
// the adapter, so that neither can hide the other's mistake.
package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options says what kind of org this is.
type Options struct {
	// Token is let in as a bearer, beside those that were granted.
	Token string
	// ClientID, ClientSecret and CallbackURL are the app's, for grants.
	ClientID, ClientSecret, CallbackURL string
	// Rotates says that a refresh token serves once.
	Rotates bool
	// ExternalID is the custom field that objects have for another system's id; canonhub_id__c where it is empty.
	ExternalID string
	// Currencies says that each row has a currency of its own.
	Currencies bool
	// DuplicateRule says that no second contact with the e-mail address of another may be made by the API.
	DuplicateRule bool
	// Unnamed says that the rule's answer does not name the other contact.
	Unnamed bool
	// Closed are the labels of cases that are closed, beside "Closed".
	Closed []string
	// Piece is how many of an order's products an answer about the order holds; 200 where it is 0.
	Piece int
	// Calls is how many calls are let in within Window; 0 means more than any test makes.
	Calls int
	// Window is what Calls counts in; a day where it is 0, as at the real Salesforce.
	Window time.Duration
	// Now is the clock; nil means the real one.
	Now func() time.Time
}

// Server is one org.
type Server struct {
	options Options
	closing chan struct{}
	close   sync.Once

	mu      sync.Mutex
	tables  map[string]*table
	grants  grants
	expired bool
	stopped time.Time // while an import is written
	calls   []time.Time
	counts  map[string]int
	faults  []*Fault
	journal []func() // how to take back what is being done
	results map[string]*result
}

// New makes an org with one user and one queue, and nothing else in it. Close lets hanging requests go.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ExternalID, o.Piece, o.Window = cmp.Or(o.ExternalID, "canonhub_id__c"), cmp.Or(o.Piece, 200), cmp.Or(o.Window, 24*time.Hour)
	s := &Server{options: o, closing: make(chan struct{}), counts: map[string]int{}, results: map[string]*result{}, tables: map[string]*table{}, grants: newGrants()}
	for i, name := range sortedKeys(schemas) {
		s.tables[name] = newTable(name, o, i)
	}
	s.insert("User", map[string]any{"Name": "Integration User"})
	s.insert("Group", map[string]any{"Name": "Support"})
	return s
}

// Close lets hanging requests go.
func (s *Server) Close() { s.close.Do(func() { close(s.closing) }) }

// request is one call, or one of several in a composite call.
type request struct {
	method, path string
	query        map[string][]string
	header       func(string) string
	body         []byte
}

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return // a client that has gone away
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if s.grant(w, r) {
		return
	}
	fault, refusal := s.receive(w, r, body)
	in := request{method: r.Method, path: r.URL.Path, query: r.URL.Query(), header: r.Header.Get, body: body}
	switch {
	case fault != nil && !fault.AfterWork:
		s.fail(w, r, fault)
	case refusal != nil:
		refusal.write(w)
	case fault != nil:
		s.do(in)
		s.fail(w, r, fault)
	default:
		s.do(in).write(w)
	}
}

func (s *Server) do(in request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = nil
	return s.route(in)
}

// receive counts a call, sets the headers of every answer, and says whether it is let in.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, body []byte) (*Fault, *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[r.Method+" "+r.URL.Path]++
	now, most := s.options.Now(), s.most()
	s.calls = slices.DeleteFunc(s.calls, func(at time.Time) bool { return now.Sub(at) >= s.options.Window })
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	fault := s.takeFault(r, body)
	if !s.letsIn(r) {
		out := failure(http.StatusUnauthorized)
		return fault, &out
	}
	over := len(s.calls) >= most
	if !over {
		s.calls = append(s.calls, now)
	}
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", len(s.calls), most))
	if over {
		out := problem(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
		return fault, &out
	}
	return fault, nil
}

// most is how many calls are let in within the window.
func (s *Server) most() int { return cmp.Or(s.options.Calls, 1_000_000) }

// Counts are the calls so far by method and path.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Expire ends all sessions: the token is not let in any more, until Renew. Those that were granted can be refreshed.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired = true
	clear(s.grants.sessions)
}

// Renew begins a session with another token.
func (s *Server) Renew(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired, s.options.Token = false, token
}

// now is the org's clock, in whole seconds. It stands still while an import is written.
func (s *Server) now() time.Time {
	if !s.stopped.IsZero() {
		return s.stopped
	}
	return s.options.Now().UTC().Truncate(time.Second)
}

// reply is an answer before it is written.
type reply struct {
	status int
	body   any
}

func (r reply) write(w http.ResponseWriter) {
	if r.body == nil {
		w.WriteHeader(r.status)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(r.body) // a client that has gone away
}

// problem is Salesforce's error.
func problem(status int, code, message string, fields ...string) reply {
	one := map[string]any{"errorCode": code, "message": message}
	if fields != nil {
		one["fields"] = fields
	}
	return reply{status, []any{one}}
}

func notFound() reply {
	return problem(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func deleted() reply {
	return problem(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted", []string{}...)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func trimmedPath(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// Package sandbox is Zendesk for tests and demonstrations: tickets and users over its wire format, with its
// normalisation, its validation, its errors, its incremental exports and its webhooks.
//
// It is unkind where Zendesk is: one change makes an event for each property, in no order; ids of users are beyond what a
// float holds; clocks show whole seconds; a wrong API token is an "Anonymous user" with status 200; a deleted user is
// still read, a deleted ticket is not; closed tickets take no change; an export holds back the newest changes if it is
// told to. It shares no code with the adapter and signs by itself, so that neither can hide the other's mistake.
package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options says what kind of account this is.
type Options struct {
	// Token is let in: as an API token where Email is set, else as an access token.
	Token string
	// Email belongs to the API token.
	Email string
	// Secret signs webhooks.
	Secret string
	// AccountID is the account's id.
	AccountID int64
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Lag is how much of the newest an export holds back; a minute at the real Zendesk.
	Lag time.Duration
	// PerMinute is how many calls a minute are let in; 0 means more than any test makes.
	PerMinute int
	// ExportsPerMinute is how many of them may be pages of exports, in any minute; 0 means all. Zendesk lets in 10.
	ExportsPerMinute int
	// CountsTo is as far as is counted while the caller waits; 0 means to the end.
	CountsTo int
}

// Server is one Zendesk account.
type Server struct {
	options Options
	routes  *http.ServeMux
	hooks   *sender
	closing chan struct{}
	close   sync.Once

	mu       sync.Mutex
	tables   map[string]*table
	keys     map[string]remembered
	lastTime time.Time
	stopped  bool // while an import is written
	minute   time.Time
	answers  int // of this minute
	exports  []time.Time
	counts   map[string]int
	faults   []*Fault
}

// firstUser is above 2^53: an id that went through a float is another id.
const (
	firstUser   = 9_100_000_000_000_001
	firstTicket = 35_435
)

// New makes an account with one agent, no end users and no tickets, and starts its webhook sender. Close stops it.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		options: o, closing: make(chan struct{}), keys: map[string]remembered{}, counts: map[string]int{},
		tables: map[string]*table{"tickets": newTable("ticket", firstTicket), "users": newTable("user", firstUser)},
	}
	s.hooks = newSender(o)
	s.insert("users", map[string]any{"name": "Integration", "email": "agent@example.com", "role": "admin"})
	s.routes = s.router()
	return s
}

// Close stops the webhook sender and lets hanging requests go. What was not delivered by then is lost.
func (s *Server) Close() {
	s.close.Do(func() { close(s.closing) })
	s.hooks.stop()
}

func (s *Server) router() *http.ServeMux {
	m := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) reply{
		"GET /api/v2/users/me":                                      s.me,
		"GET /api/v2/users/show_many":                               s.usersByExternalID,
		"GET /api/v2/users/search":                                  s.searchUsers,
		"GET /api/v2/users/{id}/identities":                         s.identities,
		"POST /api/v2/users/{id}/identities":                        s.addIdentity,
		"PUT /api/v2/users/{id}/identities/{identity}":              s.changeIdentity,
		"PUT /api/v2/users/{id}/identities/{identity}/make_primary": s.makePrimary,
		"GET /api/v2/tickets":                                       s.ticketsByExternalID,
		"GET /api/v2/incremental/{many}/cursor":                     s.export,
		"GET /api/v2/tickets/count":                                 func(*http.Request) reply { return s.count("tickets", "") },
		"GET /api/v2/users/count":                                   func(r *http.Request) reply { return s.count("users", r.URL.Query().Get("role")) },
		"DELETE /api/v2/tickets/{id}":                               s.deleteTicket,
		"DELETE /api/v2/users/{id}":                                 s.deleteUser,
		"POST /api/v2/{many}":                                       s.create,
		"GET /api/v2/{many}/{id}":                                   s.show,
		"PUT /api/v2/{many}/{id}":                                   s.update,
	} {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			out := handle(r)
			s.mu.Unlock()
			out.write(w)
		})
	}
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem(http.StatusNotFound, "InvalidEndpoint", "Not found").write(w)
	})
	return m
}

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := s.receive(w, r)
	switch {
	case fault != nil && !fault.AfterWork:
		s.fail(w, r, fault)
	case !s.letsIn(r):
		s.stranger(r).write(w)
	case fault != nil:
		s.routes.ServeHTTP(nowhere{http.Header{}}, r)
		s.fail(w, r, fault)
	default:
		s.routes.ServeHTTP(w, r)
	}
}

func (s *Server) letsIn(r *http.Request) bool {
	if s.options.Email == "" {
		return r.Header.Get("Authorization") == "Bearer "+s.options.Token
	}
	user, password, ok := r.BasicAuth()
	return ok && user == s.options.Email+"/token" && password == s.options.Token
}

// stranger is the answer to a caller without good credentials. Whoever asks who he is hears that he is nobody.
func (s *Server) stranger(r *http.Request) reply {
	if _, _, basic := r.BasicAuth(); basic && r.URL.Path == "/api/v2/users/me" {
		return answer(http.StatusOK, map[string]any{"user": map[string]any{"id": nil, "url": nil, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user", "active": nil}})
	}
	return answer(http.StatusUnauthorized, map[string]any{"error": "Couldn't authenticate you"})
}

// receive counts a call, sets the headers of every answer, and picks the fault that is due.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[r.Method+" "+r.URL.Path]++
	h := w.Header()
	now, most := s.options.Now(), cmp.Or(s.options.PerMinute, 1_000_000)
	if minute := now.Truncate(time.Minute); minute != s.minute {
		s.minute, s.answers = minute, 0
	}
	s.answers++
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-Rate-Limit", strconv.Itoa(most))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(max(0, most-s.answers)))
	h.Set("ratelimit-reset", strconv.Itoa(60-now.Second()))
	if s.answers > most {
		return &Fault{Status: http.StatusTooManyRequests}
	}
	if strings.HasPrefix(r.URL.Path, "/api/v2/incremental/") && s.options.ExportsPerMinute > 0 {
		if wait := s.exportsAgain(now); wait > 0 {
			return &Fault{Status: http.StatusTooManyRequests, RetryAfter: wait, exports: true}
		}
	}
	return s.takeFault(r)
}

// exportsAgain counts a page of an export, and tells how long to wait where it is one too many, in whole seconds.
func (s *Server) exportsAgain(now time.Time) time.Duration {
	s.exports = slices.DeleteFunc(s.exports, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if len(s.exports) >= s.options.ExportsPerMinute {
		return (s.exports[0].Add(time.Minute).Sub(now) + time.Second - 1).Truncate(time.Second)
	}
	s.exports = append(s.exports, now)
	return 0
}

// Counts are the calls so far by method and path: "PUT /api/v2/tickets/35436".
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// now is the account's clock in microseconds. It never shows one time twice, but to an import.
func (s *Server) now() time.Time {
	if s.stopped {
		return s.lastTime
	}
	now := s.options.Now().UTC().Truncate(time.Microsecond)
	if !now.After(s.lastTime) {
		now = s.lastTime.Add(time.Microsecond)
	}
	s.lastTime = now
	return now
}

// reply is an answer before it is written.
type reply struct {
	status int
	body   any
	// lookup says whether an idempotency key was known; empty where there was none.
	lookup string
}

func answer(status int, body any) reply { return reply{status: status, body: body} }

func (r reply) write(w http.ResponseWriter) {
	if r.lookup != "" {
		w.Header().Set("X-Idempotency-Lookup", r.lookup)
	}
	if r.body == nil {
		w.WriteHeader(r.status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(r.body) // a client that has gone away
}

// problem is Zendesk's error.
func problem(status int, name, description string) reply {
	return answer(status, map[string]any{"error": name, "description": description})
}

func notFound() reply { return problem(http.StatusNotFound, "RecordNotFound", "Not found") }

// refusal is one field that is not valid.
type refusal struct{ field, code, text string }

// invalid is the error of a write with values that Zendesk does not take. Like Zendesk's, it quotes them.
func invalid(refusals []refusal) reply {
	details := map[string][]map[string]string{}
	for _, r := range refusals {
		details[r.field] = append(details[r.field], map[string]string{"error": r.code, "description": r.text})
	}
	return answer(http.StatusUnprocessableEntity, map[string]any{"error": "RecordInvalid", "description": "Record validation errors", "details": details})
}

func sortedKeys[K int64 | string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

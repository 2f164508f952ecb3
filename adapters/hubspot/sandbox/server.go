// Package sandbox is HubSpot for tests and demonstrations: contacts and tickets over its wire format, with its
// normalisation, its validation, its errors and its webhooks.
//
// It is unkind where HubSpot is: a write's answer holds the written properties alone, a lifecycle stage moved back is
// ignored without a word, one edit makes an event for each property, a creation comes after its property changes, ids
// are beyond what a float holds, a contact and a ticket have one id, an association moves no time stamp, and every write of
// our own comes back as an event. It shares no code with the adapter and signs by itself, so that neither can hide the
// other's mistake.
package sandbox

import (
	"cmp"
	"fmt"
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
	// AccessToken is the one bearer token that is let in; SetAccessTokens changes that.
	AccessToken string
	// ClientSecret signs webhooks.
	ClientSecret string
	// PortalID is the account's id.
	PortalID int64
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Verbatim switches normalisation off: e-mail addresses are kept as they were written.
	Verbatim bool
	// Stages are the account's own lifecycle stages, behind HubSpot's.
	Stages []string
	// WithoutRecordID leaves out the unique property that keeps our record ids; the properties API can make it.
	WithoutRecordID bool
	// WithoutTickets is a token that lacks the scope of tickets.
	WithoutTickets bool
	// Generic sends webhooks of the generic kind: object.creation and the like.
	Generic bool
	// Burst is how many calls in ten seconds are let in; 0 means more than any test makes.
	Burst int
	// SearchesPerSecond is how many of them may be searches, in any second; 0 means all. HubSpot lets in 5.
	SearchesPerSecond int
}

// Server is one HubSpot account.
type Server struct {
	options Options
	routes  *http.ServeMux
	hooks   *sender
	closing chan struct{}
	close   sync.Once

	contacts, tickets *table

	mu       sync.Mutex
	tokens   []string
	links    []link
	lastTime int64 // milliseconds
	stopped  bool  // while an import is written
	answers  int
	burst    burst
	searches []time.Time
	counts   map[string]int
	faults   []*Fault
}

// firstID is above 2^53: an id that went through a float is another id.
const firstID = 9_100_000_000_000_001

// New makes an account without any object and starts its webhook sender. Close stops it.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, closing: make(chan struct{}), counts: map[string]int{}, tokens: []string{o.AccessToken}}
	s.contacts, s.tickets = newTable(s, contactShape, contactProperties(o)), newTable(s, ticketShape, ticketProperties(o))
	s.hooks = newSender(o)
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
	for _, t := range []*table{s.contacts, s.tickets} {
		for pattern, handle := range t.calls() {
			m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
				if t == s.tickets && s.options.WithoutTickets {
					s.failure(http.StatusForbidden).write(w)
					return
				}
				handle(r).write(w)
			})
		}
	}
	return m
}

// calls are what the API offers for one type of objects.
func (s *table) calls() map[string]func(*http.Request) reply {
	base, properties := "/crm/objects/2026-03/"+s.many, "/crm/properties/2026-03/"+s.many
	all := map[string]func(*http.Request) reply{
		"GET " + base:                    s.list,
		"POST " + base:                   s.create,
		"GET " + base + "/{id}":          s.get,
		"PATCH " + base + "/{id}":        s.update,
		"DELETE " + base + "/{id}":       s.archive,
		"POST " + base + "/batch/upsert": s.batchUpsert,
		"POST " + base + "/batch/read":   s.batchRead,
		"POST " + base + "/search":       s.search,
		"POST " + properties:             s.defineProperty,
		"GET " + properties + "/{name}":  s.readProperty,
	}
	if s == s.tickets {
		all["PUT "+base+"/{id}/associations/default/contacts/{to}"] = s.putAssociation
		all["DELETE "+base+"/{id}/associations/contacts/{to}"] = s.deleteAssociation
		all["POST /crm/associations/2026-03/tickets/contacts/batch/read"] = s.readAssociations
		all["GET "+base+"/{id}/associations/contacts"] = s.listAssociations
		all["GET /crm/pipelines/2026-03/tickets"] = s.readPipelines
		all["GET /crm/pipelines/2026-03/tickets/{id}"] = s.readPipeline
	}
	return all
}

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := s.receive(w, r)
	switch {
	case fault != nil && !fault.AfterWork:
		s.fail(w, r, fault)
	case !s.letsIn(r):
		s.problem(http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Authentication credentials not found.").write(w)
	case fault != nil:
		s.routes.ServeHTTP(nowhere{http.Header{}}, r)
		s.fail(w, r, fault)
	default:
		s.routes.ServeHTTP(w, r)
	}
}

// burst counts the calls of ten seconds.
type burst struct {
	began time.Time
	calls int
}

// window is how long a burst is counted.
const window = 10 * time.Second

// left counts a call and returns how many more are let in; less than none where this one is one too many.
func (b *burst) left(now time.Time, most int) int {
	if now.Sub(b.began) >= window {
		*b = burst{began: now}
	}
	b.calls++
	return most - b.calls
}

// receive counts a call, sets the headers of every answer, and picks the fault that is due.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers++
	s.counts[r.Method+" "+r.URL.Path]++
	h := w.Header()
	if strings.HasSuffix(r.URL.Path, "/search") && s.options.SearchesPerSecond > 0 {
		if !s.searchesOn(s.options.Now()) {
			return &Fault{Status: http.StatusTooManyRequests, policy: "SECONDLY"}
		}
	}
	h.Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	most := cmp.Or(s.options.Burst, 1_000_000)
	left := s.burst.left(s.options.Now(), most)
	h.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(most))
	h.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(max(0, left)))
	h.Set("X-HubSpot-RateLimit-Interval-Milliseconds", strconv.FormatInt(window.Milliseconds(), 10))
	h.Set("X-HubSpot-RateLimit-Daily", "650000")
	h.Set("X-HubSpot-RateLimit-Daily-Remaining", strconv.Itoa(max(0, 650000-s.answers)))
	h.Set("X-HubSpot-Correlation-Id", s.correlationID())
	if left < 0 {
		return &Fault{Status: http.StatusTooManyRequests}
	}
	return s.takeFault(r)
}

// searchesOn counts a search, unless it is one too many.
func (s *Server) searchesOn(now time.Time) bool {
	s.searches = slices.DeleteFunc(s.searches, func(at time.Time) bool { return now.Sub(at) >= time.Second })
	if len(s.searches) >= s.options.SearchesPerSecond {
		return false
	}
	s.searches = append(s.searches, now)
	return true
}

func (s *Server) correlationID() string {
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", s.answers)
}

// Counts are the calls so far by method and path: "PATCH /crm/objects/2026-03/contacts/101".
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// now is the account's clock in milliseconds. It never shows one time twice, but to an import.
func (s *Server) now() time.Time {
	if s.stopped {
		return time.UnixMilli(s.lastTime).UTC()
	}
	s.lastTime = max(s.lastTime+1, s.options.Now().UnixMilli())
	return time.UnixMilli(s.lastTime).UTC()
}

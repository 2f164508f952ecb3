// Package sandbox is Xero for tests and demonstrations: an organisation's contacts and invoices over its wire format, with
// its arithmetic, its validation, its errors, its pages and its webhooks.
//
// It is unkind where Xero is: fields without a value are left out; failures that are not summarised hide in a 200; a POST
// writes over the contact of the same name; archived contacts take no change; idempotency keys are forgotten after six
// minutes, and what failed is remembered, too; lists are pages by number, of what changed since a whole second; events
// come in batches, with running numbers, and tell ids alone. It shares no code with the adapter and signs by itself, so
// that neither can hide the other's mistake.
package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Options says what kind of organisation this is.
type Options struct {
	// Token is let in, beside those that were granted.
	Token string
	// TenantID is the organisation, and whose events are told.
	TenantID string
	// Secret signs webhooks.
	Secret string
	// ClientID and ClientSecret are the app's, for grants.
	ClientID, ClientSecret string
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// PerMinute is how many calls a minute are let in; 0 means more than any test makes.
	PerMinute int
	// PerDay is how many calls are let in before a day's are used up; 0 means more than any test makes.
	PerDay int
}

// Server is one organisation.
type Server struct {
	options Options
	routes  *http.ServeMux
	hooks   *sender
	closing chan struct{}
	close   sync.Once

	mu       sync.Mutex
	tables   map[string]*table
	keys     map[string]remembered
	grants   grants
	lastTime time.Time
	numbered int
	stopped  bool // while an import is written
	minute   time.Time
	answers  int // of this minute
	today    int
	counts   map[string]int
	faults   []*Fault
}

// New makes an organisation without contacts and invoices, and starts its webhook sender. Close stops it.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		options: o, closing: make(chan struct{}), keys: map[string]remembered{}, counts: map[string]int{}, grants: newGrants(),
		tables: map[string]*table{contacts: newTable("ContactID", "ContactNumber"), invoices: newTable("InvoiceID", "InvoiceNumber")},
	}
	s.hooks = newSender(o)
	s.routes = s.router()
	return s
}

// Close stops the webhook sender and lets hanging requests go. What was not delivered by then is lost.
func (s *Server) Close() {
	s.close.Do(func() { close(s.closing) })
	s.hooks.stop()
}

// root is the path of the API.
const root = "/api.xro/2.0/"

func (s *Server) router() *http.ServeMux {
	m := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) reply{
		"GET " + root + "{many}":       s.list,
		"GET " + root + "{many}/{id}":  s.show,
		"PUT " + root + "{many}":       s.create,
		"POST " + root + "{many}":      s.upsert,
		"POST " + root + "{many}/{id}": s.update,
		"GET /connections":             s.connections,
	} {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			out := s.once(r, handle)
			s.mu.Unlock()
			out.write(w)
		})
	}
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound().write(w) })
	return m
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.grant(w, r) {
		return
	}
	fault := s.receive(w, r)
	switch {
	case fault != nil && !fault.AfterWork:
		s.fail(w, r, fault)
	case !s.letsIn(r):
		problem(http.StatusUnauthorized, "Unauthorized", "TokenExpired: token expired at 11/02/2026 09:00:00").write(w)
	case r.URL.Path != "/connections" && r.Header.Get("xero-tenant-id") != s.options.TenantID:
		failure(http.StatusForbidden).write(w)
	case fault != nil:
		s.routes.ServeHTTP(nowhere{http.Header{}}, r)
		s.fail(w, r, fault)
	default:
		s.routes.ServeHTTP(w, r)
	}
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
	h.Set("X-MinLimit-Remaining", strconv.Itoa(max(0, most-s.answers)))
	s.today++
	day := cmp.Or(s.options.PerDay, 1_000_000_000)
	h.Set("X-DayLimit-Remaining", strconv.Itoa(max(0, day-s.today)))
	h.Set("X-AppMinLimit-Remaining", "9999")
	if s.today > day {
		return &Fault{Status: http.StatusTooManyRequests, RetryAfter: 3 * time.Hour, limit: "day"}
	}
	if s.answers > most {
		return &Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Duration(60-now.Second()) * time.Second}
	}
	return s.takeFault(r)
}

// Counts are the calls so far by method and path: "PUT /api.xro/2.0/Contacts".
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// now is the organisation's clock in milliseconds. It never shows one time twice, but to an import.
func (s *Server) now() time.Time {
	if s.stopped {
		return s.lastTime
	}
	now := s.options.Now().UTC().Truncate(time.Millisecond)
	if !now.After(s.lastTime) {
		now = s.lastTime.Add(time.Millisecond)
	}
	s.lastTime = now
	return now
}

// reply is an answer before it is written.
type reply struct {
	status int
	body   any
	text   string // instead of a body
}

func answer(status int, body any) reply { return reply{status: status, body: body} }

func (r reply) write(w http.ResponseWriter) {
	if r.body == nil {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(r.status)
		_, _ = w.Write([]byte(r.text)) // a client that has gone away
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(r.body) // likewise
}

// envelope is what surrounds objects.
func (s *Server) envelope(many string, objects []map[string]any) map[string]any {
	return map[string]any{"Id": uuid(), "Status": "OK", "ProviderName": "canonhub", "DateTimeUTC": stamp(s.options.Now()), many: objects}
}

func (s *Server) connections(*http.Request) reply {
	return answer(http.StatusOK, []map[string]any{{"id": uuid(), "tenantId": s.options.TenantID, "tenantType": "ORGANISATION", "tenantName": "Demo Company"}})
}

// problem is Xero's error of a call.
func problem(status int, title, detail string) reply {
	return answer(status, map[string]any{"Type": nil, "Title": title, "Status": status, "Detail": detail, "Instance": uuid(), "Extensions": map[string]any{}})
}

func notFound() reply {
	return reply{status: http.StatusNotFound, text: "The resource you're looking for cannot be found"}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

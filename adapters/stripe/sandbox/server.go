// Package sandbox is Stripe for tests and demonstrations: customers and invoices over its wire format, with its
// idempotency keys, its errors, and signed webhooks that arrive late, twice and in any order when asked.
//
// It shares no code with the adapter and signs by itself, so that neither can hide the other's mistake.
package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options says what kind of account this is.
type Options struct {
	// APIKey is the one key that is let in.
	APIKey string
	// WebhookSecret signs webhooks.
	WebhookSecret string
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// LowerEmail keeps e-mail addresses in lower case.
	LowerEmail bool
}

// object is one of Stripe's objects, as JSON has it.
type object = map[string]any

// Server is one Stripe account.
type Server struct {
	options Options
	routes  *http.ServeMux
	hooks   *sender
	closing chan struct{}
	close   sync.Once

	mu       sync.Mutex
	objects  map[string]object // by id
	order    []string
	events   []object            // oldest first
	answered map[string]answered // by idempotency key
	counts   map[string]int
	faults   []*Fault
	lastID   int
}

// New makes an account without customers and starts its webhook sender. Close stops it.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, closing: make(chan struct{}), objects: map[string]object{}, answered: map[string]answered{}, counts: map[string]int{}}
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
	for pattern, handle := range map[string]func(*http.Request, form) reply{
		"POST /v1/customers":             s.createCustomer,
		"GET /v1/customers":              s.list("customer"),
		"GET /v1/invoices":               s.list("invoice"),
		"GET /v1/events":                 s.listEvents,
		"GET /v1/customers/search":       s.searchCustomers,
		"GET /v1/customers/{id}":         s.get,
		"POST /v1/customers/{id}":        s.updateCustomer,
		"DELETE /v1/customers/{id}":      s.deleteCustomer,
		"POST /v1/invoices":              s.createInvoice,
		"GET /v1/invoices/{id}":          s.get,
		"POST /v1/invoices/{id}":         s.updateInvoice,
		"DELETE /v1/invoices/{id}":       s.deleteInvoice,
		"GET /v1/invoices/{id}/lines":    s.invoiceLines,
		"POST /v1/invoices/{id}/{state}": s.moveInvoice,
	} {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.once(r, handle).write(w) })
	}
	return m
}

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := s.receive(w, r)
	switch {
	case fault != nil && !fault.AfterWork && !fault.Stored:
		s.fail(w, r, fault)
	case r.Header.Get("Authorization") != "Bearer "+s.options.APIKey:
		problem(http.StatusUnauthorized, "invalid_request_error", "", "", "Invalid API Key provided").write(w)
	case fault != nil && fault.Stored:
		s.once(r, func(*http.Request, form) reply {
			return problem(fault.Status, "api_error", "", "", "An unknown error occurred")
		}).write(w)
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
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	for i, f := range s.faults {
		if f.Method != "" && f.Method != r.Method || !strings.HasPrefix(r.URL.Path, f.PathPrefix) || f.Write && r.Method == http.MethodGet {
			continue
		}
		if f.Times--; f.Times <= 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return f
	}
	return nil
}

// Counts are the calls so far by method and path: "POST /v1/customers/cus_1".
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Customers are all customers that were not deleted, oldest first.
func (s *Server) Customers() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []map[string]any
	for _, id := range s.order {
		if o := s.objects[id]; o["object"] == "customer" && o["deleted"] == nil {
			all = append(all, clone(o))
		}
	}
	return all
}

// Count is how many objects of a name there are, without deleted ones: "customer", "invoice".
func (s *Server) Count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, o := range s.objects {
		if o["object"] == name && o["deleted"] == nil {
			n++
		}
	}
	return n
}

// Customer is one customer; nil where there is none.
func (s *Server) Customer(id string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[id]; o != nil {
		return clone(o)
	}
	return nil
}

func (s *Server) newID(prefix string) string {
	s.lastID++
	return fmt.Sprintf("%s_test%06d", prefix, s.lastID)
}

func (s *Server) add(o object) {
	id := o["id"].(string)
	s.objects[id] = o
	s.order = append(s.order, id)
}

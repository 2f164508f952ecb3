// Package sandbox is one Shopify shop for tests and demonstrations: customers and orders over the Admin API's GraphQL, with
// its normalisation, its validation, its errors, its bucket of points, its search and its webhooks.
//
// It is unkind where Shopify is: failures come with status 200, a search that it does not understand is answered without
// the filter, one action in the shop makes several webhooks in any order, whose bodies lack tags and consents, and times
// are whole seconds. It shares no code with the adapter and signs by itself, so that neither can hide the other's mistake.
package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options says what kind of shop this is.
type Options struct {
	// AccessToken is let in.
	AccessToken string
	// ClientSecret signs webhooks.
	ClientSecret string
	// Domain is the shop's; empty means acme.myshopify.com.
	Domain string
	// Currency is the shop's; empty means USD.
	Currency string
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Points and Restore are the bucket's size and what comes back in a second; 0 means more than any test takes.
	Points, Restore float64
	// CountsTo is as far as anything is counted, whatever limit is asked for; 0 means to the end.
	CountsTo int
	// WithoutDefinition leaves out the metafield definition that creates need.
	WithoutDefinition bool
}

// Server is one shop.
type Server struct {
	options Options
	hooks   *sender
	closing chan struct{}
	close   sync.Once

	mu        sync.Mutex
	customers map[int64]*Customer
	orders    map[int64]*Order
	lastID    int64
	imported  time.Time // of the import that is being written
	bucket    bucket
	faults    []*Fault
	counts    map[string]int
}

// firstID is above 2^53: an id that went through a float is another id.
const firstID = 9_100_000_000_000_000

// maxBody bounds a request.
const maxBody = 1 << 20

// New makes a shop without customers and starts its webhook sender. Close stops it.
func New(o Options) *Server {
	o.Domain, o.Currency = cmp.Or(o.Domain, "acme.myshopify.com"), cmp.Or(o.Currency, "USD")
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{
		options: o, hooks: newSender(o), closing: make(chan struct{}), customers: map[int64]*Customer{}, orders: map[int64]*Order{},
		lastID: firstID, bucket: bucket{left: o.Points, at: o.Now()}, counts: map[string]int{},
	}
}

// Close stops the webhook sender and lets hanging requests go. What was not delivered by then is lost.
func (s *Server) Close() {
	s.close.Do(func() { close(s.closing) })
	s.hooks.stop()
}

// Calls are the calls so far, by the root's fields: "customerUpdate".
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// ServeHTTP is the Admin API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Request-Id", "c18a3b1c-8f4e-4f3b-9c55-8e9a3f0e6a11-1720000000")
	w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		plain(w, http.StatusBadRequest, "Bad Request")
		return
	}
	switch {
	case r.URL.Path != "/admin/api/2026-10/graphql.json" || r.Method != http.MethodPost:
		plain(w, http.StatusNotFound, "Not Found")
		return
	case r.Header.Get("X-Shopify-Access-Token") != s.options.AccessToken:
		plain(w, http.StatusUnauthorized, "[API] Invalid API key or access token (unrecognized login or wrong password)")
		return
	}
	var in struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&in) != nil {
		plain(w, http.StatusBadRequest, "Bad Request")
		return
	}
	op, wrong := parse(in.Query, in.Variables)
	if wrong != nil {
		answer{Errors: []problem{*wrong}}.write(w)
		return
	}
	s.mu.Lock()
	fault := s.takeFault(op)
	for _, f := range op.fields {
		s.counts[f.name]++
	}
	s.mu.Unlock()
	if fault != nil && !fault.AfterWork {
		s.fail(w, r, fault)
		return
	}
	out := s.run(op)
	if fault != nil {
		s.fail(w, r, fault)
		return
	}
	out.write(w)
}

// plain is an answer that is not GraphQL's.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errors": text})
}

// now is the shop's time, in whole seconds.
func (s *Server) now() time.Time {
	if !s.imported.IsZero() {
		return s.imported
	}
	return s.options.Now().UTC().Truncate(time.Second)
}

func (s *Server) nextID() int64 {
	s.lastID++
	return s.lastID
}

// sorted are objects by their ids.
func sorted[T any](all map[int64]*T) []*T {
	out := make([]*T, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[id])
	}
	return out
}

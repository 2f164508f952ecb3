// Package receive takes webhooks in: raw body, verification before any parsing (law 1), split, and one transaction with
// a receipt and a job for each event. What it acknowledges is committed (law 2). It calls no vendor and translates
// nothing.
package receive

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/store"
)

// maxBody bounds a webhook's body. The largest that a vendor documents are batches of a few hundred KB.
const maxBody = 4 << 20

// Receiver is the HTTP handler at /webhooks/{connection}.
type Receiver struct {
	connections connection.Set
	batches     *batcher
	now         func() time.Time
	log         *slog.Logger
	received    *prometheus.CounterVec
}

// Options set a receiver up.
type Options struct {
	Store       *store.Store
	Queue       Queue
	Connections connection.Set
	Now         func() time.Time
	Log         *slog.Logger
	Metrics     prometheus.Registerer
}

// New makes a receiver.
func New(o Options) *Receiver {
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "canonhub_webhook_requests_total", Help: "Webhook requests by connection and what became of them.",
	}, []string{"connection", "outcome"})
	o.Metrics.MustRegister(received)
	return &Receiver{connections: o.Connections, batches: newBatcher(o.Store, o.Queue), now: o.Now, log: o.Log, received: received}
}

// ServeHTTP receives one request. An unknown connection and a bad signature get the same answer, and the sender is
// never told why.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := req.PathValue("connection")
	c := r.connections[name]
	if c == nil || c.Adapter.Webhook == nil {
		r.received.WithLabelValues("", "refused").Inc()
		r.refuse(w)
		return
	}
	status, outcome := r.receive(w, req, c)
	r.received.WithLabelValues(name, outcome).Inc()
	if status == http.StatusUnauthorized {
		r.refuse(w)
		return
	}
	w.WriteHeader(status)
}

func (r *Receiver) refuse(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, c *connection.Connection) (status int, outcome string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return http.StatusRequestEntityTooLarge, "too_large"
		}
		return http.StatusBadRequest, "unreadable"
	}
	delivery := adapters.Delivery{Method: req.Method, Query: req.URL.RawQuery, Header: req.Header, Body: body, ReceivedAt: r.now()}
	if _, err := c.Adapter.Webhook.Verify(delivery); err != nil {
		r.log.Warn("webhook refused", "connection", c.Name, "reason", err)
		return http.StatusUnauthorized, "refused"
	}
	events, err := c.Adapter.Webhook.Split(delivery)
	if err != nil {
		r.log.Error("webhook verified and unintelligible", "connection", c.Name, "reason", err)
		return http.StatusBadRequest, "unintelligible"
	}
	fresh, err := r.batches.put(req.Context(), r.receipts(c.Name, req, events))
	if err != nil {
		r.log.Error("webhook not stored; the vendor will send it again", "connection", c.Name, "error", err)
		w.Header().Set("Retry-After", "5")
		return http.StatusServiceUnavailable, "not_stored"
	}
	if fresh == 0 && len(events) > 0 {
		return http.StatusOK, "duplicate"
	}
	return http.StatusOK, "stored"
}

// receipts makes a receipt of each event, under one correlation id for the request.
func (r *Receiver) receipts(connection string, req *http.Request, events []adapters.Event) []*store.Receipt {
	correlation, trace := newID("c"), httpapi.ContinueTrace(req.Header.Get("traceparent"))
	seen := make(map[string]bool, len(events))
	receipts := make([]*store.Receipt, 0, len(events))
	for _, e := range events {
		if seen[e.Key] {
			continue
		}
		seen[e.Key] = true
		receipts = append(receipts, &store.Receipt{ID: newID("r"), Connection: connection, EventKey: e.Key, Type: e.Type,
			OccurredAt: e.OccurredAt, Body: e.Body, CorrelationID: correlation, TraceParent: trace})
	}
	return receipts
}

// newID makes an opaque id.
func newID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read crashes the program rather than return an error
	return prefix + "_" + hex.EncodeToString(b[:])
}

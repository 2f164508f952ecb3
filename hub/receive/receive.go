// Package receive takes webhooks in: raw body, verification before any parsing (law 1), split, and one transaction with
// a receipt and a job for each event. What it acknowledges is committed (law 2), also where it could not be cut (law 9).
// It calls no vendor and translates nothing.
//
// Anybody may knock. What has not proved itself costs bounded memory and time, no statement, and learns nothing: who
// knocks at a connection that does not exist hears what he hears whose signature is wrong, after as long. Only what has
// proved itself uses up its connection's rate and places. A body must be read before it can prove itself: that memory is
// bounded by name, whether there is such a connection or not, so that noise at one or a few shuts out none of the others.
package receive

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// maxBody bounds a webhook's body. The largest that a vendor documents are batches of a few hundred KB.
	maxBody = 4 << 20
	// maxMemory bounds the bodies of all requests that are under way, and nameMemory those of one name.
	maxMemory  = 128 << 20
	nameMemory = maxMemory / 8
	// names is how many parts the memory of names has: two names share one by a chance that nobody else can know.
	names = 4096
	// refusals are answered when as much time has passed since a request was read, or a multiple of it: how long it took to find
	// out that it is not to be believed tells nothing.
	refusals = 25 * time.Millisecond
	// retryAfter is what a sender is asked to wait that is turned away.
	retryAfter = time.Second
)

// Receiver is the HTTP handler at /webhooks/{connection}.
type Receiver struct {
	doors map[string]*door
	// nobody is knocked at where there is no connection.
	nobody              *door
	memory              *semaphore.Weighted
	byName              [names]*semaphore.Weighted
	seed                maphash.Seed
	store               *store.Store
	batches             *batcher
	now                 func() time.Time
	received            *prometheus.CounterVec
	readTime, storeTime time.Duration
}

// Options set a receiver up.
type Options struct {
	Store       *store.Store
	Queue       Queue
	Connections connection.Set
	Now         func() time.Time
	Log         *slog.Logger
	Metrics     prometheus.Registerer
	// ReadTime is how long a sender may take over a body, StoreTime how long a request waits for its receipts to be
	// committed; 0 means 10 and 8 seconds. Vendors give up after five to thirty.
	ReadTime, StoreTime time.Duration
}

// New makes a receiver.
func New(o Options) *Receiver {
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "canonhub_webhook_requests_total", Help: "Webhook requests by connection and what became of them.",
	}, []string{"connection", "outcome"})
	o.Metrics.MustRegister(received)
	r := &Receiver{doors: map[string]*door{}, nobody: newDoor(&connection.Connection{Adapter: &adapters.Adapter{Webhook: stranger(randomKey())}}, o.Log),
		memory: semaphore.NewWeighted(maxMemory), seed: maphash.MakeSeed(), store: o.Store, batches: newBatcher(o.Store, o.Queue, o.Connections), now: o.Now, received: received,
		readTime: cmp.Or(o.ReadTime, 10*time.Second), storeTime: cmp.Or(o.StoreTime, 8*time.Second)}
	for i := range r.byName {
		r.byName[i] = semaphore.NewWeighted(nameMemory)
	}
	for name, c := range o.Connections {
		if c.Adapter.Webhook != nil {
			r.doors[name] = newDoor(c, o.Log)
		}
	}
	return r
}

// answer is what a sender hears, and the word for it in the metric.
type answer struct {
	adapters.Answer
	outcome string
	// wait is how long the sender is to wait before it tries again; 0 where it need not.
	wait time.Duration
}

func status(code int, outcome string) answer {
	return answer{Answer: adapters.Answer{Status: code}, outcome: outcome}
}

// later turns a sender away for a while; vendors send again what was not acknowledged.
func later(code int, outcome string, wait time.Duration) answer {
	a := status(code, outcome)
	a.wait = max(wait, retryAfter)
	return a
}

// ServeHTTP receives one request. The sender is never told why it is refused.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := req.PathValue("connection")
	d, known := r.doors[name]
	if !known {
		d, name = r.nobody, ""
	}
	a := r.receive(w, req, d)
	r.received.WithLabelValues(name, a.outcome).Inc()
	if a.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(a.wait.Seconds()))))
	}
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = w.Write(a.Body) // a sender that has gone sends it again
}

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, d *door) answer {
	if !readable(req.Header) {
		return status(http.StatusUnsupportedMediaType, "unsupported")
	}
	if req.ContentLength > maxBody {
		return status(http.StatusRequestEntityTooLarge, "too_large")
	}
	memory := &held{of: [2]*semaphore.Weighted{r.byName[maphash.String(r.seed, req.PathValue("connection"))%names], r.memory}}
	defer memory.release()
	body, refusal := read(w, req, r.readTime, memory)
	if refusal != nil {
		return *refusal
	}
	read := time.Now()
	a := r.take(req, d, adapters.Delivery{Method: req.Method, Query: req.URL.RawQuery, Header: req.Header, Body: body, ReceivedAt: r.now()})
	if a.Status == http.StatusUnauthorized {
		memory.release()
		level(req.Context(), time.Since(read))
	}
	return a
}

// level waits until a refusal has taken a whole number of its times.
func level(ctx context.Context, taken time.Duration) {
	select {
	case <-time.After(refusals - taken%refusals):
	case <-ctx.Done():
	}
}

// errNoEvent is why other requests are refused that are no handshake.
var errNoEvent = errors.New("events come by POST")

// take judges a request that has been read, and stores its events.
func (r *Receiver) take(req *http.Request, d *door, delivery adapters.Delivery) answer {
	hook := d.c.Adapter.Webhook
	if shake := d.c.Adapter.Handshaker; shake != nil {
		if a, isOne := shake.Handshake(delivery); isOne {
			return answer{Answer: a, outcome: "handshake"}
		}
	}
	secret, err := -1, errNoEvent
	if delivery.Method == http.MethodPost {
		secret, err = hook.Verify(delivery)
	}
	if err != nil {
		d.tell(slog.LevelWarn, "webhook refused", err)
		return status(http.StatusUnauthorized, "refused")
	}
	if !d.slots.TryAcquire(1) {
		return later(http.StatusServiceUnavailable, "busy", 0)
	}
	defer d.slots.Release(1)
	if wait := d.turn(r.now()); wait > 0 {
		return later(http.StatusTooManyRequests, "throttled", wait)
	}
	events, unread := hook.Split(delivery)
	var refusal *adapters.Refusal
	if errors.As(unread, &refusal) {
		d.tell(slog.LevelWarn, "webhook verified and not taken", unread)
		a := status(http.StatusBadRequest, "unwelcome")
		a.ContentType, a.Body = "text/plain; charset=utf-8", []byte(refusal.Reason+"\n")
		return a
	}
	ctx, cancel := context.WithTimeout(req.Context(), r.storeTime)
	defer cancel()
	from := origin{newID("c"), httpapi.ContinueTrace(req.Header.Get("traceparent"))}
	if unread != nil {
		d.tell(slog.LevelError, "webhook verified and unintelligible: kept as a dead letter", unread)
		err = r.keep(ctx, d, delivery, from, unread)
	}
	mine := &request{connection: d.c.Name, receipts: receipts(d.c, ours(d.c, events), from, d.c.SecretName(secret)), numbers: numbers(events)}
	fresh := 0
	if err == nil {
		fresh, err = r.batches.put(ctx, mine)
	}
	if err != nil {
		d.tell(slog.LevelError, "webhook not stored; the vendor will send it again", err)
		return later(http.StatusServiceUnavailable, "not_stored", 5*time.Second)
	}
	done := status(http.StatusOK, "stored")
	switch {
	case unread != nil:
		done.outcome = "unintelligible"
	case fresh == 0 && len(mine.receipts) > 0:
		done.outcome = "duplicate"
	}
	if ack := d.c.Adapter.Acknowledger; ack != nil {
		done.Answer = ack.Acknowledge(delivery)
	}
	return done
}

// origin is what a request's events have in common.
type origin struct{ correlation, trace string }

// receipts makes a receipt of each event.
func receipts(c *connection.Connection, events []adapters.Event, from origin, secret string) []*store.Receipt {
	seen := make(map[string]bool, len(events))
	out := make([]*store.Receipt, 0, len(events))
	for _, e := range events {
		e = storable(e)
		if seen[e.Key] {
			continue
		}
		seen[e.Key] = true
		out = append(out, &store.Receipt{ID: newID("r"), Connection: c.Name, EventKey: e.Key, Type: e.Type,
			OccurredAt: e.OccurredAt, Body: e.Body, CorrelationID: from.correlation, TraceParent: from.trace, Secret: secret})
	}
	return out
}

// maxKey bounds an event's key, which is indexed.
const maxKey = 1000

// storable brings an event into what the database takes. What it refused would fail the receipts of all that are stored in
// the same transaction, as often as it is sent again.
func storable(e adapters.Event) adapters.Event {
	e.Key, e.Type = plain(e.Key), plain(e.Type)
	if len(e.Key) > maxKey {
		sum := sha256.Sum256([]byte(e.Key))
		e.Key = "sha256:" + hex.EncodeToString(sum[:])
	}
	if year := e.OccurredAt.UTC().Year(); year < 1 || year > 9999 {
		e.OccurredAt = time.Time{}
	}
	return e
}

// plain leaves out what is no text in PostgreSQL.
func plain(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// newID makes an opaque id.
func newID(prefix string) string { return prefix + "_" + hex.EncodeToString(randomKey()) }

func randomKey() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand.Read crashes the program rather than return an error
	return b
}

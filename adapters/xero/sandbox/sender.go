package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// answerWithin is how long Xero waits for an answer.
	answerWithin = 5 * time.Second
	// maxBatch is how many events one request brings.
	maxBatch = 20
	// maxTries and tryGap make about two minutes of tries, where Xero takes a day: try n waits n gaps.
	maxTries = 60
	tryGap   = 66 * time.Millisecond
)

// Delivery is one webhook request that was made.
type Delivery struct {
	Header http.Header
	Body   []byte
	// Status is the answer's; 0 where none came.
	Status int
}

// numbered is an event with its running number.
type numbered struct {
	number int64
	event  map[string]any
}

// sender makes webhook requests from goroutines of its own: what happens while one is under way goes together in the next.
type sender struct {
	secret string
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu         sync.Mutex
	target     string
	last       int64 // running number
	held       bool
	queue      []numbered // while held
	waiting    []numbered // for the request that is under way
	sending    bool
	open       int // events that are neither acknowledged nor given up nor held
	settled    []chan struct{}
	deliveries []Delivery
}

func newSender(o Options) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{secret: o.Secret, ctx: ctx, cancel: cancel, client: &http.Client{Timeout: answerWithin, Transport: &http.Transport{}}}
}

func (h *sender) stop() {
	h.cancel()
	h.work.Wait()
	h.client.CloseIdleConnections()
}

// tell makes an event: ids, and nothing of the object.
func (s *Server) tell(category, kind string, o *Object) {
	s.hooks.emit(happened(s.options.TenantID, category, kind, o.ID, o.Changed))
}

func happened(tenant, category, kind, id string, at time.Time) map[string]any {
	many := map[string]string{"CONTACT": contacts, "INVOICE": invoices, "CREDITNOTE": "CreditNotes"}[category]
	out := map[string]any{
		"resourceUrl": "https://api.xero.com" + root + many + "/" + id, "resourceId": id, "eventDateUtc": at.UTC().Format("2006-01-02T15:04:05.000"),
		"eventType": kind, "eventCategory": category, "tenantId": tenant, "tenantType": "ORGANISATION",
	}
	if category == "CREDITNOTE" {
		out["data"] = map[string]any{"Type": "ACCRECCREDIT", "Status": "DRAFT"}
	}
	return out
}

// emit numbers an event and sends it, or keeps it while events are held. Without an address there is no webhook.
func (h *sender) emit(event map[string]any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.target == "" {
		return
	}
	h.last++
	one := numbered{h.last, event}
	if h.held {
		h.queue = append(h.queue, one)
		return
	}
	h.open++
	h.waiting = append(h.waiting, one)
	if !h.sending {
		h.sending = true
		h.work.Go(h.drain)
	}
}

// drain sends what waits, batch after batch.
func (h *sender) drain() {
	for {
		h.mu.Lock()
		if len(h.waiting) == 0 || h.ctx.Err() != nil {
			h.sending = false
			h.mu.Unlock()
			return
		}
		n := min(len(h.waiting), maxBatch)
		batch := slices.Clone(h.waiting[:n])
		h.waiting = slices.Delete(h.waiting, 0, n)
		h.mu.Unlock()
		h.deliver(batch)
	}
}

// deliver sends a batch until it is acknowledged, with growing gaps, and gives it up at last. What is not delivered when the
// sandbox closes stays open.
func (h *sender) deliver(batch []numbered) {
	for attempt := range maxTries {
		if h.send(body(batch))/100 == 2 {
			break
		}
		select {
		case <-h.ctx.Done():
			return
		case <-time.After(time.Duration(attempt+1) * tryGap):
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open -= len(batch); h.open > 0 {
		return
	}
	for _, waiting := range h.settled {
		close(waiting)
	}
	h.settled = nil
}

// body is a request's, with another entropy each time.
func body(batch []numbered) []byte {
	events := []map[string]any{}
	var first, last int64
	for i, one := range batch {
		if i == 0 {
			first = one.number
		}
		last = one.number
		events = append(events, one.event)
	}
	out, err := json.Marshal(map[string]any{"events": events, "firstEventSequence": first, "lastEventSequence": last, "entropy": entropy()})
	if err != nil {
		panic(err) // texts always marshal
	}
	return out
}

func entropy() string {
	var text strings.Builder
	for range 20 {
		text.WriteByte(byte('A' + rand.IntN(26)))
	}
	return text.String()
}

func (h *sender) sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(h.secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// send makes one request and keeps a note of it.
func (h *sender) send(body []byte) int {
	header := http.Header{}
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("x-xero-signature", h.sign(body))
	status := 0
	if answer, err := h.post(header, body); err == nil {
		status = answer.StatusCode
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliveries = append(h.deliveries, Delivery{Header: header.Clone(), Body: body, Status: status})
	return status
}

// post makes the call, and gives the answer with its body read.
func (h *sender) post(header http.Header, body []byte) (*http.Response, error) {
	h.mu.Lock()
	target := h.target
	h.mu.Unlock()
	r, err := http.NewRequestWithContext(h.ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	answer, err := h.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	answer.Body = io.NopCloser(bytes.NewReader(said))
	return answer, err
}

package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// maxInFlight is how many requests are made at once.
	maxInFlight = 10
	// answerWithin is how long Zendesk waits for an answer.
	answerWithin = 10 * time.Second
	// maxTries and tryGap make about two minutes of tries: try n waits n gaps.
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

// sender makes webhook requests from goroutines of its own, one for an event.
type sender struct {
	secret string
	now    func() time.Time
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	slots  chan struct{} // one for each request in flight

	mu         sync.Mutex
	target     string
	held       bool
	queue      [][]byte // while held
	open       int      // events that are neither acknowledged nor given up nor held
	settled    []chan struct{}
	deliveries []Delivery
}

func newSender(o Options) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{
		secret: o.Secret, now: o.Now, ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxInFlight),
		client: &http.Client{Timeout: answerWithin, Transport: &http.Transport{}},
	}
}

func (h *sender) stop() {
	h.cancel()
	h.work.Wait()
	h.client.CloseIdleConnections()
}

// emit sends an event, or keeps it while events are held. Without an address there is no subscription.
func (h *sender) emit(body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.target == "":
	case h.held:
		h.queue = append(h.queue, body)
	default:
		h.begin(body)
	}
}

// begin sends an event when a slot is free.
func (h *sender) begin(body []byte) {
	h.open++
	h.work.Go(func() {
		select {
		case <-h.ctx.Done():
			return
		case h.slots <- struct{}{}:
		}
		defer func() { <-h.slots }()
		h.deliver(body)
	})
}

// deliver sends an event until it is acknowledged, with growing gaps, and gives it up at last. What is not delivered when
// the sandbox closes stays open.
func (h *sender) deliver(body []byte) {
	for attempt := range maxTries {
		if status := h.send(body); status/100 == 2 {
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
	if h.open--; h.open > 0 {
		return
	}
	for _, waiting := range h.settled {
		close(waiting)
	}
	h.settled = nil
}

// send makes one request, signed now, and keeps a note of it.
func (h *sender) send(body []byte) int {
	h.mu.Lock()
	target := h.target
	h.mu.Unlock()
	at := h.now().UTC().Format("2006-01-02T15:04:05Z")
	mac := hmac.New(sha256.New, []byte(h.secret))
	mac.Write([]byte(at))
	mac.Write(body)
	header := http.Header{}
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("User-Agent", "Zendesk Webhook")
	header.Set("X-Zendesk-Webhook-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	header.Set("X-Zendesk-Webhook-Signature-Timestamp", at)
	header.Set("X-Zendesk-Webhook-Id", "01GKJ9WGTC2ZKYDG93QTA5MZEH")
	header.Set("X-Zendesk-Webhook-Invocation-Id", fmt.Sprintf("%026d", rand.Uint32()))
	status := h.post(target, header, body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliveries = append(h.deliveries, Delivery{Header: header.Clone(), Body: body, Status: status})
	return status
}

// post makes the call; 0 where no answer came.
func (h *sender) post(target string, header http.Header, body []byte) int {
	r, err := http.NewRequestWithContext(h.ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header = header
	answer, err := h.client.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection can be used again
	return answer.StatusCode
}

// SetWebhookURL sets the address that webhooks go to. Changes made before are not told.
func (s *Server) SetWebhookURL(target string) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.target = target
}

// Deliveries are the webhook requests made so far, in the order of their answers.
func (s *Server) Deliveries() []Delivery {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	return slices.Clone(s.hooks.deliveries)
}

// Redeliver makes the n-th of Deliveries once more, signed anew, and returns the answer's status.
func (s *Server) Redeliver(n int) (int, error) {
	all := s.Deliveries()
	if n < 0 || n >= len(all) {
		return 0, fmt.Errorf("there is no delivery %d among %d", n, len(all))
	}
	return s.hooks.send(all[n].Body), nil
}

// Hold keeps events back from now on.
func (s *Server) Hold() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.held = true
}

// Release lets the held events go, in an order of chance, and a third of them twice.
func (s *Server) Release() {
	h := s.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.queue
	h.held, h.queue = false, nil
	for range len(held) / 3 {
		held = append(held, held[rand.IntN(len(held))])
	}
	rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	for _, body := range held {
		h.begin(body)
	}
}

// Settled waits until every event that is not held was acknowledged, or given up after about two minutes.
func (s *Server) Settled(ctx context.Context) error {
	h := s.hooks
	h.mu.Lock()
	if h.open == 0 {
		h.mu.Unlock()
		return nil
	}
	waiting := make(chan struct{})
	h.settled = append(h.settled, waiting)
	h.mu.Unlock()
	select {
	case <-waiting:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("webhooks are not settled: %w", context.Cause(ctx))
	case <-h.ctx.Done():
		return fmt.Errorf("the sandbox was closed: %w", h.ctx.Err())
	}
}

// marshal writes an event.
func marshal(event any) []byte {
	body, err := json.Marshal(event)
	if err != nil {
		panic(err) // numbers and texts always marshal
	}
	return body
}

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
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// maxInFlight is how many requests are made at once; their order is nobody's promise.
	maxInFlight = 10
	// answerWithin is how long Shopify waits for an answer.
	answerWithin = 5 * time.Second
	// maxTries and tryGap make about two minutes of tries where Shopify has nine over four hours: try n waits n gaps.
	maxTries = 60
	tryGap   = 66 * time.Millisecond
)

// Delivery is one webhook request that was made.
type Delivery struct {
	URL    string
	Header http.Header
	Body   []byte
	// Status is the answer's; 0 where none came.
	Status int
}

// hook is one webhook on its way; each try is the same.
type hook struct {
	header http.Header
	body   []byte
}

// sender makes webhook requests from goroutines of its own.
type sender struct {
	options Options
	client  *http.Client
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	slots   chan struct{} // one for each request in flight

	mu         sync.Mutex
	target     string
	held       bool
	queue      []hook
	open       int // those that are neither acknowledged nor given up nor held
	settled    []chan struct{}
	lastID     int
	event      string
	deliveries []Delivery
}

func newSender(o Options) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{options: o, ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxInFlight),
		client: &http.Client{Timeout: answerWithin, Transport: &http.Transport{}}}
}

func (h *sender) stop() {
	h.cancel()
	h.work.Wait()
	h.client.CloseIdleConnections()
}

// emit sends a webhook, or holds it. Without an address there is no subscription, and it is no more.
func (h *sender) emit(topic string, body map[string]any, begins bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.target == "" {
		return
	}
	h.lastID++
	if begins {
		h.event = fmt.Sprintf("59d6d79c-595f-4e7e-bc6f-%012d", h.lastID)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // numbers and texts always marshal
	}
	header := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "Shopify-Captain-Hook", "X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": h.options.Domain,
		"X-Shopify-Api-Version": "2026-10", "X-Shopify-Webhook-Id": fmt.Sprintf("545ebdd4-b7be-4d3d-b14e-%012d", h.lastID),
		"X-Shopify-Event-Id": h.event, "X-Shopify-Triggered-At": h.options.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		"X-Shopify-Hmac-Sha256": sign(h.options.ClientSecret, text),
	} {
		header.Set(name, value)
	}
	if h.held {
		h.queue = append(h.queue, hook{header, text})
		return
	}
	h.send(hook{header, text})
}

// send begins to deliver; the caller holds the lock.
func (h *sender) send(one hook) {
	h.open++
	h.work.Go(func() {
		select {
		case <-h.ctx.Done():
			return
		case h.slots <- struct{}{}:
		}
		defer func() { <-h.slots }()
		h.deliver(one)
	})
}

// deliver sends until it is acknowledged, with growing gaps, and gives up at last. What is not delivered when the sandbox
// closes stays open.
func (h *sender) deliver(one hook) {
	for attempt := range maxTries {
		if h.try(one)/100 == 2 {
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

// try makes one request, and keeps a note of it.
func (h *sender) try(one hook) int {
	h.mu.Lock()
	target := h.target
	h.mu.Unlock()
	status := h.post(target, one)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliveries = append(h.deliveries, Delivery{URL: target, Header: one.header.Clone(), Body: one.body, Status: status})
	return status
}

// post makes the call; 0 where no answer came.
func (h *sender) post(target string, one hook) int {
	r, err := http.NewRequestWithContext(h.ctx, http.MethodPost, target, bytes.NewReader(one.body))
	if err != nil {
		return 0
	}
	r.Header = maps.Clone(one.header)
	answer, err := h.client.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection can be used again
	return answer.StatusCode
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
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

// Hold keeps webhooks back from now on.
func (s *Server) Hold() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.held = true
}

// Scatter lets the webhooks go that were held, in an order of chance, and some of them twice.
func (s *Server) Scatter() {
	h := s.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.queue
	h.held, h.queue = false, nil
	for range len(held) / 3 {
		held = append(held, held[rand.IntN(len(held))])
	}
	rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	for _, one := range held {
		h.send(one)
	}
}

// Settled waits until every webhook that is not held was acknowledged, or given up after about two minutes.
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

package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Delivery is one webhook request that was made, and its answer; status 0 means that none came.
type Delivery struct {
	EventID string
	Header  http.Header
	Body    []byte
	Status  int
}

// tries and gap bound how long an event is retried: about two minutes, where Stripe takes three days.
const (
	tries    = 120
	firstGap = 50 * time.Millisecond
	maxGap   = time.Second
)

// sender sends events, as they come and each until it is acknowledged.
type sender struct {
	options Options
	client  *http.Client
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	slots   chan struct{}

	mu         sync.Mutex
	secrets    []string
	target     string
	held       bool
	queue      []sent
	deliveries []Delivery
	known      map[string][]byte
	open       int
	settled    []chan struct{}
}

type sent struct {
	id   string
	body []byte
}

func newSender(o Options) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{options: o, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
		ctx: ctx, cancel: cancel, slots: make(chan struct{}, 16), known: map[string][]byte{}, secrets: []string{o.WebhookSecret}}
}

func (h *sender) stop() {
	h.cancel()
	h.work.Wait()
	h.client.CloseIdleConnections()
}

// emit notes a change, and tells of it. The event holds the object as it is now.
func (s *Server) emit(kind string, o object, before object) {
	data := object{"object": clone(o)}
	if before != nil {
		data["previous_attributes"] = before
	}
	e := object{"id": fmt.Sprintf("evt_test%06d", len(s.events)+1), "object": "event", "api_version": "2026-03-25.dahlia", "created": s.options.Now().Unix(),
		"type": kind, "livemode": false, "pending_webhooks": 1, "request": object{"id": nil, "idempotency_key": nil}, "data": data}
	s.events = append(s.events, e)
	s.hooks.tell(e)
}

// tell sends an event, where there is somebody to send it to.
func (h *sender) tell(e object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.target == "" {
		return
	}
	id := e["id"].(string)
	body, _ := json.Marshal(e) // JSON's own types
	h.known[id] = body
	if h.held {
		h.queue = append(h.queue, sent{id, body})
		return
	}
	h.start(sent{id, body})
}

// start sends an event in its own time; h.mu is held.
func (h *sender) start(e sent) {
	h.open++
	h.work.Go(func() { h.deliver(e) })
}

func (h *sender) deliver(e sent) {
	defer h.done()
	gap := firstGap
	for range tries {
		select {
		case <-h.ctx.Done():
			return
		case h.slots <- struct{}{}:
		}
		status := h.send(e)
		<-h.slots
		if status >= 200 && status < 300 {
			return
		}
		pause := time.NewTimer(gap + rand.N(gap))
		select {
		case <-h.ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		gap = min(2*gap, maxGap)
	}
}

func (h *sender) done() {
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

// send makes one request.
func (h *sender) send(e sent) (status int) {
	h.mu.Lock()
	target := h.target
	h.mu.Unlock()
	req, err := http.NewRequestWithContext(h.ctx, http.MethodPost, target, bytes.NewReader(e.body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", h.sign(e.body))
	resp, err := h.client.Do(req)
	if err == nil {
		status = resp.StatusCode
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
		resp.Body.Close()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliveries = append(h.deliveries, Delivery{EventID: e.id, Header: req.Header, Body: e.body, Status: status})
	return status
}

// sign makes the header by Stripe's description: HMAC-SHA256 over time stamp, dot, body; a signature for each secret that
// is active.
func (h *sender) sign(body []byte) string {
	h.mu.Lock()
	secrets := h.secrets
	h.mu.Unlock()
	at := strconv.FormatInt(h.options.Now().Unix(), 10)
	header := "t=" + at
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%s.%s", at, body)
		header += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return header + ",v0=0000"
}

// SetWebhookSecrets says what webhooks are signed with from now on: the old secret and the new while one is rolled.
func (s *Server) SetWebhookSecrets(secrets ...string) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.secrets = slices.Clone(secrets)
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

// Redeliver sends an event n times more, signed anew, and returns the last answer's status: Stripe promises no more than
// at least once.
func (s *Server) Redeliver(eventID string, n int) (status int, err error) {
	s.hooks.mu.Lock()
	body, is := s.hooks.known[eventID]
	s.hooks.mu.Unlock()
	if !is {
		return 0, fmt.Errorf("there is no event %s", eventID)
	}
	for range n {
		status = s.hooks.send(sent{eventID, body})
	}
	return status, nil
}

// Hold keeps events back from now on.
func (s *Server) Hold() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.held = true
}

// Release lets the events go that were held. Where shuffle is set, they go in an order of chance and some go twice.
func (s *Server) Release(shuffle bool) {
	h := s.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.queue
	h.queue, h.held = nil, false
	if shuffle {
		for range len(held) / 2 {
			held = append(held, held[rand.IntN(len(held))])
		}
		rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	}
	for _, e := range held {
		h.start(e)
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

package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// maxEvents is HubSpot's bound of one request: under a hundred events.
	maxEvents = 99
	// maxInFlight is HubSpot's default of requests at once.
	maxInFlight = 10
	// answerWithin is how long HubSpot waits for an answer.
	answerWithin = 5 * time.Second
	// maxTries and tryGap make about two minutes of tries where HubSpot has ten over a day: try n waits n gaps.
	maxTries = 60
	tryGap   = 66 * time.Millisecond
)

// Delivery is one webhook request that was made.
type Delivery struct {
	URL    string
	Method string
	Header http.Header
	Body   []byte
	// Status is the answer's; 0 where none came.
	Status int
	// Attempt counts from 0.
	Attempt int
}

// sender makes webhook requests from goroutines of its own.
type sender struct {
	secret string
	now    func() time.Time
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	wake   chan struct{} // holds one call to look at the queue
	slots  chan struct{} // one for each request in flight

	mu         sync.Mutex
	target     string
	public     string
	held       bool
	queue      []event
	open       int // events that are neither acknowledged nor given up nor held
	settled    []chan struct{}
	lastEvent  int64
	deliveries []Delivery
}

func newSender(o Options) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	h := &sender{
		secret: o.ClientSecret, now: o.Now, ctx: ctx, cancel: cancel,
		client: &http.Client{Timeout: answerWithin, Transport: &http.Transport{}},
		wake:   make(chan struct{}, 1), slots: make(chan struct{}, maxInFlight),
	}
	h.work.Go(h.run)
	return h
}

func (h *sender) stop() {
	h.cancel()
	h.work.Wait()
	h.client.CloseIdleConnections()
}

// emit queues events. Without an address there is no subscription, and they are no more.
func (h *sender) emit(events ...event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.target == "" {
		return
	}
	for _, e := range events {
		h.lastEvent++
		e.EventID = h.lastEvent
		h.queue = append(h.queue, e)
	}
	if !h.held {
		h.open += len(events)
		h.look()
	}
}

// look wakes the goroutine that sends.
func (h *sender) look() {
	select {
	case h.wake <- struct{}{}:
	default: // it is called already
	}
}

func (h *sender) run() {
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.wake:
		}
		for batch := h.take(); len(batch) > 0; batch = h.take() {
			select {
			case <-h.ctx.Done():
				return
			case h.slots <- struct{}{}:
			}
			h.work.Go(func() {
				defer func() { <-h.slots }()
				h.deliver(batch)
			})
		}
	}
}

// take cuts the next batch off the queue.
func (h *sender) take() []event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held {
		return nil
	}
	n := min(len(h.queue), maxEvents)
	batch := h.queue[:n:n]
	h.queue = h.queue[n:]
	return batch
}

// deliver sends a batch until it is acknowledged, with growing gaps, and gives it up at last. What is not delivered
// when the sandbox closes stays open.
func (h *sender) deliver(batch []event) {
	for attempt := range maxTries {
		for i := range batch {
			batch[i].AttemptNumber = attempt
		}
		body, err := json.Marshal(batch)
		if err != nil {
			panic(err) // numbers and texts always marshal
		}
		if status := h.send(body, attempt); status/100 == 2 {
			break
		}
		select {
		case <-h.ctx.Done():
			return
		case <-time.After(time.Duration(attempt+1) * tryGap):
		}
	}
	h.done(len(batch))
}

// done takes acknowledged or given-up events off the account, and tells who waits for all.
func (h *sender) done(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open -= n; h.open > 0 {
		return
	}
	for _, waiting := range h.settled {
		close(waiting)
	}
	h.settled = nil
}

// send makes one request, signed now, and keeps a note of it.
func (h *sender) send(body []byte, attempt int) int {
	h.mu.Lock()
	target, public := h.target, h.public
	h.mu.Unlock()
	if public == "" {
		public = target
	}
	stamp := strconv.FormatInt(h.now().UnixMilli(), 10)
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client) - WebhooksExecutorDaemon-executor")
	header.Set("X-HubSpot-Request-Timestamp", stamp)
	header.Set("X-HubSpot-Signature-v3", sign(h.secret, http.MethodPost+public+string(body)+stamp))
	status := h.post(target, header, body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliveries = append(h.deliveries, Delivery{URL: target, Method: http.MethodPost, Header: header.Clone(), Body: body, Status: status, Attempt: attempt})
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

// sign is version 3 of HubSpot's signatures.
func sign(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

package sandbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// SetWebhookURL sets the address that webhooks go to. Changes made before are not told.
func (s *Server) SetWebhookURL(target string) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.target = target
}

// SetPublicURL sets the address that is signed, where it is another than the one that is called: behind a proxy.
func (s *Server) SetPublicURL(public string) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.public = public
}

// Deliveries are the webhook requests made so far, in the order of their answers.
func (s *Server) Deliveries() []Delivery {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	return slices.Clone(s.hooks.deliveries)
}

// Redeliver makes the n-th of Deliveries once more, signed anew, and returns the answer's status: HubSpot promises no
// more than at least once.
func (s *Server) Redeliver(n int) (int, error) {
	all := s.Deliveries()
	if n < 0 || n >= len(all) {
		return 0, fmt.Errorf("there is no delivery %d among %d", n, len(all))
	}
	return s.hooks.send(all[n].Body, all[n].Attempt), nil
}

// Hold keeps events back from now on.
func (s *Server) Hold() {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.held = true
}

// Release lets the events go that were held. Where shuffle is set, they go in an order of chance, each in a request of
// its own, and some go twice.
func (s *Server) Release(shuffle bool) {
	h := s.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.held {
		return
	}
	h.held = false
	h.open += len(h.queue)
	if !shuffle {
		h.look()
		return
	}
	held := h.queue
	h.queue = nil
	for range len(held) / 3 {
		held = append(held, held[rand.IntN(len(held))])
		h.open++
	}
	rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	for _, e := range held {
		h.scatter(e)
	}
}

// scatter sends one event alone, when a slot is free.
func (h *sender) scatter(e event) {
	h.work.Go(func() {
		select {
		case <-h.ctx.Done():
			return
		case h.slots <- struct{}{}:
		}
		defer func() { <-h.slots }()
		h.deliver([]event{e})
	})
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

// Time is the account's clock as it last was.
func (s *Server) Time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.UnixMilli(s.lastTime).UTC()
}

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
)

// SetWebhookURL sets the address that webhooks go to. Changes made before are not told.
func (s *Server) SetWebhookURL(target string) {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.target = target
}

// IntentToReceive tries the address out as Xero does when a webhook is saved: requests without events, of which some are
// wrongly signed. The error says what Xero would not take of the answers.
func (s *Server) IntentToReceive() error {
	for i, want := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusOK, http.StatusUnauthorized} {
		text := body(nil)
		header := http.Header{}
		header.Set("Content-Type", "application/json; charset=utf-8")
		header.Set("x-xero-signature", s.hooks.sign(text))
		if want == http.StatusUnauthorized {
			header.Set("x-xero-signature", s.hooks.sign(append([]byte("x"), text...)))
		}
		answer, err := s.hooks.post(header, text)
		if err != nil {
			return fmt.Errorf("request %d: %w", i+1, err)
		}
		said, _ := io.ReadAll(answer.Body) // read already
		switch {
		case answer.StatusCode != want:
			return fmt.Errorf("request %d was answered with %d, not %d", i+1, answer.StatusCode, want)
		case len(said) > 0:
			return errors.New("an answer has a body")
		case len(answer.Cookies()) > 0:
			return errors.New("an answer sets a cookie")
		}
	}
	return nil
}

// Deliveries are the webhook requests made so far, in the order of their answers.
func (s *Server) Deliveries() []Delivery {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	return slices.Clone(s.hooks.deliveries)
}

// Redeliver makes the n-th of Deliveries once more, and returns the answer's status.
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

// Release lets the held events go in batches, in an order of chance, and a third of the batches twice.
func (s *Server) Release() {
	h := s.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	var batches [][]numbered
	for held := h.queue; len(held) > 0; {
		n := min(1+rand.IntN(4), len(held))
		batches, held = append(batches, held[:n]), held[n:]
	}
	h.held, h.queue = false, nil
	for range len(batches) / 3 {
		batches = append(batches, batches[rand.IntN(len(batches))])
	}
	rand.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	for _, batch := range batches {
		h.open += len(batch)
		h.work.Go(func() { h.deliver(batch) })
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

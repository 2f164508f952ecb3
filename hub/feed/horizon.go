package feed

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/canonhub/canonhub/hub/store"
)

const (
	// lookTime bounds one look at the database.
	lookTime = 5 * time.Second
	// mostMarks bounds the marks that wait: while a transaction goes on for long, later ones add nothing.
	mostMarks = 1000
	// stalled is how long the horizon may wait for a transaction before the log tells.
	stalled = 30 * time.Second
)

// mark is a place in the log, and the transactions that may yet write up to it.
type mark struct {
	end     store.ChangePosition
	writers []string
	since   time.Time
}

// horizon is up to where the log is settled.
type horizon struct {
	store *store.Store
	log   *slog.Logger

	// Of the goroutine that looks.
	marks  []mark // in the order in which they were made; earlier ones are settled first
	warned bool

	mu      sync.Mutex
	known   bool
	settled store.ChangePosition
	err     error
	moved   chan struct{} // closed when one of these changes
}

func newHorizon(db *store.Store, log *slog.Logger) *horizon {
	return &horizon{store: db, log: log, moved: make(chan struct{})}
}

// run looks for the horizon until ctx ends.
func (h *horizon) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := h.look(ctx); err != nil && ctx.Err() == nil {
			h.fail(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look makes a mark, and settles those whose writers have ended. The log's end is read before the writers are: a writer
// that begins in between is one too many, the other way round it would be one too few.
func (h *horizon) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	log, err := h.store.ChangeLog(ctx)
	if err != nil {
		return err
	}
	writers, err := h.store.ChangeWriters(ctx)
	if err != nil {
		return err
	}
	if len(h.marks) < mostMarks {
		h.marks = append(h.marks, mark{end: log.End, writers: writers, since: time.Now()})
	}
	done := 0
	for done < len(h.marks) && !slices.ContainsFunc(h.marks[done].writers, func(w string) bool { return slices.Contains(writers, w) }) {
		done++
	}
	// A new mark's own writers run, of course: it is settled at once only where there are none.
	if done > 0 {
		h.settle(h.marks[done-1].end)
		h.marks, h.warned = slices.Delete(h.marks, 0, done), false
	}
	if len(h.marks) > 0 && !h.warned && time.Since(h.marks[0].since) > stalled {
		h.warned = true
		h.log.Warn("changes are not told: transactions that write them have been open for long", "since", h.marks[0].since, "transactions", h.marks[0].writers)
	}
	return nil
}

// settle tells the followers how far the log is settled.
func (h *horizon) settle(end store.ChangePosition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known && h.settled == end && h.err == nil {
		return
	}
	h.known, h.settled, h.err = true, end, nil
	close(h.moved)
	h.moved = make(chan struct{})
}

// fail tells those who wait that the database cannot be asked.
func (h *horizon) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	close(h.moved)
	h.moved = make(chan struct{})
}

// beyond waits until the log is settled beyond a place, and returns up to where. Where that does not come to pass before
// the timer fires, it is the place itself.
func (h *horizon) beyond(ctx context.Context, place store.ChangePosition, timer <-chan time.Time) (store.ChangePosition, error) {
	for {
		h.mu.Lock()
		known, settled, err, moved := h.known, h.settled, h.err, h.moved
		h.mu.Unlock()
		switch {
		case err != nil:
			return 0, err
		case known && settled > place:
			return settled, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-timer:
			return place, nil
		case <-moved:
		}
	}
}

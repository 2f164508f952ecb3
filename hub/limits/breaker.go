package limits

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	// trips is how many calls in a row must fail for the breaker to open.
	trips = 5
	// tellTime bounds the statement that tells the other processes.
	tellTime = 5 * time.Second
)

var (
	errFailing = errors.New("the vendor fails")
	// errElsewhere is no failure: the breaker takes it for nothing.
	errElsewhere = errors.New("the vendor answers elsewhere")
)

// newBreaker makes the breaker of this process. It opens when calls fail in a row, and lets one through at a time once the
// wait is over that all processes share; that one closes it, or opens it again.
func (k *keeper) newBreaker() *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:        k.connection,
		Timeout:     k.Outage,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= trips },
		IsExcluded:  func(err error) bool { return err != nil && !errors.Is(err, errFailing) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.news = append(k.news, to)
			if k.Metrics != nil {
				k.Metrics.open.WithLabelValues(k.connection).Set(map[gobreaker.State]float64{gobreaker.StateOpen: 1, gobreaker.StateHalfOpen: 0.5}[to])
			}
		},
	})
}

// judge tells what a call says of the vendor: nil for well, errFailing, or another error for nothing.
func judge(ctx context.Context, resp *http.Response, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Canceled // given up by us
	case err != nil || resp.StatusCode >= http.StatusInternalServerError && resp.StatusCode != http.StatusNotImplemented:
		return errFailing
	}
	return nil
}

// tell has the other processes know what the breaker does. A statement that fails is no reason to fail the call: what
// was not told is told by the next change.
func (k *keeper) tell(ctx context.Context) {
	k.mu.Lock()
	news := k.news
	k.news = nil
	k.mu.Unlock()
	if len(news) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer cancel()
	var err error
	switch news[len(news)-1] {
	case gobreaker.StateOpen:
		k.Log.Warn("connection left alone: its vendor fails", "connection", k.connection)
		err = k.Store.Break(ctx, k.connection, k.Outage, k.MaxOutage)
	case gobreaker.StateClosed:
		var mended bool
		if mended, err = k.Store.Mend(ctx, k.connection); mended {
			k.Log.Info("connection called again: its vendor is back", "connection", k.connection)
		}
	}
	if err != nil {
		k.Log.Warn("the other processes could not be told of a breaker", "connection", k.connection, "error", err)
	}
}

// well notes that a call succeeded: an outage is over, also one that another process found, which may be no more.
func (k *keeper) well() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.outage {
		k.outage = false
		k.news = append(k.news, gobreaker.StateClosed)
	}
}

func (k *keeper) broken() bool { return k.breaker.State() != gobreaker.StateClosed }

// probe tells how long work is to wait for the breaker; while that tries whether calls succeed again, one piece of work a
// second is let in. The lock is held.
func (k *keeper) probe(now time.Time) time.Duration {
	k.mu.Unlock() // the breaker tells of its changes, which takes the lock
	state := k.breaker.State()
	k.mu.Lock()
	switch {
	case state == gobreaker.StateClosed:
		return 0
	case state == gobreaker.StateHalfOpen && now.Sub(k.probedAt) >= time.Second:
		k.probedAt = now
		return 0
	}
	return time.Second
}

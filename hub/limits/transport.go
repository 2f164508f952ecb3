package limits

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// RoundTrip makes one call when its turn has come. What is not sent fails with Refused.
func (k *keeper) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	began := time.Now()
	if err := k.wait(ctx); err != nil {
		return nil, err
	}
	if k.Metrics != nil {
		k.Metrics.waited.WithLabelValues(k.connection).Observe(time.Since(began).Seconds())
	}
	done, err := k.breaker.Allow()
	if err != nil {
		k.slots.give()
		return nil, k.leftAlone(ctx)
	}
	k.count()
	resp, err := k.next.RoundTrip(r)
	return ending(resp, err, func(failure error) {
		verdict := judge(ctx, resp, failure)
		done(verdict)
		if verdict == nil {
			k.well()
		}
		k.tell(ctx)
		k.slots.give()
	})
}

// beside calls another place of the same vendor.
type beside struct {
	*keeper
	next http.RoundTripper
}

// RoundTrip makes one call, unless the vendor is left alone: then it fails with Refused. A vendor that fails here is away;
// that it answers here says nothing of the rest.
func (b *beside) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	done, err := b.breaker.Allow()
	if err != nil {
		return nil, b.leftAlone(ctx)
	}
	resp, err := b.next.RoundTrip(r)
	return ending(resp, err, func(failure error) {
		verdict := judge(ctx, resp, failure)
		if verdict == nil {
			verdict = errElsewhere
		}
		done(verdict)
		b.tell(ctx)
	})
}

// leftAlone is the error of a call that the breaker does not let through.
func (k *keeper) leftAlone(ctx context.Context) error {
	k.tell(ctx)
	return &Refused{Wait: time.Second, Why: "not sent: the vendor fails, and is left alone for a while"}
}

// ending has end hear of a call's failure, or of its end.
func ending(resp *http.Response, err error, end func(failure error)) (*http.Response, error) {
	if err != nil {
		end(err)
		return nil, err
	}
	resp.Body = &held{ReadCloser: resp.Body, end: end}
	return resp, nil
}

// wait takes a slot and a token: a call is one of the allowed at a time, and of the allowed a second. Half of the call's
// time is left to the vendor: one that was sent too late to be answered would look as if the vendor failed.
func (k *keeper) wait(whole context.Context) error {
	ctx := whole
	if deadline, ends := whole.Deadline(); ends {
		half, cancel := context.WithTimeout(whole, time.Until(deadline)/2)
		defer cancel()
		ctx = half
	}
	if err := k.page(ctx); err != nil {
		return err
	}
	pull := pullOf(ctx)
	if pull != nil {
		k.mu.Lock()
		limiter := k.pull(pull)
		k.mu.Unlock()
		if limiter.Wait(ctx) != nil {
			return k.late(whole)
		}
	}
	if k.slots.take(ctx, pull != nil) != nil {
		return k.late(whole)
	}
	if k.rate.Wait(ctx) != nil {
		k.slots.give()
		return k.late(whole)
	}
	return nil
}

// page waits for a page's turn, where this call is one. It holds up nothing but pulls; what must wait longer waits in the queue.
func (k *keeper) page(ctx context.Context) error {
	begun, is := ctx.Value(pageKey{}).(*atomic.Bool)
	if !is || k.pages == nil || begun.Swap(true) {
		return nil
	}
	turn := k.pages.Reserve()
	wait := turn.Delay()
	if wait > patience {
		turn.Cancel()
		return &Refused{Wait: wait, Why: "not sent: the vendor gives no more pages in this minute"}
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return k.late(ctx)
	}
}

// late is the error of a call whose turn does not come within its time; one that was given up is nobody's to try again.
func (k *keeper) late(ctx context.Context) error {
	if err := ctx.Err(); err == context.Canceled {
		return notSent{err}
	}
	return &Refused{Wait: patience, Why: "not sent: its turn did not come in time; the connection's limit is used up"}
}

func (k *keeper) count() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
}

// notSent says that the vendor never saw the request.
type notSent struct{ error }

// NotSent marks the error for those who judge whether work may have been done.
func (notSent) NotSent() bool { return true }

// Unwrap gives the cause.
func (e notSent) Unwrap() error { return e.error }

// held is an answer's body. When it is closed its call ends, well or, where it broke off, not.
type held struct {
	io.ReadCloser
	failure error
	once    sync.Once
	end     func(failure error)
}

// Read reads on, and notes where that fails.
func (h *held) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		h.failure = err
	}
	return n, err
}

// Close ends the call.
func (h *held) Close() error {
	h.once.Do(func() { h.end(h.failure) })
	return h.ReadCloser.Close()
}

package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// outside stands between the hub and a vendor: it notes the calls, and has things go wrong.
type outside struct {
	next http.Handler

	mu      sync.Mutex
	mishaps mishaps
	calls   []time.Time
	// injected is how many calls went wrong by it.
	injected int
	throttle time.Time // until when all calls are too many
	expired  time.Time // until when nobody is let in
	// turned is closed when other mishaps begin: what hangs by the old ones breaks off.
	turned chan struct{}
	// watch is called with the body of each call.
	watch func([]byte)
}

// mishaps are what goes wrong: shares of the calls.
type mishaps struct {
	// away answers nothing but 503, throttles nothing but 429, and hangs nothing at all.
	away, throttles, hangs bool
	// failures are 500s before the work; lost answers are lost after it, at once or when the hub's patience ends.
	failures, lost float64
}

// before puts one before a vendor in a town's configuration.
func (w *town) before(vendor string) *outside {
	w.t.Helper()
	target, err := url.Parse(vendor)
	if err != nil {
		w.t.Fatal(err)
	}
	o := &outside{next: httputil.NewSingleHostReverseProxy(target), turned: make(chan struct{})}
	server := httptest.NewServer(o)
	w.t.Cleanup(func() { o.turn(mishaps{}); server.Close() })
	w.policy("base_url: "+vendor, "base_url: "+server.URL)
	return o
}

func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	status, lost, turned := o.judge(body)
	switch {
	case status == hanging:
		o.hang(r, turned, time.Hour)
	case status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(status)
	case status != 0:
		w.WriteHeader(status)
	case lost:
		o.next.ServeHTTP(httptest.NewRecorder(), r)
		o.hang(r, turned, time.Duration(rand.IntN(4))*500*time.Millisecond) // the answer is lost, at once or in time
	default:
		o.next.ServeHTTP(w, r)
	}
}

// hanging is no status: nothing is answered.
const hanging = -1

// hang leaves a call without an answer, and breaks it off.
func (o *outside) hang(r *http.Request, turned chan struct{}, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-turned:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler) // the connection breaks
}

// judge decides over a call: the status of a failure, or whether the answer is lost.
func (o *outside) judge(body []byte) (status int, lost bool, turned chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.calls = append(o.calls, now)
	if o.watch != nil {
		o.watch(body)
	}
	dice := rand.Float64()
	switch m := o.mishaps; {
	case m.away:
		status = http.StatusServiceUnavailable
	case m.hangs:
		status = hanging
	case m.throttles:
		status = http.StatusTooManyRequests
	case now.Before(o.expired):
		status = http.StatusUnauthorized
	case now.Before(o.throttle):
		status = http.StatusTooManyRequests
	case dice < m.failures:
		status = http.StatusInternalServerError
	case dice < m.failures+m.lost:
		lost = true
	}
	if status != 0 || lost {
		o.injected++
	}
	return status, lost, o.turned
}

// turn begins anew with other mishaps.
func (o *outside) turn(m mishaps) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mishaps, o.calls, o.injected = m, nil, 0
	close(o.turned)
	o.turned = make(chan struct{})
}

// burst has all calls be too many for a while; expire has nobody let in.
func (o *outside) burst(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.throttle = time.Now().Add(d)
}

func (o *outside) expire(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expired = time.Now().Add(d)
}

// made are the calls since the last turn, in order, and how many of them went wrong.
func (o *outside) made() (calls []time.Time, injected int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls = slices.Clone(o.calls)
	slices.SortFunc(calls, time.Time.Compare)
	return calls, o.injected
}

// densest is the most calls within any span of that length.
func densest(calls []time.Time, span time.Duration) (most int) {
	from := 0
	for to := range calls {
		for calls[to].Sub(calls[from]) > span {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

// post is what carries webhooks from a vendor to the hub: some come twice, and many out of order.
type post struct {
	t      *testing.T
	target string
	ways   sync.WaitGroup

	mu    sync.Mutex
	messy bool
}

// newPost returns a post to the hub, and the address under which the vendor reaches it.
func newPost(t *testing.T, target string) (*post, string) {
	p := &post{t: t, target: target}
	server := httptest.NewServer(p)
	t.Cleanup(func() { server.Close(); p.ways.Wait() })
	return p, server.URL
}

func (p *post) mess(messy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messy = messy
}

func (p *post) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	messy := p.messy
	p.mu.Unlock()
	times, late := 1, time.Duration(0)
	if messy {
		late = rand.N(300 * time.Millisecond)
		if rand.IntN(5) == 0 {
			times = 2
		}
	}
	header := r.Header.Clone()
	for range times {
		p.ways.Go(func() {
			waitFor(late)
			p.carry(header, body)
		})
	}
}

// carry tries until the hub has acknowledged.
func (p *post) carry(header http.Header, body []byte) {
	for p.t.Context().Err() == nil {
		r, err := http.NewRequest(http.MethodPost, p.target, bytes.NewReader(body))
		if err != nil {
			p.t.Error(err)
			return
		}
		r.Header = header.Clone()
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		waitFor(50 * time.Millisecond)
	}
}

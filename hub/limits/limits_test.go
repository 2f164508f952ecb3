package limits_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/store"
)

// world is a vendor and the database of the hub processes that call it.
type world struct {
	t      *testing.T
	db     *store.Store
	vendor *httptest.Server
	// status is what the vendor answers; hold, while set, keeps its answers back.
	status atomic.Int64
	hold   atomic.Pointer[chan struct{}]
	calls  atomic.Int64
	mu     sync.Mutex
	now    int
	most   int
	order  []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	db, err := store.Open(t.Context(), hubtest.Database(t), store.Options{})
	w.must(err)
	t.Cleanup(db.Close)
	w.db = db
	_, err = db.RegisterConnection(t.Context(), "crm", "memory", []byte("x"))
	w.must(err)
	w.status.Store(http.StatusOK)
	w.vendor = httptest.NewServer(w)
	t.Cleanup(w.vendor.Close)
	return w
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.calls.Add(1)
	w.mu.Lock()
	w.now++
	w.most = max(w.most, w.now)
	w.order = append(w.order, r.URL.Path)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.now--
		w.mu.Unlock()
	}()
	if hold := w.hold.Load(); hold != nil {
		<-*hold
	}
	rw.WriteHeader(int(w.status.Load()))
}

// seen is how many calls there were at a time at most, and all in the order in which they came. One that its caller gave up
// may still be under way.
func (w *world) seen() (most int, order []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most, slices.Clone(w.order)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// process is one hub process, as far as its limits go.
type process struct {
	*world
	limits *limits.Limits
	client *http.Client
	hear   func(adapters.Hint)
	end    context.CancelFunc
}

func (w *world) process(id string, allowed adapters.Limits) *process {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	lost, err := w.db.Live(ctx, id)
	w.must(err)
	w.t.Cleanup(cancel)
	p := &process{world: w, limits: limits.New(limits.Options{Store: w.db, Process: id, Log: slog.New(slog.DiscardHandler),
		Outage: 20 * time.Millisecond, MaxOutage: 100 * time.Millisecond}), end: func() { cancel(); <-lost }}
	p.client, p.hear = p.limits.Keep("crm", allowed, &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()})
	return p
}

// beside is its calls for tokens.
func (p *process) beside() *process {
	return &process{world: p.world, client: p.limits.Beside("crm", &http.Client{})}
}

// admit asks as work does that is about to begin.
func (p *process) admit(ctx context.Context) time.Duration {
	p.t.Helper()
	c, err := p.db.Connection(p.t.Context(), "crm")
	p.must(err)
	if c.Wait > 0 {
		return c.Wait
	}
	wait, err := p.limits.Admit(ctx, c)
	p.must(err)
	return wait
}

// admitted waits until work may begin.
func (p *process) admitted(ctx context.Context) {
	p.t.Helper()
	p.until("work may begin", func() bool { return p.admit(ctx) == 0 })
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			w.t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func (p *process) call(ctx context.Context, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.vendor.URL+path, nil)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// busy has a process work with many workers until ctx ends.
func (p *process) busy(ctx context.Context, workers *sync.WaitGroup) {
	for range 10 {
		workers.Go(func() {
			for ctx.Err() == nil {
				c, err := p.db.Connection(ctx, "crm")
				if err != nil {
					continue
				}
				if wait, err := p.limits.Admit(ctx, c); err != nil || wait > 0 {
					select {
					case <-ctx.Done():
					case <-time.After(min(wait, 50*time.Millisecond)):
					}
					continue
				}
				_ = p.call(ctx, "/")
			}
		})
	}
}

func TestProcessesTogetherKeepToRateAndConcurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allowed := adapters.Limits{PerSecond: 40, Concurrency: 3}
	a, b := w.process("a", allowed), w.process("b", allowed)
	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var workers sync.WaitGroup
	a.busy(ctx, &workers)
	w.until("one works", func() bool { return w.calls.Load() > 10 })
	b.busy(ctx, &workers)
	w.until("both have worked for a while", func() bool { return w.calls.Load() >= 40 && time.Since(began) > 5*time.Second })
	cancel()
	workers.Wait()
	// Its burst of a second, and what the second process had before the first one knew of it.
	if calls, most := float64(w.calls.Load()), 40*(time.Since(began).Seconds()+1)+20; calls > most {
		t.Errorf("%v calls in %v; at most %v are allowed", calls, time.Since(began), most)
	}
	if most, _ := w.seen(); most > 3 {
		t.Errorf("%d calls at a time", most)
	}
}

func TestTheShareOfAKilledProcessIsFreed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allowed := adapters.Limits{PerSecond: 1000, Concurrency: 1}
	a, b := w.process("a", allowed), w.process("b", allowed)
	a.admitted(t.Context())
	if wait := b.admit(t.Context()); wait == 0 {
		t.Fatal("a newcomer began at once, beside another process")
	}
	share, err := w.db.Share(t.Context(), "crm", "b", time.Minute)
	w.must(err)
	if share.Of != 2 || share.Rank != 1 {
		t.Errorf("%+v", share)
	}
	a.end()
	b.admitted(t.Context())
	w.must(b.call(t.Context(), "/"))
}

func TestAVendorThatFailsIsLeftAloneByAllProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allowed := adapters.Limits{PerSecond: 1000, Concurrency: 8}
	a, b := w.process("a", allowed), w.process("b", allowed)
	a.admitted(t.Context())
	b.admitted(t.Context())
	w.status.Store(http.StatusBadGateway)
	for range 5 {
		a.admitted(t.Context())
		w.must(a.call(t.Context(), "/"))
	}
	c, err := w.db.Connection(t.Context(), "crm")
	w.must(err)
	if c.Outages != 1 || c.BrokenAt.IsZero() || !a.limits.Broken("crm") {
		t.Fatalf("%+v", c)
	}
	before := w.calls.Load()
	// Work that comes again and again while the vendor is away: each process tries now and then, one call at a time.
	for tries := 0; tries < 6; {
		for _, p := range []*process{a, b} {
			if p.admit(t.Context()) == 0 && p.call(t.Context(), "/") == nil {
				tries++
			}
		}
	}
	if c, err = w.db.Connection(t.Context(), "crm"); err != nil || c.Outages < 2 || w.calls.Load()-before > 7 {
		t.Errorf("%+v after %d more calls, %v", c, w.calls.Load()-before, err)
	}
	w.status.Store(http.StatusOK)
	w.until("it is called again", func() bool {
		return a.admit(t.Context()) == 0 && a.call(t.Context(), "/") == nil && !a.limits.Broken("crm")
	})
	if c, err = w.db.Connection(t.Context(), "crm"); err != nil || c.Outages != 0 || c.Wait != 0 || c.Pace > 0.5 {
		t.Errorf("%+v, %v; want it mended, and slow at first", c, err)
	}
	w.until("it is called as before", func() bool {
		c, err := w.db.Connection(t.Context(), "crm")
		return err == nil && c.Pace == 1
	})
}

// Who gives no tokens is away as who answers no calls is. That tokens are given again is no word of the calls.
func TestWhereTokensAreHadIsPartOfAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 1, PerDay: 1000})
	p.admitted(t.Context())
	tokens := p.beside()
	w.status.Store(http.StatusServiceUnavailable)
	for range 5 {
		w.must(tokens.call(t.Context(), "/token"))
	}
	if c, err := w.db.Connection(t.Context(), "crm"); err != nil || c.Outages != 1 || !p.limits.Broken("crm") {
		t.Fatalf("%+v, %v", c, err)
	}
	w.status.Store(http.StatusOK)
	p.admitted(t.Context())
	w.must(tokens.call(t.Context(), "/token"))
	if !p.limits.Broken("crm") {
		t.Error("the outage is over since there is a token")
	}
	w.must(p.call(t.Context(), "/"))
	if c, err := w.db.Connection(t.Context(), "crm"); err != nil || c.Outages != 0 || p.limits.Broken("crm") {
		t.Errorf("%+v, %v", c, err)
	}
	w.until("a call is counted", func() bool {
		p.admit(t.Context())
		today, err := w.db.CountCalls(t.Context(), "crm", 0)
		return err == nil && today == 1
	})
}

func TestNobodyIsCalledOrAskedForTokensInAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 8})
	p.limits = limits.New(limits.Options{Store: w.db, Process: "a", Log: slog.New(slog.DiscardHandler), Outage: time.Minute})
	p.client, p.hear = p.limits.Keep("crm", adapters.Limits{PerSecond: 1000, Concurrency: 8}, &http.Client{})
	tokens := p.beside()
	w.status.Store(http.StatusBadGateway)
	for range 5 {
		w.must(p.call(t.Context(), "/"))
	}
	for name, one := range map[string]*process{"a token": tokens, "a call": p} {
		var refused *limits.Refused
		if err := one.call(t.Context(), "/"); !errors.As(err, &refused) || !refused.NotSent() {
			t.Errorf("%s is asked for all the same: %v", name, err)
		}
	}
}

// What a process found that is no more is ended by the others.
func TestAnOutageEndsThoughItsFinderIsNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.db.Break(t.Context(), "crm", time.Millisecond, time.Second))
	b := w.process("b", adapters.Limits{PerSecond: 1000, Concurrency: 8})
	b.admitted(t.Context())
	w.must(b.call(t.Context(), "/"))
	if c, err := w.db.Connection(t.Context(), "crm"); err != nil || c.Outages != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestRefusalsAndGivenUpCallsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 8})
	p.admitted(t.Context())
	for _, status := range []int{400, 401, 404, 409, 429, 501} {
		w.status.Store(int64(status))
		for range 6 {
			w.must(p.call(t.Context(), "/"))
		}
	}
	hold := make(chan struct{})
	w.hold.Store(&hold)
	for range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		before := w.calls.Load()
		ended := make(chan error, 1)
		go func() { ended <- p.call(ctx, "/") }()
		w.until("it is under way", func() bool { return w.calls.Load() > before })
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	close(hold)
	if p.limits.Broken("crm") {
		t.Error("the breaker is open")
	}
}

// A call that waited so long that the vendor would have no time to answer is not sent: its failure would be ours.
func TestACallThatComesTooLateIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 1})
	p.admitted(t.Context())
	hold := make(chan struct{})
	w.hold.Store(&hold)
	first := make(chan error, 1)
	go func() { first <- p.call(t.Context(), "/") }()
	w.until("one is under way", func() bool { return w.calls.Load() == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	var refused *limits.Refused
	if err := p.call(ctx, "/"); !errors.As(err, &refused) || ctx.Err() != nil {
		t.Errorf("%v, and its time is over: %v", err, ctx.Err())
	}
	close(hold)
	w.must(<-first)
}

// An answer that begins and does not end is none.
func TestAVendorWhoseAnswersBreakOffIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "100")
		_, _ = rw.Write([]byte("{"))
	}))
	t.Cleanup(broken.Close)
	w.vendor = broken
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 8})
	p.admitted(t.Context())
	for range 5 {
		if err := p.call(t.Context(), "/"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	if !p.limits.Broken("crm") {
		t.Error("it is called on")
	}
}

// Two processes that come back after a while at the same time find each other's old entry.
func TestAProcessThatComesBackIsNotForgottenMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"a", "b"} {
		lost, err := w.db.Live(t.Context(), id)
		w.must(err)
		t.Cleanup(func() { <-lost })
	}
	_, err := w.db.Share(t.Context(), "crm", "b", time.Microsecond)
	w.must(err)
	back, err := w.db.Pool().Begin(t.Context())
	w.must(err)
	_, err = back.Exec(t.Context(), `update connection_shares set expires_at = now() + interval '1 minute' where process = 'b'`)
	w.must(err)
	within, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := w.db.Share(within, "crm", "a", time.Minute); err != nil {
		t.Errorf("it waits for the other: %v", err)
	}
	w.must(back.Commit(t.Context()))
	if share, err := w.db.Share(t.Context(), "crm", "a", time.Minute); err != nil || share.Of != 2 {
		t.Errorf("%+v, %v; the one that came back is forgotten", share, err)
	}
}

func TestLiveCallsGoBeforeThoseOfPulls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 1})
	p.admitted(t.Context())
	hold := make(chan struct{})
	w.hold.Store(&hold)
	var calls sync.WaitGroup
	start := func(ctx context.Context, path string) {
		calls.Go(func() {
			if err := p.call(ctx, path); err != nil {
				t.Error(err)
			}
		})
	}
	start(t.Context(), "/first")
	w.until("one is under way", func() bool { return w.calls.Load() == 1 })
	pull := limits.AsPull(t.Context(), "customer", 1)
	for range 3 {
		start(pull, "/pull")
	}
	gone, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.call(gone, "/never") }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range 3 {
		start(t.Context(), "/live")
	}
	w.until("all wait", func() bool { return p.limits.Waiting("crm") == 6 })
	close(hold)
	calls.Wait()
	want := []string{"/first", "/live", "/live", "/live", "/pull", "/pull", "/pull"}
	if _, order := w.seen(); !slices.Equal(order, want) {
		t.Fatalf("%v, want %v", order, want)
	}
}

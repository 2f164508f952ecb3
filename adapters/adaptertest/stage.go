package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// patience is how long anything may take that should be done at once.
const patience = 20 * time.Second

// recordID is a record of ours that no test's sandbox knows before the test tells it.
func recordID(kind adapters.Kind) string { return string(kind) + "_01h455vb4pex5vsknk084sn02q" }

// settings are those of a connection, with secrets that can be told apart. A nil clock stands still.
func (s Suite) settings(now func() time.Time) adapters.Settings {
	if now == nil {
		now = func() time.Time { return still }
	}
	out := adapters.Settings{
		Connection: "conformance", BaseURL: "http://127.0.0.1:9", PublicURL: "https://hooks.example.com/webhooks/conformance?tenant=a%2Fb",
		Credentials:    map[string]adapters.Secret{},
		WebhookSecrets: []adapters.Secret{adapters.NewSecret("webhook-secret-one-7d3f"), adapters.NewSecret("webhook-secret-two-9b1e")},
		Options:        s.Options,
		Now:            now,
	}
	for _, name := range s.Factory.Credentials {
		text, ok := s.Credentials[name]
		if !ok {
			text = "credential-" + name + "-5c2a"
		}
		out.Credentials[name] = adapters.NewSecret(text)
	}
	return out
}

// still is the time of checks that need no sandbox.
var still = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// unconnected opens the adapter where nobody answers, unless the settings say otherwise.
func (s Suite) unconnected(t testing.TB, settings adapters.Settings) *adapters.Adapter {
	t.Helper()
	if settings.HTTP == nil {
		settings.HTTP = httpapi.NewHTTPClient(httpapi.Options{BaseURL: settings.BaseURL})
	}
	a, err := s.Factory.Open(settings)
	if err != nil || a == nil {
		t.Fatalf("open the adapter: %v", err)
	}
	return a
}

// stage is a sandbox with an adapter connected to it.
type stage struct {
	*adapters.Adapter
	*Fixture
	settings adapters.Settings
	calls    *calls
	inbox    *inbox
	clock    *clock
}

// clock is the real one, and can be put forward: sandbox, adapter and door follow it.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) forward(by time.Duration) { c.ahead.Add(int64(by)) }

// stage starts a sandbox and connects the adapter.
func (s Suite) stage(t testing.TB) *stage {
	t.Helper()
	watch := &clock{}
	in := &inbox{now: watch.now, refused: make(chan struct{})}
	receiver := httptest.NewServer(in)
	t.Cleanup(receiver.Close)
	settings := s.settings(watch.now)
	settings.BaseURL, settings.PublicURL = "", receiver.URL+"/webhooks/conformance"
	f := s.Start(t, settings)
	if f == nil || f.BaseURL == "" && !s.Factory.NoBaseURL || f.Seed == nil || f.Edit == nil || f.Delete == nil || f.Count == nil || f.Sample == nil || f.Inject == nil {
		t.Fatal("the Fixture lacks a required field; its comments say which are")
	}
	settings.BaseURL = f.BaseURL
	if f.Options != nil {
		settings.Options = f.Options
	}
	settings.HTTP = httpapi.NewHTTPClient(httpapi.Options{BaseURL: f.BaseURL})
	t.Cleanup(settings.HTTP.CloseIdleConnections)
	out := &calls{next: settings.HTTP.Transport}
	settings.HTTP.Transport = out
	return &stage{Adapter: s.unconnected(t, settings), Fixture: f, settings: settings, calls: out, inbox: in, clock: watch}
}

// inject makes the next call go wrong. On a kept connection, net/http would send a read whose connection breaks again.
func (s *stage) inject(f Fault) {
	s.settings.HTTP.CloseIdleConnections()
	s.Inject(f)
}

// settle waits for the webhooks so far and takes them out.
func (s *stage) settle(t testing.TB) []adapters.Delivery {
	t.Helper()
	if s.Settled == nil {
		t.Fatal("the Fixture lacks Settled, which an adapter with a Webhook needs")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Settled(ctx); err != nil {
		t.Fatalf("the sandbox's webhooks: %v", err)
	}
	return s.inbox.take()
}

// calls counts what the adapter sends, and keeps the addresses.
type calls struct {
	next http.RoundTripper
	mu   sync.Mutex
	urls []string
	// then is called once a number of calls from now on were answered.
	then  func()
	after int
	// instead is what one of the next calls is answered, the one that has this number from now on.
	instead []byte
	number  int
	// failed says that a call has failed since failing, and further counts those after it.
	failed  bool
	further int
}

// failing begins to look out for the first call that fails.
func (c *calls) failing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed, c.further = false, 0
}

// afterFailure is how many calls were made after the first that failed since then; false where none failed.
func (c *calls) afterFailure() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.further, c.failed
}

// answering has one of the next calls answered 200 with a body that is not the vendor's, which does not see it.
func (c *calls) answering(number int, body string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number, c.instead = number, []byte(body)
}

// strange is the answer to a call that is not to reach the vendor; nil for the others.
func (c *calls) strange(r *http.Request) *http.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.urls = append(c.urls, r.URL.String())
	if c.number--; c.number != 0 {
		return nil
	}
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = answer.Write(c.instead)
	out := answer.Result()
	out.Request = r
	return out
}

// following has something done once a number of calls from now on were answered.
func (c *calls) following(after int, then func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after, c.then = after, then
}

// RoundTrip makes the call.
func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	if answer := c.strange(r); answer != nil {
		return answer, nil
	}
	answer, err := c.next.RoundTrip(r)
	c.mu.Lock()
	if c.failed {
		c.further++
	}
	c.failed = c.failed || err != nil || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500
	then := c.then
	if c.after--; c.after == 0 {
		c.then = nil
	} else {
		then = nil
	}
	c.mu.Unlock()
	if then != nil {
		then()
	}
	return answer, err
}

// CloseIdleConnections passes http.Client's wish on.
func (c *calls) CloseIdleConnections() {
	if next, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

func (c *calls) made() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.urls)
}

// inbox receives webhooks as the hub's door does: the raw body, and an answer at once.
type inbox struct {
	now     func() time.Time
	mu      sync.Mutex
	refuse  bool
	refused chan struct{} // closed with the first refusal
	turned  []adapters.Delivery
	taken   []adapters.Delivery
}

// ServeHTTP takes a webhook, or turns it away.
func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d := adapters.Delivery{Method: r.Method, Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: bytes.Clone(body), ReceivedAt: i.now()}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse {
		if i.turned = append(i.turned, d); len(i.turned) == 1 {
			close(i.refused)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	i.taken = append(i.taken, d)
}

func (i *inbox) setRefuse(refuse bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuse = refuse
}

func (i *inbox) take() []adapters.Delivery {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := i.taken
	i.taken = nil
	return out
}

func (i *inbox) turnedAway() []adapters.Delivery {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.turned)
}

// within is the context of one attempt.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// mustFetch reads an object that is there.
func (s *stage) mustFetch(t testing.TB, o adapters.Object) adapters.Observation {
	t.Helper()
	out, err := s.Fetcher.Fetch(within(t), o)
	if err != nil {
		t.Fatalf("fetch %s %s: %v", o.Kind, o.ExternalID, err)
	}
	if out.Gone || out.Message == nil {
		t.Fatalf("fetch %s %s: it is gone, or has no message", o.Kind, o.ExternalID)
	}
	return out
}

// mustPrepare freezes a patch that the vendor can express.
func (s *stage) mustPrepare(t testing.TB, p adapters.Patch) adapters.Request {
	t.Helper()
	r, err := s.Pusher.Prepare(p)
	if err != nil {
		t.Fatalf("prepare %v: %v", p.Paths, err)
	}
	return r
}

// mustPush prepares and pushes.
func (s *stage) mustPush(t testing.TB, p adapters.Patch) adapters.Ack {
	t.Helper()
	ack, err := s.Pusher.Push(within(t), s.mustPrepare(t, p))
	if err != nil {
		t.Fatalf("push %v: %v", p.Paths, err)
	}
	return ack
}

// faultIn is the fault that every failure of an adapter is.
func faultIn(t testing.TB, what string, err error) *fault.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: it did not fail", what)
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("%s: %v is no *fault.Error", what, err)
	}
	if f.Op == "" {
		t.Errorf("%s: %v does not say what was being done (Op)", what, err)
	}
	return f
}

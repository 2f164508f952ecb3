package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

const apiKey = "sk_live_4242"

// serve starts a vendor and a client of it.
func serve(t *testing.T, handle http.HandlerFunc) *httpapi.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return client(server.URL, 0)
}

func client(base string, timeout time.Duration) *httpapi.Client {
	h := httpapi.NewHTTPClient(httpapi.Options{BaseURL: base, Timeout: timeout})
	s := adapters.Settings{BaseURL: base, HTTP: h, Credentials: map[string]adapters.Secret{"key": adapters.NewSecret(apiKey)}}
	return httpapi.New(s, httpapi.Vendor{Authorize: httpapi.Bearer(s, "key")})
}

// post is a write that carries all that must never show in an error.
func post() httpapi.Request {
	return httpapi.Request{Method: http.MethodPost, Path: "/v1/customers", Query: url.Values{"email": {"ada@example.com"}},
		Body: []byte("name=Ada+Lovelace"), ContentType: "application/x-www-form-urlencoded", Key: "key-1"}
}

func faultOf(t *testing.T, err error) *fault.Error {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a *fault.Error", err)
	}
	for _, leak := range []string{apiKey, "ada", "Ada", "email"} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", f, f, f.Err), leak) {
			t.Errorf("the error tells %q: %v", leak, f)
		}
	}
	return f
}

func TestACallSendsExactlyWhatItIsGiven(t *testing.T) {
	t.Parallel()
	var got http.Header
	var line, body string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		read, _ := io.ReadAll(r.Body)
		got, line, body = r.Header, r.Method+" "+r.RequestURI, string(read)
		w.Header().Set("Date", "Mon, 02 Nov 2026 09:00:00 GMT")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"cus_1"}`)
	})
	r := post()
	r.Path, r.Header = "/v1/customers/a%2Fb", http.Header{"stripe-version": {"2026-03-25.dahlia"}}
	answer, err := c.Do(context.Background(), "update customer", r)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Idempotency-Key": "key-1", "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
		"Authorization": "Bearer " + apiKey, "Stripe-Version": "2026-03-25.dahlia", "User-Agent": "canonhub",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
	if want := "POST /v1/customers/a%2Fb?email=ada%40example.com"; line != want || body != "name=Ada+Lovelace" {
		t.Errorf("sent %q with %q, want %q", line, body, want)
	}
	want := httpapi.Response{Status: 201, Body: []byte(`{"id":"cus_1"}`), Date: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, httpapi.Response{Status: answer.Status, Body: answer.Body, Date: answer.Date}); diff != "" {
		t.Error(diff)
	}
}

func TestEveryStatusIsAnAnswer(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 204, 304, 400, 401, 404, 409, 429, 500, 503} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if answer, err := c.Do(context.Background(), "op", post()); err != nil || answer.Status != status {
			t.Errorf("%d came as %d, %v", status, answer.Status, err)
		}
	}
}

func TestAWriteThatFoundNoConnectionWasNotDone(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	_, err = client("http://"+listener.Addr().String(), 0).Do(context.Background(), "create customer", post())
	f := faultOf(t, err)
	if f.Category != fault.Transient || f.MaybeDone || !strings.Contains(f.Error(), "refused") {
		t.Errorf("got %+v", f)
	}
}

func TestALostAnswerLeavesAWriteInDoubtAndAReadNot(t *testing.T) {
	t.Parallel()
	c := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for method, want := range map[string]bool{"GET": false, "HEAD": false, "POST": true, "PUT": true, "PATCH": true, "DELETE": true} {
		r := post()
		r.Method = method
		_, err := c.Do(context.Background(), "op", r)
		if f := faultOf(t, err); f.Category != fault.Transient || f.MaybeDone != want {
			t.Errorf("%s: %+v, want MaybeDone %v", method, f, want)
		}
	}
}

// net/http sends requests that it takes for idempotent again when a kept connection breaks.
func TestAWriteOnABrokenKeptConnectionIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	})
	if _, err := c.Do(context.Background(), "op", post()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Do(context.Background(), "op", post())
	if f := faultOf(t, err); !f.MaybeDone || calls.Load() != 2 {
		t.Errorf("after %d calls: %+v", calls.Load(), f)
	}
}

func TestATimeOutIsTransientAndInDoubt(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		<-released
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(released) })
	for _, path := range []string{"/headers", "/body"} {
		r := post()
		r.Path = path
		_, err := client(server.URL, time.Second).Do(context.Background(), "op", r)
		f := faultOf(t, err)
		if f.Category != fault.Transient || !f.MaybeDone || !errors.Is(f, context.DeadlineExceeded) {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

// The vendor may take its time to send; it may not take it to begin.
func TestAVendorThatDoesNotBeginToAnswerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(released) })
	h := httpapi.NewHTTPClient(httpapi.Options{BaseURL: server.URL, Timeout: time.Hour, HeaderTimeout: 30 * time.Millisecond})
	_, err := httpapi.New(adapters.Settings{BaseURL: server.URL, HTTP: h}, httpapi.Vendor{}).Do(context.Background(), "op", post())
	if f := faultOf(t, err); f.Category != fault.Transient || !f.MaybeDone || !strings.Contains(f.Error(), "in time") {
		t.Errorf("got %+v", f)
	}
}

// A connection that does not come about has carried nothing: whoever accepts and is silent, or does not even accept, has not
// done what it was asked for.
func TestAConnectionThatDoesNotComeAboutIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts by itself, and nobody reads what it is told
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for name, o := range map[string]httpapi.Options{
		"no handshake":  {BaseURL: "https://" + silent.Addr().String(), TLSTimeout: 30 * time.Millisecond},
		"no connection": {BaseURL: "http://" + silent.Addr().String(), DialTimeout: time.Nanosecond}, // too short for any
	} {
		o.Timeout = 20 * time.Second
		begun := time.Now()
		_, err := httpapi.New(adapters.Settings{BaseURL: o.BaseURL, HTTP: httpapi.NewHTTPClient(o)}, httpapi.Vendor{}).Do(context.Background(), "op", post())
		f := faultOf(t, err)
		if f.Category != fault.Transient || f.MaybeDone || !strings.Contains(f.Error(), "in time") || time.Since(begun) > 4*time.Second {
			t.Errorf("%s: after %v: %+v", name, time.Since(begun), f)
		}
	}
}

// One that trickles is cut off by the budget of the whole call.
func TestAVendorThatTricklesIsCutOff(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-r.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
				_, _ = w.Write([]byte("x"))
				w.(http.Flusher).Flush()
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stop) })
	_, err := client(server.URL, 100*time.Millisecond).Do(context.Background(), "op", post())
	if f := faultOf(t, err); f.Category != fault.Transient || !f.MaybeDone || !errors.Is(f, context.DeadlineExceeded) {
		t.Errorf("got %+v", f)
	}
}

func TestAConnectionIsKeptForTheNextCall(t *testing.T) {
	t.Parallel()
	from := map[string]bool{}
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { from[r.RemoteAddr] = true })
	for range 5 {
		if _, err := c.Do(context.Background(), "op", post()); err != nil {
			t.Fatal(err)
		}
	}
	if len(from) != 1 {
		t.Errorf("5 calls came over %d connections", len(from))
	}
}

func TestACancelledCallReturnsAtOnce(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees a client leave once the body is read
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := c.Do(ctx, "op", post())
	if f := faultOf(t, err); f.Category != fault.Transient || !f.MaybeDone || !errors.Is(f, context.Canceled) {
		t.Errorf("got %+v", f)
	}
	_, err = c.Do(ctx, "op", post())
	if f := faultOf(t, err); f.MaybeDone || !errors.Is(f, context.Canceled) {
		t.Errorf("cancelled before it began: %+v", f)
	}
}

func TestAnAnswerOverTheBoundIsPermanent(t *testing.T) {
	t.Parallel()
	huge := make([]byte, 9<<20)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(huge)
	z.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/packed" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
			return
		}
		_, _ = w.Write(huge)
	})
	for _, path := range []string{"/plain", "/packed"} {
		r := post()
		r.Path = path
		_, err := c.Do(context.Background(), "op", r)
		if f := faultOf(t, err); f.Category != fault.Permanent || !f.MaybeDone {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

// What an intermediary or a broken vendor sends back may quote the request.
func TestABrokenAnswerIsNotQuoted(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"status line": "HTTP/1.1 ada@example.com sk_live_4242\r\n\r\n",
		"no HTTP":     "you said email=ada@example.com\r\n\r\n",
		"header":      "HTTP/1.1 200 OK\r\nsk_live_4242 ada\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: ada\r\n\r\n",
		"location":    "HTTP/1.1 302 Found\r\nLocation: http://%zzada?email=x\r\nContent-Length: 0\r\n\r\n",
		"chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nada\r\nemail",
		"cut short":   "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nada",
		"encoding":    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nada",
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, raw)
			conn.Close()
		})
		r := post()
		if name == "location" {
			r.Method = http.MethodGet // a write's redirect is an answer
		}
		_, err := c.Do(context.Background(), "op", r)
		if f := faultOf(t, err); f.Category != fault.Transient || f.MaybeDone != (name != "location") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestARequestThatCannotBeMadeIsPermanent(t *testing.T) {
	t.Parallel()
	c := client("http://127.0.0.1:1", 0)
	for _, r := range []httpapi.Request{{Method: "GET", Path: "/%zzada"}, {Method: "G T", Path: "/"}} {
		_, err := c.Do(context.Background(), "op", r)
		if f := faultOf(t, err); f.Category != fault.Permanent || f.MaybeDone {
			t.Errorf("got %+v", f)
		}
	}
}

type full struct{}

func (full) Error() string { return "the connection's limit is reached" }
func (full) NotSent() bool { return true }

func (full) RoundTrip(*http.Request) (*http.Response, error) { return nil, full{} }

type silent struct{}

func (silent) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("ada") }

func TestWhoeverHoldsARequestBackSaysSoAndSilenceIsDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		transport http.RoundTripper
		maybe     bool
	}{{full{}, false}, {silent{}, true}} {
		api := httpapi.New(adapters.Settings{BaseURL: "http://127.0.0.1:1", HTTP: &http.Client{Transport: c.transport}}, httpapi.Vendor{})
		_, err := api.Do(context.Background(), "op", post())
		if f := faultOf(t, err); f.MaybeDone != c.maybe {
			t.Errorf("%T: %+v", c.transport, f)
		}
	}
}

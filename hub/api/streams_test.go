package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
)

// lines is a REST stream.
type lines struct {
	t        *testing.T
	response *http.Response
	scan     *bufio.Scanner
}

// stream asks REST for one.
func (w *world) stream(t *testing.T, path string) *lines {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.rest+path, nil)
	must(t, err)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = tcp.SetReadBuffer(4096) // what is not read stays with the hub
		}
		return conn, err
	}}}
	response, err := client.Do(r)
	must(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return &lines{t: t, response: response, scan: bufio.NewScanner(response.Body)}
}

// next is the next line; nil where the stream has ended.
func (l *lines) next() map[string]any {
	l.t.Helper()
	if !l.scan.Scan() {
		must(l.t, l.scan.Err())
		return nil
	}
	var line map[string]any
	if err := json.Unmarshal(l.scan.Bytes(), &line); err != nil {
		l.t.Fatalf("a line is no JSON: %v: %s", err, l.scan.Text())
	}
	return line
}

func TestTheFeedOverRESTIsAMessageALine(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	l := w.stream(t, "/v1/changes:watch?kinds=customer&kinds=order&snapshot=true&heartbeat=1s")
	if got := l.response.Header.Get("Content-Type"); l.response.StatusCode != 200 || got != "application/x-ndjson" || l.response.Header.Get("X-Correlation-Id") == "" {
		t.Errorf("the answer begins with %d, %s", l.response.StatusCode, got)
	}
	first := l.next()
	record := first["snapshot"].(map[string]any)["customer"].(map[string]any)["customer"].(map[string]any)
	if record["email"] != "ada@example.com" || first["token"] == "" || first["result"] != nil {
		t.Errorf("the first line: %v", first)
	}
	if end := l.next(); end["snapshotEnd"].(map[string]any)["records"] != "1" {
		t.Errorf("the second line: %v", end)
	}
	if beat := l.next(); beat["heartbeat"] == nil {
		t.Errorf("the third line: %v", beat)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111111")))
	for {
		line := l.next()
		if change, ok := line["change"].(map[string]any); ok {
			if change["revision"] != "2" || change["paths"].([]any)[0] != "phone" {
				t.Errorf("the change: %v", line)
			}
			break
		}
	}
	for path, reason := range map[string]string{"?resumeToken=x": "INVALID_RESUME_TOKEN", "?kinds=x": "INVALID_REQUEST", "?heartbeat=0.5s": "INVALID_REQUEST"} {
		failed := w.stream(t, "/v1/changes:watch"+path)
		line := failed.next()
		if text, _ := json.Marshal(line["error"]); failed.response.StatusCode != 400 || !strings.Contains(string(text), reason) {
			t.Errorf("%s: %d %v", path, failed.response.StatusCode, line)
		}
	}
	if a := w.get("/v1/changes:watch?kind=x"); a.code != 400 || a.reason() != "INVALID_REQUEST" {
		t.Errorf("a parameter that is none: %d %s", a.code, a.text)
	}
}

// narrowListener has connections that take little which is not read, and that tell when writing to one is held up.
type narrowListener struct {
	net.Listener
	since atomic.Int64 // when the write began that goes on
}

func (l *narrowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = tcp.SetWriteBuffer(4096)
	}
	return narrowConn{conn, l}, err
}

func (l *narrowListener) heldUp() bool {
	since := l.since.Load()
	return since != 0 && time.Since(time.Unix(0, since)) > 300*time.Millisecond
}

type narrowConn struct {
	net.Conn
	of *narrowListener
}

func (c narrowConn) Write(p []byte) (int, error) {
	c.of.since.Store(time.Now().UnixNano())
	defer c.of.since.Store(0)
	return c.Conn.Write(p)
}

// Streams end at once when the process is to end: those that have nothing to tell, and those whose reader does not read.
func TestStreamsEndWithTheProcess(t *testing.T) {
	t.Parallel()
	w := setup(t)
	web := &http.Server{Handler: w.doors.HTTP()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	narrow := &narrowListener{Listener: listener}
	go func() { _ = web.Serve(narrow) }()
	t.Cleanup(func() { _ = web.Close() })
	w.rest = "http://" + listener.Addr().String()
	token := w.token()
	l := newLoad(w, t, 20, 4000)
	l.start()
	l.done.Wait()
	newest := w.tokenBehind(token)
	still, stuck := w.watch(t.Context(), &hubv1.WatchRequest{ResumeToken: newest}), w.watch(t.Context(), &hubv1.WatchRequest{ResumeToken: token})
	for _, stream := range []hubv1.ChangeService_WatchClient{still, stuck} {
		_, err := stream.Recv()
		must(t, err)
	}
	stillREST, stuckREST := w.stream(t, "/v1/changes:watch?resumeToken="+newest), w.stream(t, "/v1/changes:watch?resumeToken="+token)
	stillREST.next()
	stuckREST.next()
	w.Until("a reader holds up its stream", narrow.heldUp)

	began := time.Now()
	w.doors.Drain()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("the HTTP server ended after %v: %v", time.Since(began), err)
	}
	if err := ends(still); status.Code(err) != codes.Unavailable || info(err).GetReason() != "SHUTTING_DOWN" {
		t.Errorf("a feed ends with %v", err)
	}
	var last map[string]any
	for line := stillREST.next(); line != nil; line = stillREST.next() {
		last = line
	}
	if text, _ := json.Marshal(last["error"]); !strings.Contains(string(text), "SHUTTING_DOWN") {
		t.Errorf("over REST it ends with %v", last)
	}
	if err := ends(w.watch(t.Context(), &hubv1.WatchRequest{})); status.Code(err) != codes.Unavailable {
		t.Errorf("a new feed: %v", err)
	}
}

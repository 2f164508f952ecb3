package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

func TestAReadFollowsRedirectsWithinItsHostOnly(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the call went elsewhere") }))
	t.Cleanup(elsewhere.Close)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/old":
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/away":
			http.Redirect(w, r, elsewhere.URL+"/?email=ada", http.StatusFound)
		}
	})
	get := func(path string) (httpapi.Response, error) {
		return c.Do(context.Background(), "read customer", httpapi.Request{Method: http.MethodGet, Path: path})
	}
	if answer, err := get("/old"); err != nil || answer.Status != http.StatusOK {
		t.Errorf("within the host: %d, %v", answer.Status, err)
	}
	for path, want := range map[string]string{"/away": "set base_url", "/circle": "in circles"} {
		_, err := get(path)
		if f := faultOf(t, err); f.Category != fault.Permanent || !strings.Contains(f.Error(), want) {
			t.Errorf("%s: %v", path, f)
		}
	}
}

// net/http would turn the write into a read, whose success looks like the write's.
func TestAWriteIsNotRedirected(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		calls := 0
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		answer, err := c.Do(context.Background(), "op", post())
		if err != nil || answer.Status != status || calls != 1 {
			t.Errorf("%d: %d after %d calls, %v", status, answer.Status, calls, err)
		}
	}
}

func TestAPublicBaseURLNeverLeadsIntoTheHouse(t *testing.T) {
	t.Parallel()
	h := httpapi.NewHTTPClient(httpapi.Options{BaseURL: "https://api.example.com"})
	for _, host := range []string{
		"127.0.0.1", "127.8.8.8", "localhost", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
		"192.0.0.8", "198.18.0.1", "240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fd00::1]", "[fe80::1]", "[fec0::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]",
		"[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[2002:a00:1::1]",
		"192.88.99.1", "[::ffff:0:127.0.0.1]", "[::ffff:0:10.0.0.1]", "[::ffff:0:a9fe:a9fe]", "[3fff::1]", "[3fff:fff:ffff::1]", "[5f00::1]",
	} {
		c := httpapi.New(adapters.Settings{BaseURL: "http://" + host + ":9", HTTP: h}, httpapi.Vendor{})
		_, err := c.Do(context.Background(), "op", post())
		f := faultOf(t, err)
		if f.Category != fault.Permanent || f.MaybeDone || !strings.Contains(f.Error(), "private address") {
			t.Errorf("%s: %v", host, f)
		}
	}
}

// What is next to those ranges, and what they embed of it, is the internet's.
func TestPublicAddressesAreNotRefused(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"8.8.8.8", "192.88.98.1", "192.88.100.1", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8",
		"64:ff9b::8.8.8.8", "2002:808:808::1", "3ffe:ffff::1", "3fff:1000::1", "5eff::1", "5f01::1"} {
		if httpapi.Private(netip.MustParseAddr(ip)) {
			t.Errorf("%s is taken for an address of the house", ip)
		}
	}
}

func TestTheLogHasOneLineACallWithoutQueryHeadersAndBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }))
	t.Cleanup(server.Close)
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := httpapi.NewHTTPClient(httpapi.Options{BaseURL: server.URL, Log: log})
	c := httpapi.New(adapters.Settings{BaseURL: server.URL, HTTP: h}, httpapi.Vendor{Authorize: httpapi.Bearer(adapters.Settings{Credentials: map[string]adapters.Secret{"key": adapters.NewSecret(apiKey)}}, "key")})
	ctx := httpapi.WithTrace(context.Background(), httpapi.Trace{CorrelationID: "c_1"})
	if _, err := c.Do(ctx, "op", post()); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one line: %v\n%s", err, out.String())
	}
	for key, want := range map[string]any{"level": "DEBUG", "method": "POST", "path": "/v1/customers", "status": 418.0, "correlation_id": "c_1"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	for _, leak := range []string{apiKey, "ada", "Ada", "key-1"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the log tells %q: %s", leak, out.String())
		}
	}
}

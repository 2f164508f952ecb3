package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
)

const (
	token  = "a token"
	secret = "a secret"
	base   = "/crm/objects/2026-03/contacts"
)

type bundle struct {
	*sandbox.Server
	api *httptest.Server
}

func setup(t *testing.T, change ...func(*sandbox.Options)) *bundle {
	t.Helper()
	o := sandbox.Options{AccessToken: token, ClientSecret: secret, PortalID: 62515}
	for _, f := range change {
		f(&o)
	}
	b := &bundle{Server: sandbox.New(o)}
	b.api = httptest.NewServer(b)
	t.Cleanup(b.api.Close)
	t.Cleanup(b.Close)
	return b
}

// call makes an API call and reads the answer as JSON.
func (b *bundle) call(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	resp, err := b.do(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if len(raw) > 0 && json.Unmarshal(raw, &answer) != nil {
		t.Fatalf("%s %s: %s", method, path, raw)
	}
	return resp.StatusCode, answer
}

func (b *bundle) do(ctx context.Context, method, path, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, b.api.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return b.api.Client().Do(r)
}

func (b *bundle) user(t *testing.T, values map[string]string) string {
	t.Helper()
	id, err := b.Create(values)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(t *testing.T, b *bundle) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, b.Settled(ctx))
}

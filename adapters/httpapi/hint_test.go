package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// connected is a client of a vendor that answers with a status.
func connected(t *testing.T, status int, s adapters.Settings, v httpapi.Vendor) *httpapi.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Remaining", "7")
		w.Header().Set("X-Token", r.Header.Get("Authorization"))
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	s.BaseURL, s.HTTP = server.URL, httpapi.NewHTTPClient(httpapi.Options{BaseURL: server.URL})
	return httpapi.New(s, v)
}

func TestEveryAnswersHintsArePassedOn(t *testing.T) {
	t.Parallel()
	read := func(r httpapi.Response) []adapters.Hint {
		left, _ := strconv.ParseFloat(r.Header.Get("X-Remaining"), 64)
		return []adapters.Hint{{Limit: "minute", Size: 60, Remaining: left}, {Limit: "status", Remaining: float64(r.Status)}}
	}
	for _, status := range []int{200, 400, 429, 500} {
		var got []adapters.Hint
		c := connected(t, status, adapters.Settings{Observe: func(h adapters.Hint) { got = append(got, h) }}, httpapi.Vendor{Hints: read})
		if _, err := c.Do(context.Background(), "op", post()); err != nil {
			t.Fatal(err)
		}
		want := []adapters.Hint{{Limit: "minute", Size: 60, Remaining: 7}, {Limit: "status", Remaining: float64(status)}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d: %s", status, diff)
		}
	}
	if _, err := connected(t, 200, adapters.Settings{}, httpapi.Vendor{Hints: read}).Do(context.Background(), "op", post()); err != nil {
		t.Errorf("with nobody listening: %v", err)
	}
}

func TestTheHubsTokenGoesBeforeTheCredential(t *testing.T) {
	t.Parallel()
	s := adapters.Settings{Credentials: map[string]adapters.Secret{"token": adapters.NewSecret("static")}}
	bearer := func(s adapters.Settings) string {
		answer, err := connected(t, 200, s, httpapi.Vendor{Authorize: httpapi.Bearer(s, "token")}).Do(context.Background(), "op", post())
		if err != nil {
			t.Fatal(err)
		}
		return answer.Header.Get("X-Token")
	}
	if got := bearer(s); got != "Bearer static" {
		t.Errorf("sent %q", got)
	}
	s.Token = func(context.Context) (adapters.Secret, error) { return adapters.NewSecret("fresh"), nil }
	if got := bearer(s); got != "Bearer fresh" {
		t.Errorf("sent %q", got)
	}
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	t.Parallel()
	s := adapters.Settings{Token: func(context.Context) (adapters.Secret, error) {
		return adapters.Secret{}, &fault.Error{Category: fault.Auth, Op: "refresh the token", Code: "invalid_grant", MaybeDone: true}
	}}
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	t.Cleanup(server.Close)
	s.BaseURL, s.HTTP = server.URL, server.Client()
	_, err := httpapi.New(s, httpapi.Vendor{Authorize: httpapi.Bearer(s, "token")}).Do(context.Background(), "create customer", post())
	f := faultOf(t, err)
	if f.Category != fault.Auth || f.MaybeDone || f.Op != "create customer: refresh the token" || f.Code != "invalid_grant" || calls != 0 {
		t.Errorf("after %d calls: %+v", calls, f)
	}
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	zendesk "github.com/canonhub/canonhub/adapters/zendesk/sandbox"
	"github.com/canonhub/canonhub/hub/secrets"
)

// grantor is Zendesk's authorisation server: it gives the token by which the desk lets calls in, as often as a refresh
// token is the last one that it gave.
type grantor struct {
	given   atomic.Int64
	revoked atomic.Bool
	// doomed is killed once the next token is given, before the answer is sent. Its refresh token is let in once more.
	doomed, orphaned atomic.Pointer[os.Process]
}

func (g *grantor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var used int64
	_, _ = fmt.Sscanf(r.FormValue("refresh_token"), "refresh-%d", &used)
	if g.orphaned.Load() != nil && used == g.given.Load()-1 {
		g.orphaned.Store(nil)
		used++
	}
	code := r.FormValue("grant_type") == "authorization_code" && r.FormValue("code") == "c0de" && r.FormValue("code_verifier") != ""
	if r.FormValue("client_secret") != "app-secret" || !code && (used != g.given.Load() || g.revoked.Load()) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error": "invalid_grant"}`)
		return
	}
	given := g.given.Add(1)
	if process := g.doomed.Swap(nil); process != nil {
		g.orphaned.Store(process)
		_ = process.Kill()   // the test sees whether it is dead
		<-r.Context().Done() // nobody waits for the answer any more
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token": %q, "refresh_token": "refresh-%d", "token_type": "bearer", "expires_in": 4, "scope": "read write"}`, zendeskToken, given)
}

// granted adds a desk at Zendesk that lets in whoever has the token of a grantor, which lives four seconds, and tells where
// both are.
func (w *town) granted() (desk *zendesk.Server, g *grantor, at string) {
	w.t.Helper()
	desk, g = zendesk.New(zendesk.Options{Token: zendeskToken, Secret: zendeskSecret, AccountID: 1}), &grantor{}
	mux := http.NewServeMux()
	mux.Handle("/", desk)
	mux.Handle("POST /oauth/tokens", g)
	server := httptest.NewServer(traced(w.t, mux))
	w.t.Cleanup(func() { desk.Close(); server.CloseClientConnections(); server.Close() })
	w.policy("\npolicies:", fmt.Sprintf(`
  desk:
    adapter: zendesk
    base_url: %s
    brake: {share: 1}
    oauth: {client_id: canonhub, client_secret: "${DESK_APP_SECRET}", redirect_url: "http://%s/oauth/callback"}
secrets: {keys: ["${HUB_KEY}"]}
policies:`, server.URL, w.httpAddr))
	w.policy("      crm:    {create: true", "      desk:   {create: true, attributes: [name, email]}\n      crm:    {create: true")
	key, err := secrets.NewKey()
	if err != nil {
		w.t.Fatal(err)
	}
	w.setenv("HUB_KEY", key.Reveal())
	w.setenv("DESK_APP_SECRET", "app-secret")
	return desk, g, server.URL
}

// grant is what a person does.
func (w *town) grant() {
	w.t.Helper()
	status, answer := w.rest(http.MethodPost, "/v1/connections/desk:authorize", "{}")
	at, err := url.Parse(fmt.Sprint(answer["url"]))
	if status != http.StatusOK || err != nil || at.Path != "/oauth/authorizations/new" {
		w.t.Fatalf("%d %v", status, answer)
	}
	resp, err := http.Get(at.Query().Get("redirect_uri") + "?code=c0de&state=" + url.QueryEscape(at.Query().Get("state")))
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("the person is told %s", resp.Status)
	}
}

// A connection without a token waits for a person, who grants access in their browser. Its tokens live seconds, and are
// renewed, also by a hub that was killed, even between the vendor's answer and what it would have done with it; and once access is revoked it waits again, until it is granted anew.
func TestAPersonGrantsTheHubAccess(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	desk, g, _ := w.granted()
	w.start()

	users := 0
	customer := func(n int) {
		t.Helper()
		form := url.Values{"name": {fmt.Sprintf("Kim %d", n)}, "email": {fmt.Sprintf("kim%d@example.com", n)}}
		if err := w.callStripe("/v1/customers", form); err != nil {
			t.Fatal(err)
		}
	}
	arrive := func(n int) {
		t.Helper()
		users += n
		w.until(fmt.Sprintf("the desk has %d users", users), func() error {
			if got := len(desk.Objects("users")); got != users {
				return fmt.Errorf("it has %d", got)
			}
			return nil
		})
	}
	paused := func(want bool, why string) {
		t.Helper()
		w.until(fmt.Sprintf("the desk is paused: %t", want), func() error {
			_, c := w.rest(http.MethodGet, "/v1/connections/desk", "")
			if pause, is := c["pause"]; is != want || is && !strings.Contains(fmt.Sprint(pause), why) {
				return fmt.Errorf("%v", pause)
			}
			return nil
		})
	}

	customer(1)
	paused(true, "nobody has granted access yet")
	if status, _ := w.rest(http.MethodPost, "/v1/connections/crm:authorize", "{}"); status != http.StatusBadRequest {
		t.Errorf("a connection without oauth is authorized: %d", status)
	}
	w.grant()
	paused(false, "")
	arrive(1)
	w.until("the token has ended, and others came", func() error {
		if g.given.Load() < 3 {
			customer(10 + users)
			arrive(1)
			return fmt.Errorf("%d were given", g.given.Load())
		}
		return nil
	})
	w.kill()
	w.start()
	customer(500)
	arrive(1)

	g.doomed.Store(w.process.Process)
	w.until("the hub is killed with the vendor's answer in hand", func() error {
		select {
		case <-w.ended:
			return nil
		default:
		}
		if len(desk.Objects("users")) == users {
			customer(2000 + users)
			users++
		}
		return fmt.Errorf("it lives")
	})
	db, err := pgx.Connect(t.Context(), w.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	if _, err := db.Exec(t.Context(), `update oauth_tokens set lease_until = '-infinity' where lease_by <> ''`); err != nil { // the dead one's lease ends
		t.Fatal(err)
	}
	w.start()
	arrive(0)
	paused(false, "")

	g.revoked.Store(true)
	w.until("nothing arrives any more", func() error {
		_, c := w.rest(http.MethodGet, "/v1/connections/desk", "")
		if c["pause"] == nil {
			customer(1000 + users)
			users++
			return fmt.Errorf("it is not paused")
		}
		return nil
	})
	paused(true, "grant access anew")
	w.grant()
	g.revoked.Store(false)
	paused(false, "")
	arrive(0)
	for _, secret := range []string{zendeskToken, "refresh-", "app-secret", w.getenv("HUB_KEY"), "c0de"} {
		if strings.Contains(w.log(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

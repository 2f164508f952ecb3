package sandbox_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/salesforce/sandbox"
)

const (
	callback = "https://hub.example.com/oauth/callback"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B, as its challenge is
	s256     = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func withApp(o *sandbox.Options) {
	o.ClientID, o.ClientSecret, o.CallbackURL = "app", "app-secret", callback
}

// tokens is an answer of the authorisation server.
type tokens struct {
	Access      string `json:"access_token"`
	Refresh     string `json:"refresh_token"`
	Instance    string `json:"instance_url"`
	ID          string `json:"id"`
	Issued      string `json:"issued_at"`
	Signature   string `json:"signature"`
	Scope       string `json:"scope"`
	Type        string `json:"token_type"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// asks sends a form to the authorisation server, with the app's own word where the form lacks it.
func (o *org) asks(t testing.TB, path string, form url.Values) (int, tokens) {
	t.Helper()
	for name, value := range map[string]string{"client_id": "app", "client_secret": "app-secret"} {
		if !form.Has(name) {
			form.Set(name, value)
		}
	}
	answer, err := http.PostForm(o.url+"/services/oauth2/"+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out tokens
	if answer.ContentLength != 0 {
		if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
	}
	return answer.StatusCode, out
}

// sent is what the browser of a person who grants access is sent back with; the status alone where it is not.
func (o *org) sent(t testing.TB, change map[string]string) (int, url.Values) {
	t.Helper()
	q := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {callback}, "scope": {"api refresh_token"}, "state": {"s"},
		"code_challenge": {s256}, "code_challenge_method": {"S256"}}
	for name, value := range change {
		q.Set(name, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(o.url + "/services/oauth2/authorize?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	to := answer.Header.Get("Location")
	if to == "" {
		return answer.StatusCode, nil
	}
	back, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, callback+"?") || back.Query().Get("state") != "s" {
		t.Fatalf("sent to %s (%v)", to, err)
	}
	return answer.StatusCode, back.Query()
}

func (o *org) code(t testing.TB) string {
	t.Helper()
	_, q := o.sent(t, nil)
	return q.Get("code")
}

func exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
}

func refresh(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// granted is what a person grants.
func (o *org) granted(t testing.TB) tokens {
	t.Helper()
	status, out := o.asks(t, "token", exchange(o.code(t)))
	if status != 200 || out.Access == "" || out.Refresh == "" {
		t.Fatalf("%d %+v", status, out)
	}
	return out
}

// status is how a call with a token is answered.
func (o *org) status(t testing.TB, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.url+"/services/data/v65.0/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func TestAPersonGrantsAnAppAccess(t *testing.T) {
	t.Parallel()
	o := setup(t, withApp)
	got := o.granted(t)
	mac := hmac.New(sha256.New, []byte("app-secret"))
	mac.Write([]byte(got.ID + got.Issued))
	if got.Signature != base64.StdEncoding.EncodeToString(mac.Sum(nil)) || got.Issued != "1793610000500" || got.Instance != o.url || got.Type != "Bearer" || got.Scope != "refresh_token api" {
		t.Errorf("granted: %+v", got)
	}
	if status := o.status(t, got.Access); status != 200 {
		t.Errorf("its token is answered %d", status)
	}
	once := exchange(o.code(t))
	if status, out := o.asks(t, "token", once); status != 200 {
		t.Errorf("%d %+v", status, out)
	}
	if status, out := o.asks(t, "token", once); status != 400 || out.Error != "invalid_grant" {
		t.Errorf("a code serves twice: %d %+v", status, out)
	}
	_, q := o.sent(t, map[string]string{"scope": "api"})
	if _, out := o.asks(t, "token", exchange(q.Get("code"))); out.Access == "" || out.Refresh != "" {
		t.Errorf("without the scope refresh_token: %+v", out)
	}
}

func TestGrantsAreRefusedAsSalesforceDoes(t *testing.T) {
	t.Parallel()
	o := setup(t, withApp)
	for want, change := range map[string]map[string]string{
		"invalid_request":           {"code_challenge": ""},
		"unsupported_response_type": {"response_type": "token"},
	} {
		if status, q := o.sent(t, change); status != 302 || q.Get("error") != want || q.Has("code") {
			t.Errorf("%v: %d %v, want %s", change, status, q, want)
		}
	}
	for _, change := range []map[string]string{{"client_id": "other"}, {"redirect_uri": "https://elsewhere.example.com/"}} {
		if status, q := o.sent(t, change); status != 400 || q != nil {
			t.Errorf("%v: %d %v, want a page", change, status, q)
		}
	}
	good := exchange(o.code(t))
	for name, form := range map[string]url.Values{
		"invalid_client_id":      {"client_id": {"other"}},
		"invalid_client":         {"client_secret": {"other"}},
		"unsupported_grant_type": {"grant_type": {"client_credentials"}},
		"invalid_grant":          refresh("made-up"),
		"redirect_uri_mismatch":  {"grant_type": {"authorization_code"}, "code": {o.code(t)}, "redirect_uri": {"https://elsewhere.example.com/"}},
	} {
		if status, out := o.asks(t, "token", form); status != 400 || out.Error != name || out.Description == "" || out.Access != "" {
			t.Errorf("%v: %d %+v, want %s", form, status, out, name)
		}
	}
	other := exchange(o.code(t))
	other.Set("code_verifier", strings.Repeat("x", 43))
	if _, out := o.asks(t, "token", other); out.Error != "invalid_grant" {
		t.Errorf("another verifier: %+v", out)
	}
	o.now = o.now.Add(15 * time.Minute)
	if _, out := o.asks(t, "token", good); out.Error != "invalid_grant" || out.Description != "expired authorization code" {
		t.Errorf("a code of a quarter of an hour ago: %+v", out)
	}
}

func TestASessionEndsTwoHoursAfterItsLastUse(t *testing.T) {
	t.Parallel()
	o := setup(t, withApp)
	got := o.granted(t)
	for range 3 {
		o.now = o.now.Add(2*time.Hour - time.Second)
		if status := o.status(t, got.Access); status != 200 {
			t.Fatalf("a session that is used ends: %d", status)
		}
	}
	o.now = o.now.Add(2 * time.Hour)
	if status := o.status(t, got.Access); status != 401 {
		t.Errorf("a session that is not used: %d", status)
	}
	o.Busy(1)
	if status, out := o.asks(t, "token", refresh(got.Refresh)); status != 400 || out.Error != "invalid_grant" || out.Description != "token request is already being processed" {
		t.Errorf("two at once: %d %+v", status, out)
	}
	for range 2 {
		_, next := o.asks(t, "token", refresh(got.Refresh))
		if next.Access == "" || next.Access == got.Access || next.Refresh != "" || o.status(t, next.Access) != 200 {
			t.Errorf("refreshed: %+v", next)
		}
		o.Expire()
		if status := o.status(t, next.Access); status != 401 {
			t.Errorf("a session that was ended: %d", status)
		}
	}
}

func TestRefreshTokensMayServeOnce(t *testing.T) {
	t.Parallel()
	o := setup(t, withApp, func(o *sandbox.Options) { o.Rotates = true })
	first := o.granted(t)
	_, second := o.asks(t, "token", refresh(first.Refresh))
	_, third := o.asks(t, "token", refresh(second.Refresh))
	if second.Refresh == "" || third.Refresh == "" || third.Refresh == second.Refresh || o.status(t, third.Access) != 200 {
		t.Fatalf("%+v %+v", second, third)
	}
	if _, out := o.asks(t, "token", refresh(first.Refresh)); out.Error != "invalid_grant" {
		t.Errorf("the first one again: %+v", out)
	}
	if _, out := o.asks(t, "token", refresh(third.Refresh)); out.Error != "invalid_grant" || o.status(t, third.Access) != 401 {
		t.Errorf("somebody has an old one, and the new one is let in: %+v", out)
	}
}

func TestAccessIsRevoked(t *testing.T) {
	t.Parallel()
	o := setup(t, withApp)
	got := o.granted(t)
	_, other := o.asks(t, "token", refresh(got.Refresh))
	if status, _ := o.asks(t, "revoke", url.Values{"token": {other.Access}}); status != 200 || o.status(t, other.Access) != 401 || o.status(t, got.Access) != 200 {
		t.Errorf("one session: %d", status)
	}
	if status, _ := o.asks(t, "revoke", url.Values{"token": {got.Refresh}}); status != 200 || o.status(t, got.Access) != 401 {
		t.Errorf("all of it: %d", status)
	}
	if _, out := o.asks(t, "token", refresh(got.Refresh)); out.Error != "invalid_grant" {
		t.Errorf("refreshed all the same: %+v", out)
	}
	if status, out := o.asks(t, "revoke", url.Values{"token": {got.Refresh}}); status != 400 || out.Error != "unsupported_token_type" {
		t.Errorf("twice: %d %+v", status, out)
	}
	again := o.granted(t)
	o.Revoke()
	if _, out := o.asks(t, "token", refresh(again.Refresh)); out.Error != "invalid_grant" || o.status(t, again.Access) != 401 {
		t.Errorf("by an administrator: %+v", out)
	}
}

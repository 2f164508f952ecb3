package xero_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/xero"
)

func TestAMistakeInTheOptionsIsToldAtItsPlace(t *testing.T) {
	t.Parallel()
	open := func(options string) error {
		_, err := xero.Factory().Open(adapters.Settings{
			BaseURL: "https://api.xero.com", Options: json.RawMessage(options), Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret(token)},
		})
		return err
	}
	const good = `"tenant_id": "C2CC9B6E-9458-4C7D-93CC-F02B81B0594F"`
	for options, at := range map[string]string{
		`{}`: "tenant_id", `{"tenant_id": "Demo Company"}`: "tenant_id", `{` + good + `, "grant": "password"}`: "grant", `{` + good + `, "scopes": ["accounting contacts"]}`: "scopes",
		`{` + good + `, "scopes": []}`: "scopes", `{` + good + `, "account_code": "two hundred"}`: "account_code", `{` + good + `, "tax_type": "20%"}`: "tax_type",
		`{` + good + `, "country": "New Zealand"}`: "country", `{` + good + `, "country": "nz"}`: "country", `{` + good + `, "record_url": "/records/"}`: "record_url",
		`{` + good + `, "record_url": "https://hub.example.com/Xero/"}`: "record_url", `{` + good + `}`: "", "": "tenant_id",
	} {
		err := open(options)
		var mistake *adapters.Mistake
		switch {
		case at == "" && err != nil:
			t.Errorf("%s: %v", options, err)
		case at != "" && (!errors.As(err, &mistake) || !slices.Equal(mistake.At, []string{at})):
			t.Errorf("%s: %v, want a mistake at %s", options, err, at)
		}
	}
	joined, ok := open(`{"tenant_id": "x", "country": "y"}`).(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 2 {
		t.Error("of two mistakes, not each is told")
	}
}

func TestGrantsHaveHostsOfTheirOwn(t *testing.T) {
	t.Parallel()
	const option = `{"tenant_id": "` + tenant + `"`
	oauth := func(base, options string) adapters.OAuth {
		return xero.Factory().OAuth(adapters.Settings{BaseURL: base, Options: json.RawMessage(options)})
	}
	person := oauth("https://api.xero.com", option+`}`)
	if person.AuthorizeURL != "https://login.xero.com/identity/connect/authorize" || person.TokenURL != "https://identity.xero.com/connect/token" || person.ClientAuth != adapters.ClientInHeader ||
		!slices.Equal(person.Scopes, []string{"offline_access", "accounting.contacts", "accounting.invoices"}) {
		t.Errorf("by a person: %+v", person)
	}
	itself := oauth("http://127.0.0.1:1", option+`, "grant": "client_credentials", "scopes": ["accounting.contacts", "accounting.transactions"]}`)
	if itself.AuthorizeURL != "" || itself.TokenURL != "http://127.0.0.1:1/connect/token" || !slices.Equal(itself.Scopes, []string{"accounting.contacts", "accounting.transactions"}) {
		t.Errorf("by itself: %+v", itself)
	}
}

// The grant goes the way that the adapter describes, by another's client, and what it gives is let in.
func TestAGrantLetsIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := httptest.NewServer(b.sandbox)
	t.Cleanup(server.Close)
	described := xero.Factory().OAuth(adapters.Settings{BaseURL: server.URL, Options: json.RawMessage(`{"tenant_id": "` + tenant + `"}`)})
	config := oauth2.Config{ClientID: "app", ClientSecret: "app-secret", RedirectURL: "https://hub.example.com/oauth/callback", Scopes: described.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: described.AuthorizeURL, TokenURL: described.TokenURL, AuthStyle: oauth2.AuthStyleInHeader}}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(config.AuthCodeURL("our-state"))
	must(t, err)
	must(t, answer.Body.Close())
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), config.RedirectURL) || back.Query().Get("state") != "our-state" {
		t.Fatalf("sent back to %v, %v", back, err)
	}
	first, err := config.Exchange(t.Context(), back.Query().Get("code"))
	must(t, err)
	probe := func(token string) error {
		a, err := xero.Factory().Open(adapters.Settings{BaseURL: server.URL, HTTP: server.Client(), Now: time.Now, Options: json.RawMessage(`{"tenant_id": "` + tenant + `"}`),
			Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret(token)}})
		must(t, err)
		return a.Prober.Probe(t.Context())
	}
	must(t, probe(first.AccessToken))
	b.forward(31 * time.Minute)
	if probe(first.AccessToken) == nil {
		t.Error("an access token of half an hour ago is let in")
	}
	renew := func(refresh string) (*oauth2.Token, error) {
		return config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: refresh}).Token()
	}
	second, err := renew(first.RefreshToken)
	must(t, err)
	again, err := renew(first.RefreshToken) // its answer was lost
	must(t, err)
	if second.RefreshToken == first.RefreshToken || again.RefreshToken == second.RefreshToken {
		t.Error("refresh tokens are not new each time")
	}
	must(t, probe(again.AccessToken))
	b.forward(31 * time.Minute)
	if _, err := renew(first.RefreshToken); err == nil {
		t.Error("a refresh token that was used half an hour ago is taken")
	}
	own := clientcredentials.Config{ClientID: "app", ClientSecret: "app-secret", TokenURL: described.TokenURL, AuthStyle: oauth2.AuthStyleInHeader}
	itself, err := own.Token(t.Context())
	must(t, err)
	must(t, probe(itself.AccessToken))
}

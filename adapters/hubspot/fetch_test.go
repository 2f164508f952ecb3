package hubspot_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/hubspot"
	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestFetchReadsASnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.user(t, map[string]string{"email": " Ada@Example.com ", "phone": "030 901820", "country": "Deutschland", "hubspot_owner_id": "41629779"})
	o := b.fetch(t, id)
	got := o.Message.(*canonicalv1.Customer)
	if o.Paths != nil || len(o.Unusable) > 0 || len(o.Unknown) > 0 || o.ExternalID != id || !o.At.Equal(b.sandbox.Time()) {
		t.Errorf("got %+v", o)
	}
	if got.GetEmail() != "ada@example.com" || got.GetPhone() != "+4930901820" || got.GetBillingAddress().GetCountryCode() != "DE" ||
		got.GetAccountOwner().GetConnection() != "crm" {
		t.Errorf("got %v", got)
	}
}

func TestAnUnusableValueIsKeptAndNotSaidToBeEmpty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.fetch(t, b.user(t, map[string]string{"firstname": "Ada", "phone": "call my assistant"}))
	if len(o.Unusable) != 1 || o.Unusable[0].Path != "phone" || o.Unusable[0].Raw != "call my assistant" {
		t.Errorf("unusable: %+v", o.Unusable)
	}
	carries, err := hubspot.Factory().CarriesFor(adapters.Settings{})
	if err != nil || len(carries) != 1 {
		t.Fatalf("it carries %v, %v", carries, err)
	}
	in := carries[0].In
	if len(o.Paths) != len(in)-1 || slices.Contains(o.Paths, "phone") || !slices.Contains(o.Paths, "mobile_phone") {
		t.Errorf("it speaks of %v", o.Paths)
	}
}

func TestWhatIsNotThereIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	archived := b.user(t, map[string]string{"email": "x@example.com"})
	if err := b.sandbox.Delete(string(archived)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []adapters.ExternalID{archived, "1"} {
		_, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "customer", ExternalID: id})
		if fault.CategoryOf(err) != fault.Gone {
			t.Errorf("%s: got %v", id, err)
		}
	}
}

func TestAContactThatWasMergedAwayIsGoneAndNotTheOtherOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.user(t, map[string]string{"email": "a@example.com"}), b.user(t, map[string]string{"email": "b@example.com"})
	winner, err := b.sandbox.Merge(string(first), string(second))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []adapters.ExternalID{first, second} {
		if o := b.fetch(t, id); !o.Gone || o.ExternalID != id || o.Message != nil || o.At.IsZero() {
			t.Errorf("%s: got %+v", id, o)
		}
	}
	o := b.fetch(t, adapters.ExternalID(winner))
	if got := o.Message.(*canonicalv1.Customer); got.GetEmail() != "a@example.com" || !slices.Equal(got.GetFurtherEmails(), []string{"b@example.com"}) {
		t.Errorf("the winner is %v", got)
	}
}

func TestAPageOfAProxyIsNoNewsOfAContact(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNotFound, http.StatusGone} {
		a := connect(t, answer(status, "text/html", "<html><title>Error 404 Not Found</title></html>"))
		_, err := a.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "customer", ExternalID: "1"})
		if fault.CategoryOf(err) != fault.Transient {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

func TestProbeTellsGoodFromBadCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Prober.Probe(t.Context()); err != nil {
		t.Errorf("good ones: %v", err)
	}
	b.sandbox.Inject(sandbox.Fault{Status: http.StatusUnauthorized})
	if err := b.Prober.Probe(t.Context()); fault.CategoryOf(err) != fault.Auth {
		t.Errorf("bad ones: %v", err)
	}
	if err := connect(t, answer(200, "text/html", "<html>")).Prober.Probe(t.Context()); fault.CategoryOf(err) != fault.Permanent {
		t.Errorf("something else than HubSpot: %v", err)
	}
}

func TestAnAPIVersionThatEndedIsNoNewsOfAContact(t *testing.T) {
	t.Parallel()
	b := &bundle{Adapter: connect(t, answer(404, "application/json", `{"status":"error","message":"no such endpoint"}`))}
	_, pushed := b.push(t, create(ada(), "name"))
	_, looked := b.Pusher.Find(t.Context(), adapters.Request{Kind: "customer", RecordID: recordID})
	for _, err := range []error{b.Prober.Probe(t.Context()), pushed, looked} {
		if err == nil || fault.CategoryOf(err) != fault.Transient {
			t.Errorf("got %v", err)
		}
	}
}

func TestAnswersHaveTheirCategory(t *testing.T) {
	t.Parallel()
	noon := "Mon, 23 Nov 2026 18:00:00 GMT"
	for name, c := range map[string]struct {
		status   int
		body     string
		header   []string
		category fault.Category
		wait     time.Duration
	}{
		"expired token":    {401, `{"status":"error","category":"EXPIRED_AUTHENTICATION"}`, nil, fault.Auth, 0},
		"missing scope":    {403, `{"status":"error","category":"MISSING_SCOPES","errors":[{"context":"{missingScopes=[a]}"}]}`, nil, fault.Permanent, 0},
		"too long":         {414, ``, nil, fault.Permanent, 0},
		"locked":           {423, `{"status":"error"}`, nil, fault.Throttle, 2 * time.Second},
		"moving":           {477, ``, []string{"Retry-After", "7200"}, fault.Throttle, 2 * time.Hour},
		"moving, untold":   {477, ``, nil, fault.Throttle, 10 * time.Minute},
		"burst":            {429, `{"policyName":"TEN_SECONDLY_ROLLING"}`, nil, fault.Throttle, 10 * time.Second},
		"burst, told":      {429, `{"policyName":"TEN_SECONDLY_ROLLING"}`, []string{"Retry-After", "3"}, fault.Throttle, 3 * time.Second},
		"per second":       {429, `{"policyName":"SECONDLY"}`, nil, fault.Throttle, time.Second},
		"daily":            {429, `{"policyName":"DAILY"}`, []string{"Date", noon}, fault.Throttle, time.Hour},
		"unknown limit":    {429, `not json`, nil, fault.Throttle, 10 * time.Second},
		"server error":     {500, ``, nil, fault.Transient, 0},
		"origin down":      {521, `<html>`, nil, fault.Transient, 0},
		"origin too slow":  {524, `<html>`, nil, fault.Transient, 0},
		"no such contact":  {404, `{"status":"error","message":"resource not found"}`, nil, fault.Gone, 0},
		"another conflict": {409, `{"status":"error","category":"CONFLICT"}`, nil, fault.Conflict, 0},
		"odd shapes":       {400, `{"status":7,"category":["x"],"errors":{"a":1},"message":{"b":2}}`, nil, fault.Permanent, 0},
	} {
		b := &bundle{Adapter: connect(t, answer(c.status, "application/json", c.body, c.header...))}
		_, err := b.push(t, update("1", ada(), "name"))
		f := fault.As(err)
		if err == nil || f.Category != c.category || f.RetryAfter != c.wait || f.Status != c.status {
			t.Errorf("%s: got %v, wait %v", name, err, f.RetryAfter)
		}
		if narrow := name == "per second"; f.Narrow != narrow {
			t.Errorf("%s: narrow is %v", name, f.Narrow)
		}
		if maybe := c.status >= 500; f.MaybeDone != maybe {
			t.Errorf("%s: maybe done is %v", name, f.MaybeDone)
		}
	}
}

// What is left of a day is told, and a day's limit waited for, by the account's own midnight.
func TestADayEndsAtTheMidnightOfTheAccount(t *testing.T) {
	t.Parallel()
	var heard []adapters.Hint
	server := httptest.NewServer(answer(429, "application/json", `{"policyName":"DAILY"}`, "Date", "Mon, 23 Nov 2026 18:00:00 GMT",
		"X-HubSpot-RateLimit-Daily", "250000", "X-HubSpot-RateLimit-Daily-Remaining", "7"))
	t.Cleanup(server.Close)
	for zone, want := range map[string]time.Duration{"America/Los_Angeles": 14 * time.Hour, "Asia/Kathmandu": 15 * time.Minute, "Asia/Tokyo": 21 * time.Hour} {
		a, err := hubspot.Factory().Open(adapters.Settings{
			Connection: "crm", BaseURL: server.URL, HTTP: server.Client(), Now: time.Now, Options: json.RawMessage(`{"time_zone":"` + zone + `"}`),
			Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret(token)},
			Observe:     func(h adapters.Hint) { heard = append(heard, h) },
		})
		if err != nil {
			t.Fatal(err)
		}
		heard = nil
		_, err = a.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "customer", ExternalID: "1"})
		if f := fault.As(err); err == nil || f.Category != fault.Throttle || f.RetryAfter != want {
			t.Errorf("%s: got %v, want a wait of %v", zone, err, want)
		}
		if len(heard) != 1 || heard[0].Limit != "day" || heard[0].Reset != want {
			t.Errorf("%s: told %+v, want a reset in %v", zone, heard, want)
		}
	}
}

func TestABatchThatFailedInsideASuccessIsAFailure(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]fault.Category{
		`{"results":[],"errors":[{"category":"RATE_LIMITS"}]}`:            fault.Throttle,
		`{"results":[],"errors":[{"category":"MISSING_SCOPES"}]}`:         fault.Permanent,
		`{"results":[],"errors":[{"category":"EXPIRED_AUTHENTICATION"}]}`: fault.Auth,
		`{"results":[],"errors":[{"category":"SOMETHING_NEW"}]}`:          fault.Transient,
		`{"status":"PENDING"}`: fault.Transient,
		`<html>`:               fault.Transient,
		`{"results":[{}]}`:     fault.Transient,
	} {
		b := &bundle{Adapter: connect(t, answer(207, "application/json", body))}
		if _, err := b.push(t, create(ada(), "name")); err == nil || fault.CategoryOf(err) != want {
			t.Errorf("%s: got %v", body, err)
		}
	}
	body := `{"results":[],"errors":[{"category":"VALIDATION_ERROR","context":{"propertyName":"email"},"errors":[{"code":"INVALID_EMAIL","context":{"propertyName":"email"}}]}]}`
	b := &bundle{Adapter: connect(t, answer(207, "application/json", body))}
	if _, err := b.push(t, create(ada(), "email")); err == nil || fault.As(err).Refused["email"] == "" {
		t.Errorf("got %v", err)
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	good := adapters.Settings{BaseURL: "https://api.example.com", PublicURL: publicURL, HTTP: http.DefaultClient,
		Credentials:    map[string]adapters.Secret{"access_token": adapters.NewSecret(token)},
		WebhookSecrets: []adapters.Secret{adapters.NewSecret(clientSecret)}}
	noToken, noURL, halfURL := good, good, good
	noToken.Credentials, noURL.PublicURL, halfURL.PublicURL = nil, "", "hooks.example.com/webhooks/crm"
	for name, s := range map[string]adapters.Settings{"no token": noToken, "no public URL": noURL, "half a URL": halfURL} {
		if _, err := hubspot.Factory().Open(s); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := hubspot.Factory().Open(good); err != nil {
		t.Errorf("good ones: %v", err)
	}
}

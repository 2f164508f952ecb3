package hubspot_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/hubspot"
	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	"github.com/canonhub/canonhub/adapters/signature"
)

// signed makes a delivery as HubSpot does.
func signed(body string, at time.Time) adapters.Delivery {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	d := adapters.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body), ReceivedAt: at}
	d.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	d.Header.Set("X-HubSpot-Signature-v3", signature.SignHubSpotV3(d.Method, publicURL, d.Body, stamp, adapters.NewSecret(clientSecret)))
	return d
}

func webhook(t testing.TB) *adapters.Adapter {
	t.Helper()
	a, err := hubspot.Factory().Open(adapters.Settings{PublicURL: publicURL, HTTP: http.DefaultClient, Now: time.Now, Options: json.RawMessage(withTickets),
		Credentials:    map[string]adapters.Secret{"access_token": adapters.NewSecret(token)},
		WebhookSecrets: []adapters.Secret{adapters.NewSecret("the next secret"), adapters.NewSecret(clientSecret)}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestVerifyTakesWhatHubSpotSignedAndNothingElse(t *testing.T) {
	t.Parallel()
	hook, now := webhook(t).Webhook, time.Now()
	if _, err := hook.Verify(signed(`[]`, now)); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for name, spoil := range map[string]func(*adapters.Delivery){
		"body":      func(d *adapters.Delivery) { d.Body = append(d.Body, ' ') },
		"method":    func(d *adapters.Delivery) { d.Method = http.MethodPut },
		"time":      func(d *adapters.Delivery) { d.Header.Set("X-HubSpot-Request-Timestamp", "1") },
		"signature": func(d *adapters.Delivery) { d.Header.Set("X-HubSpot-Signature-v3", "AAAA") },
		"no header": func(d *adapters.Delivery) { d.Header = http.Header{} },
		"too old":   func(d *adapters.Delivery) { d.ReceivedAt = now.Add(301 * time.Second) },
		"too early": func(d *adapters.Delivery) { d.ReceivedAt = now.Add(-301 * time.Second) },
		"version 1": func(d *adapters.Delivery) {
			d.Header.Del("X-HubSpot-Signature-v3")
			d.Header.Set("X-HubSpot-Signature", "ab")
		},
		"not base64": func(d *adapters.Delivery) { d.Header.Set("X-HubSpot-Signature-v3", "%%%") },
	} {
		d := signed(`[]`, now)
		spoil(&d)
		if _, err := hook.Verify(d); err == nil {
			t.Errorf("%s: it was let in", name)
		}
	}
}

func TestKeysTellEventsApartAndTriesNot(t *testing.T) {
	t.Parallel()
	const event = `{"eventId":1,"portalId":1,"appId":2,"occurredAt":1742077073905,"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":9007199254740993,"propertyName":"email","propertyValue":"ada@example.com"}`
	keyOf := func(changes ...string) string {
		t.Helper()
		events, err := webhook(t).Webhook.Split(adapters.Delivery{Body: []byte("[" + strings.NewReplacer(changes...).Replace(event) + "]")})
		if err != nil || len(events) != 1 {
			t.Fatalf("got %v, %v", events, err)
		}
		return events[0].Key
	}
	original := keyOf()
	if len(original) != 64 || strings.Contains(original, "ada") {
		t.Errorf("the key is %q", original)
	}
	for _, same := range [][]string{{`"attemptNumber":0`, `"attemptNumber":7`}, {`"eventId":1`, `"eventId":99`}, {`,"occ`, ` , "occ`}} {
		if keyOf(same...) != original {
			t.Errorf("%v makes it another event", same)
		}
	}
	for _, other := range [][]string{
		{"9007199254740993", "9007199254740992"}, {`"ada@example.com"`, `"b@example.com"`}, {`"email"`, `"phone"`}, {"73905", "73906"},
		{`"portalId":1`, `"portalId":2`}, {"propertyChange", "creation"}, {`"appId":2`, `"appId":2,"objectTypeId":"0-2"`},
	} {
		if keyOf(other...) == original {
			t.Errorf("%v makes it no other event", other)
		}
	}
}

func TestSplitTakesArraysOfEvents(t *testing.T) {
	t.Parallel()
	hook := webhook(t).Webhook
	for body, want := range map[string]int{
		`[]`: 0, ` [ ] `: 0, `[{}]`: 1, `{"objectId":1}`: 1, "\n{}\n": 1, `[{"objectId":"x"},{}]`: 2,
		``: -1, `null`: -1, `7`: -1, `"x"`: -1, `[1]`: -1, `[null]`: -1, `[{}`: -1, `[{}]x`: -1, `{}{}`: -1, `[[]]`: -1,
		"[" + strings.Repeat("{},", 1000) + "{}]": -1,
	} {
		events, err := hook.Split(adapters.Delivery{Body: []byte(body)})
		if want < 0 && err == nil || want >= 0 && (err != nil || len(events) != want) {
			t.Errorf("%.20s: got %d events, %v", body, len(events), err)
		}
	}
	events, err := hook.Split(adapters.Delivery{Body: []byte(`[null,{"propertyValue":"private"},"private",{}]`)})
	if err == nil || strings.Contains(err.Error(), "private") || len(events) != 2 {
		t.Errorf("got %d events beside two that are none, want 2; %v", len(events), err)
	}
}

// TestTheSandboxsTicketsAreUnderstood follows a ticket and its contacts by webhooks of either kind.
func TestTheSandboxsTicketsAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, generic := range []bool{false, true} {
		b := desk(t, withTickets, func(o *sandbox.Options) { o.Generic = generic })
		b.contact(t, "erika") // so that the ids of a ticket and its contact differ
		ada := b.contact(t, "ada")
		first := b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"})
		second := b.opened(t, map[string]string{"subject": "Smoke", "hs_pipeline_stage": "1"})
		if first == ada {
			t.Fatal("the ids are one")
		}
		for name, deed := range map[string]struct {
			do   func() error
			want map[adapters.Object]bool // gone
		}{
			"associated": {func() error { return b.sandbox.Associate(string(first), string(ada)) }, map[adapters.Object]bool{{Kind: "ticket", ExternalID: first}: false}},
			"edited":     {func() error { return b.sandbox.EditTicket(string(first), map[string]string{"subject": "Ash"}) }, map[adapters.Object]bool{{Kind: "ticket", ExternalID: first}: false}},
			"not carried": {func() error {
				return b.sandbox.EditTicket(string(first), map[string]string{"hs_ticket_category": "BILLING_ISSUE"})
			}, map[adapters.Object]bool{}},
			"deleted": {func() error { return b.sandbox.DeleteTicket(string(second)) }, map[adapters.Object]bool{{Kind: "ticket", ExternalID: second}: true}},
		} {
			got := b.heard(t, deed.do)
			if !maps.Equal(got, deed.want) {
				t.Errorf("%s, generic %v: heard of %v, want %v", name, generic, got, deed.want)
			}
		}
	}
}

// heard is what webhooks say of the objects that something is done to: whether they are gone.
func (b *bundle) heard(t *testing.T, do func() error) map[adapters.Object]bool {
	t.Helper()
	receiver := httptest.NewServer(http.NotFoundHandler())
	defer receiver.Close()
	out := map[adapters.Object]bool{}
	receiver.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		events, err := b.Webhook.Split(adapters.Delivery{Body: body})
		if err != nil {
			t.Errorf("split: %v", err)
		}
		for _, e := range events {
			meaning, err := b.Translator.Translate(e)
			if err != nil {
				t.Errorf("translate: %v", err)
			}
			for _, o := range meaning.Fetch {
				out[o] = false
			}
			for _, o := range meaning.Observations {
				out[o.Object] = o.Gone
			}
		}
	})
	b.sandbox.SetWebhookURL(receiver.URL)
	defer b.sandbox.SetWebhookURL("")
	if err := do(); err != nil {
		t.Fatal(err)
	}
	settle(t, b)
	return out
}

// TestSandboxWebhooksAreUnderstood goes the whole way: an edit, HubSpot's request, its events, and what they name.
func TestSandboxWebhooksAreUnderstood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	named := map[adapters.ExternalID]string{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		d := adapters.Delivery{Method: r.Method, Header: r.Header, Body: body, ReceivedAt: time.Now()}
		if _, bad := b.Webhook.Verify(d); err != nil || bad != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		events, err := b.Webhook.Split(d)
		if err != nil {
			t.Errorf("split: %v", err)
		}
		for _, e := range events {
			meaning, err := b.Translator.Translate(e)
			if err != nil {
				t.Errorf("translate: %v", err)
			}
			for _, o := range meaning.Fetch {
				named[o.ExternalID] = "changed"
			}
			for _, o := range meaning.Observations {
				named[o.ExternalID] = "gone"
			}
		}
	}))
	t.Cleanup(receiver.Close)
	b.sandbox.SetWebhookURL(receiver.URL)
	b.sandbox.SetPublicURL(publicURL)

	deleted := b.user(t, map[string]string{"email": "a@example.com"})
	pushed := b.mustPush(t, create(ada(), "email", "name")).Observation.ExternalID
	settle(t, b)
	if err := b.sandbox.Delete(string(deleted)); err != nil {
		t.Fatal(err)
	}
	settle(t, b)
	mu.Lock()
	defer mu.Unlock()
	if len(named) != 2 || named[deleted] != "gone" || named[pushed] != "changed" {
		t.Errorf("the webhooks name %v", named)
	}
}

func settle(t *testing.T, b *bundle) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := b.sandbox.Settled(ctx); err != nil {
		t.Fatal(err)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	hook := webhook(f).Webhook
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := hook.Split(adapters.Delivery{Body: body})
		if err != nil {
			return
		}
		for _, e := range events {
			if len(e.Key) != 64 || !json.Valid(e.Body) {
				t.Errorf("an event has the key %q and the body %q", e.Key, e.Body)
			}
		}
		again, err := hook.Split(adapters.Delivery{Body: body})
		if err != nil || len(again) != len(events) {
			t.Errorf("cut once more: %d events, %v", len(again), err)
		}
	})
}

func FuzzTranslate(f *testing.F) {
	hook, translator := webhook(f).Webhook, webhook(f).Translator
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := hook.Split(adapters.Delivery{Body: body})
		if err != nil {
			return
		}
		for _, e := range events {
			meaning, err := translator.Translate(e)
			if err == nil && len(meaning.Observations)+len(meaning.Fetch) == 0 && meaning.Ignored == "" {
				t.Errorf("%q means nothing, for no reason", e.Body)
			}
			for _, o := range meaning.Fetch {
				if o.ExternalID == "" || strings.Trim(string(o.ExternalID), "0123456789") != "" {
					t.Errorf("%q names %q", e.Body, o.ExternalID)
				}
			}
			for _, o := range meaning.Observations {
				if !o.Gone || o.At.IsZero() || o.ExternalID == "" {
					t.Errorf("%q says %+v", e.Body, o)
				}
			}
		}
	})
}

// seeds are the recorded webhooks.
func seeds(f *testing.F) [][]byte {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	var all [][]byte
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".json") {
			body, err := os.ReadFile("testdata/" + entry.Name())
			if err != nil {
				f.Fatal(err)
			}
			all = append(all, body)
		}
	}
	return all
}

// Who asks to be forgotten is more than deleted: what the contact told must not be kept.
func TestAPersonWhoAsksToBeForgottenIsToBeErased(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for verb, erase := range map[string]bool{"deletion": false, "privacyDeletion": true} {
		out, err := a.Translator.Translate(adapters.Event{Type: "contact." + verb, OccurredAt: time.UnixMilli(1742080000456), Body: []byte(`{"objectId": 7}`)})
		if err != nil || len(out.Observations) != 1 || !out.Observations[0].Gone || out.Observations[0].Erase != erase {
			t.Errorf("%s: %+v, %v", verb, out, err)
		}
	}
}

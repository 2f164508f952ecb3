package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	"github.com/canonhub/canonhub/adapters/signature"
)

// listen sends the sandbox's webhooks to a receiver that refuses the first few.
func listen(t *testing.T, b *bundle, refusals int32) {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if atomic.AddInt32(&refusals, -1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(receiver.Close)
	b.SetWebhookURL(receiver.URL)
}

type event struct {
	EventID          int64
	ObjectID         json.Number
	SubscriptionType string
	PropertyName     string
	AttemptNumber    int
}

func events(t *testing.T, d sandbox.Delivery) []event {
	t.Helper()
	var all []event
	must(t, json.Unmarshal(d.Body, &all))
	return all
}

func TestOneChangeIsOneRequestAndEachPropertyAnEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listen(t, b, 0)
	id := b.user(t, map[string]string{"email": "a@example.com", "firstname": "A"})
	settle(t, b)
	status, _ := b.call(t, "PATCH", base+"/"+id, `{"properties":{"firstname":"A","lastname":"B"}}`) // our own echo
	settle(t, b)
	all := b.Deliveries()
	if status != 200 || len(all) != 2 {
		t.Fatalf("%d, %d requests", status, len(all))
	}
	made, echo := events(t, all[0]), events(t, all[1])
	if len(made) != 3 || made[2].SubscriptionType != "contact.creation" || made[0].ObjectID.String() != id {
		t.Errorf("a creation is %+v", made)
	}
	if len(echo) != 1 || echo[0].PropertyName != "lastname" {
		t.Errorf("a write is %+v", echo)
	}
}

func TestRequestsAreSignedWithTheirPublicURL(t *testing.T) {
	t.Parallel()
	const public = "https://hooks.example.com/crm?a=b%2Cc"
	b := setup(t)
	listen(t, b, 0)
	b.SetPublicURL(public)
	b.user(t, map[string]string{"email": "a@example.com"})
	settle(t, b)
	d := b.Deliveries()[0]
	_, err := signature.VerifyHubSpotV3(signature.HubSpotRequest{Method: d.Method, URL: public, Body: d.Body,
		Timestamp: d.Header.Get("X-HubSpot-Request-Timestamp"), Signature: d.Header.Get("X-HubSpot-Signature-v3"),
	}, []adapters.Secret{adapters.NewSecret(secret)}, time.Now(), time.Minute)
	if err != nil {
		t.Error(err)
	}
}

func TestARequestIsTriedUntilItIsAcknowledged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listen(t, b, 2)
	b.user(t, map[string]string{"email": "a@example.com"})
	settle(t, b)
	var tries []int
	for _, d := range b.Deliveries() {
		tries = append(tries, d.Attempt, events(t, d)[0].AttemptNumber, d.Status)
	}
	if !slices.Equal(tries, []int{0, 0, 503, 1, 1, 503, 2, 2, 200}) {
		t.Errorf("got %v", tries)
	}
	if status, err := b.Redeliver(2); status != 200 || err != nil {
		t.Errorf("once more: %d, %v", status, err)
	}
	if all := b.Deliveries(); len(all) != 4 || string(all[3].Body) != string(all[2].Body) {
		t.Errorf("once more is another one")
	}
}

func TestHeldEventsGoWhenTheyAreReleased(t *testing.T) {
	t.Parallel()
	for _, shuffle := range []bool{false, true} {
		b := setup(t)
		listen(t, b, 0)
		b.Hold()
		for _, name := range []string{"a", "b", "c", "d"} {
			b.user(t, map[string]string{"firstname": name})
		}
		settle(t, b)
		if n := len(b.Deliveries()); n != 0 {
			t.Fatalf("%d requests went while held", n)
		}
		b.Release(shuffle)
		settle(t, b)
		seen, total := map[int64]bool{}, 0
		for _, d := range b.Deliveries() {
			for _, e := range events(t, d) {
				seen[e.EventID] = true
				total++
			}
		}
		if len(seen) != 8 || shuffle == (total == 8) {
			t.Errorf("shuffled %v: %d events, %d of them different", shuffle, total, len(seen))
		}
	}
}

func TestClosingEndsTheTries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listen(t, b, 1000)
	b.user(t, map[string]string{"email": "a@example.com"})
	b.Close() // waits for all goroutines
	if b.Settled(t.Context()) == nil {
		t.Error("what was never acknowledged is settled")
	}
}

func TestDeletionsMergesAndRestorationsAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listen(t, b, 0)
	first, second := b.user(t, map[string]string{"email": "a@example.com"}), b.user(t, map[string]string{"email": "b@example.com"})
	settle(t, b)
	winner, err := b.Merge(first, second)
	must(t, err)
	must(t, b.Delete(winner))
	must(t, b.Restore(winner))
	must(t, b.Erase(winner))
	settle(t, b)
	types := map[string]int{}
	for _, d := range b.Deliveries() {
		for _, e := range events(t, d) {
			types[e.SubscriptionType]++
		}
	}
	for name, n := range map[string]int{"contact.merge": 1, "contact.deletion": 2, "contact.restore": 1, "contact.privacyDeletion": 1} {
		if types[name] != n {
			t.Errorf("%s: %d of %v", name, types[name], types)
		}
	}
	if c, ok := b.ByEmail("b@example.com"); ok {
		t.Errorf("an erased contact is there: %v", c)
	}
}

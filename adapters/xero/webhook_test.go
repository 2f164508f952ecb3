package xero_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
)

// door receives webhooks as the hub's does: 401 and no word for what is not signed, 200 and no word for the rest.
type door struct {
	*adapters.Adapter
	mu     sync.Mutex
	events []adapters.Event
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	in := adapters.Delivery{Method: r.Method, Header: r.Header, Body: body, ReceivedAt: time.Now()}
	if _, wrong := d.Webhook.Verify(in); err != nil || wrong != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	events, err := d.Webhook.Split(in)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, events...)
}

// listens has the sandbox's webhooks come in.
func (b *bundle) listens(t *testing.T) *door {
	t.Helper()
	d := &door{Adapter: b.Adapter}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	b.sandbox.SetWebhookURL(server.URL)
	return d
}

func (b *bundle) settle(t *testing.T, d *door) []adapters.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, b.sandbox.Settled(ctx))
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.events)
}

func TestAnIntentToReceiveIsAnsweredByItsSignature(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.listens(t)
	must(t, b.sandbox.IntentToReceive())
	if events := b.settle(t, d); len(events) > 0 {
		t.Errorf("it has the events %v", events)
	}
}

// All organisations of an app come to one address, and their events have one row of numbers.
func TestRunningNumbersGoOverAllThatIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.listens(t)
	const other = "aef86862-2015-4b6b-88bc-d89032cecc50"
	id := b.make(t, "Contacts", map[string]any{"Name": "Ada"})
	b.sandbox.Tell(other, "CONTACT", string(id))
	b.sandbox.Tell(tenant, "CREDITNOTE", "55d84274-a3da-4829-a7c0-0cab601b95cc")
	b.edit(t, "Contacts", id, map[string]any{"EmailAddress": "ada@example.com"})
	events := b.settle(t, d)
	if len(events) != 4 || b.Account != tenant {
		t.Fatalf("%d events came to %s, want 4", len(events), b.Account)
	}
	for i, e := range events {
		ours := i != 1
		if e.Sequence != int64(i+1) || (e.Account == b.Account) != ours {
			t.Errorf("event %d has the number %d, and is %s's", i, e.Sequence, e.Account)
		}
		out, err := b.Translator.Translate(e)
		if err != nil || (out.Ignored != "") != (i == 2) {
			t.Errorf("event %d means %+v, %v", i, out, err)
		}
	}
}

// A delivery that is not taken comes for a day, and then none does any more: numbers in a form that nobody knows are left
// aside, and their events are not.
func TestOddNumbersAreNoReasonToTurnADeliveryAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const event = `{"resourceId":"717f2bfc-c6d4-41fd-b238-3f2f0c0cf777","eventType":"UPDATE","eventCategory":"CONTACT","tenantId":"` + tenant + `","eventDateUtc":"2024-06-21T01:15:39.902"}`
	for numbers, want := range map[string]int64{
		`"firstEventSequence":7,"lastEventSequence":7`: 7, `"firstEventSequence":"7","lastEventSequence":"7"`: 7, `"firstEventSequence":7,"lastEventSequence":8`: 0,
		`"firstEventSequence":7.5,"lastEventSequence":{}`: 0, `"firstEventSequence":-1,"lastEventSequence":-1`: 0, `"entropy":1`: 0,
		`"firstEventSequence":9223372036854775807,"lastEventSequence":9223372036854775807`: 9223372036854775807,
	} {
		events, err := b.Webhook.Split(adapters.Delivery{Body: []byte(`{"events":[` + event + `],` + numbers + `}`)})
		if err != nil || len(events) != 1 || events[0].Sequence != want {
			t.Errorf("%s: %+v, %v; want number %d", numbers, events, err, want)
		}
	}
	for _, body := range []string{`{}`, `{"events":null}`, `{"events":{}}`, `{"events":[null]}`, `{"events":["x"]}`, `[]`, ``} {
		if events, err := b.Webhook.Split(adapters.Delivery{Body: []byte(body)}); err == nil {
			t.Errorf("%s is cut into %v", body, events)
		}
	}
	events, err := b.Webhook.Split(adapters.Delivery{Body: []byte(`{"events":[null,` + event + `,7],"firstEventSequence":3,"lastEventSequence":5}`)})
	if err == nil || len(events) != 1 || events[0].Sequence != 4 {
		t.Errorf("beside two that are none: %+v, %v", events, err)
	}
}

func TestHeldEventsComeTwiceAndInAnotherOrderAndAreTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.listens(t)
	b.sandbox.Hold()
	id := b.make(t, "Contacts", map[string]any{"Name": "Ada"})
	for range 59 {
		b.edit(t, "Contacts", id, map[string]any{"EmailAddress": "ada@example.com"})
	}
	b.sandbox.Release()
	keys, numbers := map[string]int64{}, map[int64]string{}
	events := b.settle(t, d)
	for _, e := range events {
		if before, ok := keys[e.Key]; ok && before != e.Sequence || numbers[e.Sequence] != "" && numbers[e.Sequence] != e.Key {
			t.Errorf("%s is number %d and %d", e.Key, before, e.Sequence)
		}
		keys[e.Key], numbers[e.Sequence] = e.Sequence, e.Key
	}
	if len(keys) != 60 || len(events) <= 60 || numbers[1] == "" || numbers[60] == "" {
		t.Errorf("60 changes came as %d events with %d keys", len(events), len(keys))
	}
	before := len(events)
	if status, err := b.sandbox.Redeliver(0); err != nil || status != http.StatusOK {
		t.Fatalf("delivered again: %d, %v", status, err)
	}
	for _, e := range b.settle(t, d)[before:] {
		if keys[e.Key] != e.Sequence {
			t.Errorf("delivered again, %s is number %d, was %d", e.Key, e.Sequence, keys[e.Key])
		}
	}
}

package stripe_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// What has another form than Stripe documents is told to be of no use, and never as empty or as a value.
func TestWhatHasAnotherFormIsNotClaimed(t *testing.T) {
	t.Parallel()
	a := openAt(t, "http://127.0.0.1:1", "sk_test_123")
	for _, c := range []struct {
		object string
		bent   []string
	}{
		{`{"object":"customer","id":"cus_1","name":{"a":1}}`, []string{"name"}},
		{`{"object":"customer","id":"cus_1","metadata":[]}`, []string{"custom.*"}},
		{`{"object":"customer","id":"cus_1","preferred_locales":{"a":1}}`, []string{"locale"}},
		{`{"object":"customer","id":"cus_1","address":"x"}`, []string{"billing_address.line1", "billing_address.line2", "billing_address.city",
			"billing_address.region", "billing_address.postal_code", "billing_address.country_code"}},
		{`{"object":"invoice","id":"in_1","lines":"x"}`, []string{"lines"}},
		{`{"object":"invoice","id":"in_1","lines":{"data":[{"id":"il_1","amount":1000.5,"currency":"eur"}]}}`, []string{"lines"}},
		{`{"object":"invoice","id":"in_1","customer":[]}`, []string{"customer"}},
		{`{"object":"invoice","id":"in_1","currency":"eur","total_discount_amounts":[{"amount":1e2}]}`, []string{"discount_total"}},
		{`{"object":"invoice","id":"in_1","currency":"eur","total_taxes":[{"amount":"12.5"},{"amount":5}]}`, []string{"tax_total"}},
		{`{"object":"invoice","id":"in_1","status_transitions":7}`, []string{"issue_time", "paid_time", "void_time"}},
		{`{"object":"customer","id":"cus_1","address":null,"shipping":null,"metadata":null,"preferred_locales":null}`, nil},
		{`{"object":"invoice","id":"in_1","lines":null,"customer":null,"parent":null,"status_transitions":null}`, nil},
		{`{"object":"invoice","id":"in_1","customer":{"id":"cus_1"},"total_taxes":null,"tax":5,"currency":"eur"}`, nil},
	} {
		body, err := json.Marshal(map[string]any{"id": "evt_1", "object": "event", "type": "x.updated", "created": 1, "data": map[string]any{"object": json.RawMessage(c.object)}})
		if err != nil {
			t.Fatal(err)
		}
		meaning, err := a.Translator.Translate(adapters.Event{Body: body})
		if err != nil || len(meaning.Observations) != 1 {
			t.Fatalf("%s: %+v, %v", c.object, meaning, err)
		}
		o := meaning.Observations[0]
		for _, path := range c.bent {
			unusable := slices.ContainsFunc(o.Unusable, func(u adapters.Unusable) bool { return u.Path == path })
			if !unusable || o.Paths == nil || slices.Contains(o.Paths, path) {
				t.Errorf("%s: %s is of no use: %v, and said: %v", c.object, path, unusable, o.Paths == nil || slices.Contains(o.Paths, path))
			}
		}
		if c.bent == nil && (o.Paths != nil || len(o.Unusable) > 0) {
			t.Errorf("%s: only %v is said, %v is of no use", c.object, o.Paths, o.Unusable)
		}
	}
	for _, id := range []string{`{"a":1}`, `7`, `""`, `null`} {
		body := []byte(`{"id":"evt_1","object":"event","type":"x.updated","created":1,"data":{"object":{"object":"customer","id":` + id + `}}}`)
		if meaning, err := a.Translator.Translate(adapters.Event{Body: body}); err == nil && len(meaning.Observations) > 0 {
			t.Errorf("%s is taken for an id", id)
		}
	}
}

// A customer that a merchant has named, as one could once, is updated as any other.
func TestAnOldCustomersOwnIDIsTaken(t *testing.T) {
	t.Parallel()
	a := openAt(t, "http://127.0.0.1:1", "sk_test_123")
	note := "regular"
	if _, err := a.Pusher.Prepare(adapters.Patch{Kind: "customer", ExternalID: "ada@example.com", Message: &canonicalv1.Customer{Note: &note}, Paths: []string{"note"}}); err != nil {
		t.Error(err)
	}
}

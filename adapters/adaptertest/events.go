package adaptertest

import (
	"slices"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/model"
)

var eventChecks = []check{
	{"EventKeysAreTheSameWhenDeliveredAgain", needs(adapters.Webhooks), keysAreStable},
	{"EventKeysTellEventsApart", needs(adapters.Webhooks), keysTellApart},
	{"SplitSurvivesAnyBody", needs(adapters.Webhooks), splitSurvives},
	{"WebhooksLeadToWhatChanged", needs(adapters.Webhooks, adapters.Fetches), webhooksLeadToWhatChanged},
	{"WebhooksTellOfDeletes", needs(adapters.DeleteWebhooks, adapters.Fetches), webhooksTellOfDeletes},
}

// split verifies and cuts deliveries.
func (s *stage) split(t testing.TB, deliveries []adapters.Delivery) []adapters.Event {
	t.Helper()
	var out []adapters.Event
	for _, d := range deliveries {
		if _, err := s.Webhook.Verify(d); err != nil {
			t.Fatalf("verify: %v", err)
		}
		events, err := s.Webhook.Split(d)
		if err != nil {
			t.Fatalf("split: %v", err)
		}
		for _, e := range events {
			checkEvent(t, e)
		}
		out = append(out, events...)
	}
	return out
}

func checkEvent(t testing.TB, e adapters.Event) {
	t.Helper()
	if e.Key == "" || len(e.Key) > 255 || len(e.Body) == 0 {
		t.Errorf("an event has the key %q and %d bytes; want a key of up to 255 bytes and a body", e.Key, len(e.Body))
	}
	for _, c := range []byte(e.Key) {
		if c <= ' ' || c > '~' {
			t.Errorf("the event key %q is not printable ASCII", e.Key)
			return
		}
	}
}

func keysOf(events []adapters.Event) []string {
	keys := make([]string, len(events))
	for i, e := range events {
		keys[i] = e.Key
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// The first tries are turned away, so that the sandbox makes them again.
func keysAreStable(t testing.TB, s Suite) {
	st := s.stage(t)
	st.inbox.setRefuse(true)
	s.eachKind(can(adapters.Webhooks), func(c adapters.Carriage) {
		st.Edit(adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)})
	})
	select {
	case <-st.inbox.refused:
	case <-time.After(patience):
		t.Fatal("the sandbox told nothing of the objects that were made")
	}
	st.inbox.setRefuse(false)
	again := keysOf(st.split(t, st.settle(t)))
	first := keysOf(st.split(t, st.inbox.turnedAway()))
	for _, key := range first {
		if !slices.Contains(again, key) {
			t.Errorf("the event %s has another key when it is delivered again: %v", key, again)
		}
	}
	for _, body := range s.goldenBodies(t) {
		d := s.request(body.name, body.input)
		one, err := st.Webhook.Split(d)
		two, _ := st.Webhook.Split(d)
		if err != nil || !slices.Equal(keysOf(one), keysOf(two)) {
			t.Errorf("%s: split twice into %v and %v, %v", body.name, keysOf(one), keysOf(two), err)
		}
	}
}

func keysTellApart(t testing.TB, s Suite) {
	st := s.stage(t)
	changes := 0
	s.eachKind(can(adapters.Webhooks), func(c adapters.Carriage) {
		for range 2 {
			o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
			st.Edit(o)
			st.Edit(o)
			changes += 3
		}
	})
	events := st.split(t, st.settle(t))
	gapless(t, events)
	if keys := keysOf(events); len(keys) != len(events) || len(keys) < changes {
		t.Errorf("%d changes made %d events with %d keys; want a key for each event, and an event for each change", changes, len(events), len(keys))
	}
}

// gapless says that running numbers, where there are some, have no gap: the hub takes one for a lost event.
func gapless(t testing.TB, events []adapters.Event) {
	t.Helper()
	var numbers []int64
	for _, e := range events {
		numbers = append(numbers, e.Sequence)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if first, last := numbers[0], numbers[len(numbers)-1]; last != 0 && (first == 0 || last-first+1 != int64(len(events))) {
		t.Errorf("%d events are numbered from %d to %d", len(events), first, last)
	}
}

func splitSurvives(t testing.TB, s Suite) {
	a := s.unconnected(t, s.settings(nil))
	for _, body := range []string{
		"", " ", "null", "0", "true", `""`, "[]", "{}", "[[]]", "[{}]", "[null]", `{"id":null}`, "{", "]", "\xff\xfe", "<xml/>", "a=b&c=d", `[{"a":1},2,"x"]`,
	} {
		events, err := a.Webhook.Split(adapters.Delivery{Method: "POST", Body: []byte(body)})
		if err != nil {
			continue
		}
		for _, e := range events {
			checkEvent(t, e)
			_, _ = a.Translator.Translate(e)
		}
	}
}

// translated is what webhooks say: claims by object, and what is to be fetched.
func (s *stage) translated(t testing.TB, suite Suite, deliveries []adapters.Delivery) (map[adapters.Object][]adapters.Observation, []adapters.Object) {
	t.Helper()
	said := map[adapters.Object][]adapters.Observation{}
	var fetch []adapters.Object
	for _, e := range s.split(t, deliveries) {
		out, err := s.Translator.Translate(e)
		if err != nil {
			t.Fatalf("translate %s: %v", e.Type, err)
		}
		checkTranslation(t, suite, e, out)
		for _, o := range out.Observations {
			said[o.Object] = append(said[o.Object], o)
		}
		fetch = append(fetch, out.Fetch...)
	}
	return said, fetch
}

func webhooksLeadToWhatChanged(t testing.TB, s Suite) {
	st := s.stage(t)
	var objects []adapters.Object
	s.eachKind(can(adapters.Webhooks, adapters.Fetches), func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		st.settle(t)
		st.Edit(o)
		objects = append(objects, o)
		said, fetch := st.translated(t, s, st.settle(t))
		switch {
		case slices.Contains(fetch, o):
		case len(said[o]) == 0:
			t.Errorf("%s %s was edited; the webhooks say nothing of it and fetch nothing", o.Kind, o.ExternalID)
		default:
			agreesWithFetch(t, st, c, said[o])
		}
	})
	for _, o := range objects {
		checkObservation(t, s, st.mustFetch(t, o))
	}
}

// The newest thing said of an object is what a read shows.
func agreesWithFetch(t testing.TB, st *stage, c adapters.Carriage, said []adapters.Observation) {
	t.Helper()
	newest := slices.MaxFunc(said, func(a, b adapters.Observation) int { return a.At.Compare(b.At) })
	if newest.Gone {
		t.Errorf("%s %s: the webhooks say that it is gone", newest.Kind, newest.ExternalID)
		return
	}
	now := st.mustFetch(t, newest.Object)
	known := schema(t, c.Kind)
	agrees := func(o adapters.Observation) (path string, ok bool) {
		paths := o.Paths
		if paths == nil {
			paths = expand(known, c.In, o.Message, now.Message)
		}
		for _, path := range paths {
			if !known.Equal(o.Message, now.Message, model.Path(path)) {
				return path, false
			}
		}
		return "", true
	}
	for _, o := range said {
		if o.At.Equal(newest.At) && !o.Gone {
			if _, ok := agrees(o); ok {
				return
			}
		}
	}
	path, _ := agrees(newest)
	t.Errorf("%s %s: the webhook says of %s %s, a read %s", newest.Kind, newest.ExternalID, path, text(known, newest.Message, path), text(known, now.Message, path))
}

func webhooksTellOfDeletes(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(can(adapters.DeleteWebhooks), func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		st.settle(t)
		if !st.Delete(o) {
			t.Fatalf("%s: nobody can delete there, and the adapter declares webhooks of deletes", c.Kind)
		}
		said, fetch := st.translated(t, s, st.settle(t))
		gone := slices.ContainsFunc(said[o], func(o adapters.Observation) bool { return o.Gone })
		if !gone && !slices.Contains(fetch, o) {
			t.Errorf("%s %s was deleted; the webhooks neither say so nor fetch it", o.Kind, o.ExternalID)
		}
	})
}

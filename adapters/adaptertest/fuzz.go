package adaptertest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
)

// FuzzWebhooks is the fuzz target of an adapter's Split and Translate, seeded with its golden webhooks and their headers:
// whatever comes, they return an error, or observations that are valid but for what the hub takes out.
//
//	func FuzzWebhooks(f *testing.F) { adaptertest.FuzzWebhooks(f, suite()) }
func FuzzWebhooks(f *testing.F, s Suite) {
	f.Helper()
	a := s.unconnected(f, s.settings(nil))
	for _, g := range s.goldenBodies(f) {
		d := s.request(g.name, g.input)
		f.Add(lines(d.Header), d.Body)
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		events, err := a.Webhook.Split(adapters.Delivery{Method: http.MethodPost, Header: unlined(header), Body: body, ReceivedAt: still})
		if err != nil {
			return
		}
		for _, e := range events {
			checkEvent(t, e)
			out, err := a.Translator.Translate(e)
			if err != nil {
				continue
			}
			for _, o := range out.Observations {
				validOrNothing(t, "translated", o)
			}
		}
	})
}

// lines are headers as text, a `Name: value` a line.
func lines(h http.Header) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	return out.String()
}

// unlined reads them. Names and values of no form that HTTP allows are left out: no server lets them in.
func unlined(text string) http.Header {
	out := http.Header{}
	for line := range strings.SplitSeq(text, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		if ok && plain(name) && !strings.ContainsAny(name, " ()<>@,;:\\\"/[]?={}") && name != "" && plain(value) {
			out.Add(name, value)
		}
	}
	return out
}

// plain says that a text has no control characters.
func plain(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) < 0
}

// FuzzAnswers is the fuzz target of an adapter's reading of answers, seeded with its golden objects and errors: whatever
// comes from every call, with whatever status, every ability returns an error, or observations that are valid.
func FuzzAnswers(f *testing.F, s Suite) {
	f.Helper()
	api := s.api(f)
	for _, g := range s.goldenAnswers(f) {
		f.Add(200, g.input)
	}
	for _, g := range s.read(f, "errors/*.json", "") {
		f.Add(400, g.input)
		f.Add(429, g.input)
	}
	requests := map[adapters.Kind][]adapters.Request{}
	for _, c := range s.carries() {
		if r, ok := anyRequest(f, api.Adapter, c); ok {
			requests[c.Kind] = append(requests[c.Kind], r)
		}
		if r, ok := s.anyUpdate(f, api.Adapter, c); ok {
			requests[c.Kind] = append(requests[c.Kind], r)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		api.says(status, "application/json", body)
		ctx := within(t)
		_ = api.Prober.Probe(ctx) // the status may be all that it looks at
		for _, c := range s.carries() {
			if c.Can(adapters.Fetches) {
				o, err := api.Fetcher.Fetch(ctx, adapters.Object{Kind: c.Kind, ExternalID: "1"})
				checkRead(t, "fetched", o, err)
			}
			api.fuzzPulls(ctx, t, c)
			if c.Can(adapters.Counts) && api.Counter != nil {
				if n, _ := api.Counter.Count(ctx, c.Kind); n < 0 { // any failure will do
					t.Errorf("there are %d", n)
				}
			}
			if c.Can(adapters.Archives) {
				o, err := api.Archiver.Archive(ctx, archival(adapters.Object{Kind: c.Kind, ExternalID: "1"}))
				if checkRead(t, "archived", o, err); err == nil && !o.Gone {
					t.Errorf("what is archived is not gone: %+v", o)
				}
			}
			for _, r := range requests[c.Kind] {
				ack, err := api.Pusher.Push(ctx, r)
				checkRead(t, "acknowledged", ack.Observation, err)
				if r.ExternalID != "" {
					continue
				}
				if o, err := api.Pusher.Find(ctx, r); o != nil {
					checkRead(t, "found", *o, err)
				}
			}
		}
	})
}

func checkRead(t testing.TB, what string, o adapters.Observation, err error) {
	t.Helper()
	if err == nil {
		validOrNothing(t, what, o)
	}
}

// fuzzPulls reads pages of everything and of changes, and lists.
func (a *api) fuzzPulls(ctx context.Context, t testing.TB, c adapters.Carriage) {
	t.Helper()
	queries := []adapters.Query{{Kind: c.Kind, Size: 2}}
	if c.Can(adapters.PullsChanges) {
		queries = append(queries, adapters.Query{Kind: c.Kind, Size: 2, Since: still.Add(-time.Hour)})
	}
	for _, q := range queries {
		if !c.Can(adapters.Pulls) {
			return
		}
		page, err := a.Puller.Pull(ctx, q)
		for _, o := range page.Observations {
			validOrNothing(t, "pulled", o)
		}
		if err == nil && page.More && page.Next == "" {
			t.Error("there is more, and no Next")
		}
		if a.Lister == nil {
			continue
		}
		listing, err := a.Lister.List(ctx, q)
		if err == nil && listing.More && listing.Next == "" {
			t.Error("there is more to list, and no Next")
		}
	}
}

// FuzzHints is the fuzz target of an adapter's reading of the vendor's limits, seeded with Suite.Limits and the headers of
// its golden errors: whatever an answer's headers and body say, hints make sense, and nothing is waited for in the past.
func FuzzHints(f *testing.F, s Suite) {
	f.Helper()
	var told []adapters.Hint
	a := s.apiWith(f, func(settings *adapters.Settings) {
		settings.Observe = func(h adapters.Hint) { told = append(told, h) }
	})
	for _, one := range s.Limits {
		header := http.Header{}
		for name, value := range one.Header {
			header.Set(name, value)
		}
		f.Add(200, lines(header), []byte(one.Body))
	}
	for _, g := range s.read(f, "errors/*.json", "") {
		f.Add(429, lines(s.headers(f, g)), g.input)
	}
	f.Fuzz(func(t *testing.T, status int, header string, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		told = nil
		a.says(status, "application/json", body)
		a.header = unlined(header)
		for _, framing := range []string{"Content-Length", "Transfer-Encoding", "Connection", "Content-Encoding", "Location", "Trailer"} {
			a.header.Del(framing) // net/http's matter
		}
		err := a.Prober.Probe(within(t))
		for _, h := range told {
			sensible(t, h)
		}
		if err != nil {
			if f := faultIn(t, "probe", err); f.RetryAfter < 0 {
				t.Errorf("to be tried again after %s", f.RetryAfter)
			}
		}
	})
}

// sensible says that a hint makes sense.
func sensible(t testing.TB, h adapters.Hint) {
	t.Helper()
	if h.Limit == "" || h.Size < 0 || h.Remaining < 0 || h.Window < 0 || h.Reset < 0 || h.Size != h.Size || h.Remaining != h.Remaining {
		t.Errorf("a hint makes no sense: %+v", h)
	}
}

package adaptertest

import (
	"net/http"
	"testing"

	"github.com/canonhub/canonhub/adapters"
)

// FuzzWebhooks is the fuzz target of an adapter's Split and Translate, seeded with its golden webhooks: whatever comes,
// they return an error, or observations that are valid but for what the hub takes out.
//
//	func FuzzWebhooks(f *testing.F) { adaptertest.FuzzWebhooks(f, suite()) }
func FuzzWebhooks(f *testing.F, s Suite) {
	f.Helper()
	a := s.unconnected(f, s.settings(nil))
	for _, g := range s.goldenBodies(f) {
		f.Add(g.input)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := a.Webhook.Split(adapters.Delivery{Method: http.MethodPost, Body: body, ReceivedAt: still})
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

// FuzzAnswers is the fuzz target of an adapter's reading of answers, seeded with its golden objects and errors: whatever
// comes from every call, with whatever status, the adapter returns an error, or observations that are valid.
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
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		api.says(status, "application/json", body)
		for _, c := range s.carries() {
			if c.Can(adapters.Fetches) {
				if o, err := api.Fetcher.Fetch(within(t), adapters.Object{Kind: c.Kind, ExternalID: "1"}); err == nil {
					validOrNothing(t, "fetched", o)
				}
			}
			if c.Can(adapters.Pulls) {
				page, err := api.Puller.Pull(within(t), adapters.Query{Kind: c.Kind, Size: 2})
				for _, o := range page.Observations {
					validOrNothing(t, "pulled", o)
				}
				if err == nil && page.More && page.Next == "" {
					t.Error("there is more, and no Next")
				}
			}
		}
	})
}

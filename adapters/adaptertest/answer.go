package adaptertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var answerChecks = []check{
	{"AnAnswerThatIsNoneIsAFault", nil, brokenAnswers},
	{"ErrorsQuoteNothingOfTheAnswer", nil, errorsQuoteNothing},
}

// api is an adapter on an API that gives one answer to everything, at a time that stands still.
type api struct {
	*adapters.Adapter
	mu          sync.Mutex
	status      int
	contentType string
	header      http.Header // set by no check that runs calls at the same time
	body        []byte
}

func (s Suite) api(t testing.TB) *api {
	t.Helper()
	return s.apiWith(t, func(*adapters.Settings) {})
}

// apiWith connects by other settings.
func (s Suite) apiWith(t testing.TB, change func(*adapters.Settings)) *api {
	t.Helper()
	a := &api{}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	settings := s.settings(nil)
	settings.BaseURL, settings.HTTP = server.URL, server.Client()
	change(&settings)
	a.Adapter = s.unconnected(t, settings)
	return a
}

func (a *api) says(status int, contentType string, body []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.contentType, a.body = status, contentType, body
}

// ServeHTTP gives the answer.
func (a *api) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Date", still.Format(http.TimeFormat))
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// fetch reads the object that a golden answer is of.
func (a *api) fetch(g recorded) (adapters.Observation, error) {
	var head struct {
		ID json.RawMessage `json:"id"`
	}
	_ = json.Unmarshal(g.input, &head) // an object without an id is asked for by an empty one
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return a.Fetcher.Fetch(ctx, adapters.Object{Kind: g.kind, ExternalID: adapters.ExternalID(strings.Trim(string(head.ID), `"`))})
}

// attempts makes every call that the adapter can make, and gives the errors.
func attempts(t testing.TB, a *adapters.Adapter, s Suite) map[string]error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out := map[string]error{}
	for _, c := range s.carries() {
		kind := " " + string(c.Kind)
		if c.Can(adapters.Fetches) {
			_, out["fetch"+kind] = a.Fetcher.Fetch(ctx, adapters.Object{Kind: c.Kind, ExternalID: "1"})
		}
		if c.Can(adapters.Pulls) {
			_, out["pull"+kind] = a.Puller.Pull(ctx, adapters.Query{Kind: c.Kind, Size: 2})
		}
		if c.Can(adapters.PullsChanges) {
			_, out["pull changes of"+kind] = a.Puller.Pull(ctx, adapters.Query{Kind: c.Kind, Size: 2, Since: still.Add(-time.Hour)})
		}
		if c.Can(adapters.Pulls) && a.Lister != nil {
			_, out["list"+kind] = a.Lister.List(ctx, adapters.Query{Kind: c.Kind, Size: 2})
		}
		if c.Can(adapters.Counts) && a.Counter != nil {
			_, out["count"+kind] = a.Counter.Count(ctx, c.Kind)
		}
		if c.Can(adapters.Archives) {
			_, out["archive"+kind] = a.Archiver.Archive(ctx, adapters.Request{Kind: c.Kind, RecordID: recordID(c.Kind), ExternalID: "1", Key: "key-1"})
		}
		if request, ok := anyRequest(t, a, c); ok {
			_, out["create"+kind] = a.Pusher.Push(ctx, request)
		}
	}
	out["probe"] = a.Prober.Probe(ctx)
	return out
}

// anyRequest is a create of what every vendor with customers takes: a text attribute of Out.
func anyRequest(t testing.TB, a *adapters.Adapter, c adapters.Carriage) (adapters.Request, bool) {
	t.Helper()
	known := schema(t, c.Kind)
	if !c.Create {
		return adapters.Request{}, false
	}
	for _, path := range slices.Concat(c.Out, c.OnCreate) {
		for _, m := range rough(known, path) {
			r, err := a.Pusher.Prepare(adapters.Patch{Kind: c.Kind, RecordID: recordID(c.Kind), Message: m, Paths: []string{path}, Key: "key-1"})
			if err == nil {
				return r, true
			}
		}
	}
	return adapters.Request{}, false
}

// A proxy's page, an empty body or half a text is never taken for success, for an empty page least of all, and never
// breaks the adapter.
func brokenAnswers(t testing.TB, s Suite) {
	a := s.api(t)
	for what, body := range map[string]string{
		"nothing": "", "a page": "<html><body>Bad Gateway</body></html>", "half a text": `{"id":"1","obj`, "a text": `"ok"`, "null": "null", "a list": "[]", "a number": "1", "zeros": "\x00\x00", "an empty object": "{}",
	} {
		for _, status := range []int{200, 302, 400, 404, 500, 502, 503} {
			a.says(status, "text/html", []byte(body))
			for call, err := range attempts(t, a.Adapter, s) {
				if call == "probe" && status == http.StatusOK {
					continue // the status alone says it
				}
				f := faultIn(t, fmt.Sprintf("%s, answered %d with %s", call, status, what), err)
				if status >= 500 && (f.Category != fault.Transient || f.Status != status) {
					t.Errorf("%s, answered %d with %s: %v, want a transient fault with that status", call, status, what, err)
				}
			}
		}
	}
}

// Vendors quote what they were sent, and what they hold.
func errorsQuoteNothing(t testing.TB, s Suite) {
	a := s.api(t)
	const personal = "ada.lovelace@example.com"
	for _, body := range []string{
		`{"error":{"type":"invalid_request_error","code":"email_invalid","param":"email","message":"Invalid email: ` + personal + `"}}`,
		`{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: ` + personal + `","errors":[{"message":"` + personal + `","code":"INVALID_EMAIL","context":{"propertyName":["email"],"value":["` + personal + `"]}}]}`,
		`{"errors":{"email":["` + personal + ` is taken"]},"error":"` + personal + `","detail":"` + personal + `","title":"` + personal + `"}`,
		`{"errors":[{"message":"` + personal + `","detail":"` + personal + `"}]}`, `<html>` + personal + `</html>`, personal,
	} {
		for _, status := range []int{200, 207, 400, 401, 403, 404, 409, 422, 429, 500} {
			a.says(status, "application/json", []byte(body))
			for call, err := range attempts(t, a.Adapter, s) {
				if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, err), personal) {
					t.Errorf("%s, answered %d with %s: the error quotes it: %v", call, status, body, err)
				}
			}
		}
	}
}

package salesforce_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/salesforce"
	"github.com/canonhub/canonhub/adapters/salesforce/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const (
	token          = "not-a-real-token"
	customerRecord = "customer_01h455vb4pex5vsknk084sn02q"
	ticketRecord   = "ticket_01h455vb4pex5vsknk084sn02q"
	orderRecord    = "order_01h455vb4pex5vsknk084sn02q"
)

// bundle is an adapter connected to a sandbox.
type bundle struct {
	*adapters.Adapter
	sandbox *sandbox.Server
	// before is called with each request before Salesforce sees it.
	before func(r *http.Request, body string)
	hints  []adapters.Hint
	now    time.Time
}

// setup connects to an org with one currency, by further options.
func setup(t *testing.T, options string, change ...func(*sandbox.Options)) *bundle {
	t.Helper()
	b := &bundle{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	o := sandbox.Options{Token: token, Now: func() time.Time { return b.now }}
	for _, f := range change {
		f(&o)
	}
	b.sandbox = sandbox.New(o)
	t.Cleanup(b.sandbox.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && b.before != nil {
			b.before(r, string(body))
			r.Body = io.NopCloser(bytes.NewReader(body))
		} else {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		b.sandbox.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.Adapter = open(t, server, options, func(s *adapters.Settings) {
		s.Now, s.Observe = func() time.Time { return b.now }, func(h adapters.Hint) { b.hints = append(b.hints, h) }
	})
	return b
}

const oneCurrency = `{"currency": "EUR"}`

func open(t *testing.T, server *httptest.Server, options string, change func(*adapters.Settings)) *adapters.Adapter {
	t.Helper()
	s := adapters.Settings{
		Connection: "crm", BaseURL: server.URL, HTTP: server.Client(), Now: time.Now, Options: json.RawMessage(options),
		Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret(token)},
	}
	change(&s)
	a, err := salesforce.Factory().Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// answering is an adapter on an API that gives these answers with status 200, one after the other and the last for ever.
func answering(t *testing.T, bodies ...string) *adapters.Adapter {
	t.Helper()
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(bodies[min(n, len(bodies)-1)]))
		n++
	}))
	t.Cleanup(server.Close)
	return open(t, server, oneCurrency, func(*adapters.Settings) {})
}

// make makes a row as a user does.
func (b *bundle) make(t *testing.T, object string, fields map[string]any) adapters.ExternalID {
	t.Helper()
	id, err := b.sandbox.Make(object, fields)
	if err != nil {
		t.Fatal(err)
	}
	return adapters.ExternalID(id)
}

func (b *bundle) edit(t *testing.T, object string, id adapters.ExternalID, fields map[string]any) {
	t.Helper()
	if err := b.sandbox.Edit(object, string(id), fields); err != nil {
		t.Fatal(err)
	}
}

// field is what Salesforce keeps.
func (b *bundle) field(t *testing.T, object string, id adapters.ExternalID, name string) any {
	t.Helper()
	o, ok := b.sandbox.Object(object, string(id))
	if !ok {
		t.Fatalf("there is no %s %s", object, id)
	}
	return o.Fields[name]
}

func (b *bundle) fetch(t *testing.T, kind adapters.Kind, id adapters.ExternalID) adapters.Observation {
	t.Helper()
	o, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: kind, ExternalID: id})
	if err != nil {
		t.Fatalf("fetch %s %s: %v", kind, id, err)
	}
	return o
}

func (b *bundle) pull(t *testing.T, q adapters.Query) adapters.Page {
	t.Helper()
	page, err := b.Puller.Pull(t.Context(), q)
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return page
}

// push prepares and pushes.
func (b *bundle) push(t *testing.T, p adapters.Patch) (adapters.Ack, error) {
	return push(t, b.Adapter, p)
}

func push(t *testing.T, a *adapters.Adapter, p adapters.Patch) (adapters.Ack, error) {
	t.Helper()
	r, err := a.Pusher.Prepare(p)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	return a.Pusher.Push(t.Context(), r)
}

func (b *bundle) mustPush(t *testing.T, p adapters.Patch) adapters.Ack {
	t.Helper()
	ack, err := b.push(t, p)
	if err != nil {
		t.Fatalf("push: %v", err)
	}
	return ack
}

func patch(id adapters.ExternalID, record proto.Message, paths ...string) adapters.Patch {
	p := adapters.Patch{Kind: "customer", RecordID: customerRecord, ExternalID: id, Message: record, Paths: paths, Key: "key-1"}
	switch record.(type) {
	case *canonicalv1.Ticket:
		p.Kind, p.RecordID = "ticket", ticketRecord
	case *canonicalv1.Order:
		p.Kind, p.RecordID = "order", orderRecord
	}
	return p
}

func note(text string) *canonicalv1.Customer { return &canonicalv1.Customer{Note: &text} }

func to(id adapters.ExternalID) *canonicalv1.Reference {
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: string(id)}}}
}

// wants fails unless an error has a category.
func wants(t *testing.T, err error, want fault.Category) *fault.Error {
	t.Helper()
	if err == nil || fault.CategoryOf(err) != want {
		t.Fatalf("got %v, want category %s", err, want)
	}
	return fault.As(err)
}

package xero_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/xero"
	"github.com/canonhub/canonhub/adapters/xero/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const (
	token          = "not-a-real-token"
	secret         = "not-a-real-secret"
	customerRecord = "customer_01h455vb4pex5vsknk084sn02q"
	invoiceRecord  = "invoice_01h455vb4pex5vsknk084sn02q"
)

// bundle is an adapter connected to a sandbox.
type bundle struct {
	*adapters.Adapter
	sandbox *sandbox.Server
	// before is called with each request before Xero sees it.
	before func(*http.Request)
	// ahead is how far the clock was put forward, from a morning in November.
	ahead atomic.Int64
}

func (b *bundle) time() time.Time {
	return time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(b.ahead.Load()))
}

func (b *bundle) forward(by time.Duration) { b.ahead.Add(int64(by)) }

func setup(t *testing.T, change ...func(*sandbox.Options)) *bundle {
	t.Helper()
	b := &bundle{}
	options := sandbox.Options{Token: token, TenantID: tenant, Secret: secret, ClientID: "app", ClientSecret: "app-secret", Now: b.time}
	for _, f := range change {
		f(&options)
	}
	b.sandbox = sandbox.New(options)
	t.Cleanup(b.sandbox.Close)
	b.Adapter = connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.before != nil {
			b.before(r)
		}
		b.sandbox.ServeHTTP(w, r)
	}))
	return b
}

// connect opens the adapter on an API.
func connect(t *testing.T, api http.Handler) *adapters.Adapter {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	a, err := xero.Factory().Open(adapters.Settings{
		Connection: "books", BaseURL: server.URL, HTTP: server.Client(), Now: time.Now,
		Options:        json.RawMessage(`{"tenant_id": "` + tenant + `", "account_code": "260", "tax_type": "ZERORATED", "record_url": "https://hub.example.com/records/"}`),
		Credentials:    map[string]adapters.Secret{"access_token": adapters.NewSecret(token)},
		WebhookSecrets: []adapters.Secret{adapters.NewSecret(secret)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// says is an API that says one thing.
func says(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// make makes an object as a person does.
func (b *bundle) make(t *testing.T, many string, fields map[string]any) adapters.ExternalID {
	t.Helper()
	id, err := b.sandbox.Make(many, fields)
	if err != nil {
		t.Fatal(err)
	}
	return adapters.ExternalID(id)
}

// sells makes an invoice, and the contact that it is for.
func (b *bundle) sells(t *testing.T, change map[string]any) adapters.ExternalID {
	t.Helper()
	fields := sale(string(b.make(t, "Contacts", map[string]any{"Name": "Payer " + t.Name() + time.Now().String()})), 1)
	for name, value := range change {
		fields[name] = value
	}
	return b.make(t, "Invoices", fields)
}

func (b *bundle) edit(t *testing.T, many string, id adapters.ExternalID, fields map[string]any) {
	t.Helper()
	must(t, b.sandbox.Edit(many, string(id), fields))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// object is what Xero keeps.
func (b *bundle) object(t *testing.T, many string, id adapters.ExternalID) *sandbox.Object {
	t.Helper()
	o, ok := b.sandbox.Object(many, string(id))
	if !ok {
		t.Fatalf("there is nothing %s among %s", id, many)
	}
	return &o
}

// push prepares and pushes.
func (b *bundle) push(t *testing.T, p adapters.Patch) (adapters.Ack, error) {
	t.Helper()
	r, err := b.Pusher.Prepare(p)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	return b.Pusher.Push(t.Context(), r)
}

func (b *bundle) mustPush(t *testing.T, p adapters.Patch) adapters.Ack {
	t.Helper()
	ack, err := b.push(t, p)
	if err != nil {
		t.Fatalf("push: %v", err)
	}
	return ack
}

func (b *bundle) fetch(t *testing.T, kind adapters.Kind, id adapters.ExternalID) adapters.Observation {
	t.Helper()
	o, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: kind, ExternalID: id})
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	return o
}

func patch(id adapters.ExternalID, record proto.Message, paths ...string) adapters.Patch {
	p := adapters.Patch{Kind: "customer", RecordID: customerRecord, ExternalID: id, Message: record, Paths: paths, Key: "key-1"}
	if _, is := record.(*canonicalv1.Invoice); is {
		p.Kind, p.RecordID = "invoice", invoiceRecord
	}
	return p
}

func named(full string) *canonicalv1.Customer {
	return &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: &full}}
}

// wants fails unless an error has a category.
func wants(t *testing.T, err error, want fault.Category) *fault.Error {
	t.Helper()
	if err == nil || fault.CategoryOf(err) != want {
		t.Fatalf("got %v, want category %s", err, want)
	}
	return fault.As(err)
}

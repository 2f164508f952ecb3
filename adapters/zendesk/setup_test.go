package zendesk_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/zendesk"
	"github.com/canonhub/canonhub/adapters/zendesk/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const (
	token          = "not-a-real-token"
	secret         = "not-a-real-secret"
	customerRecord = "customer_01h455vb4pex5vsknk084sn02q"
	ticketRecord   = "ticket_01h455vb4pex5vsknk084sn02q"
)

// bundle is an adapter connected to a sandbox.
type bundle struct {
	*adapters.Adapter
	sandbox *sandbox.Server
	// before is called with each request before Zendesk sees it.
	before func(*http.Request)
	// later is how much time has passed by the bundle's clock, in nanoseconds.
	later atomic.Int64
}

// now is the time at the bundle: it stands still until a test lets it pass.
func (b *bundle) now() time.Time {
	return time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(b.later.Load()))
}

func (b *bundle) pass(d time.Duration) { b.later.Add(int64(d)) }

func setup(t *testing.T, change ...func(*sandbox.Options)) *bundle {
	t.Helper()
	b := &bundle{}
	options := sandbox.Options{Token: token, Secret: secret, AccountID: 22129848, Now: b.now}
	for _, f := range change {
		f(&options)
	}
	b.sandbox = sandbox.New(options)
	t.Cleanup(b.sandbox.Close)
	b.Adapter = b.connect(t, map[string]string{"token": token})
	return b
}

// connect opens the adapter on the sandbox.
func (b *bundle) connect(t *testing.T, credentials map[string]string) *adapters.Adapter {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.before != nil {
			b.before(r)
		}
		b.sandbox.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	settings := adapters.Settings{
		Connection: "help", BaseURL: server.URL, HTTP: server.Client(), Now: b.now,
		Credentials: map[string]adapters.Secret{}, WebhookSecrets: []adapters.Secret{adapters.NewSecret(secret)},
	}
	for name, text := range credentials {
		settings.Credentials[name] = adapters.NewSecret(text)
	}
	a, err := zendesk.Factory().Open(settings)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// make makes an object as an agent does.
func (b *bundle) make(t *testing.T, many string, fields map[string]any) adapters.ExternalID {
	t.Helper()
	id, err := b.sandbox.Make(many, fields)
	if err != nil {
		t.Fatal(err)
	}
	return adapters.ExternalID(strconv.FormatInt(id, 10))
}

func (b *bundle) edit(t *testing.T, many string, id adapters.ExternalID, fields map[string]any) {
	t.Helper()
	if err := b.sandbox.Edit(many, number(id), fields); err != nil {
		t.Fatal(err)
	}
}

// field is what Zendesk keeps.
func (b *bundle) field(t *testing.T, many string, id adapters.ExternalID, name string) any {
	t.Helper()
	o, ok := b.sandbox.Object(many, number(id))
	if !ok {
		t.Fatalf("there is nothing %s among %s", id, many)
	}
	return o.Fields[name]
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

func patch(id adapters.ExternalID, record proto.Message, paths ...string) adapters.Patch {
	p := adapters.Patch{Kind: "customer", RecordID: customerRecord, ExternalID: id, Message: record, Paths: paths, Key: "key-1"}
	if _, is := record.(*canonicalv1.Ticket); is {
		p.Kind, p.RecordID = "ticket", ticketRecord
	}
	return p
}

func subject(text string) *canonicalv1.Ticket { return &canonicalv1.Ticket{Subject: &text} }

func address(text string) *canonicalv1.Customer { return &canonicalv1.Customer{Email: &text} }

// wants fails unless an error has a category.
func wants(t *testing.T, err error, want fault.Category) *fault.Error {
	t.Helper()
	if err == nil || fault.CategoryOf(err) != want {
		t.Fatalf("got %v, want category %s", err, want)
	}
	return fault.As(err)
}

// answering is an adapter on an API that says one thing.
func answering(body string) func(*testing.T) *adapters.Adapter {
	return func(t *testing.T) *adapters.Adapter {
		t.Helper()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		a, err := zendesk.Factory().Open(adapters.Settings{
			BaseURL: server.URL, HTTP: server.Client(), Now: time.Now, Credentials: map[string]adapters.Secret{"token": adapters.NewSecret(token)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// receiver is an address that takes webhooks.
func receiver(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	return server.URL
}

package hubspot_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/hubspot"
	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const (
	token        = "pat-eu1-not-a-real-token"
	clientSecret = "not-a-real-client-secret"
	publicURL    = "https://hooks.example.com/webhooks/crm?tenant=a%2Fb"
	base         = "/crm/objects/2026-03/contacts"
	recordID     = "customer_01h455vb4pex5vsknk084sn02q"
)

// bundle is an adapter connected to a sandbox.
type bundle struct {
	*adapters.Adapter
	sandbox *sandbox.Server
}

func setup(t *testing.T, change ...func(*sandbox.Options)) *bundle {
	t.Helper()
	options := sandbox.Options{AccessToken: token, ClientSecret: clientSecret, PortalID: 62515}
	for _, f := range change {
		f(&options)
	}
	s := sandbox.New(options)
	t.Cleanup(s.Close)
	return &bundle{Adapter: connect(t, s), sandbox: s}
}

// connect opens the adapter on an API.
func connect(t *testing.T, api http.Handler) *adapters.Adapter {
	t.Helper()
	return connectWith(t, api, "")
}

// connectWith opens it with the connection's options.
func connectWith(t *testing.T, api http.Handler, options string) *adapters.Adapter {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	a, err := hubspot.Factory().Open(adapters.Settings{
		Connection: "crm", BaseURL: server.URL, PublicURL: publicURL, HTTP: server.Client(), Now: time.Now, Options: json.RawMessage(options),
		Credentials:    map[string]adapters.Secret{"access_token": adapters.NewSecret(token)},
		WebhookSecrets: []adapters.Secret{adapters.NewSecret(clientSecret)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// answer is an API that says one thing.
func answer(status int, contentType, body string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func ada() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Email: proto.String("ada@example.com"),
		Name:  &canonicalv1.PersonName{Full: proto.String("Ada Lovelace"), Given: proto.String("Ada"), Family: proto.String("Lovelace")},
		Phone: proto.String("+442079460018"),
	}
}

func create(record *canonicalv1.Customer, paths ...string) adapters.Patch {
	return adapters.Patch{Kind: "customer", RecordID: recordID, Message: record, Paths: paths, Key: "k1"}
}

func update(id adapters.ExternalID, record *canonicalv1.Customer, paths ...string) adapters.Patch {
	p := create(record, paths...)
	p.ExternalID = id
	return p
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

// user makes a contact as HubSpot's user does.
func (b *bundle) user(t *testing.T, values map[string]string) adapters.ExternalID {
	t.Helper()
	id, err := b.sandbox.Create(values)
	if err != nil {
		t.Fatal(err)
	}
	return adapters.ExternalID(id)
}

func (b *bundle) fetch(t *testing.T, id adapters.ExternalID) adapters.Observation {
	t.Helper()
	o, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "customer", ExternalID: id})
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	return o
}

// held is a property as HubSpot keeps it.
func (b *bundle) held(t *testing.T, id adapters.ExternalID, property string) string {
	t.Helper()
	c, ok := b.sandbox.Contact(string(id))
	if !ok {
		t.Fatalf("there is no contact %s", id)
	}
	return c.Properties[property]
}

package stripe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/stripe"
	"github.com/canonhub/canonhub/adapters/stripe/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func connected(t *testing.T) (*adapters.Adapter, *sandbox.Server) {
	t.Helper()
	vendor := sandbox.New(sandbox.Options{APIKey: "sk_test_1", WebhookSecret: "whsec_1", Now: time.Now})
	t.Cleanup(vendor.Close)
	server := httptest.NewServer(vendor)
	t.Cleanup(server.Close)
	a, err := stripe.Factory().Open(adapters.Settings{Connection: "stripe", BaseURL: server.URL, HTTP: http.DefaultClient, Now: time.Now,
		Credentials: map[string]adapters.Secret{"api_key": adapters.NewSecret("sk_test_1")}})
	if err != nil {
		t.Fatal(err)
	}
	return a, vendor
}

func prepared(t *testing.T, a *adapters.Adapter, p adapters.Patch) adapters.Request {
	t.Helper()
	p.Kind, p.RecordID = "customer", "customer_01h455vb4pex5vsknk084sn02q"
	request, err := a.Pusher.Prepare(p)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// A key's saved answer is as old as its first send: what was edited since must not be taken back.
func TestReplayedAnswerIsReadAnew(t *testing.T) {
	t.Parallel()
	a, vendor := connected(t)
	ctx := context.Background()
	request := prepared(t, a, adapters.Patch{Message: &canonicalv1.Customer{Email: proto.String("ada@example.com"), Note: proto.String("new")},
		Paths: []string{"email", "note"}, Key: "k1"})
	made, err := a.Pusher.Push(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if err := vendor.Edit(string(made.Observation.ExternalID), map[string]string{"description": "edited"}); err != nil {
		t.Fatal(err)
	}
	again, err := a.Pusher.Push(ctx, request)
	if err != nil || again.Observation.Object != made.Observation.Object {
		t.Fatalf("sent again: %v, %v", again.Observation.Object, err)
	}
	if got := again.Observation.Message.(*canonicalv1.Customer).GetNote(); got != "edited" {
		t.Errorf("the note is %q, want what it was edited to", got)
	}
	if n := vendor.Count("customer"); n != 1 {
		t.Errorf("there are %d customers, want 1", n)
	}
}

// Stripe saves a 5xx under the key, too: sent again, it would fail until the key expires.
func TestSavedFailureAsksForAnotherKey(t *testing.T) {
	t.Parallel()
	a, vendor := connected(t)
	ctx := context.Background()
	patch := adapters.Patch{Message: &canonicalv1.Customer{Email: proto.String("ada@example.com")}, Paths: []string{"email"}, Key: "k1"}
	vendor.Inject(sandbox.Fault{Status: 500, Stored: true, Write: true})
	if _, err := a.Pusher.Push(ctx, prepared(t, a, patch)); fault.CategoryOf(err) != fault.Transient || !fault.As(err).MaybeDone {
		t.Fatalf("the first send: %v, want it transient and maybe done", err)
	}
	if _, err := a.Pusher.Push(ctx, prepared(t, a, patch)); fault.CategoryOf(err) != fault.Conflict || fault.As(err).MaybeDone {
		t.Fatalf("the second send: %v, want a conflict and not done", err)
	}
	patch.Key = "k2"
	if _, err := a.Pusher.Push(ctx, prepared(t, a, patch)); err != nil {
		t.Errorf("with another key: %v", err)
	}
}

// An address may be replaced whole: its other parts go along as Stripe has them, not as the record has them.
func TestAddressIsCompletedByWhatStripeHas(t *testing.T) {
	t.Parallel()
	a, _ := connected(t)
	ctx := context.Background()
	made, err := a.Pusher.Push(ctx, prepared(t, a, adapters.Patch{Message: whole(), Paths: []string{"name", "shipping_address.city", "shipping_address.country_code",
		"billing_address.city", "billing_address.country_code"}, Key: "k1"}))
	if err != nil {
		t.Fatal(err)
	}
	wanted := whole()
	wanted.ShippingAddress.CountryCode, wanted.ShippingAddress.City = proto.String("FR"), proto.String("Lyon")
	wanted.BillingAddress.CountryCode, wanted.BillingAddress.City = proto.String("FR"), proto.String("Lyon")
	ack, err := a.Pusher.Push(ctx, prepared(t, a, adapters.Patch{ExternalID: made.Observation.ExternalID, Message: wanted, Held: made.Observation.Message,
		Paths: []string{"shipping_address.city", "billing_address.city"}, Key: "k2"}))
	if err != nil {
		t.Fatal(err)
	}
	c := ack.Observation.Message.(*canonicalv1.Customer)
	for name, address := range map[string]*canonicalv1.Address{"shipping": c.GetShippingAddress(), "billing": c.GetBillingAddress()} {
		if address.GetCity() != "Lyon" || address.GetCountryCode() != "DE" || address.Line1 != nil || address.Phone != nil {
			t.Errorf("the %s address is %v, want Lyon in the country that was there, and nothing else", name, address)
		}
	}
}

// A customer that was just made is found, though the search does not know it yet.
func TestFindReadsTheListFirst(t *testing.T) {
	t.Parallel()
	a, vendor := connected(t)
	ctx := context.Background()
	request := prepared(t, a, adapters.Patch{Message: &canonicalv1.Customer{Email: proto.String("ada@example.com")}, Paths: []string{"email"}, Key: "k1"})
	if found, err := a.Pusher.Find(ctx, request); found != nil || err != nil {
		t.Fatalf("before: %v, %v", found, err)
	}
	if _, err := a.Pusher.Push(ctx, request); err != nil {
		t.Fatal(err)
	}
	searches := vendor.Counts()["GET /v1/customers/search"]
	if found, err := a.Pusher.Find(ctx, request); found == nil || err != nil {
		t.Errorf("after: %v, %v", found, err)
	}
	if now := vendor.Counts()["GET /v1/customers/search"]; now != searches {
		t.Error("the search was asked")
	}
}

package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/stripe"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// stripeMock is Stripe's own stand-in, made from its OpenAPI file: it refuses parameters and shapes that Stripe does not
// have. It keeps no state.
const stripeMock = "v0.203.0"

// The adapter speaks to a server that nobody here wrote.
func TestStripeMock(t *testing.T) {
	t.Parallel()
	base := startStripeMock(t)
	a := openAt(t, base, "sk_test_123")
	ctx := context.Background()

	if err := a.Prober.Probe(ctx); err != nil {
		t.Errorf("probe: %v", err)
	}
	if err := openAt(t, base, "").Prober.Probe(ctx); fault.CategoryOf(err) != fault.Auth {
		t.Errorf("a missing key is %v, want auth", err)
	}
	for _, kind := range []adapters.Kind{"customer", "invoice"} {
		o, err := a.Fetcher.Fetch(ctx, adapters.Object{Kind: kind, ExternalID: "id_1"})
		if err != nil || o.Message == nil || o.At.IsZero() || len(o.Unknown) > 0 {
			t.Errorf("fetch %s: %v; at %s, unknown %v", kind, err, o.At, o.Unknown)
		}
	}
	for name, patch := range map[string]adapters.Patch{
		"create":        {Kind: "customer", RecordID: "customer_1", Message: whole(), Paths: stripe.Factory().Carries[0].Out, Key: "k1"},
		"update":        {Kind: "customer", RecordID: "customer_1", ExternalID: "cus_1", Message: whole(), Paths: []string{"name", "billing_address.city"}, Key: "k2"},
		"invoice":       {Kind: "invoice", RecordID: "invoice_1", ExternalID: "in_1", Message: invoiceSample(1), Paths: stripe.Factory().Carries[1].Out, Key: "k4"},
		"clear invoice": {Kind: "invoice", RecordID: "invoice_1", ExternalID: "in_1", Message: &canonicalv1.Invoice{}, Paths: []string{"note"}, Key: "k5"},
		"clear":         {Kind: "customer", RecordID: "customer_1", ExternalID: "cus_1", Message: &canonicalv1.Customer{}, Paths: clearable(), Key: "k3"},
	} {
		patch.Paths = withoutCustom(patch.Paths)
		request, err := a.Pusher.Prepare(patch)
		if err != nil {
			t.Errorf("%s: prepare: %v", name, err)
			continue
		}
		if ack, err := a.Pusher.Push(ctx, request); err != nil || ack.Observation.ExternalID == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, kind := range []adapters.Kind{"customer", "invoice"} {
		for _, since := range []time.Time{{}, time.Now().Add(-time.Hour)} {
			page, err := a.Puller.Pull(ctx, adapters.Query{Kind: kind, Since: since, Size: 100})
			if err != nil || since.IsZero() && len(page.Observations)+len(page.Fetch) == 0 || len(page.Rejected) > 0 {
				t.Errorf("pull %ss since %s: %+v, %v", kind, since, page, err)
			}
		}
	}
	if _, err := a.Pusher.Find(ctx, adapters.Request{Kind: "customer", RecordID: "customer_1"}); err != nil {
		t.Errorf("find: %v", err)
	}
}

func withoutCustom(paths []string) []string {
	var out []string
	for _, path := range paths {
		if path == "custom.*" {
			path = "custom.tier"
		}
		out = append(out, path)
	}
	return out
}

// clearable are the attributes of a customer that can be empty at Stripe.
func clearable() []string {
	var out []string
	for _, path := range stripe.Factory().Carries[0].Out {
		if path != "tax_status" {
			out = append(out, path)
		}
	}
	return out
}

func whole() *canonicalv1.Customer {
	address := &canonicalv1.Address{Line1: proto.String("Teststraße 1"), Line2: proto.String("2. Stock"), City: proto.String("Berlin"),
		Region: proto.String("Berlin"), PostalCode: proto.String("10115"), CountryCode: proto.String("DE")}
	shipping := proto.Clone(address).(*canonicalv1.Address)
	shipping.Recipient, shipping.Phone = proto.String("Erika Mustermann"), proto.String("+4930901820")
	return &canonicalv1.Customer{
		Name: &canonicalv1.PersonName{Full: proto.String("Ada Lovelace")}, Email: proto.String("ada@example.com"), Phone: proto.String("+442079460000"),
		Locale: proto.String("de-AT"), TaxStatus: canonicalv1.TaxStatus_TAX_STATUS_EXEMPT.Enum(), Note: proto.String("VIP"),
		BillingAddress: address, ShippingAddress: shipping,
		Custom: map[string]*canonicalv1.CustomValue{"tier": {Value: &canonicalv1.CustomValue_Text{Text: "gold"}}},
	}
}

func openAt(t testing.TB, base, key string) *adapters.Adapter {
	t.Helper()
	if key == "" {
		key = "not-a-key"
	}
	a, err := stripe.Factory().Open(adapters.Settings{
		Connection: "stripe", BaseURL: base, HTTP: httpapi.NewHTTPClient(httpapi.Options{BaseURL: base}), Now: time.Now,
		Credentials: map[string]adapters.Secret{"api_key": adapters.NewSecret(key)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// startStripeMock builds stripe-mock from the module proxy, once for this machine, and starts it.
func startStripeMock(t *testing.T) (base string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(cache, "canonhub", "stripe-mock-"+stripeMock)
	program := filepath.Join(bin, "stripe-mock")
	if _, err := os.Stat(program); errors.Is(err, os.ErrNotExist) {
		build := exec.Command("go", "install", "github.com/stripe/stripe-mock@"+stripeMock)
		build.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-mod=mod")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build stripe-mock: %v\n%s", err, out)
		}
	}
	plain, tls := freePort(t), freePort(t)
	mock := exec.Command(program, "-http-addr", plain, "-https-addr", tls) // its HTTPS port otherwise listens on all interfaces
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		_ = mock.Wait()
	})
	base = "http://" + plain
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(base + "/v1/customers")
		if err == nil {
			resp.Body.Close()
			return base
		}
		select {
		case <-deadline.C:
			t.Fatal(fmt.Errorf("stripe-mock does not answer: %w", err))
		case <-tick.C:
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

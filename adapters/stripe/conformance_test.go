package stripe_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/signature"
	"github.com/canonhub/canonhub/adapters/stripe"
	"github.com/canonhub/canonhub/adapters/stripe/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, suite())
}

func FuzzWebhooks(f *testing.F) { adaptertest.FuzzWebhooks(f, suite()) }

func FuzzAnswers(f *testing.F) { adaptertest.FuzzAnswers(f, suite()) }

func suite() adaptertest.Suite {
	return adaptertest.Suite{
		Factory: stripe.Factory(), Start: start, Sign: sign, Golden: "testdata", Readme: "README.md",
		Waive: map[string]string{
			"HintsAreRead":                 "Stripe's answers tell nothing of what is left; its limits are those of Factory.Limits.",
			"APushWritesOverNothingUnseen": "Stripe's updates take no condition; what Stripe may claim is read by the hub before it is written",
		},
		Amounts: []adaptertest.AmountPlace{
			{File: "invoice.paid.json", Pointer: "/data/object/total", Currency: "/data/object/currency", Path: "total", Write: inStripesUnit, Code: strings.ToLower},
			{File: "objects/invoice/paid.json", Pointer: "/amount_paid", Currency: "/currency", Path: "amount_paid", Write: inStripesUnit, Code: strings.ToLower},
		},
		Times: []adaptertest.TimePlace{
			{File: "customer.updated.json", Pointer: "/created", Unit: time.Second, Write: seconds},
			{File: "invoice.paid.json", Pointer: "/created", Unit: time.Second, Write: seconds},
			{File: "invoice.paid.json", Pointer: "/data/object/period_end", Path: "period_end", Unit: time.Second, Write: seconds},
			{File: "invoice.paid.json", Pointer: "/data/object/status_transitions/paid_at", Path: "paid_time", Unit: time.Second, Write: seconds},
		},
		Open: []adaptertest.Place{
			{File: "customer.updated.json", Pointer: "/data/object"},
			{File: "customer.updated.json", Pointer: "/data/object/tax_exempt", Path: "tax_status"},
			{File: "invoice.paid.json", Pointer: "/data/object"},
			{File: "invoice.paid.json", Pointer: "/data/object/status", Path: "status"},
			{File: "invoice.paid.json", Pointer: "/data/object/billing_reason", Path: "billing_reason"},
		},
	}
}

func seconds(at time.Time) any { return at.Unix() }

// inStripesUnit is an amount as Stripe writes it.
func inStripesUnit(m *canonicalv1.Money) (any, bool) {
	minor, err := money.ToStripe(m)
	return minor, err == nil
}

func sign(_ adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	d := adapters.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: body, ReceivedAt: at}
	d.Header.Set("Stripe-Signature", signature.SignStripe(body, secret, at))
	return d
}

// account is the simulated Stripe as its dashboard's user sees it.
type account struct {
	t   testing.TB
	url string
	key string
	n   atomic.Int64
}

func start(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	key := s.Credentials["api_key"].Reveal()
	vendor := sandbox.New(sandbox.Options{APIKey: key, WebhookSecret: s.WebhookSecrets[0].Reveal(), Now: s.Now})
	t.Cleanup(vendor.Close)
	server := httptest.NewServer(vendor)
	t.Cleanup(server.Close)
	vendor.SetWebhookURL(s.PublicURL)
	a := &account{t: t, url: server.URL, key: key}
	return &adaptertest.Fixture{
		BaseURL: server.URL,
		Settled: vendor.Settled,
		Count:   func(kind adapters.Kind) int { return vendor.Count(string(kind)) },
		Sample: func(kind adapters.Kind) (first, second proto.Message) {
			if kind == "invoice" {
				return invoiceSample(1), invoiceSample(2)
			}
			return sample("Ada", "1"), sample("Grace", "2")
		},
		Seed: a.seed,
		SeedMany: func(kind adapters.Kind, n int) (ids []adapters.ExternalID) {
			for range n {
				ids = append(ids, a.seed(kind))
			}
			return ids
		},
		Edit: func(o adapters.Object) {
			a.call(http.MethodPost, pathOf(o), url.Values{"description": {fmt.Sprintf("Note %d", a.n.Add(1))}})
		},
		Delete: func(o adapters.Object) bool {
			a.call(http.MethodDelete, pathOf(o), nil)
			return true
		},
		Inject: func(f adaptertest.Fault) {
			vendor.Inject(sandbox.Fault{Status: f.Status, RetryAfter: f.RetryAfter, AfterWork: f.AfterWork, Hang: f.Hang, Write: f.Write})
		},
	}
}

func pathOf(o adapters.Object) string { return "/v1/" + string(o.Kind) + "s/" + string(o.ExternalID) }

func (a *account) seed(kind adapters.Kind) adapters.ExternalID {
	n := a.n.Add(1)
	customer := a.call(http.MethodPost, "/v1/customers", url.Values{
		"name": {fmt.Sprintf("Seed %d", n)}, "email": {fmt.Sprintf("seed-%d@example.com", n)}, "phone": {fmt.Sprintf("+1 212 555 %04d", n)},
		"description": {"seeded"}, "tax_exempt": {"exempt"}, "preferred_locales[0]": {"en-US"}, "metadata[tier]": {"gold"},
		"address[line1]": {"1 Broadway"}, "address[line2]": {"Floor 2"}, "address[city]": {"New York"}, "address[state]": {"NY"},
		"address[postal_code]": {"10004"}, "address[country]": {"US"},
		"shipping[name]": {"Dock"}, "shipping[phone]": {"+1 212 555 0199"}, "shipping[address][line1]": {"2 Pier"}, "shipping[address][city]": {"Boston"},
		"shipping[address][line2]": {"Gate 3"}, "shipping[address][state]": {"MA"}, "shipping[address][postal_code]": {"02108"}, "shipping[address][country]": {"US"},
	})
	if kind == "customer" {
		return customer
	}
	return a.call(http.MethodPost, "/v1/invoices", url.Values{"customer": {string(customer)}, "currency": {"eur"}, "amount": {"1999"}})
}

// call makes a call that must succeed, and returns the object's id.
func (a *account) call(method, path string, form url.Values) adapters.ExternalID {
	req, err := http.NewRequest(method, a.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		a.t.Fatalf("%s %s: %s %s (%v)", method, path, resp.Status, body, err)
	}
	_, rest, _ := strings.Cut(string(body), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	for _, part := range strings.Split(string(body), `"id":"`) { // the object's own id has its kind's prefix
		if candidate, _, _ := strings.Cut(part, `"`); strings.HasPrefix(candidate, prefix(path)) {
			id = candidate
		}
	}
	return adapters.ExternalID(id)
}

func prefix(path string) string {
	if strings.HasPrefix(path, "/v1/invoices") {
		return "in_"
	}
	return "cus_"
}

// invoiceSample has every attribute that can be written.
func invoiceSample(n int64) *canonicalv1.Invoice {
	return &canonicalv1.Invoice{Note: proto.String(fmt.Sprintf("Note %d", n)), DueTime: timestamppb.New(time.Date(2027, 1, int(n), 0, 0, 0, 0, time.UTC))}
}

// sample has every attribute that can be written.
func sample(name, n string) *canonicalv1.Customer {
	country, status := "DE", canonicalv1.TaxStatus_TAX_STATUS_EXEMPT
	if n == "2" {
		country, status = "AT", canonicalv1.TaxStatus_TAX_STATUS_REVERSE_CHARGE
	}
	address := func(street string) *canonicalv1.Address {
		return &canonicalv1.Address{Line1: proto.String(street + " " + n), Line2: proto.String("Stock " + n), City: proto.String("City " + n),
			Region: proto.String("Region " + n), PostalCode: proto.String("1011" + n), CountryCode: proto.String(country)}
	}
	shipping := address("Pier")
	shipping.Recipient, shipping.Phone = proto.String("Dock "+n), proto.String("+493090182"+n)
	text := func(s string) *canonicalv1.CustomValue {
		return &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: s + n}}
	}
	return &canonicalv1.Customer{
		Name: &canonicalv1.PersonName{Full: proto.String(name + " Sample")}, Email: proto.String(strings.ToLower(name) + "@example.org"),
		Phone: proto.String("+44207946000" + n), Locale: proto.String([]string{"de-AT", "en-GB"}[int(n[0]-'1')]), TaxStatus: &status, Note: proto.String("Note " + n),
		BillingAddress: address("Street"), ShippingAddress: shipping,
		Custom: map[string]*canonicalv1.CustomValue{"tier": text("gold"), "segment": text("b")},
	}
}

// The amounts of currencies without, with two and with three digits, and of those that Stripe treats in its own way.
func TestInvoiceAmountsAreExact(t *testing.T) {
	t.Parallel()
	a := openAt(t, "http://127.0.0.1:1", "sk_test_123")
	for currency, want := range map[string]string{
		"jpy": `{"currencyCode":"JPY","units":"1050"}`, "kwd": `{"currencyCode":"KWD","units":"10","nanos":500000000}`,
		"isk": `{"currencyCode":"ISK","units":"5"}`,
	} {
		events, err := a.Webhook.Split(adapters.Delivery{Body: golden(t, "invoice.created."+currency+".json")})
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Translator.Translate(events[0])
		if err != nil {
			t.Fatal(err)
		}
		wanted := &canonicalv1.Money{}
		if err := protojson.Unmarshal([]byte(want), wanted); err != nil {
			t.Fatal(err)
		}
		if total := got.Observations[0].Message.(*canonicalv1.Invoice).GetTotal(); !proto.Equal(total, wanted) {
			t.Errorf("%s: %v, want %v", currency, total, wanted)
		}
	}
}

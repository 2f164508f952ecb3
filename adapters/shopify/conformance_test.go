package shopify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/shopify"
	"github.com/canonhub/canonhub/adapters/shopify/sandbox"
	"github.com/canonhub/canonhub/adapters/signature"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, suite())
}

func FuzzWebhooks(f *testing.F) { adaptertest.FuzzWebhooks(f, suite()) }

func FuzzAnswers(f *testing.F) { adaptertest.FuzzAnswers(f, suite()) }

func FuzzHints(f *testing.F) { adaptertest.FuzzHints(f, suite()) }

const noTime = "Shopify signs no time; that a webhook of old does no harm is seen to by fetching what it names"

func suite() adaptertest.Suite {
	const customer, order = "objects/customer/whole.json", "objects/order/whole.json"
	return adaptertest.Suite{
		Factory: shopify.Factory(), Start: start, Sign: sign, Request: request, Golden: "testdata", Readme: "README.md",
		Limits: []adaptertest.LimitsCase{{
			Body: `{"data":{},"extensions":{"cost":{"requestedQueryCost":100,"actualQueryCost":42,"throttleStatus":{"maximumAvailable":2000,"currentlyAvailable":1900,"restoreRate":100}}}}`,
			Want: []adapters.Hint{{Limit: "points", Size: 20, Remaining: 19, Window: 20 * time.Second}},
		}},
		Amounts: []adaptertest.AmountPlace{
			{File: order, Pointer: "/data/order/totalTaxSet/shopMoney/amount", Currency: "/data/order/totalTaxSet/shopMoney/currencyCode", Path: "tax_total", Write: decimal},
			{File: order, Pointer: "/data/order/totalRefundedSet/shopMoney/amount", Currency: "/data/order/totalRefundedSet/shopMoney/currencyCode", Path: "refunded_total", Write: decimal},
		},
		Times: []adaptertest.TimePlace{
			{File: customer, Pointer: "/data/customer/updatedAt", Unit: time.Second, Write: stamp},
			{File: order, Pointer: "/data/order/updatedAt", Unit: time.Second, Write: stamp},
			{File: order, Pointer: "/data/order/processedAt", Path: "place_time", Unit: time.Second, Write: stamp},
			{File: order, Pointer: "/data/order/cancelledAt", Path: "cancel_time", Unit: time.Second, Write: stamp},
		},
		Open: []adaptertest.Place{
			{File: customer, Pointer: "/data/customer"}, {File: order, Pointer: "/data/order"},
			{File: order, Pointer: "/data/order/displayFinancialStatus", Path: "financial_status"},
			{File: order, Pointer: "/data/order/displayFulfillmentStatus", Path: "fulfillment_status"},
			{File: order, Pointer: "/data/order/cancelReason", Path: "cancel_reason"},
		},
		Waive: map[string]string{
			"RefusesAnOldTime": noTime, "RefusesAFutureTime": noTime,
			"AConflictIsRecorded":          "Shopify's mutations take no condition; their one conflict, a taken address whose customer cannot be found, is told by two answers",
			"APushWritesOverNothingUnseen": "Shopify's mutations take no condition; what Shopify may claim is read by the hub before it is written",
		},
	}
}

func stamp(at time.Time) any { return at.Format("2006-01-02T15:04:05Z") }

func decimal(m *canonicalv1.Money) (any, bool) { return money.ToDecimal(m), true }

// request has the headers that Shopify sends with a topic: customers-update.json is customers/update.
func request(file string, input []byte) adapters.Delivery {
	d := adapters.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: input}
	topic := strings.Replace(strings.TrimSuffix(path.Base(file), ".json"), "-", "/", 1)
	topic = strings.TrimSuffix(topic, "-failed")
	d.Header.Set("Content-Type", "application/json")
	d.Header.Set("X-Shopify-Topic", topic)
	d.Header.Set("X-Shopify-Shop-Domain", "acme.myshopify.com")
	d.Header.Set("X-Shopify-Event-Id", "98880550-7158-44d4-b7cd-2c97c8a091b5")
	d.Header.Set("X-Shopify-Webhook-Id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")
	d.Header.Set("X-Shopify-Triggered-At", "2026-03-02T11:00:01.123456789Z")
	return d
}

func sign(_ adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	d := request("customers-update.json", body)
	d.ReceivedAt = at
	d.Header.Set("X-Shopify-Hmac-Sha256", signature.SignShopify(body, secret))
	return d
}

// shop is the simulated shop as its users see it.
type shop struct {
	*sandbox.Server
	t testing.TB
	n atomic.Int64
}

func start(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	server := sandbox.New(sandbox.Options{AccessToken: s.Credentials["access_token"].Reveal(), ClientSecret: s.WebhookSecrets[0].Reveal(), Now: s.Now})
	t.Cleanup(server.Close)
	api := httptest.NewServer(server)
	t.Cleanup(api.Close)
	server.SetWebhookURL(s.PublicURL)
	a := &shop{Server: server, t: t}
	return &adaptertest.Fixture{
		BaseURL: api.URL, Settled: server.Settled, Sample: a.sample, SeedMany: a.seedMany,
		Seed: a.seed,
		Count: func(kind adapters.Kind) int {
			customers, orders := server.Counts()
			return map[adapters.Kind]int{"customer": customers, "order": orders}[kind]
		},
		Merge: func(_ adapters.Kind, one, other adapters.ExternalID) (gone, lives adapters.ExternalID) {
			a.must(server.Merge(string(one), string(other)))
			return other, one
		},
		Edit: func(o adapters.Object) {
			note := fmt.Sprintf("Edit %d", a.n.Add(1))
			if o.Kind == "order" {
				a.must(server.Process(string(o.ExternalID), func(order *sandbox.Order) { order.Note = note }))
				return
			}
			a.must(server.Edit(string(o.ExternalID), func(c *sandbox.Customer) { c.Note = note }))
		},
		Delete: func(o adapters.Object) bool {
			a.must(server.Delete(string(o.ExternalID)))
			return true
		},
		Inject: func(f adaptertest.Fault) {
			server.Inject(sandbox.Fault{Status: f.Status, RetryAfter: f.RetryAfter, AfterWork: f.AfterWork, Hang: f.Hang, Write: f.Write})
		},
	}
}

func (a *shop) must(err error) {
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *shop) seed(kind adapters.Kind) adapters.ExternalID {
	if kind == "order" {
		return adapters.ExternalID(a.Place(a.order()))
	}
	id, err := a.Register(a.customer())
	a.must(err)
	return adapters.ExternalID(id)
}

func (a *shop) seedMany(kind adapters.Kind, n int) (ids []adapters.ExternalID) {
	var customers []sandbox.Customer
	var orders []sandbox.Order
	for range n {
		if kind == "order" {
			orders = append(orders, a.order())
		} else {
			customers = append(customers, a.customer())
		}
	}
	made, err := a.Import(customers, orders)
	a.must(err)
	for _, id := range made {
		ids = append(ids, adapters.ExternalID(id))
	}
	return ids
}

func (a *shop) customer() sandbox.Customer {
	n := a.n.Add(1)
	return sandbox.Customer{
		FirstName: "Grace", LastName: fmt.Sprintf("Hopper %d", n), Email: fmt.Sprintf("seed-%d@example.com", n), Phone: fmt.Sprintf("+1646555%04d", n%10_000),
		Locale: "en-US", Note: "Compiles.", Tags: []string{"navy"}, TaxExempt: true,
		EmailConsent: sandbox.Consent{State: "SUBSCRIBED", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Address: &sandbox.Address{Fields: map[string]string{"firstName": "Grace", "lastName": "Hopper", "address1": "1 Navy Yard", "city": "Arlington",
			"provinceCode": "VA", "province": "Virginia", "zip": "22201", "countryCode": "US", "phone": "+16465550123"}},
	}
}

func (a *shop) order() sandbox.Order {
	n := a.n.Add(1)
	return sandbox.Order{
		Email: fmt.Sprintf("buyer-%d@example.com", n), Subtotal: "40.0", Total: "44.0", Tax: "4.0", Outstanding: "44.0", FinancialStatus: "PENDING",
		FulfillmentStatus: "UNFULFILLED", PlacedAt: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Channel: "web", Note: "Ring twice.", Tags: []string{"gift"},
		Lines:   []sandbox.Line{{Name: "Nut", SKU: "N-1", Quantity: 4, UnitPrice: "10.0", Total: "40.0", Tax: "4.0", TaxTitle: "VAT", TaxRate: "10"}},
		Billing: &sandbox.Address{Fields: map[string]string{"firstName": "Grace", "address1": "1 Navy Yard", "city": "Arlington", "countryCode": "US"}},
	}
}

func (a *shop) sample(kind adapters.Kind) (first, second proto.Message) {
	if kind == "order" {
		return &canonicalv1.Order{
				CustomerEmail: proto.String("ada@example.com"), Note: proto.String("By the back door."), Tags: []string{"a", "b"},
				ShippingAddress: address("12 St James's Square", "2nd floor", "London", "ENG", "SW1Y 4JH", "GB", "Lovelace Ltd", "Ada Lovelace", "+442079460018"),
			}, &canonicalv1.Order{
				CustomerEmail: proto.String("erika@example.com"), Note: proto.String("Bitte klingeln."), Tags: []string{"c"},
				ShippingAddress: address("Heidestraße 17", "Hof", "Köln", "NW", "51147", "DE", "Muster GmbH", "Erika Mustermann", "+4930901820"),
			}
	}
	granted := canonicalv1.ConsentStatus_CONSENT_STATUS_GRANTED
	denied := canonicalv1.ConsentStatus_CONSENT_STATUS_DENIED
	consent := func(status canonicalv1.ConsentStatus, month time.Month) *canonicalv1.Consent {
		return &canonicalv1.Consent{Status: status, Time: timestamppb.New(time.Date(2026, month, 2, 3, 4, 5, 0, time.UTC))}
	}
	return &canonicalv1.Customer{
			Name:  &canonicalv1.PersonName{Full: proto.String("Ada Lovelace"), Given: proto.String("Ada"), Family: proto.String("Lovelace")},
			Email: proto.String("ada@example.com"), Phone: proto.String("+442079460018"), Locale: proto.String("en-GB"), Note: proto.String("Likes numbers."),
			TaxStatus: canonicalv1.TaxStatus_TAX_STATUS_EXEMPT.Enum(), Tags: []string{"engines", "poetry"},
			MarketingConsent: &canonicalv1.MarketingConsent{Email: consent(granted, 1), Sms: consent(denied, 2)},
			ShippingAddress:  address("12 St James's Square", "2nd floor", "London", "ENG", "SW1Y 4JH", "GB", "Lovelace Ltd", "Annabella Byron", "+442079460018"),
		}, &canonicalv1.Customer{
			Name:  &canonicalv1.PersonName{Full: proto.String("Erika Mustermann"), Given: proto.String("Erika"), Family: proto.String("Mustermann")},
			Email: proto.String("erika@example.com"), Phone: proto.String("+4930901820"), Locale: proto.String("de"), Note: proto.String("Has many passports."),
			TaxStatus: canonicalv1.TaxStatus_TAX_STATUS_TAXABLE.Enum(), Tags: []string{"sample"},
			MarketingConsent: &canonicalv1.MarketingConsent{Email: consent(denied, 3), Sms: consent(granted, 4)},
			ShippingAddress:  address("Heidestraße 17", "Hof", "Köln", "NW", "51147", "DE", "Muster GmbH", "Max Mustermann", "+4930901820"),
		}
}

func address(line1, line2, city, region, zip, country, company, recipient, phone string) *canonicalv1.Address {
	return &canonicalv1.Address{Line1: &line1, Line2: &line2, City: &city, Region: &region, PostalCode: &zip, CountryCode: &country, Company: &company,
		Recipient: &recipient, Phone: &phone}
}

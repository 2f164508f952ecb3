package hubspot_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/hubspot"
	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	"github.com/canonhub/canonhub/adapters/signature"
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
		Factory: hubspot.Factory(), Start: start, Sign: sign, Golden: "testdata", Readme: "README.md",
		Limits: []adaptertest.LimitsCase{{
			Header: map[string]string{
				"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Remaining": "188", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
				"X-HubSpot-RateLimit-Daily": "650000", "X-HubSpot-RateLimit-Daily-Remaining": "649001",
			},
			Body: `{"results":[]}`,
			Want: []adapters.Hint{
				{Limit: "burst", Size: 190, Remaining: 188, Window: 10 * time.Second}, {Limit: "day", Size: 650_000, Remaining: 649_001, Window: 24 * time.Hour},
			},
		}},
		Times: []adaptertest.TimePlace{
			{File: "objects/customer/whole.json", Pointer: "/properties/lastmodifieddate", Unit: time.Millisecond,
				Write: func(at time.Time) any { return at.Format("2006-01-02T15:04:05.000Z") }},
			{File: "contact.deleted.json", Pointer: "/0/occurredAt", Unit: time.Millisecond, Write: func(at time.Time) any { return at.UnixMilli() }},
		},
		Open: []adaptertest.Place{
			{File: "objects/customer/whole.json", Pointer: ""},
			{File: "objects/customer/whole.json", Pointer: "/properties"},
			{File: "objects/customer/whole.json", Pointer: "/properties/lifecyclestage", Path: "lifecycle_stage"},
		},
	}
}

func sign(s adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	d := adapters.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: body, ReceivedAt: at}
	d.Header.Set("Content-Type", "application/json")
	d.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	d.Header.Set("X-HubSpot-Signature-v3", signature.SignHubSpotV3(d.Method, s.PublicURL, body, stamp, secret))
	return d
}

func start(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	hub := sandbox.New(sandbox.Options{
		AccessToken: s.Credentials["access_token"].Reveal(), ClientSecret: s.WebhookSecrets[0].Reveal(), PortalID: 62515, Now: s.Now})
	t.Cleanup(hub.Close)
	api := httptest.NewServer(hub)
	t.Cleanup(api.Close)
	hub.SetWebhookURL(s.PublicURL)
	var n atomic.Int64
	return &adaptertest.Fixture{
		BaseURL: api.URL,
		Settled: hub.Settled,
		Sample:  func(adapters.Kind) (first, second proto.Message) { return sampleAda(), sampleErika() },
		Count:   func(adapters.Kind) int { return len(hub.Contacts()) },
		Seed: func(adapters.Kind) adapters.ExternalID {
			id, err := hub.Create(seed(n.Add(1)))
			if err != nil {
				t.Fatal(err)
			}
			return adapters.ExternalID(id)
		},
		SeedMany: func(_ adapters.Kind, many int) (ids []adapters.ExternalID) {
			all := make([]map[string]string, many)
			for i := range all {
				all[i] = seed(n.Add(1))
			}
			made, err := hub.Import(all)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range made {
				ids = append(ids, adapters.ExternalID(id))
			}
			return ids
		},
		Merge: func(_ adapters.Kind, one, other adapters.ExternalID) (gone, lives adapters.ExternalID) {
			winner, err := hub.Merge(string(one), string(other))
			if err != nil {
				t.Fatal(err)
			}
			return other, adapters.ExternalID(winner)
		},
		Edit: func(o adapters.Object) {
			if err := hub.Edit(string(o.ExternalID), map[string]string{"company": fmt.Sprintf("Company %d", n.Add(1))}); err != nil {
				t.Fatal(err)
			}
		},
		Delete: func(o adapters.Object) bool {
			if err := hub.Delete(string(o.ExternalID)); err != nil {
				t.Fatal(err)
			}
			return true
		},
		Inject: func(f adaptertest.Fault) {
			hub.Inject(sandbox.Fault{Status: f.Status, RetryAfter: f.RetryAfter, AfterWork: f.AfterWork, Hang: f.Hang, Write: f.Write})
		},
	}
}

// seed are the n-th contact's values: all that a HubSpot user can set.
func seed(n int64) map[string]string {
	return map[string]string{
		"email": fmt.Sprintf("seed-%d@example.com", n), "hs_additional_emails": fmt.Sprintf("other-%d@example.com", n),
		"firstname": "Grace", "lastname": fmt.Sprintf("Hopper %d", n), "company": "Navy",
		"phone": fmt.Sprintf("+1 212 555 %04d", n), "mobilephone": fmt.Sprintf("+1 646 555 %04d", n),
		"address": fmt.Sprintf("%d Broadway", n), "city": "New York", "state": "NY", "zip": "10004", "country": "United States",
		"lifecyclestage": "opportunity", "hs_language": "en-us", "hubspot_owner_id": "41629779",
	}
}

func sampleAda() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Email:       proto.String("ada@example.com"),
		Name:        &canonicalv1.PersonName{Full: proto.String("Ada Lovelace"), Given: proto.String("Ada"), Family: proto.String("Lovelace")},
		Phone:       proto.String("+442079460018"),
		MobilePhone: proto.String("+447400123456"),
		Company:     proto.String("Analytical Engines"),
		BillingAddress: &canonicalv1.Address{
			Line1: proto.String("12 St James's Square"), City: proto.String("London"), Region: proto.String("Greater London"),
			PostalCode: proto.String("SW1Y 4LB"), CountryCode: proto.String("GB"),
		},
		LifecycleStage: canonicalv1.LifecycleStage_LIFECYCLE_STAGE_CUSTOMER.Enum(),
		Locale:         proto.String("en-GB"),
	}
}

// sampleErika has a lifecycle stage before sampleAda's: writing one after the other moves it back.
func sampleErika() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Email:       proto.String("erika@example.com"),
		Name:        &canonicalv1.PersonName{Full: proto.String("Erika Mustermann"), Given: proto.String("Erika"), Family: proto.String("Mustermann")},
		Phone:       proto.String("+4930901820"),
		MobilePhone: proto.String("+4915112345678"),
		Company:     proto.String("Muster GmbH"),
		BillingAddress: &canonicalv1.Address{
			Line1: proto.String("Hauptstraße 1"), City: proto.String("Berlin"), Region: proto.String("Berlin-Mitte"),
			PostalCode: proto.String("10178"), CountryCode: proto.String("DE"),
		},
		LifecycleStage: canonicalv1.LifecycleStage_LIFECYCLE_STAGE_LEAD.Enum(),
		Locale:         proto.String("de-AT"),
	}
}

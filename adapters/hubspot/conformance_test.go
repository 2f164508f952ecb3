package hubspot_test

import (
	"encoding/json"
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

func FuzzHints(f *testing.F) { adaptertest.FuzzHints(f, suite()) }

func suite() adaptertest.Suite {
	return adaptertest.Suite{
		Factory: hubspot.Factory(), Start: start, Sign: sign, Golden: "testdata", Readme: "README.md", Options: json.RawMessage(withTickets),
		Waive: map[string]string{"APushWritesOverNothingUnseen": "HubSpot's updates take no condition; what HubSpot may claim is read by the hub before it is written"},
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
			{File: "objects/customer/whole.json", Pointer: "/properties/lastmodifieddate", Unit: time.Millisecond, Write: stamp},
			{File: "objects/ticket/whole.json", Pointer: "/properties/hs_lastmodifieddate", Unit: time.Millisecond, Write: stamp},
			{File: "objects/ticket/whole.json", Pointer: "/properties/createdate", Path: "open_time", Unit: time.Millisecond, Write: stamp},
			{File: "objects/ticket/whole.json", Pointer: "/properties/closed_date", Path: "solve_time", Unit: time.Millisecond, Write: stamp},
			{File: "objects/ticket/whole.json", Pointer: "/properties/first_agent_reply_date", Path: "first_response_time", Unit: time.Millisecond, Write: stamp},
			{File: "ticket.deleted.json", Pointer: "/0/occurredAt", Unit: time.Millisecond, Write: func(at time.Time) any { return at.UnixMilli() }},
			{File: "contact.deleted.json", Pointer: "/0/occurredAt", Unit: time.Millisecond, Write: func(at time.Time) any { return at.UnixMilli() }},
		},
		Open: []adaptertest.Place{
			{File: "objects/customer/whole.json", Pointer: ""},
			{File: "objects/customer/whole.json", Pointer: "/properties"},
			{File: "objects/customer/whole.json", Pointer: "/properties/lifecyclestage", Path: "lifecycle_stage"},
			{File: "objects/ticket/whole.json", Pointer: ""},
			{File: "objects/ticket/whole.json", Pointer: "/properties"},
			{File: "objects/ticket/whole.json", Pointer: "/properties/hs_pipeline_stage", Path: "status"},
			{File: "objects/ticket/whole.json", Pointer: "/properties/hs_ticket_priority", Path: "priority"},
			{File: "objects/ticket/whole.json", Pointer: "/properties/source_type", Path: "channel"},
		},
	}
}

// withTickets are the options of a connection that carries tickets in HubSpot's own pipeline.
const withTickets = `{"tickets":{}}`

func stamp(at time.Time) any { return at.Format("2006-01-02T15:04:05.000Z") }

func sign(s adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	d := adapters.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: body, ReceivedAt: at}
	d.Header.Set("Content-Type", "application/json")
	d.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	d.Header.Set("X-HubSpot-Signature-v3", signature.SignHubSpotV3(d.Method, s.PublicURL, body, stamp, secret))
	return d
}

// portal is the simulated account as its users see it.
type portal struct {
	*sandbox.Server
	t testing.TB
	n atomic.Int64
}

func start(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	hub := sandbox.New(sandbox.Options{
		AccessToken: s.Credentials["access_token"].Reveal(), ClientSecret: s.WebhookSecrets[0].Reveal(), PortalID: 62515, Now: s.Now})
	t.Cleanup(hub.Close)
	api := httptest.NewServer(hub)
	t.Cleanup(api.Close)
	hub.SetWebhookURL(s.PublicURL)
	p := &portal{Server: hub, t: t}
	return &adaptertest.Fixture{
		BaseURL:  api.URL,
		Settled:  hub.Settled,
		Sample:   p.sample,
		Count:    func(kind adapters.Kind) int { return len(p.of(kind).all()) },
		Seed:     p.seed,
		SeedMany: p.seedMany,
		Merge: func(kind adapters.Kind, one, other adapters.ExternalID) (gone, lives adapters.ExternalID) {
			winner, err := p.of(kind).merge(string(one), string(other))
			p.must(err)
			return other, adapters.ExternalID(winner)
		},
		Edit: func(o adapters.Object) {
			property := map[adapters.Kind]string{"customer": "company", "ticket": "subject"}[o.Kind]
			p.must(p.of(o.Kind).edit(string(o.ExternalID), map[string]string{property: fmt.Sprintf("Edit %d", p.n.Add(1))}))
		},
		Delete: func(o adapters.Object) bool {
			p.must(p.of(o.Kind).delete(string(o.ExternalID)))
			return true
		},
		Inject: func(f adaptertest.Fault) {
			hub.Inject(sandbox.Fault{Status: f.Status, RetryAfter: f.RetryAfter, AfterWork: f.AfterWork, Hang: f.Hang, Write: f.Write})
		},
	}
}

func (p *portal) must(err error) {
	if err != nil {
		p.t.Fatal(err)
	}
}

// deeds are what users do with one kind of objects.
type deeds struct {
	all    func() []sandbox.Object
	create func(map[string]string) (string, error)
	bring  func([]map[string]string) ([]string, error)
	edit   func(string, map[string]string) error
	delete func(string) error
	merge  func(string, string) (string, error)
	values func(int64) map[string]string
}

func (p *portal) of(kind adapters.Kind) deeds {
	if kind == "ticket" {
		return deeds{p.Tickets, p.CreateTicket, p.ImportTickets, p.EditTicket, p.DeleteTicket, p.MergeTickets, seedTicket}
	}
	return deeds{p.Contacts, p.Create, p.Import, p.Edit, p.Delete, p.Merge, seed}
}

// seed makes one object. A ticket has a contact.
func (p *portal) seed(kind adapters.Kind) adapters.ExternalID {
	id, err := p.of(kind).create(p.of(kind).values(p.n.Add(1)))
	p.must(err)
	if kind == "ticket" {
		p.must(p.Associate(id, string(p.seed("customer"))))
	}
	return adapters.ExternalID(id)
}

func (p *portal) seedMany(kind adapters.Kind, many int) (ids []adapters.ExternalID) {
	all := make([]map[string]string, many)
	for i := range all {
		all[i] = p.of(kind).values(p.n.Add(1))
	}
	made, err := p.of(kind).bring(all)
	p.must(err)
	for _, id := range made {
		ids = append(ids, adapters.ExternalID(id))
	}
	if kind == "ticket" {
		for _, id := range made[:len(made)/2] { // the others have none
			p.must(p.Associate(id, string(p.seed("customer"))))
		}
	}
	return ids
}

func (p *portal) sample(kind adapters.Kind) (first, second proto.Message) {
	if kind == "customer" {
		return sampleAda(), sampleErika()
	}
	return samplePrinter(p.seed("customer")), sampleInvoice(p.seed("customer"))
}

// seedTicket are the n-th ticket's values: all that a HubSpot user can set.
func seedTicket(n int64) map[string]string {
	return map[string]string{
		"subject": fmt.Sprintf("Ticket %d", n), "content": "The fire is very colourful.", "hs_pipeline": "0", "hs_pipeline_stage": "4",
		"hs_ticket_priority": "MEDIUM", "source_type": "FORM", "hubspot_owner_id": "41629779", "hubspot_team_id": "77", "first_agent_reply_date": "2026-11-02T08:00:00Z",
	}
}

func asker(id adapters.ExternalID) *canonicalv1.Reference {
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: string(id)}}}
}

func samplePrinter(requester adapters.ExternalID) *canonicalv1.Ticket {
	return &canonicalv1.Ticket{
		Subject: proto.String("My printer is on fire"), Description: proto.String("It smokes.\nAnd it smells."), Requester: asker(requester),
		Status: canonicalv1.TicketStatus_TICKET_STATUS_PENDING.Enum(), Priority: canonicalv1.TicketPriority_TICKET_PRIORITY_URGENT.Enum(),
		Channel: canonicalv1.TicketChannel_TICKET_CHANNEL_EMAIL.Enum(),
	}
}

func sampleInvoice(requester adapters.ExternalID) *canonicalv1.Ticket {
	return &canonicalv1.Ticket{
		Subject: proto.String("Wrong sum"), Description: proto.String("The invoice is wrong."), Requester: asker(requester),
		Status: canonicalv1.TicketStatus_TICKET_STATUS_OPEN.Enum(), Priority: canonicalv1.TicketPriority_TICKET_PRIORITY_LOW.Enum(),
		Channel: canonicalv1.TicketChannel_TICKET_CHANNEL_PHONE.Enum(),
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

package zendesk_test

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
	"github.com/canonhub/canonhub/adapters/signature"
	"github.com/canonhub/canonhub/adapters/zendesk"
	"github.com/canonhub/canonhub/adapters/zendesk/sandbox"
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
		Factory: zendesk.Factory(), Start: start, Sign: sign, Golden: "testdata", Readme: "README.md",
		Limits: []adaptertest.LimitsCase{{
			Header: map[string]string{"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": "698", "Ratelimit-Reset": "41"},
			Body:   `{"user":{"id":1}}`,
			Want:   []adapters.Hint{{Limit: "minute", Size: 700, Remaining: 698, Window: time.Minute, Reset: 41 * time.Second}},
		}},
		Times: []adaptertest.TimePlace{
			{File: "objects/ticket/whole.json", Pointer: "/ticket/updated_at", Unit: time.Second, Write: stamp},
			{File: "objects/ticket/whole.json", Pointer: "/ticket/due_at", Path: "due_time", Unit: time.Second, Write: stamp},
			{File: "objects/ticket/whole.json", Pointer: "/ticket/created_at", Path: "open_time", Unit: time.Second, Write: stamp},
			{File: "objects/customer/whole.json", Pointer: "/user/updated_at", Unit: time.Second, Write: stamp},
			{File: "ticket.soft-deleted.json", Pointer: "/time", Unit: time.Nanosecond, Write: func(at time.Time) any { return at.Format(time.RFC3339Nano) }},
		},
		Open: []adaptertest.Place{
			{File: "objects/ticket/whole.json", Pointer: "/ticket"},
			{File: "objects/customer/whole.json", Pointer: "/user"},
			{File: "objects/ticket/whole.json", Pointer: "/ticket/status", Path: "status"},
			{File: "objects/ticket/whole.json", Pointer: "/ticket/priority", Path: "priority"},
			{File: "objects/ticket/whole.json", Pointer: "/ticket/type", Path: "type"},
			{File: "objects/ticket/whole.json", Pointer: "/ticket/via/channel", Path: "channel"},
		},
	}
}

func stamp(at time.Time) any { return at.Format("2006-01-02T15:04:05Z") }

func sign(_ adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	text := at.UTC().Format("2006-01-02T15:04:05Z")
	d := adapters.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: body, ReceivedAt: at}
	d.Header.Set("Content-Type", "application/json; charset=utf-8")
	d.Header.Set("X-Zendesk-Webhook-Signature", signature.SignZendesk(body, text, secret))
	d.Header.Set("X-Zendesk-Webhook-Signature-Timestamp", text)
	return d
}

// many is what Zendesk calls the objects of a kind.
var many = map[adapters.Kind]string{"ticket": "tickets", "customer": "users"}

// account is the simulated Zendesk as its agents see it.
type account struct {
	*sandbox.Server
	t testing.TB
	n atomic.Int64
}

func start(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	desk := sandbox.New(sandbox.Options{Token: s.Credentials["token"].Reveal(), Secret: s.WebhookSecrets[0].Reveal(), AccountID: 22129848, Now: s.Now})
	t.Cleanup(desk.Close)
	server := httptest.NewServer(desk)
	t.Cleanup(server.Close)
	desk.SetWebhookURL(s.PublicURL)
	a := &account{Server: desk, t: t}
	return &adaptertest.Fixture{
		BaseURL:  server.URL,
		Settled:  desk.Settled,
		Count:    func(kind adapters.Kind) int { return len(desk.Objects(many[kind])) },
		Sample:   a.sample,
		Seed:     func(kind adapters.Kind) adapters.ExternalID { return a.seed(kind, 1)[0] },
		SeedMany: a.seed,
		Edit: func(o adapters.Object) {
			field := map[adapters.Kind]string{"ticket": "subject", "customer": "name"}[o.Kind]
			a.must(desk.Edit(many[o.Kind], number(o.ExternalID), map[string]any{field: fmt.Sprintf("Edit %d", a.n.Add(1))}))
		},
		Delete: func(o adapters.Object) bool {
			a.must(desk.Delete(many[o.Kind], number(o.ExternalID)))
			return true
		},
		Inject: func(f adaptertest.Fault) {
			desk.Inject(sandbox.Fault{Status: f.Status, RetryAfter: f.RetryAfter, AfterWork: f.AfterWork, Hang: f.Hang, Write: f.Write})
		},
	}
}

func (a *account) must(err error) {
	if err != nil {
		a.t.Fatal(err)
	}
}

func number(id adapters.ExternalID) int64 {
	n, _ := strconv.ParseInt(string(id), 10, 64) // ids of the sandbox's own
	return n
}

// seed makes objects with all that an agent can set, several of them at one time.
func (a *account) seed(kind adapters.Kind, n int) (ids []adapters.ExternalID) {
	a.t.Helper()
	all := make([]map[string]any, n)
	for i := range all {
		all[i] = a.user(a.n.Add(1))
		if kind == "ticket" {
			all[i] = a.ticket(a.n.Add(1))
		}
	}
	made, err := a.Import(many[kind], all)
	a.must(err)
	for _, id := range made {
		ids = append(ids, adapters.ExternalID(strconv.FormatInt(id, 10)))
	}
	return ids
}

func (a *account) user(n int64) map[string]any {
	return map[string]any{
		"name": fmt.Sprintf("Grace Hopper %d", n), "email": fmt.Sprintf("seed-%d@example.com", n), "phone": fmt.Sprintf("+1646555%04d", n%10_000),
		"locale": "en-US", "tags": []string{"navy"}, "notes": fmt.Sprintf("Note %d", n),
	}
}

func (a *account) ticket(n int64) map[string]any {
	return map[string]any{
		"subject": fmt.Sprintf("Ticket %d", n), "description": "The fire is very colourful.", "status": "open", "priority": "normal", "type": "task",
		"due_at": "2026-12-01T09:00:00Z", "assignee_id": int64(235_323), "group_id": int64(98_738), "tags": []string{"printer"}, "via": "email",
	}
}

func (a *account) sample(kind adapters.Kind) (first, second proto.Message) {
	if kind == "customer" {
		return sampleAda(), sampleErika()
	}
	first, second = a.printer(), a.invoice()
	return first, second
}

func (a *account) requester() *canonicalv1.Reference {
	id := string(a.seed("customer", 1)[0])
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}

func (a *account) printer() *canonicalv1.Ticket {
	return &canonicalv1.Ticket{
		Subject: proto.String("My printer is on fire"), Description: proto.String("It smokes.\nAnd it smells."), Requester: a.requester(),
		Status: canonicalv1.TicketStatus_TICKET_STATUS_PENDING.Enum(), Priority: canonicalv1.TicketPriority_TICKET_PRIORITY_URGENT.Enum(),
		Type: canonicalv1.TicketType_TICKET_TYPE_INCIDENT.Enum(), Tags: []string{"fire", "printer"},
	}
}

func (a *account) invoice() *canonicalv1.Ticket {
	return &canonicalv1.Ticket{
		Subject: proto.String("Wrong sum"), Description: proto.String("The invoice is wrong."), Requester: a.requester(),
		Status: canonicalv1.TicketStatus_TICKET_STATUS_OPEN.Enum(), Priority: canonicalv1.TicketPriority_TICKET_PRIORITY_LOW.Enum(),
		Type: canonicalv1.TicketType_TICKET_TYPE_QUESTION.Enum(), Tags: []string{"billing"},
	}
}

func sampleAda() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Name: &canonicalv1.PersonName{Full: proto.String("Ada Lovelace")}, Email: proto.String("ada@example.com"), Phone: proto.String("+442079460018"),
		Locale: proto.String("en-GB"), Tags: []string{"engines", "poetry"}, Note: proto.String("Likes numbers."),
	}
}

func sampleErika() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Name: &canonicalv1.PersonName{Full: proto.String("Erika Mustermann")}, Email: proto.String("erika@example.com"), Phone: proto.String("+4930901820"),
		Locale: proto.String("de-AT"), Tags: []string{"sample"}, Note: proto.String("Has many passports."),
	}
}

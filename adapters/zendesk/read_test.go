package zendesk_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/signature"
	"github.com/canonhub/canonhub/adapters/zendesk/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// peek reads a request's body and puts it back.
func peek(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

func (b *bundle) fetch(t *testing.T, kind adapters.Kind, id adapters.ExternalID) adapters.Observation {
	t.Helper()
	o, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: kind, ExternalID: id})
	if err != nil {
		t.Fatalf("fetch %s %s: %v", kind, id, err)
	}
	return o
}

func (b *bundle) pull(t *testing.T, q adapters.Query) adapters.Page {
	t.Helper()
	page, err := b.Puller.Pull(t.Context(), q)
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return page
}

func TestAnAPITokenIsSentWithTheAddressOfItsAgent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.Email = "hub@acme.example" })
	good := b.connect(t, map[string]string{"token": token, "email": "hub@acme.example"})
	if err := good.Prober.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	for what, credentials := range map[string]map[string]string{
		"another token":   {"token": "x", "email": "hub@acme.example"}, // is answered with 200, as an anonymous user
		"another address": {"token": token, "email": "x@acme.example"},
		"no address":      {"token": token},
	} {
		if err := b.connect(t, credentials).Prober.Probe(t.Context()); fault.CategoryOf(err) != fault.Auth {
			t.Errorf("%s: got %v, want the category auth", what, err)
		}
	}
}

func TestAnErasedUserIsToBeForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada", "email": "ada@example.com"})
	if err := b.sandbox.Delete("users", number(id)); err != nil {
		t.Fatal(err)
	}
	if o := b.fetch(t, "customer", id); !o.Gone || o.Erase {
		t.Errorf("deleted: gone %v, erase %v", o.Gone, o.Erase)
	}
	if err := b.sandbox.Erase(number(id)); err != nil {
		t.Fatal(err)
	}
	if o := b.fetch(t, "customer", id); !o.Gone || !o.Erase {
		t.Errorf("erased: gone %v, erase %v", o.Gone, o.Erase)
	}
}

func TestStaffAreNoCustomers(t *testing.T) {
	t.Parallel()
	b := setup(t) // which has an agent of its own
	id := b.make(t, "users", map[string]any{"name": "Ada"})
	b.edit(t, "users", id, map[string]any{"role": "agent"})
	if o := b.fetch(t, "customer", id); !o.Gone {
		t.Errorf("a customer who was made an agent is %+v", o)
	}
	customer := b.make(t, "users", map[string]any{"name": "Grace"})
	page := b.pull(t, adapters.Query{Kind: "customer", Size: 10})
	if len(page.Observations) != 1 || page.Observations[0].ExternalID != customer || page.More {
		t.Errorf("pulled %+v, want Grace alone", page.Observations)
	}
}

// An export holds back the last minute. What it held back is in the next one.
func TestWhatAnExportHoldsBackIsNotLost(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.Lag = time.Minute })
	first := b.make(t, "tickets", printerTicket())
	b.pass(2 * time.Minute)
	late := b.make(t, "tickets", printerTicket())
	page := b.pull(t, adapters.Query{Kind: "ticket", Size: 10})
	if got := idsOf(page); !slices.Equal(got, []adapters.ExternalID{first}) {
		t.Fatalf("pulled %v, want %s alone", got, first)
	}
	b.pass(2 * time.Minute)
	for how, q := range map[string]adapters.Query{
		"by the cursor": {Kind: "ticket", Size: 10, Cursor: page.Next},
		"by the time":   {Kind: "ticket", Size: 10, Since: page.Watermark.Add(-2 * time.Minute)},
	} {
		if got := idsOf(b.pull(t, q)); !slices.Contains(got, late) {
			t.Errorf("%s: pulled %v, without %s", how, got, late)
		}
	}
}

func idsOf(page adapters.Page) (ids []adapters.ExternalID) {
	for _, o := range page.Observations {
		ids = append(ids, o.ExternalID)
	}
	return ids
}

func TestAPullOfTheLastSecondsIsNoErrorAtZendesk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "tickets", printerTicket())
	for _, since := range []time.Time{b.now(), b.now().Add(-30 * time.Second), b.now().Add(time.Hour)} {
		if got := idsOf(b.pull(t, adapters.Query{Kind: "ticket", Since: since})); !slices.Contains(got, id) {
			t.Errorf("since %s: pulled %v", since, got)
		}
	}
}

func TestACursorThatZendeskDoesNotKnowBeginsAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "ticket", Cursor: cursor.Encode(map[string]string{"after": "b2xk"})})
	wants(t, err, fault.Gone)
}

func TestAnExportThatDoesNotMoveOnIsAFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.make(t, "tickets", printerTicket())
	b.make(t, "tickets", printerTicket())
	first := b.pull(t, adapters.Query{Kind: "ticket", Size: 1})
	asked := ""
	b.before = func(r *http.Request) { asked = r.URL.Query().Get("cursor") }
	b.pull(t, adapters.Query{Kind: "ticket", Size: 1, Cursor: first.Next})
	stuck := answering(`{"tickets":[],"after_cursor":"` + asked + `","end_of_stream":false}`)
	_, err := stuck(t).Puller.Pull(t.Context(), adapters.Query{Kind: "ticket", Cursor: first.Next})
	wants(t, err, fault.Transient)
	_, err = answering(`{"tickets":[]}`)(t).Puller.Pull(t.Context(), adapters.Query{Kind: "ticket"})
	wants(t, err, fault.Transient)
}

// A comment is not read; it may come with events of its own for what else it changed.
func TestCommentsAreLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "tickets", printerTicket())
	events := b.told(t, func() {
		if err := b.sandbox.Comment(number(id), "A private word"); err != nil {
			t.Fatal(err)
		}
	})
	if len(events) != 1 {
		t.Fatalf("a comment made %d events", len(events))
	}
	out, err := b.Translator.Translate(events[0])
	if err != nil || out.Ignored == "" || len(out.Fetch)+len(out.Observations) > 0 {
		t.Errorf("a comment means %+v, %v", out, err)
	}
}

// told are the events of what happens.
func (b *bundle) told(t *testing.T, happens func()) []adapters.Event {
	t.Helper()
	b.sandbox.SetWebhookURL(receiver(t))
	happens()
	if err := b.sandbox.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	var events []adapters.Event
	for _, d := range b.sandbox.Deliveries() {
		one, err := b.Webhook.Split(adapters.Delivery{Header: d.Header, Body: d.Body})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, one...)
	}
	return events
}

func TestAMergeOfUsersIsReadOnBothSides(t *testing.T) {
	t.Parallel()
	b := setup(t)
	loser, winner := b.make(t, "users", map[string]any{"name": "Ada", "email": "a@example.com"}), b.make(t, "users", map[string]any{"name": "Ada L"})
	ticket := printerTicket()
	ticket["requester_id"] = number(loser)
	id := b.make(t, "tickets", ticket)
	var fetch []adapters.Object
	for _, e := range b.told(t, func() {
		if err := b.sandbox.MergeUsers(number(loser), number(winner)); err != nil {
			t.Fatal(err)
		}
	}) {
		out, err := b.Translator.Translate(e)
		if err != nil {
			t.Fatal(err)
		}
		fetch = append(fetch, out.Fetch...)
	}
	for _, o := range []adapters.Object{{Kind: "customer", ExternalID: loser}, {Kind: "customer", ExternalID: winner}, {Kind: "ticket", ExternalID: id}} {
		if !slices.Contains(fetch, o) {
			t.Errorf("%s %s is not read after the merge: %v", o.Kind, o.ExternalID, fetch)
		}
	}
	if o := b.fetch(t, "customer", loser); !o.Gone || o.MergedInto != "" {
		t.Errorf("the one that was merged away is %+v", o)
	}
}

func TestAMergedTicketStaysAndIsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	loser, winner := b.make(t, "tickets", printerTicket()), b.make(t, "tickets", printerTicket())
	if err := b.sandbox.MergeTickets(number(loser), number(winner)); err != nil {
		t.Fatal(err)
	}
	if o := b.fetch(t, "ticket", loser); o.Gone || o.Message.(*canonicalv1.Ticket).GetStatus() != canonicalv1.TicketStatus_TICKET_STATUS_CLOSED {
		t.Errorf("the one that was merged away is %v", o.Message)
	}
}

func TestARestoredTicketIsReadAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "tickets", printerTicket())
	if err := b.sandbox.Delete("tickets", number(id)); err != nil {
		t.Fatal(err)
	}
	events := b.told(t, func() {
		if err := b.sandbox.Restore(number(id)); err != nil {
			t.Fatal(err)
		}
	})
	out, err := b.Translator.Translate(events[0])
	if err != nil || !slices.Contains(out.Fetch, adapters.Object{Kind: "ticket", ExternalID: id}) {
		t.Errorf("a restored ticket means %+v, %v", out, err)
	}
	if o := b.fetch(t, "ticket", id); o.Gone {
		t.Error("a restored ticket is gone")
	}
}

// Two changes can make the same body of a trigger; a repeated request alone has the same time.
func TestTriggersRequestsAreToldApartByTheirTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := func(at string) string {
		body := []byte(`{"ticket_id":"35436"}`)
		h := http.Header{}
		h.Set("X-Zendesk-Webhook-Signature-Timestamp", at)
		h.Set("X-Zendesk-Webhook-Signature", signature.SignZendesk(body, at, adapters.NewSecret(secret)))
		d := adapters.Delivery{Method: http.MethodPost, Header: h, Body: body, ReceivedAt: b.now()}
		if _, err := b.Webhook.Verify(d); err != nil {
			t.Fatal(err)
		}
		events, err := b.Webhook.Split(d)
		if err != nil || len(events) != 1 {
			t.Fatalf("split into %v, %v", events, err)
		}
		return events[0].Key
	}
	first, repeated, later := key("2026-11-02T09:00:00Z"), key("2026-11-02T09:00:00Z"), key("2026-11-02T09:00:01Z")
	if first != repeated || first == later {
		t.Errorf("the keys are %s, repeated %s, a second later %s", first, repeated, later)
	}
}

// A count that ends where Zendesk stops counting would tell a pull that it is nearly done.
func TestACountThatIsNotWholeIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.CountsTo = 4 })
	for i := range 5 {
		if n, err := b.Counter.Count(t.Context(), "customer"); n != i || err != nil {
			t.Fatalf("counted %d, %v; want %d", n, err, i)
		}
		if _, err := b.sandbox.Import("users", []map[string]any{{"name": "Ada", "email": fmt.Sprintf("ada%d@example.com", i)}, {"name": "Staff", "role": "agent"}}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := b.Counter.Count(t.Context(), "customer"); n != 0 || err != nil {
		t.Errorf("counted %d, %v; want none", n, err)
	}
}

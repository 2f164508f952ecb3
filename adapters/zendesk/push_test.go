package zendesk_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/zendesk/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func printerTicket() map[string]any {
	return map[string]any{"subject": "Printer", "description": "It is on fire.", "status": "open", "tags": []string{"fire"}}
}

func TestAChangeBetweenReadAndWriteIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "tickets", printerTicket())
	b.before = func(r *http.Request) {
		if r.Method == http.MethodPut {
			b.before = nil
			b.pass(time.Second)
			b.edit(t, "tickets", id, map[string]any{"subject": "Printer in the cellar"})
		}
	}
	_, err := b.push(t, patch(id, subject("Scanner"), "subject"))
	wants(t, err, fault.Conflict)
	if got := b.field(t, "tickets", id, "subject"); got != "Printer in the cellar" {
		t.Errorf("the agent's word became %q", got)
	}
}

func TestAChangeThatWasNotSeenIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ticket, user := b.make(t, "tickets", printerTicket()), b.make(t, "users", map[string]any{"name": "Ada"})
	b.edit(t, "tickets", ticket, map[string]any{"subject": "Printer in the cellar"})
	b.edit(t, "users", user, map[string]any{"name": "Ada Lovelace"})
	stale := patch(ticket, subject("Scanner"), "subject")
	stale.Held = subject("Printer")
	_, err := b.push(t, stale)
	wants(t, err, fault.Conflict)
	person := func(name string) *canonicalv1.Customer {
		return &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: &name}}
	}
	stale = patch(user, person("Ada King"), "name")
	stale.Held = person("Ada")
	_, err = b.push(t, stale)
	wants(t, err, fault.Conflict)

	fresh := patch(ticket, subject("Scanner"), "subject")
	fresh.Held = &canonicalv1.Ticket{Subject: proto.String("Printer in the cellar"), Tags: []string{"another"}} // tags are not written
	b.mustPush(t, fresh)
	b.mustPush(t, fresh) // the answer was lost: it has what it is to get
}

// Nobody can write that a user has no address; that it had none is known all the same.
func TestAnAddressOfAUserThatWasSeenToHaveNoneIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada"})
	p := patch(id, address("ours@example.com"), "email")
	p.Held, p.HeldEmpty = &canonicalv1.Customer{}, []string{"email"}
	request, err := b.Pusher.Prepare(p)
	if err != nil {
		t.Fatal(err)
	}
	b.edit(t, "users", id, map[string]any{"email": "theirs@example.com"})
	_, err = b.Pusher.Push(t.Context(), request)
	wants(t, err, fault.Conflict)
	if got := b.field(t, "users", id, "email"); got != "theirs@example.com" {
		t.Errorf("the agent's word became %v", got)
	}
	b.edit(t, "users", id, map[string]any{"email": "ours@example.com"})
	if _, err := b.Pusher.Push(t.Context(), request); err != nil {
		t.Errorf("it has what it is to get, and the push gives %v", err)
	}
}

// What somebody wrote and nobody can use was not seen either.
func TestAValueThatCannotBeUsedIsNotWrittenOverUnseen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada"})
	for name, held := range map[string]adapters.Patch{
		"known to be empty": {Held: &canonicalv1.Customer{}, HeldEmpty: []string{"phone"}},
		"known":             {Held: &canonicalv1.Customer{Phone: proto.String("+4930901820")}},
	} {
		p := patch(id, &canonicalv1.Customer{Phone: proto.String("+442079460018")}, "phone")
		p.Held, p.HeldEmpty = held.Held, held.HeldEmpty
		request, err := b.Pusher.Prepare(p)
		if err != nil {
			t.Fatal(err)
		}
		b.edit(t, "users", id, map[string]any{"phone": "ask at the desk"})
		_, err = b.Pusher.Push(t.Context(), request)
		wants(t, err, fault.Conflict)
		if got := b.field(t, "users", id, "phone"); got != "ask at the desk" {
			t.Errorf("%s: the agent's word became %v", name, got)
		}
	}
	p := patch(id, &canonicalv1.Customer{Phone: proto.String("+442079460018")}, "phone")
	p.Held = &canonicalv1.Customer{} // it was seen that it cannot be used: nothing is known of it
	b.mustPush(t, p)
}

// A request guards what was known when it was frozen, and nothing else.
func TestARequestGuardsWhatItTells(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada", "phone": "+4930901820"})
	request := adapters.Request{Kind: "customer", RecordID: customerRecord, ExternalID: id, Key: "key-1",
		Body: []byte(`{"writes":{"name":{"name":"Ada King"},"phone":{"phone":"+442079460018"}},"held":{"name":{"name":"Ada"}}}`)}
	if _, err := b.Pusher.Push(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	b.edit(t, "users", id, map[string]any{"name": "Ada Lovelace"})
	_, err := b.Pusher.Push(t.Context(), request)
	wants(t, err, fault.Conflict)
}

// What is sent again after its answer was lost is known again in the form that Zendesk gave it.
func TestWhatZendeskMadeOfAPushIsNoChangeOfAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fields := printerTicket()
	fields["status"] = "pending"
	id, user := b.make(t, "tickets", fields), b.make(t, "users", map[string]any{"name": "Ada", "tags": []string{"old"}})
	status := patch(id, &canonicalv1.Ticket{Status: canonicalv1.TicketStatus_TICKET_STATUS_NEW.Enum()}, "status")
	status.Held = &canonicalv1.Ticket{Status: canonicalv1.TicketStatus_TICKET_STATUS_PENDING.Enum()}
	tags := patch(user, &canonicalv1.Customer{Tags: []string{"Two Words", "Apple", "apple"}}, "tags")
	tags.Held = &canonicalv1.Customer{Tags: []string{"old"}}
	for range 2 {
		b.mustPush(t, status)
		b.mustPush(t, tags)
	}
}

func TestAClosedTicketRefusesEachAttribute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "tickets", printerTicket())
	b.edit(t, "tickets", id, map[string]any{"status": "closed"})
	record := subject("Scanner")
	record.Tags = []string{"scan"}
	_, err := b.push(t, patch(id, record, "subject", "tags"))
	if f := wants(t, err, fault.Permanent); len(f.Refused) != 2 {
		t.Errorf("refused %v, want both attributes", f.Refused)
	}
}

func TestNewIsWrittenOnlyWhereTheTicketIsNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for status, want := range map[string]string{"new": "new", "pending": "open"} {
		fields := printerTicket()
		fields["status"] = status
		id := b.make(t, "tickets", fields)
		b.mustPush(t, patch(id, &canonicalv1.Ticket{Status: canonicalv1.TicketStatus_TICKET_STATUS_NEW.Enum()}, "status"))
		if got := b.field(t, "tickets", id, "status"); got != want {
			t.Errorf("a ticket that was %s became %s, want %s", status, got, want)
		}
	}
}

// Zendesk forgets idempotency keys after two hours; the lists by external_id do not forget.
func TestALostCreateIsFoundAfterItsKeyIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, err := b.Pusher.Prepare(patch("", subject("Printer"), "subject"))
	if err != nil {
		t.Fatal(err)
	}
	b.sandbox.Inject(sandbox.Fault{Method: http.MethodPost, AfterWork: true})
	_, err = b.Pusher.Push(t.Context(), r)
	if f := wants(t, err, fault.Transient); !f.MaybeDone {
		t.Error("the create may have been done")
	}
	b.pass(3 * time.Hour)
	found, err := b.Pusher.Find(t.Context(), r)
	if err != nil || found == nil || found.RecordID != ticketRecord {
		t.Fatalf("found %+v, %v", found, err)
	}
}

func TestACreateWithoutWhatZendeskNeedsIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for what, p := range map[string]adapters.Patch{
		"a user without a name":       patch("", address("ada@example.com"), "email"),
		"a ticket without any text":   patch("", &canonicalv1.Ticket{Tags: []string{"a"}}, "tags"),
		"a ticket with an empty text": patch("", &canonicalv1.Ticket{Tags: []string{"a"}}, "tags", "description"),
	} {
		_, err := b.Pusher.Prepare(p)
		if f := wants(t, err, fault.Permanent); f.Message == "" {
			t.Errorf("%s: %v does not say why", what, err)
		}
	}
	if counts := b.sandbox.Counts(); len(counts) > 0 {
		t.Errorf("Zendesk was called: %v", counts)
	}
}

func TestATicketWithoutADescriptionIsOpenedWithItsSubject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ack := b.mustPush(t, patch("", subject("Printer"), "subject"))
	if got := b.field(t, "tickets", ack.Observation.ExternalID, "description"); got != "Printer" {
		t.Errorf("described as %q", got)
	}
}

func TestACreatedUserHearsNothingAndIsAnEndUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var bodies []string
	b.before = func(r *http.Request) { bodies = append(bodies, peek(t, r)) }
	b.mustPush(t, patch("", sampleAda(), "name", "email"))
	if want := `{"user":{"email":"ada@example.com","external_id":"` + customerRecord + `","name":"Ada Lovelace","role":"end-user","skip_verify_email":true}}`; !slices.Equal(bodies, []string{want}) {
		t.Errorf("sent %v, want %s", bodies, want)
	}
}

func TestAnAddressThatAnotherUserHasFindsThatUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada L", "email": "ada@example.com", "notes": "was here"})
	ack := b.mustPush(t, patch("", sampleAda(), "name", "email", "note"))
	if !ack.Found || ack.Observation.ExternalID != id {
		t.Errorf("found %v, %s; want %s", ack.Found, ack.Observation.ExternalID, id)
	}
	if got := b.field(t, "users", id, "notes"); got != "was here" {
		t.Errorf("the note was overwritten: %q", got)
	}
}

func TestAnAddressOfTheStaffIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.make(t, "users", map[string]any{"name": "Ada L", "email": "ada@example.com", "role": "agent"})
	_, err := b.push(t, patch("", sampleAda(), "name", "email"))
	if f := wants(t, err, fault.Permanent); f.Refused["email"] == "" {
		t.Errorf("%v does not refuse the address", err)
	}
}

func TestTheAddressOfAUserIsChangedByItsIdentities(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada", "email": "old@example.com"})
	none := b.make(t, "users", map[string]any{"name": "Grace"})
	b.make(t, "users", map[string]any{"name": "Erika", "email": "erika@example.com"})
	for _, step := range []struct {
		id      adapters.ExternalID
		address string
	}{{id, "new@example.com"}, {id, "New@Example.com"}, {none, "grace@example.com"}} {
		ack := b.mustPush(t, patch(step.id, address(step.address), "email"))
		if got := ack.Observation.Message.(*canonicalv1.Customer).GetEmail(); got != "new@example.com" && got != "grace@example.com" {
			t.Errorf("pushed %s, acknowledged %s", step.address, got)
		}
	}
	b.edit(t, "users", id, map[string]any{"email": "other@example.com"}) // new@ is the second one now
	b.mustPush(t, patch(id, address("new@example.com"), "email"))
	if got := b.field(t, "users", id, "email"); got != "new@example.com" {
		t.Errorf("the second address was not made the first: %s", got)
	}
	_, err := b.push(t, patch(id, address("erika@example.com"), "email"))
	if f := wants(t, err, fault.Permanent); f.Refused["email"] == "" {
		t.Errorf("%v does not refuse the address of another user", err)
	}
}

func TestAFailureBehindAChangedAddressSaysThatSomethingWasDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada", "email": "old@example.com"})
	b.sandbox.Inject(sandbox.Fault{Method: http.MethodPut, PathPrefix: "/api/v2/users/" + string(id) + "/identities", Times: 1, Status: 429})
	record := sampleAda()
	_, err := b.push(t, patch(id, record, "email", "note"))
	if f := wants(t, err, fault.Throttle); f.MaybeDone {
		t.Error("nothing was done")
	}
	puts := 0
	b.before = func(r *http.Request) {
		if r.Method != http.MethodPut {
			return
		}
		if puts++; puts == 2 {
			b.sandbox.Inject(sandbox.Fault{Status: 429})
		}
	}
	_, err = b.push(t, patch(id, record, "email", "note"))
	if f := wants(t, err, fault.Throttle); !f.MaybeDone {
		t.Error("the address was changed")
	}
	if ack := b.mustPush(t, patch(id, record, "email", "note")); !proto.Equal(&canonicalv1.Customer{Email: record.Email, Note: record.Note},
		&canonicalv1.Customer{Email: ack.Observation.Message.(*canonicalv1.Customer).Email, Note: ack.Observation.Message.(*canonicalv1.Customer).Note}) {
		t.Errorf("sent again, it came to %v", ack.Observation.Message)
	}
}

func TestPushToSomebodyWhoIsNoCustomerAnyMoreIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "users", map[string]any{"name": "Ada"})
	b.edit(t, "users", id, map[string]any{"role": "agent"})
	_, err := b.push(t, patch(id, sampleAda(), "name"))
	wants(t, err, fault.Gone)
	if got := b.field(t, "users", id, "name"); got != "Ada" {
		t.Errorf("the agent was renamed to %s", got)
	}
}

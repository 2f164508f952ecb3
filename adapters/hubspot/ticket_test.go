package hubspot_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

const ticketID = "ticket_01h455vb4pex5vsknk084sn02q"

// desk is an adapter that carries tickets, connected to a sandbox.
func desk(t *testing.T, options string, change ...func(*sandbox.Options)) *bundle {
	t.Helper()
	b := setup(t, change...)
	b.Adapter = connectWith(t, b.sandbox, options)
	return b
}

// opened makes a ticket as HubSpot's user does, with contacts.
func (b *bundle) opened(t *testing.T, values map[string]string, contacts ...adapters.ExternalID) adapters.ExternalID {
	t.Helper()
	id, err := b.sandbox.CreateTicket(values)
	if err != nil {
		t.Fatal(err)
	}
	for _, contact := range contacts {
		if err := b.sandbox.Associate(id, string(contact)); err != nil {
			t.Fatal(err)
		}
	}
	return adapters.ExternalID(id)
}

func (b *bundle) contact(t *testing.T, name string) adapters.ExternalID {
	t.Helper()
	return b.user(t, map[string]string{"email": name + "@example.com"})
}

func (b *bundle) ticket(t *testing.T, id adapters.ExternalID) adapters.Observation {
	t.Helper()
	o, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "ticket", ExternalID: id})
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	return o
}

func printer(requester adapters.ExternalID) *canonicalv1.Ticket {
	out := samplePrinter(requester)
	if requester == "" {
		out.Requester = nil
	}
	return out
}

func opening(record *canonicalv1.Ticket, paths ...string) adapters.Patch {
	return adapters.Patch{Kind: "ticket", RecordID: ticketID, Message: record, Paths: paths, Key: "k1"}
}

func changing(id adapters.ExternalID, record *canonicalv1.Ticket, paths ...string) adapters.Patch {
	p := opening(record, paths...)
	p.ExternalID = id
	return p
}

func asks(o adapters.Observation) string {
	return o.Message.(*canonicalv1.Ticket).GetRequester().GetExternal().GetExternalId()
}

func TestATicketIsMadeWithItsContactInOneCall(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ada := b.contact(t, "ada")
	ack := b.mustPush(t, opening(printer(ada), "subject", "requester"))
	if got := ack.Observation; asks(got) != string(ada) || got.RecordID != ticketID || got.Message.(*canonicalv1.Ticket).GetStatus() != canonicalv1.TicketStatus_TICKET_STATUS_NEW {
		t.Errorf("got %+v", got)
	}
	held, _ := b.sandbox.Ticket(string(ack.Observation.ExternalID))
	if held.Properties["hs_pipeline"] != "0" || held.Properties["hs_pipeline_stage"] != "1" {
		t.Errorf("it is at stage %q of pipeline %q", held.Properties["hs_pipeline_stage"], held.Properties["hs_pipeline"])
	}
	for call := range b.sandbox.Counts() {
		if strings.HasPrefix(call, "PUT") {
			t.Errorf("the contact came with a call of its own: %s", call)
		}
	}
}

func TestATicketWhoseAnswerWasLostIsMadeOnceAndHasItsContact(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	r, err := b.Pusher.Prepare(opening(printer(b.contact(t, "ada")), "subject", "requester", "status"))
	if err != nil {
		t.Fatal(err)
	}
	b.sandbox.Inject(sandbox.Fault{Write: true, AfterWork: true})
	if _, err := b.Pusher.Push(t.Context(), r); err == nil || !fault.As(err).MaybeDone {
		t.Fatalf("a lost answer is %v", err)
	}
	ack, err := b.Pusher.Push(t.Context(), r)
	found, errFind := b.Pusher.Find(t.Context(), r)
	if err != nil || errFind != nil || found == nil || ack.Found || found.ExternalID != ack.Observation.ExternalID || asks(*found) == "" || asks(*found) != asks(ack.Observation) {
		t.Errorf("sent again: %+v, %v; found: %+v, %v", ack, err, found, errFind)
	}
	if n := len(b.sandbox.Tickets()); n != 1 {
		t.Errorf("there are %d tickets", n)
	}
}

// Two at once: the other one's ticket comes between the look and the create.
func TestATicketThatAnotherTryMakesMeanwhileIsTheOne(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ada := b.contact(t, "ada")
	r, err := b.Pusher.Prepare(opening(printer(ada), "subject", "requester"))
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	a := connectWith(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost && strings.HasSuffix(q.URL.Path, "/tickets") {
			once.Do(func() {
				if _, err := b.Pusher.Push(q.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		b.sandbox.ServeHTTP(w, q)
	}), withTickets)
	ack, err := a.Pusher.Push(t.Context(), r)
	if all := b.sandbox.Tickets(); err != nil || ack.Found || len(all) != 1 || all[0].ID != string(ack.Observation.ExternalID) || asks(ack.Observation) != string(ada) {
		t.Errorf("got %+v, %v, of %d tickets", ack, err, len(all))
	}
}

func TestATicketWithoutTheUniquePropertySaysHowToMakeIt(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets, func(o *sandbox.Options) { o.WithoutRecordID = true })
	_, err := b.push(t, opening(printer(""), "subject"))
	if f := fault.As(err); err == nil || f.Category != fault.Permanent || f.MaybeDone || !strings.Contains(f.Message, "POST /crm/properties/2026-03/tickets") || len(b.sandbox.Tickets()) > 0 {
		t.Errorf("got %v", err)
	}
}

// A record's other object of the same id is none of ours: contacts and tickets count for themselves.
func TestAContactAndATicketOfOneIDAreTwoObjects(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	contact, ticket := b.contact(t, "ada"), b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"})
	if contact != ticket {
		t.Fatalf("the sandbox gives %s and %s", contact, ticket)
	}
	if b.fetch(t, contact).Kind != "customer" || b.ticket(t, ticket).Kind != "ticket" {
		t.Error("one is taken for the other")
	}
}

func TestARequesterTakesThePlaceOfTheOneBefore(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ada, erika := b.contact(t, "ada"), b.contact(t, "erika")
	id := b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"}, ada)
	if got := b.mustPush(t, changing(id, printer(erika), "requester")).Observation; asks(got) != string(erika) {
		t.Errorf("acknowledged %s", asks(got))
	}
	if got := b.sandbox.ContactsOf(string(id)); !slices.Equal(got, []string{string(erika)}) {
		t.Errorf("its contacts are %v", got)
	}
	b.mustPush(t, changing(id, printer(""), "requester"))
	if got := b.sandbox.ContactsOf(string(id)); len(got) != 0 || asks(b.ticket(t, id)) != "" {
		t.Errorf("cleared, its contacts are %v", got)
	}
}

// Each call of a change of requester fails in turn, done or not; the same request again comes to the same end, and the
// ticket is never without a contact meanwhile.
func TestAChangeOfRequesterThatBrokeOffIsEndedByTheNextTry(t *testing.T) {
	t.Parallel()
	for _, done := range []bool{false, true} {
		for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodDelete} {
			b := desk(t, withTickets)
			ada, erika := b.contact(t, "ada"), b.contact(t, "erika")
			id := b.opened(t, map[string]string{"subject": "Water", "hs_pipeline_stage": "1"}, ada)
			r, err := b.Pusher.Prepare(changing(id, printer(erika), "requester", "subject"))
			if err != nil {
				t.Fatal(err)
			}
			b.sandbox.Inject(sandbox.Fault{Method: method, AfterWork: done, Status: http.StatusBadGateway})
			if _, err := b.Pusher.Push(t.Context(), r); fault.CategoryOf(err) != fault.Transient || !fault.As(err).MaybeDone {
				t.Errorf("%s: got %v", method, err)
			}
			if len(b.sandbox.ContactsOf(string(id))) == 0 {
				t.Errorf("%s: the ticket has no contact", method)
			}
			ack, err := b.Pusher.Push(t.Context(), r)
			if err != nil || asks(ack.Observation) != string(erika) || asks(b.ticket(t, id)) != string(erika) {
				t.Errorf("%s, again: %+v, %v", method, ack.Observation, err)
			}
		}
	}
}

func TestAThrottleBehindAWriteLeavesOpenWhetherItWasDone(t *testing.T) {
	t.Parallel()
	for method, maybe := range map[string]bool{http.MethodPatch: false, http.MethodPut: true} {
		b := desk(t, withTickets)
		ada := b.contact(t, "ada")
		id := b.opened(t, map[string]string{"subject": "Water", "hs_pipeline_stage": "1"})
		b.sandbox.Inject(sandbox.Fault{Method: method, Status: http.StatusTooManyRequests})
		_, err := b.push(t, changing(id, printer(ada), "requester", "subject"))
		if f := fault.As(err); err == nil || f.Category != fault.Throttle || f.MaybeDone != maybe {
			t.Errorf("%s: got %v, maybe done %v", method, err, f.MaybeDone)
		}
	}
}

func TestOfSeveralContactsNoneIsSaidToAskAndNoneIsTakenAway(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ada, erika, grace := b.contact(t, "ada"), b.contact(t, "erika"), b.contact(t, "grace")
	id := b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"}, ada, erika)
	o := b.ticket(t, id)
	if asks(o) != "" || o.Paths == nil || slices.Contains(o.Paths, "requester") || len(o.Unusable) != 1 || o.Unusable[0].Path != "requester" {
		t.Errorf("got %+v", o)
	}
	if got := b.mustPush(t, changing(id, printer(grace), "requester")).Observation; asks(got) != string(grace) {
		t.Errorf("acknowledged %q", asks(got))
	}
	if got := b.sandbox.ContactsOf(string(id)); len(got) != 3 {
		t.Errorf("its contacts are %v", got)
	}
	_, err := b.push(t, changing(id, printer(""), "requester"))
	if f := fault.As(err); err == nil || f.Category != fault.Permanent || f.Refused["requester"] == "" || len(b.sandbox.ContactsOf(string(id))) != 3 {
		t.Errorf("cleared: %v", err)
	}
}

func TestAContactThatIsNotThereRefusesTheRequesterAndTheTicketLives(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ada, lost := b.contact(t, "ada"), b.contact(t, "lost")
	if err := b.sandbox.Delete(string(lost)); err != nil {
		t.Fatal(err)
	}
	id := b.opened(t, map[string]string{"subject": "Water", "hs_pipeline_stage": "1"}, ada)
	for name, p := range map[string]adapters.Patch{
		"create": opening(printer(lost), "subject", "requester"), "update": changing(id, printer(lost), "subject", "requester"),
	} {
		_, err := b.push(t, p)
		if f := fault.As(err); err == nil || f.Category != fault.Permanent || f.MaybeDone || len(f.Refused) != 1 || f.Refused["requester"] == "" {
			t.Errorf("%s: got %v, refused %v", name, err, f.Refused)
		}
	}
	if got := b.sandbox.ContactsOf(string(id)); !slices.Equal(got, []string{string(ada)}) || len(b.sandbox.Tickets()) != 1 {
		t.Errorf("its contacts are %v, of %d tickets", got, len(b.sandbox.Tickets()))
	}
}

func TestStagesMeanWhatTheOptionsSay(t *testing.T) {
	t.Parallel()
	b := desk(t, `{"tickets":{"pipeline":"770001","stages":{"880001":"on_hold","880002":"closed","1":"new"}}}`)
	for stage, want := range map[string]canonicalv1.TicketStatus{
		"1": canonicalv1.TicketStatus_TICKET_STATUS_NEW, "3": 0,
	} {
		got := b.ticket(t, b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": stage})).Message.(*canonicalv1.Ticket)
		if got.GetStatus() != want || (got.GetStatusRaw() == stage) != (want == 0) {
			t.Errorf("stage %s is %v %q", stage, got.GetStatus(), got.GetStatusRaw())
		}
	}
	for status, stage := range map[canonicalv1.TicketStatus]string{
		canonicalv1.TicketStatus_TICKET_STATUS_ON_HOLD: "880001", canonicalv1.TicketStatus_TICKET_STATUS_CLOSED: "880002", canonicalv1.TicketStatus_TICKET_STATUS_SOLVED: "880002",
	} {
		b := desk(t, `{"tickets":{"pipeline":"770001","stages":{"880001":"on_hold","880002":"closed"}}}`)
		id := b.mustPush(t, opening(&canonicalv1.Ticket{Subject: proto.String("Fire"), Status: status.Enum()}, "subject", "status")).Observation.ExternalID
		if held, _ := b.sandbox.Ticket(string(id)); held.Properties["hs_pipeline_stage"] != stage || held.Properties["hs_pipeline"] != "770001" {
			t.Errorf("%v is held as %v", status, held.Properties)
		}
	}
	for name, p := range map[string]adapters.Patch{
		"a status without a stage": opening(&canonicalv1.Ticket{Status: canonicalv1.TicketStatus_TICKET_STATUS_PENDING.Enum()}, "status"),
		"no status at all":         changing("1", &canonicalv1.Ticket{}, "status"),
		"a requester of nowhere":   opening(&canonicalv1.Ticket{Requester: asker("../1")}, "requester"),
		"a record's own id":        opening(&canonicalv1.Ticket{Requester: &canonicalv1.Reference{Target: &canonicalv1.Reference_RecordId{RecordId: "customer_1"}}}, "requester"),
	} {
		_, err := b.Pusher.Prepare(p)
		if f := fault.As(err); err == nil || f.Category != fault.Permanent || f.Refused[p.Paths[0]] == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestATicketInAnotherPipelineKeepsItsStage(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	id := b.opened(t, map[string]string{"subject": "Water", "hs_pipeline": "770001", "hs_pipeline_stage": "880001"})
	_, err := b.push(t, changing(id, printer(""), "subject", "status"))
	if f := fault.As(err); err == nil || f.Category != fault.Permanent || f.MaybeDone || len(f.Refused) != 1 || f.Refused["status"] == "" {
		t.Errorf("got %v, refused %v", err, f.Refused)
	}
	b.mustPush(t, changing(id, printer(""), "subject"))
	if held, _ := b.sandbox.Ticket(string(id)); held.Properties["hs_pipeline_stage"] != "880001" || held.Properties["subject"] != "My printer is on fire" {
		t.Errorf("it holds %v", held.Properties)
	}
}

func TestAClosedTicketTellsWhenItWasSolved(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	id := b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "4"})
	if got := b.ticket(t, id).Message.(*canonicalv1.Ticket); got.GetStatus() != canonicalv1.TicketStatus_TICKET_STATUS_SOLVED || got.GetSolveTime() == nil {
		t.Errorf("got %v", got)
	}
	ack := b.mustPush(t, changing(id, printer(""), "status"))
	if got := ack.Observation.Message.(*canonicalv1.Ticket); got.GetStatus() != canonicalv1.TicketStatus_TICKET_STATUS_PENDING || got.GetSolveTime() != nil {
		t.Errorf("opened again, it is %v", got)
	}
}

// A search tells no associations: they are read by a call of their own, and a page whose contacts cannot be read is none.
func TestAPullOfChangesTellsWhoAsks(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ada, erika := b.contact(t, "ada"), b.contact(t, "erika")
	want := map[adapters.ExternalID]string{
		b.opened(t, map[string]string{"subject": "One", "hs_pipeline_stage": "1"}, ada):        string(ada),
		b.opened(t, map[string]string{"subject": "None", "hs_pipeline_stage": "1"}):            "",
		b.opened(t, map[string]string{"subject": "Two", "hs_pipeline_stage": "1"}, ada, erika): "several",
	}
	for name, q := range map[string]adapters.Query{
		"changes": {Kind: "ticket", Size: 10, Since: time.Now().Add(-time.Hour)}, "all": {Kind: "ticket", Size: 10},
	} {
		page, err := b.Puller.Pull(t.Context(), q)
		if err != nil || len(page.Observations) != len(want) {
			t.Fatalf("%s: got %d, %v", name, len(page.Observations), err)
		}
		for _, o := range page.Observations {
			several := o.Paths != nil && !slices.Contains(o.Paths, "requester")
			if asks(o) != want[o.ExternalID] && !(several && want[o.ExternalID] == "several") {
				t.Errorf("%s: of ticket %s, %s asks, want %s", name, o.ExternalID, asks(o), want[o.ExternalID])
			}
		}
	}
	for status, category := range map[int]fault.Category{0: fault.Transient, 500: fault.Transient, 429: fault.Throttle, 401: fault.Auth, 403: fault.Permanent, 404: fault.Transient} {
		b.sandbox.Inject(sandbox.Fault{PathPrefix: "/crm/associations", Status: status})
		_, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "ticket", Size: 10, Since: time.Now().Add(-time.Hour)})
		if f := fault.As(err); err == nil || f.Category != category || f.MaybeDone {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

// associating is an adapter to which HubSpot says one thing of all associations.
func (b *bundle) associating(t *testing.T, body string) *adapters.Adapter {
	t.Helper()
	return connectWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/crm/associations") {
			answer(http.StatusMultiStatus, "application/json", body).ServeHTTP(w, r)
			return
		}
		b.sandbox.ServeHTTP(w, r)
	}), withTickets)
}

func TestAListOfAssociationsThatFailedInPartIsNoList(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"}, b.contact(t, "ada"))
	for body, want := range map[string]fault.Category{
		`{"status":"COMPLETE","results":[],"errors":[{"category":"RATE_LIMITS"}]}`: fault.Throttle, `{"results":[],"errors":[7]}`: fault.Transient,
		`{"results":null}`: fault.Transient, `<html>`: fault.Transient, `{"results":[{"from":7,"to":{}}]}`: fault.Transient,
	} {
		a := b.associating(t, body)
		if _, err := a.Puller.Pull(t.Context(), adapters.Query{Kind: "ticket", Size: 10, Since: time.Now().Add(-time.Hour)}); err == nil || fault.CategoryOf(err) != want {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

// HubSpot names each ticket that has no contact. Of one that an answer does not name, nothing is said: not that nobody asks.
func TestATicketThatAListOfAssociationsPassesOverKeepsWhoAsks(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	id := b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"}, b.contact(t, "ada"))
	for body, empty := range map[string]bool{
		`{"status":"COMPLETE","results":[]}`: false, `{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND"}]}`: false,
		`{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"fromObjectId":["7"]}}]}`:                  false,
		`{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"fromObjectId":["` + string(id) + `"]}}]}`: true,
		`{"results":[{"from":{"id":` + string(id) + `},"to":[]}]}`:                                                    true,
	} {
		a := b.associating(t, body)
		page, err := a.Puller.Pull(t.Context(), adapters.Query{Kind: "ticket", Size: 10, Since: time.Now().Add(-time.Hour)})
		if err != nil || len(page.Observations) != 1 {
			t.Fatalf("%s: %v", body, err)
		}
		if o := page.Observations[0]; (o.Paths == nil || slices.Contains(o.Paths, "requester")) != empty || asks(o) != "" {
			t.Errorf("%s: speaks of %v, %q asks; want it said that nobody does: %v", body, o.Paths, asks(o), empty)
		}
	}
}

func TestAMergedTicketIsGoneAndItsContactsLiveOn(t *testing.T) {
	t.Parallel()
	b := desk(t, withTickets)
	ada := b.contact(t, "ada")
	first := b.opened(t, map[string]string{"subject": "Fire", "hs_pipeline_stage": "1"}, ada)
	second := b.opened(t, map[string]string{"subject": "Smoke", "hs_pipeline_stage": "1"}, ada)
	winner, err := b.sandbox.MergeTickets(string(first), string(second))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []adapters.ExternalID{first, second} {
		if o := b.ticket(t, id); !o.Gone || string(o.MergedInto) != winner {
			t.Errorf("%s: got %+v", id, o)
		}
		if _, err := b.push(t, changing(id, printer(""), "subject")); fault.CategoryOf(err) != fault.Gone {
			t.Errorf("%s: a write to it is %v", id, err)
		}
	}
	if got := b.ticket(t, adapters.ExternalID(winner)); asks(got) != string(ada) {
		t.Errorf("the winner is %+v", got)
	}
}

// What an account without tickets, or a token without their scope, has to do with them is nothing.
func TestWhoWantsCustomersAloneHasNothingToDoWithTickets(t *testing.T) {
	t.Parallel()
	b := desk(t, "", func(o *sandbox.Options) { o.WithoutTickets = true })
	if err := b.Prober.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	for _, body := range []string{
		`[{"subscriptionType":"ticket.creation","objectId":7,"occurredAt":1772356527001}]`,
		`[{"subscriptionType":"object.deletion","objectTypeId":"0-5","objectId":7,"occurredAt":1772356527001}]`,
		`[{"subscriptionType":"ticket.associationChange","associationType":"TICKET_TO_CONTACT","fromObjectId":7,"toObjectId":8}]`,
	} {
		events, err := b.Webhook.Split(adapters.Delivery{Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		if meaning, err := b.Translator.Translate(events[0]); err != nil || meaning.Ignored == "" {
			t.Errorf("%s: got %+v, %v", body, meaning, err)
		}
	}
	_, pulled := b.Puller.Pull(t.Context(), adapters.Query{Kind: "ticket"})
	_, fetched := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "ticket", ExternalID: "1"})
	_, prepared := b.Pusher.Prepare(opening(printer(""), "subject"))
	_, pushed := b.Pusher.Push(t.Context(), adapters.Request{Kind: "ticket", Body: []byte(`{}`)})
	_, found := b.Pusher.Find(t.Context(), adapters.Request{Kind: "ticket", RecordID: ticketID})
	_, archived := b.Archiver.Archive(t.Context(), adapters.Request{Kind: "ticket", ExternalID: "1"})
	for _, err := range []error{pulled, fetched, prepared, pushed, found, archived} {
		if fault.CategoryOf(err) != fault.Permanent {
			t.Errorf("got %v", err)
		}
	}
	if _, err := desk(t, withTickets, func(o *sandbox.Options) { o.WithoutTickets = true }).push(t, opening(printer("5"), "subject", "requester")); err == nil ||
		fault.CategoryOf(err) != fault.Permanent || !strings.Contains(err.Error(), "scope") || fault.As(err).Refused != nil {
		t.Errorf("without the scope: %v", err)
	}
}

package salesforce_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/salesforce/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func hopper() map[string]any {
	return map[string]any{"FirstName": "Grace", "LastName": "Hopper", "Email": "grace@example.com", "Description": "Found a moth."}
}

func TestAChangeBetweenReadAndWriteIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Contact", hopper())
	b.before = func(r *http.Request, _ string) {
		if r.Method == http.MethodPost {
			b.before = nil
			b.now = b.now.Add(time.Second)
			b.edit(t, "Contact", id, map[string]any{"Description": "Found two moths."})
		}
	}
	_, err := b.push(t, patch(id, note("Found none."), "note"))
	if f := wants(t, err, fault.Conflict); f.Status != http.StatusPreconditionFailed || f.MaybeDone {
		t.Errorf("got %v, maybe done %v", err, f.MaybeDone)
	}
	if got := b.field(t, "Contact", id, "Description"); got != "Found two moths." {
		t.Errorf("the user's word became %q", got)
	}
}

func TestAChangeThatWasNotSeenIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Contact", hopper())
	b.edit(t, "Contact", id, map[string]any{"Description": "Found two moths."})
	stale := patch(id, note("Found none."), "note")
	stale.Held = note("Found a moth.")
	_, err := b.push(t, stale)
	wants(t, err, fault.Conflict)

	fresh := patch(id, note("Found none."), "note")
	fresh.Held = note("Found two moths.")
	fresh.Held.(*canonicalv1.Customer).Phone = proto.String("+16465550199") // is not written
	b.mustPush(t, fresh)
	b.mustPush(t, fresh) // the answer was lost: it has what it is to get
}

func TestAWriteAndItsReadAreOneCall(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Case", map[string]any{"Subject": "Printer"})
	var bodies []string
	b.before = func(r *http.Request, body string) {
		if r.Method == http.MethodPost {
			bodies = append(bodies, body)
		}
	}
	b.mustPush(t, patch(id, &canonicalv1.Ticket{Subject: proto.String("Scanner")}, "subject"))
	if len(bodies) != 1 {
		t.Fatalf("an update made %d writes", len(bodies))
	}
	for _, want := range []string{
		`"allOrNone":true`, `"If-Unmodified-Since":"Mon, 02 Nov 2026 09:00:00 GMT"`, `"Sforce-Auto-Assign":"FALSE"`, `"body":{"Subject":"Scanner"}`,
		`"url":"/services/data/v65.0/sobjects/Case/` + string(id) + `"`,
	} {
		if !strings.Contains(bodies[0], want) {
			t.Errorf("sent %s, without %s", bodies[0], want)
		}
	}
}

func TestACreateIsAnUpsertThatRepeatsNoID(t *testing.T) {
	t.Parallel()
	b := setup(t, `{"currency": "EUR", "account": "001000000000001"}`)
	var sent string
	b.before = func(r *http.Request, body string) { sent = body }
	record := sampleAda()
	_, err := b.push(t, patch("", record, "name", "email"))
	if f := wants(t, err, fault.Permanent); f.Message != "field AccountId: it leads to nothing that is there" { // the account of the options
		t.Errorf("got %v", err)
	}
	for _, want := range []string{
		`"method":"PATCH"`, `"url":"/services/data/v65.0/sobjects/Contact/canonhub_id__c/` + customerRecord + `"`,
		`"body":{"AccountId":"001000000000001AAA","Email":"ada@example.com","FirstName":"Ada","LastName":"Lovelace","Salutation":"Ms"}`,
	} {
		if !strings.Contains(sent, want) {
			t.Errorf("sent %s, without %s", sent, want)
		}
	}
}

func TestADuplicateRuleFindsTheContact(t *testing.T) {
	t.Parallel()
	for _, unnamed := range []bool{false, true} {
		b := setup(t, oneCurrency, func(o *sandbox.Options) { o.DuplicateRule, o.Unnamed = true, unnamed })
		fields := hopper()
		fields["Email"] = "o'neil@example.com"
		id := b.make(t, "Contact", fields)
		b.before = func(r *http.Request, _ string) {
			if strings.Contains(r.URL.RawQuery, "neil") {
				t.Errorf("an address is in the URL %s", r.URL)
			}
		}
		record := sampleAda()
		record.Email = proto.String("O'Neil@example.com")
		ack := b.mustPush(t, patch("", record, "name", "email", "note"))
		if !ack.Found || ack.Observation.ExternalID != id || ack.Observation.RecordID != "" {
			t.Errorf("unnamed %v: found %v, %s of record %q; want %s", unnamed, ack.Found, ack.Observation.ExternalID, ack.Observation.RecordID, id)
		}
		if got := b.field(t, "Contact", id, "Description"); got != "Found a moth." {
			t.Errorf("the note was overwritten: %q", got)
		}
		if n := len(b.sandbox.Objects("Contact")); n != 1 {
			t.Errorf("there are %d contacts", n)
		}
	}
}

func TestSeveralRowsWithOurIDAreAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	for range 2 {
		b.edit(t, "Contact", b.make(t, "Contact", hopper()), map[string]any{"canonhub_id__c": customerRecord})
	}
	_, err := b.push(t, patch("", sampleAda(), "name"))
	if f := wants(t, err, fault.Conflict); !strings.Contains(f.Message, "unique") {
		t.Errorf("%v does not say what to do", err)
	}
}

func refusedWrite(status, body string) string {
	return `{"compositeResponse":[{"body":` + body + `,"httpHeaders":{},"httpStatusCode":` + status + `,"referenceId":"write"},` +
		`{"body":[{"errorCode":"PROCESSING_HALTED","message":"The transaction was rolled back."}],"httpHeaders":{},"httpStatusCode":400,"referenceId":"read"}]}`
}

func TestACreateThatAnotherCallIsMakingIsTriedAgain(t *testing.T) {
	t.Parallel()
	a := answering(t, refusedWrite("400", `[{"errorCode":"DUPLICATE_VALUE","fields":[],"message":"duplicate value found: canonhub_id__c duplicates value on record with id: 0035e0000000CZk"}]`))
	_, err := push(t, a, patch("", sampleAda(), "name"))
	if f := wants(t, err, fault.Transient); !f.MaybeDone {
		t.Error("the other call may have made it")
	}
}

func TestAnOrgWithoutTheFieldForOurIDSaysSo(t *testing.T) {
	t.Parallel()
	a := answering(t, refusedWrite("404", `[{"errorCode":"NOT_FOUND","message":"Provided external ID field does not exist or is not accessible: canonhub_id__c"}]`))
	_, err := push(t, a, patch("", sampleAda(), "name"))
	if f := wants(t, err, fault.Permanent); !strings.Contains(f.Message, "Contact has no external id field canonhub_id__c") {
		t.Errorf("got %v", err)
	}
}

// In orgs with pick-lists of countries, what is wrong is told of the field beside the one that is written.
func TestWhatSalesforceRefusesIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Contact", hopper())
	record := &canonicalv1.Customer{Note: proto.String("x"), BillingAddress: &canonicalv1.Address{City: proto.String(strings.Repeat("Llanfair", 6)), CountryCode: proto.String("DE")}}
	_, err := b.push(t, patch(id, record, "note", "billing_address.city"))
	if f := wants(t, err, fault.Permanent); len(f.Refused) != 1 || f.Refused["billing_address.city"] == "" || strings.Contains(err.Error(), "Llanfair") {
		t.Errorf("refused %v: %v", f.Refused, err)
	}
	a := answering(t, refusedWrite("400", `[{"errorCode":"FIELD_INTEGRITY_EXCEPTION","message":"There's a problem with this country: Ruritania","fields":["MailingCountryCode"]}]`))
	record.Name = &canonicalv1.PersonName{Full: proto.String("Ada")}
	_, err = push(t, a, patch("", record, "name", "billing_address.country_code"))
	if f := wants(t, err, fault.Permanent); f.Refused["billing_address.country_code"] == "" || strings.Contains(err.Error(), "Ruritania") {
		t.Errorf("refused %v: %v", f.Refused, err)
	}
}

func someOrder(customer adapters.ExternalID) *canonicalv1.Order {
	return &canonicalv1.Order{Number: proto.String("#1001"), Customer: to(customer), PlaceTime: timestamppb.New(time.Date(2026, 10, 2, 23, 59, 0, 0, time.UTC))}
}

func TestAnOrderIsMadeForTheAccountOfItsContact(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	account := b.make(t, "Account", map[string]any{"Name": "Navy"})
	fields := hopper()
	fields["AccountId"] = string(account)
	ack := b.mustPush(t, patch("", someOrder(b.make(t, "Contact", fields)), "number", "customer", "place_time"))
	id := ack.Observation.ExternalID
	for name, want := range map[string]any{"AccountId": string(account), "Status": "Draft", "EffectiveDate": "2026-10-02", "OrderReferenceNumber": "#1001"} {
		if got := b.field(t, "Order", id, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	_, err := b.push(t, patch("", someOrder(b.make(t, "Contact", hopper())), "number", "customer", "place_time"))
	if f := wants(t, err, fault.Permanent); f.Refused["customer"] == "" {
		t.Errorf("%v does not name the customer", err)
	}
	for what, p := range map[string]adapters.Patch{
		"no day":      patch("", someOrder("003000000000001"), "customer"),
		"no customer": patch("", someOrder("003000000000001"), "place_time"),
		"no name":     patch("", note("x"), "note"),
	} {
		if _, err := b.Pusher.Prepare(p); fault.CategoryOf(err) != fault.Permanent || fault.As(err).Message == "" {
			t.Errorf("%s: %v, want it refused before it is sent", what, err)
		}
	}
}

func TestAStatusWithoutALabelIsWrittenAsTheNearest(t *testing.T) {
	t.Parallel()
	b := setup(t, `{"currency": "EUR", "labels": {"ticket_status": {"new": ["New"], "open": ["In Progress", "Working"], "closed": ["Closed"]}, "ticket_type": {}}}`)
	id := b.make(t, "Case", map[string]any{"Subject": "Printer"})
	for status, want := range map[canonicalv1.TicketStatus]string{
		canonicalv1.TicketStatus_TICKET_STATUS_NEW: "New", canonicalv1.TicketStatus_TICKET_STATUS_PENDING: "In Progress",
		canonicalv1.TicketStatus_TICKET_STATUS_ON_HOLD: "In Progress", canonicalv1.TicketStatus_TICKET_STATUS_SOLVED: "Closed",
	} {
		b.mustPush(t, patch(id, &canonicalv1.Ticket{Status: &status}, "status"))
		if got := b.field(t, "Case", id, "Status"); got != want {
			t.Errorf("%s became %v, want %s", status, got, want)
		}
	}
	for path, record := range map[string]*canonicalv1.Ticket{
		"type":   {Type: canonicalv1.TicketType_TICKET_TYPE_QUESTION.Enum()},
		"status": {Status: canonicalv1.TicketStatus_TICKET_STATUS_DELETED.Enum()},
	} {
		_, err := b.Pusher.Prepare(patch(id, record, path))
		if f := wants(t, err, fault.Permanent); f.Refused[path] == "" {
			t.Errorf("%v does not refuse %s", err, path)
		}
	}
}

func TestALostCreateIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	r, err := b.Pusher.Prepare(patch("", sampleAda(), "name", "email"))
	if err != nil {
		t.Fatal(err)
	}
	b.sandbox.Inject(sandbox.Fault{Write: true, AfterWork: true})
	_, err = b.Pusher.Push(t.Context(), r)
	if f := wants(t, err, fault.Transient); !f.MaybeDone {
		t.Error("the create may have been done")
	}
	found, err := b.Pusher.Find(t.Context(), r)
	if err != nil || found == nil || found.RecordID != customerRecord {
		t.Fatalf("found %+v, %v", found, err)
	}
	if err := b.sandbox.Delete("Contact", string(found.ExternalID)); err != nil {
		t.Fatal(err)
	}
	if found, err = b.Pusher.Find(t.Context(), r); err != nil || found != nil {
		t.Errorf("what is in the bin is found: %+v, %v", found, err)
	}
}

func TestWhatOthersNeedIsNotArchived(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Contact", hopper())
	c := b.make(t, "Case", map[string]any{"Subject": "Printer", "ContactId": string(id)})
	archive := func(kind adapters.Kind, id adapters.ExternalID) error {
		_, err := b.Archiver.Archive(t.Context(), adapters.Request{Kind: kind, ExternalID: id})
		return err
	}
	if f := wants(t, archive("customer", id), fault.Permanent); f.Message != "other rows need it" {
		t.Errorf("got %v", f)
	}
	if err := archive("ticket", c); err != nil {
		t.Fatal(err)
	}
	b.sandbox.Empty()
	if err := archive("ticket", c); err != nil {
		t.Errorf("what is not there any more is archived: %v", err)
	}
	b.sandbox.Inject(sandbox.Fault{Method: http.MethodDelete, Status: 404, Code: "NOT_FOUND"})
	wants(t, archive("customer", id), fault.Transient) // as from an API that is not there
}

// Street has all lines. A second one that changes alone is written, and what is read is what was written: read as part of
// the first, it would be written below itself again.
func TestTwoLinesOfAnAddressAreOneField(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Contact", hopper())
	home := func(line1, line2 string) *canonicalv1.Customer {
		return &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{Line1: &line1, Line2: &line2, CountryCode: proto.String("US")}}
	}
	for _, step := range []struct{ line1, line2, path, street, read1, read2 string }{
		{"1 Pier", "not written", "billing_address.line1", "1 Pier", "1 Pier", ""},
		{"not written", "Deck 3", "billing_address.line2", "1 Pier\nDeck 3", "1 Pier", "Deck 3"},
		{"1 Pier", "Deck 4", "billing_address.line2", "1 Pier\nDeck 4", "1 Pier", "Deck 4"},
		{"1 Pier", "Deck 4\nAft", "billing_address.line2", "1 Pier\nDeck 4\nAft", "1 Pier", "Deck 4\nAft"},
		{"2 Pier", "not written", "billing_address.line1", "2 Pier\nDeck 4\nAft", "2 Pier", "Deck 4\nAft"},
		{"not written", "", "billing_address.line2", "2 Pier", "2 Pier", ""},
		{"", "", "billing_address.line1", "", "", ""},
		{"", "Deck 4", "billing_address.line2", "Deck 4", "Deck 4", ""},
	} {
		ack := b.mustPush(t, patch(id, home(step.line1, step.line2), step.path, "billing_address.country_code"))
		got := ack.Observation.Message.(*canonicalv1.Customer).GetBillingAddress()
		if got.GetLine1() != step.read1 || got.GetLine2() != step.read2 || fmt.Sprint(b.field(t, "Contact", id, "MailingStreet")) != cmp.Or(step.street, "<nil>") {
			t.Errorf("%q and %q are acknowledged as %v, kept as %q", step.line1, step.line2, got, b.field(t, "Contact", id, "MailingStreet"))
		}
	}
	if got := b.field(t, "Contact", id, "MailingCountry"); got != "United States" {
		t.Errorf("the country is written as %v", got)
	}
	b.edit(t, "Contact", id, map[string]any{"MailingStreet": "1 Pier\nDeck 3"})
	_, err := b.push(t, patch(id, home("", "Deck 3"), "billing_address.line1"))
	if f := wants(t, err, fault.Permanent); f.Refused["billing_address.line1"] == "" {
		t.Errorf("the first line alone is cleared: %v", err)
	}
	b.mustPush(t, patch(id, home("", ""), "billing_address.line1", "billing_address.line2"))
	if got := b.field(t, "Contact", id, "MailingStreet"); got != nil {
		t.Errorf("what is cleared is %v", got)
	}
}

// Salesforce says of a row that it leads to a deleted one as if it were deleted itself.
func TestAReferenceToWhatIsDeletedIsRefusedAndTheRowIsNotGone(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	asker, other := b.make(t, "Contact", hopper()), b.make(t, "Contact", hopper())
	id := b.make(t, "Case", map[string]any{"Subject": "Printer", "ContactId": string(other)})
	if err := b.sandbox.Delete("Contact", string(asker)); err != nil {
		t.Fatal(err)
	}
	record := &canonicalv1.Ticket{Subject: proto.String("Scanner"), Requester: to(asker)}
	for _, p := range []adapters.Patch{patch(id, record, "subject", "requester"), patch("", record, "subject", "requester")} {
		_, err := b.push(t, p)
		if f := wants(t, err, fault.Permanent); len(f.Refused) != 1 || f.Refused["requester"] == "" || f.MaybeDone {
			t.Errorf("to %q: %v, refused %v", p.ExternalID, err, f.Refused)
		}
	}
	b.before = func(r *http.Request, _ string) {
		if r.Method == http.MethodPost {
			b.before = nil
			if err := b.sandbox.Delete("Case", string(id)); err != nil {
				t.Error(err)
			}
		}
	}
	_, err := b.push(t, patch(id, record, "subject"))
	wants(t, err, fault.Gone)
}

// Rules match by likeness: of two people with one telephone, say. Whose address is another is not taken for the customer.
func TestWhoIsOnlyLikeTheCustomerIsNotFound(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]bool{"grace@example.com": false, "ADA@example.com": true, "": true} {
		org := sandbox.New(sandbox.Options{Token: token, Now: time.Now})
		t.Cleanup(org.Close)
		fields := hopper()
		fields["Email"] = email
		id, err := org.Make("Contact", fields)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // of the adapter's, which is whole
			if strings.Contains(string(body), `"method":"PATCH"`) {
				_, _ = io.WriteString(w, refusedWrite("400", `[{"errorCode":"DUPLICATES_DETECTED","message":"Use one of these records?","duplicateResult":{"matchResults":[{"matchRecords":[{"record":{"Id":"`+id+`"}}]}]}}]`))
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			org.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		ack, err := push(t, open(t, server, oneCurrency, func(*adapters.Settings) {}), patch("", sampleAda(), "name", "email"))
		switch {
		case want && (err != nil || !ack.Found || string(ack.Observation.ExternalID) != id):
			t.Errorf("with the address %q: %+v, %v", email, ack, err)
		case !want && fault.CategoryOf(err) != fault.Conflict:
			t.Errorf("with the address %q: found %v, %v; want a conflict", email, ack.Found, err)
		}
	}
}

func TestAPageOfSomeProxyArchivesNothing(t *testing.T) {
	t.Parallel()
	a := answering(t, "<html>Log in</html>")
	_, err := a.Archiver.Archive(t.Context(), adapters.Request{Kind: "customer", ExternalID: "003000000000001"})
	if f := wants(t, err, fault.Transient); !f.MaybeDone {
		t.Error("who can tell what was done?")
	}
}

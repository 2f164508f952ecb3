package salesforce_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/salesforce/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestAnIDOf15CharactersIsTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Contact", hopper())
	if o := b.fetch(t, "customer", id[:15]); o.ExternalID != id {
		t.Errorf("%s is read as %s, want %s", id[:15], o.ExternalID, id)
	}
	ticket := b.make(t, "Case", map[string]any{"Subject": "Printer"})
	b.mustPush(t, patch(ticket[:15], &canonicalv1.Ticket{Requester: to(id[:15])}, "requester"))
	if got := b.field(t, "Case", ticket, "ContactId"); got != string(id) {
		t.Errorf("the contact is %v, want %s", got, id)
	}
}

func TestAMergeNamesTheOneThatLivesOn(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	loser, winner := b.make(t, "Contact", hopper()), b.make(t, "Contact", hopper())
	ticket := b.make(t, "Case", map[string]any{"Subject": "Printer", "ContactId": string(loser)})
	since := b.now
	b.now = b.now.Add(time.Minute)
	if err := b.sandbox.Merge("Contact", string(loser), string(winner)); err != nil {
		t.Fatal(err)
	}
	if o := b.fetch(t, "customer", loser); !o.Gone || o.MergedInto != winner {
		t.Errorf("a read of the one that was merged away gives %+v", o)
	}
	said := map[adapters.ExternalID]adapters.Observation{}
	for _, o := range b.pull(t, adapters.Query{Kind: "customer", Since: since.Add(time.Second), Size: 10}).Observations {
		said[o.ExternalID] = o
	}
	if o := said[loser]; !o.Gone || o.MergedInto != winner || o.At.Before(b.now) {
		t.Errorf("a pull says of the one that was merged away %+v", o)
	}
	if o := said[winner]; o.Message == nil {
		t.Errorf("a pull says nothing of the one that lives on: %+v", said)
	}
	if o := b.fetch(t, "ticket", ticket); o.Message.(*canonicalv1.Ticket).GetRequester().GetExternal().GetExternalId() != string(winner) {
		t.Errorf("the case belongs to %v", o.Message)
	}
}

func TestWhatIsTakenBackFromTheBinIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.make(t, "Contact", hopper())
	if err := b.sandbox.Delete("Contact", string(id)); err != nil {
		t.Fatal(err)
	}
	if o := b.fetch(t, "customer", id); !o.Gone || o.MergedInto != "" {
		t.Errorf("in the bin: %+v", o)
	}
	b.now = b.now.Add(time.Minute)
	if err := b.sandbox.Undelete("Contact", string(id)); err != nil {
		t.Fatal(err)
	}
	page := b.pull(t, adapters.Query{Kind: "customer", Since: b.now, Size: 10})
	if len(page.Observations) != 1 || page.Observations[0].Gone {
		t.Errorf("pulled %+v", page.Observations)
	}
}

// The bin of a whole pull is none of its matter; what is deleted while it runs is the next pull's.
func TestADeleteDuringAWholePullIsInTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	first := b.make(t, "Contact", hopper())
	b.now = b.now.Add(time.Hour)
	b.make(t, "Contact", hopper())
	begin := b.now
	page := b.pull(t, adapters.Query{Kind: "customer", Size: 1})
	b.now = b.now.Add(time.Minute)
	if err := b.sandbox.Delete("Contact", string(first)); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(3 * time.Hour)
	b.make(t, "Contact", hopper())
	for page.More {
		page = b.pull(t, adapters.Query{Kind: "customer", Size: 1, Cursor: page.Next})
	}
	if !page.Watermark.Equal(begin) {
		t.Fatalf("the next pull begins at %s, want %s", page.Watermark, begin)
	}
	told := false
	for _, o := range b.pull(t, adapters.Query{Kind: "customer", Since: page.Watermark, Size: 10}).Observations {
		told = told || o.ExternalID == first && o.Gone
	}
	if !told {
		t.Error("the delete is not told")
	}
}

// seller makes an order with products.
func (b *bundle) seller(t *testing.T, lines int, price string) adapters.ExternalID {
	t.Helper()
	account := b.make(t, "Account", map[string]any{"Name": "Navy"})
	order := b.make(t, "Order", map[string]any{"AccountId": string(account), "EffectiveDate": "2026-10-01", "Status": "Activated"})
	entry := b.make(t, "PricebookEntry", map[string]any{"UnitPrice": price})
	for n := range lines {
		product := b.make(t, "Product2", map[string]any{"Name": fmt.Sprintf("Rope %d", n)})
		b.make(t, "OrderItem", map[string]any{"OrderId": string(order), "Quantity": "1", "UnitPrice": price, "PricebookEntryId": string(entry), "Product2Id": string(product)})
	}
	return order
}

func TestLinesThatComeInPiecesAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency, func(o *sandbox.Options) { o.Piece = 3 })
	id := b.seller(t, 8, "0.1")
	b.edit(t, "Order", id, map[string]any{"Description": "x"})
	check := func(what string, o adapters.Observation) {
		t.Helper()
		order := o.Message.(*canonicalv1.Order)
		if len(order.GetLines()) != 8 || order.GetTotal().GetNanos() != 800_000_000 {
			t.Fatalf("%s has %d lines, total %v", what, len(order.GetLines()), order.GetTotal())
		}
		for n, line := range order.GetLines() {
			if line.GetTitle() != fmt.Sprintf("Rope %d", n) || line.GetQuantity() != "1" || line.GetUnitPrice().GetNanos() != 100_000_000 {
				t.Errorf("%s: line %d is %v", what, n, line)
			}
		}
	}
	check("a read", b.fetch(t, "order", id))
	note := "Ring twice."
	check("an acknowledgement", b.mustPush(t, patch(id, &canonicalv1.Order{Note: &note}, "note")).Observation)
	page := b.pull(t, adapters.Query{Kind: "order", Size: 10})
	if len(page.Observations) != 0 || len(page.Fetch) != 1 || page.Fetch[0].ExternalID != id {
		t.Errorf("a pull says %+v, and names %v", page.Observations, page.Fetch)
	}
}

func TestAmountsWithExponentsAreExact(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	id := b.seller(t, 1, "90071992547409.93")
	order := b.fetch(t, "order", id).Message.(*canonicalv1.Order)
	if got := order.GetTotal(); got.GetUnits() != 90_071_992_547_409 || got.GetNanos() != 930_000_000 || got.GetCurrencyCode() != "EUR" {
		t.Errorf("the total is %v", got)
	}
	for text, want := range map[string]string{"1.0E7": "10000000", "5.0E-4": "0.0005", "-1.25e3": "-1250", "0.0": "0", "12.50": "12.5", "-0.0": "0", "1.0E-3": "0.001"} {
		a := answering(t, `{"totalSize":1,"done":true,"records":[{"Id":"801000000000001AAA","SystemModstamp":"2026-11-02T09:00:00.000+0000","OrderItems":{"done":true,"records":[{"Id":"802000000000001AAA","Quantity":`+text+`}]}}]}`)
		o, err := a.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "order", ExternalID: "801000000000001AAA"})
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Message.(*canonicalv1.Order).GetLines()[0].GetQuantity(); got != want {
			t.Errorf("%s is read as %q, want %s", text, got, want)
		}
	}
}

func TestClosedIsWhatTheOrgCallsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, `{"currency": "EUR", "labels": {"ticket_status": {"new": ["New"], "solved": ["Answered"], "closed": ["Closed", "Reopened"]}}}`,
		func(o *sandbox.Options) { o.Closed = []string{"Answered", "Given up"} })
	id := b.make(t, "Case", map[string]any{"Subject": "Printer"})
	for label, want := range map[string]canonicalv1.TicketStatus{
		"new": canonicalv1.TicketStatus_TICKET_STATUS_NEW, "Answered": canonicalv1.TicketStatus_TICKET_STATUS_SOLVED,
		"Given up": canonicalv1.TicketStatus_TICKET_STATUS_CLOSED, "Reopened": canonicalv1.TicketStatus_TICKET_STATUS_UNSPECIFIED,
		"Bounced": canonicalv1.TicketStatus_TICKET_STATUS_UNSPECIFIED,
	} {
		b.edit(t, "Case", id, map[string]any{"Status": label})
		o := b.fetch(t, "ticket", id)
		ticket := o.Message.(*canonicalv1.Ticket)
		raw := ""
		if want == 0 {
			raw = label
		}
		if ticket.GetStatus() != want || ticket.GetStatusRaw() != raw || (len(o.Unknown) > 0) != (want == 0) {
			t.Errorf("%s is read as %s, %q, unknown %v", label, ticket.GetStatus(), ticket.GetStatusRaw(), o.Unknown)
		}
	}
}

func TestAnOrgWithOneCurrencySaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := setup(t, `{}`)
	_, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "order"})
	if f := wants(t, err, fault.Permanent); !strings.Contains(f.Message, "option currency") {
		t.Errorf("got %v", err)
	}
}

func TestAFieldThatIsHiddenIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency, func(o *sandbox.Options) { o.ExternalID = "Other__c" })
	_, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer"})
	if f := wants(t, err, fault.Permanent); f.Message != "Contact has no field canonhub_id__c, or it is hidden from the hub's user" {
		t.Errorf("got %v", err)
	}
}

func TestAnEndedSessionIsAuth(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	b.sandbox.Expire()
	if f := wants(t, b.Prober.Probe(t.Context()), fault.Auth); f.Code != "INVALID_SESSION_ID" {
		t.Errorf("got %v", f)
	}
	b.sandbox.Renew(token)
	if err := b.Prober.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheLimitOnCallsIsAWaitThatSalesforceDoesNotName(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency, func(o *sandbox.Options) { o.Calls, o.Window = 2, time.Hour })
	for range 2 {
		if err := b.Prober.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if f := wants(t, b.Prober.Probe(t.Context()), fault.Throttle); f.RetryAfter != 15*time.Minute || f.Status != 403 {
		t.Errorf("got %v, to be tried again after %s", f, f.RetryAfter)
	}
	if last := b.hints[len(b.hints)-1]; last.Size != 2 || last.Remaining != 0 {
		t.Errorf("told %+v", b.hints)
	}
	b.now = b.now.Add(time.Hour)
	if err := b.Prober.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPagesThatDoNotGoOnAreAFault(t *testing.T) {
	t.Parallel()
	rowOf := func(id string) string {
		return `{"Id":"` + id + `","SystemModstamp":"2026-11-02T09:00:00.000+0000"}`
	}
	for what, page := range map[string]string{
		"the same row again":       `{"done":true,"records":[` + rowOf("003000000000001AAA") + `]}`,
		"a page without rows":      `{"done":false,"records":[]}`,
		"a page of unusable rows":  `{"done":true,"records":[{"Id":1}]}`,
		"no word on whether it is": `{"records":[]}`,
	} {
		a := answering(t, `{"done":true,"records":[`+rowOf("003000000000001AAA")+`]}`, page)
		first, err := a.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Size: 1, Cursor: first.Next}); fault.CategoryOf(err) != fault.Transient {
			t.Errorf("%s: %v, want it transient", what, err)
		}
	}
}

// A cursor comes from the database, and goes into a query.
func TestACursorCannotSpeakSOQL(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	_, err := b.Puller.Pull(t.Context(), adapters.Query{Kind: "customer", Cursor: cursor.Encode(map[string]any{"id": "x' OR Id != '"})})
	wants(t, err, fault.Gone)
	for _, id := range []adapters.ExternalID{"x' OR Id != '", "", "003\x00", "003000000000001AAA/../x"} {
		_, err := b.Fetcher.Fetch(t.Context(), adapters.Object{Kind: "customer", ExternalID: id})
		wants(t, err, fault.Gone)
	}
	if counts := b.sandbox.Counts(); len(counts) > 0 {
		t.Errorf("Salesforce was called: %v", counts)
	}
}

func TestAPageHasNoMoreThanFitsIntoAnAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	all := make([]map[string]any, 200)
	for i := range all {
		all[i] = map[string]any{"LastName": "Hopper", "Description": strings.Repeat("x", 32_000)}
	}
	if _, err := b.sandbox.Import("Contact", all); err != nil {
		t.Fatal(err)
	}
	if page := b.pull(t, adapters.Query{Kind: "customer", Size: 1 << 20}); len(page.Observations) != 200 {
		t.Errorf("pulled %d of 200", len(page.Observations))
	}
}

// An observation keeps the row as it came.
func TestRawIsTheRow(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	o := b.fetch(t, "customer", b.make(t, "Contact", hopper()))
	var fields map[string]any
	if err := json.Unmarshal(o.Raw, &fields); err != nil || fields["LastName"] != "Hopper" {
		t.Errorf("raw is %s, %v", o.Raw, err)
	}
}

// All work waits for the permission: none of it is given up, since none is at fault.
func TestAUserWhoMayNotUseTheAPIPausesTheConnection(t *testing.T) {
	t.Parallel()
	b := setup(t, oneCurrency)
	for _, code := range []string{"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"} {
		b.sandbox.Inject(sandbox.Fault{Status: 403, Code: code})
		if f := wants(t, b.Prober.Probe(t.Context()), fault.Auth); f.Code != code || !strings.Contains(f.Message, "API Enabled") {
			t.Errorf("got %v", f)
		}
	}
	b.sandbox.Inject(sandbox.Fault{Status: 403, Code: "INSUFFICIENT_ACCESS_OR_READONLY"})
	wants(t, b.Prober.Probe(t.Context()), fault.Permanent)
}

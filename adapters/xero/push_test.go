package xero_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/xero/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestTheContactOfThatNameIsFoundAndNotWrittenOver(t *testing.T) {
	t.Parallel()
	for what, its := range map[string]string{"of the same address": "ADA@example.com", "without an address": ""} {
		b := setup(t)
		id := b.make(t, "Contacts", map[string]any{"Name": "analytical  engines ltd", "EmailAddress": its, "TaxNumber": "its own"})
		ack := b.mustPush(t, patch("", sampleAda(), "name", "company", "email", "tax_ids"))
		if !ack.Found || ack.Observation.ExternalID != id {
			t.Errorf("%s: found %v, %s; want %s", what, ack.Found, ack.Observation.ExternalID, id)
		}
		if got := b.object(t, "Contacts", id); got.Text("TaxNumber") != "its own" || got.Text("ContactNumber") != "" {
			t.Errorf("%s: it was written over: %v", what, got.Fields)
		}
	}
}

// Xero takes one of two people who have one name: they are not the same for that.
func TestAnotherPartyOfThatNameIsARefusal(t *testing.T) {
	t.Parallel()
	for what, its := range map[string]map[string]any{
		"another address": {"EmailAddress": "charles@example.com"}, "another record's": {"ContactNumber": "customer_01h455vb4pex5vsknk084sn02r"},
	} {
		b := setup(t)
		its["Name"] = "Ada Lovelace"
		b.make(t, "Contacts", its)
		record := sampleAda()
		_, err := b.push(t, patch("", record, "name", "email"))
		if f := wants(t, err, fault.Permanent); f.Refused["name"] == "" || strings.Contains(err.Error(), "Lovelace") {
			t.Errorf("%s: %v; want the name refused, and not quoted", what, err)
		}
		if n := len(b.sandbox.Objects("Contacts")); n != 1 {
			t.Errorf("%s: there are %d contacts", what, n)
		}
	}
}

// Xero forgets idempotency keys after six minutes; what a create left behind it does not forget.
func TestALostCreateIsFoundAfterItsKeyIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payer := b.make(t, "Contacts", map[string]any{"Name": "Payer"})
	for range 3 { // others of the same contact
		b.make(t, "Invoices", sale(string(payer), 1))
	}
	bill := &canonicalv1.Invoice{Customer: reference(string(payer)), Lines: []*canonicalv1.Line{line("Hours", "2", euros(10, 0), nil, euros(1, 0))}}
	for many, p := range map[string]adapters.Patch{"Contacts": patch("", named("Ada Lovelace"), "name"), "Invoices": patch("", bill, "customer", "lines")} {
		before := len(b.sandbox.Objects(many))
		p.Key = "create " + many
		r, err := b.Pusher.Prepare(p)
		must(t, err)
		b.sandbox.Inject(sandbox.Fault{Method: http.MethodPut, AfterWork: true})
		_, err = b.Pusher.Push(t.Context(), r)
		if f := wants(t, err, fault.Transient); !f.MaybeDone {
			t.Errorf("%s: the create may have been done", many)
		}
		b.forward(10 * time.Minute)
		found, err := b.Pusher.Find(t.Context(), r)
		if err != nil || found == nil || found.RecordID != p.RecordID {
			t.Fatalf("%s: found %+v, %v", many, found, err)
		}
		if many == "Invoices" {
			continue // without a number of its own, only Find keeps it from being made again
		}
		ack, err := b.Pusher.Push(t.Context(), r)
		if err != nil || ack.Found || ack.Observation.ExternalID != found.ExternalID || len(b.sandbox.Objects(many)) != before+1 {
			t.Errorf("%s: sent again: %+v, %v; %d objects, were %d", many, ack, err, len(b.sandbox.Objects(many)), before)
		}
	}
}

func TestAnInvoiceOfTheSameNumberIsARefusalUnlessItIsOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payer := b.make(t, "Contacts", map[string]any{"Name": "Payer"})
	fields := sale(string(payer), 1)
	fields["InvoiceNumber"] = "2026-0001"
	theirs := b.make(t, "Invoices", fields)
	record := &canonicalv1.Invoice{Number: proto.String("2026-0001"), Customer: reference(string(payer)), Lines: []*canonicalv1.Line{line("Hours", "2", euros(10, 0), nil, euros(1, 0))}}
	_, err := b.push(t, patch("", record, "number", "customer", "lines"))
	if f := wants(t, err, fault.Permanent); f.Refused["number"] == "" {
		t.Errorf("%v does not refuse the number", err)
	}
	if got := b.object(t, "Invoices", theirs).Lines(); len(got) != 2 {
		t.Errorf("their invoice was written over: %v", got)
	}
	b.forward(time.Hour) // and the key is forgotten
	record.Number = proto.String("2026-0002")
	made := b.mustPush(t, patch("", record, "number", "customer", "lines"))
	b.forward(time.Hour)
	if again := b.mustPush(t, patch("", record, "number", "customer", "lines")); again.Observation.ExternalID != made.Observation.ExternalID {
		t.Errorf("sent again, it made %s beside %s", again.Observation.ExternalID, made.Observation.ExternalID)
	}
}

func TestARecordWhoseContactWasArchivedIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ack := b.mustPush(t, patch("", named("Ada"), "name"))
	must(t, b.sandbox.Archive(string(ack.Observation.ExternalID)))
	b.forward(time.Hour)
	_, err := b.push(t, patch("", named("Ada"), "name"))
	if f := wants(t, err, fault.Permanent); !strings.Contains(f.Message, "archived") || f.Refused != nil {
		t.Errorf("%v does not say what is the matter", err)
	}
}

func TestWhatACreateSends(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var bodies, keys []string
	b.before = func(r *http.Request) {
		if r.Method != http.MethodGet {
			bodies, keys = append(bodies, peek(t, r)), append(keys, r.Header.Get("Idempotency-Key"))
		}
	}
	p := patch("", named("Ada  Lovelace"), "name", "email")
	p.Key = strings.Repeat("k", 129)
	payer := b.mustPush(t, p).Observation.ExternalID
	record := &canonicalv1.Invoice{Customer: reference(string(payer)), TaxesIncluded: proto.Bool(true), Lines: []*canonicalv1.Line{line("Hours", "2.50", euros(10, 125_000_000), euros(25, 310_000_000), euros(1, 0))}}
	b.mustPush(t, patch("", record, "customer", "lines", "taxes_included"))
	want := []string{
		`{"Contacts":[{"ContactNumber":"` + customerRecord + `","FirstName":"","LastName":"","Name":"Ada Lovelace"}]}`,
		`{"Invoices":[{"Contact":{"ContactID":"` + string(payer) + `"},"CurrencyCode":"EUR","LineAmountTypes":"Inclusive","LineItems":[{"AccountCode":"260","Description":"Hours",` +
			`"Quantity":2.5,"TaxAmount":1.00,"TaxType":"ZERORATED","UnitAmount":10.125}],"Type":"ACCREC","Url":"https://hub.example.com/records/` + invoiceRecord + `"}]}`,
	}
	if !slices.Equal(bodies, want) {
		t.Errorf("sent %s, want %s", bodies, want)
	}
	if len(keys) != 2 || len(keys[0]) != 64 || keys[1] != "key-1" {
		t.Errorf("sent with the keys %q", keys)
	}
}

func peek(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	must(t, err)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return string(body)
}

func TestACreateWithoutWhatXeroNeedsIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lines := []*canonicalv1.Line{line("Hours", "2", euros(10, 0), nil, euros(1, 0))}
	for what, p := range map[string]adapters.Patch{
		"a contact without a name":   patch("", sampleAda(), "email"),
		"an invoice without a payer": patch("", &canonicalv1.Invoice{Lines: lines}, "lines"),
		"an invoice without lines":   patch("", &canonicalv1.Invoice{Customer: reference("1")}, "customer"),
		"an invoice that is void": patch("", &canonicalv1.Invoice{Customer: reference("1"), Lines: lines, Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_VOID.Enum()},
			"customer", "lines", "status"),
	} {
		_, err := b.Pusher.Prepare(p)
		if f := wants(t, err, fault.Permanent); f.Message == "" {
			t.Errorf("%s: %v does not say why", what, err)
		}
	}
	if counts := b.sandbox.Counts(); len(counts) > 0 {
		t.Errorf("Xero was called: %v", counts)
	}
}

func TestAChangeThatWasNotSeenIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "Contacts", map[string]any{"Name": "Ada", "EmailAddress": "old@example.com"})
	b.edit(t, "Contacts", id, map[string]any{"EmailAddress": "newer@example.com"})
	address := func(text string) *canonicalv1.Customer { return &canonicalv1.Customer{Email: &text} }
	p := patch(id, address("ours@example.com"), "email")
	p.Held = address("old@example.com")
	_, err := b.push(t, p)
	wants(t, err, fault.Conflict)
	if got := b.object(t, "Contacts", id).Text("EmailAddress"); got != "newer@example.com" {
		t.Errorf("the person's word became %q", got)
	}
	p.Held = address("newer@example.com")
	b.mustPush(t, p)
	before := b.object(t, "Contacts", id).Changed
	b.mustPush(t, p) // the answer was lost: it has what it is to get, and nothing is written
	if after := b.object(t, "Contacts", id).Changed; after != before {
		t.Errorf("what it had already was written again")
	}
}

// Nobody can write that a contact has no currency; that it had none is known all the same.
func TestACurrencyOfAContactThatWasSeenToHaveNoneIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "Contacts", map[string]any{"Name": "Ada"})
	p := patch(id, &canonicalv1.Customer{CurrencyCode: proto.String("EUR")}, "currency_code")
	p.Held, p.HeldEmpty = &canonicalv1.Customer{}, []string{"currency_code"}
	request, err := b.Pusher.Prepare(p)
	if err != nil {
		t.Fatal(err)
	}
	b.edit(t, "Contacts", id, map[string]any{"DefaultCurrency": "NZD"})
	_, err = b.Pusher.Push(t.Context(), request)
	wants(t, err, fault.Conflict)
	if got := b.object(t, "Contacts", id).Text("DefaultCurrency"); got != "NZD" {
		t.Errorf("the person's word became %q", got)
	}
	b.edit(t, "Contacts", id, map[string]any{"DefaultCurrency": "EUR"})
	if _, err := b.Pusher.Push(t.Context(), request); err != nil {
		t.Errorf("it has what it is to get, and the push gives %v", err)
	}
}

func TestWhatIsWrittenLeavesTheRestOfItsSlot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "Contacts", contact(1))
	record := &canonicalv1.Customer{Phone: proto.String("+4930901820"), BillingAddress: &canonicalv1.Address{City: proto.String("Köln")}}
	b.mustPush(t, patch(id, record, "phone", "billing_address.city"))
	got := b.object(t, "Contacts", id)
	for part, want := range map[[3]string]string{
		{"Phones", "DEFAULT", "PhoneNumber"}: "+4930901820", {"Phones", "DEFAULT", "PhoneCountryCode"}: "", {"Phones", "DEFAULT", "PhoneAreaCode"}: "",
		{"Phones", "MOBILE", "PhoneNumber"}: "+16465550001", {"Addresses", "POBOX", "City"}: "Köln", {"Addresses", "POBOX", "AddressLine3"}: "Desk 3", {"Addresses", "STREET", "City"}: "Arlington",
	} {
		if is := got.Slot(part[0], part[1], part[2]); is != want {
			t.Errorf("%v is %q, want %q", part, is, want)
		}
	}
}

func TestNamesOfPeopleAndCompanies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := &canonicalv1.PersonName{Full: proto.String("Ada Lovelace"), Given: proto.String("Ada"), Family: proto.String("Lovelace")}
	for what, c := range map[string]struct {
		is                map[string]any
		record            *canonicalv1.Customer
		path              string
		name, first, last string
	}{
		"a company for a person":            {map[string]any{"Name": "Ada Lovelace", "FirstName": "Ada", "LastName": "Lovelace"}, &canonicalv1.Customer{Company: proto.String("Engines")}, "company", "Engines", "Ada", "Lovelace"},
		"a company for a name in one":       {map[string]any{"Name": "Ada King Lovelace"}, &canonicalv1.Customer{Company: proto.String("Engines")}, "company", "Engines", "Ada King", "Lovelace"},
		"a company that is the name":        {map[string]any{"Name": "Engines"}, &canonicalv1.Customer{Company: proto.String("Engines")}, "company", "Engines", "", ""},
		"no company any more":               {map[string]any{"Name": "Engines", "FirstName": "Ada", "LastName": "Lovelace"}, &canonicalv1.Customer{}, "company", "Ada Lovelace", "Ada", "Lovelace"},
		"another person of a company":       {map[string]any{"Name": "Engines", "FirstName": "Charles", "LastName": "Babbage"}, &canonicalv1.Customer{Name: ada}, "name", "Engines", "Ada", "Lovelace"},
		"a person for an organisation":      {map[string]any{"Name": "Engines"}, &canonicalv1.Customer{Name: ada}, "name", "Ada Lovelace", "Ada", "Lovelace"},
		"a name in one":                     {map[string]any{"Name": "Ada Lovelace", "FirstName": "Ada", "LastName": "Lovelace"}, named("Plato"), "name", "Plato", "", ""},
		"a name in one beside a company":    {map[string]any{"Name": "Engines", "FirstName": "Ada", "LastName": "Lovelace"}, named("Charles Babbage"), "name", "Engines", "Charles", "Babbage"},
		"a name with blanks here and there": {map[string]any{"Name": "Ada"}, named(" Ada \t King "), "name", "Ada King", "", ""},
	} {
		id := b.make(t, "Contacts", c.is)
		b.mustPush(t, patch(id, c.record, c.path))
		got := b.object(t, "Contacts", id)
		if got.Text("Name") != c.name || got.Text("FirstName") != c.first || got.Text("LastName") != c.last {
			t.Errorf("%s: it is %q, %q, %q; want %q, %q, %q", what, got.Text("Name"), got.Text("FirstName"), got.Text("LastName"), c.name, c.first, c.last)
		}
		must(t, b.sandbox.Archive(string(id)))
	}
}

func TestLinesKeepTheirAccountsAndTheirPlaces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sells(t, map[string]any{"LineItems": []any{
		map[string]any{"Description": "Hours", "Quantity": 1, "UnitAmount": 10, "AccountCode": "200", "TaxType": "OUTPUT2", "ItemCode": "H"},
		map[string]any{"Description": "Travel", "Quantity": 1, "UnitAmount": 20, "AccountCode": "260", "TaxType": "NONE", "ItemCode": "T"},
	}})
	before := b.object(t, "Invoices", id).Lines()
	record := &canonicalv1.Invoice{Lines: []*canonicalv1.Line{
		line("Travels", "1", euros(20, 0), nil, euros(1, 0)), line("Hours", "3", euros(10, 0), nil, euros(4, 500_000_000)), line("Food", "1", euros(5, 0), nil, euros(1, 0)),
	}}
	b.mustPush(t, patch(id, record, "lines"))
	after := b.object(t, "Invoices", id).Lines()
	if len(after) != 3 || after[1].ID != before[0].ID || after[2].ID == before[1].ID {
		t.Fatalf("the lines became %+v, of %+v", after, before)
	}
	for i, want := range []struct{ account, tax, item string }{{"260", "ZERORATED", ""}, {"200", "OUTPUT2", "H"}, {"260", "ZERORATED", ""}} {
		if got := after[i]; got.AccountCode != want.account || got.TaxType != want.tax || got.ItemCode != want.item {
			t.Errorf("line %d has account %q, tax %q, item %q; want %v", i, got.AccountCode, got.TaxType, got.ItemCode, want)
		}
	}
	b.mustPush(t, patch(id, &canonicalv1.Invoice{Lines: []*canonicalv1.Line{line("Work", "3", euros(10, 0), nil, euros(4, 500_000_000))}}, "lines"))
	if got := b.object(t, "Invoices", id).Lines(); len(got) != 1 || got[0].ID != after[0].ID || got[0].AccountCode != "260" {
		t.Errorf("a line in another's place became %+v, of %+v", got, after)
	}
}

func TestLinesThatXeroCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sells(t, nil)
	dollars := &canonicalv1.Money{CurrencyCode: "USD", Units: 1}
	for what, lines := range map[string][]*canonicalv1.Line{
		"none":               nil,
		"without a text":     {{Quantity: proto.String("1"), UnitPrice: euros(1, 0)}},
		"five decimals":      {line("Hours", "1", euros(0, 123_450_000), nil, euros(1, 0))},
		"a fine quantity":    {line("Hours", "0.00001", euros(1, 0), nil, euros(1, 0))},
		"two currencies":     {line("Hours", "1", euros(1, 0), nil, euros(1, 0)), line("Hours", "1", dollars, nil, dollars)},
		"two in one line":    {line("Hours", "1", euros(1, 0), nil, dollars)},
		"a text of 5000":     {line(strings.Repeat("x", 5000), "1", euros(1, 0), nil, euros(1, 0))},
		"another currency":   {line("Hours", "1", dollars, nil, dollars)},
		"taxes of two coins": {{Title: proto.String("Hours"), Taxes: []*canonicalv1.Tax{{Amount: dollars}, {Amount: euros(1, 0)}}, UnitPrice: euros(1, 0), Quantity: proto.String("1")}},
	} {
		r, err := b.Pusher.Prepare(patch(id, &canonicalv1.Invoice{Lines: lines}, "lines"))
		if err == nil {
			_, err = b.Pusher.Push(t.Context(), r)
		}
		if f := wants(t, err, fault.Permanent); f.Refused["lines"] == "" {
			t.Errorf("%s: %v does not refuse the lines", what, err)
		}
	}
}

func TestWhatAStatusBecomes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for is, wanted := range map[string]map[canonicalv1.InvoiceStatus]string{
		"DRAFT":      {1: "DRAFT", 2: "SUBMITTED", 3: "AUTHORISED", 4: "AUTHORISED", 5: "AUTHORISED", 6: "DELETED", 8: "DELETED"},
		"SUBMITTED":  {1: "DRAFT", 2: "SUBMITTED", 3: "AUTHORISED", 4: "AUTHORISED", 5: "AUTHORISED", 6: "DELETED", 8: "DELETED"},
		"AUTHORISED": {1: "", 2: "", 3: "AUTHORISED", 4: "AUTHORISED", 5: "AUTHORISED", 6: "VOIDED", 8: "VOIDED"},
		"DELETED":    {1: "", 2: "", 3: "", 6: "", 8: "DELETED"},
		"VOIDED":     {1: "", 3: "", 5: "", 6: "VOIDED", 8: ""},
		"PAID":       {1: "", 3: "PAID", 4: "PAID", 5: "PAID", 6: ""},
	} {
		for status, want := range wanted {
			id := b.sells(t, map[string]any{"Status": map[string]string{"VOIDED": "AUTHORISED", "PAID": "AUTHORISED", "DELETED": "DRAFT"}[is] + map[string]string{"DRAFT": is, "SUBMITTED": is, "AUTHORISED": is}[is]})
			switch is {
			case "VOIDED", "DELETED":
				b.edit(t, "Invoices", id, map[string]any{"Status": is})
			case "PAID":
				due := b.object(t, "Invoices", id)
				must(t, b.sandbox.Pay(string(id), due.Number("AmountDue").String()))
			}
			_, err := b.push(t, patch(id, &canonicalv1.Invoice{Status: status.Enum()}, "status"))
			if want == "" {
				if f := wants(t, err, fault.Permanent); f.Refused["status"] == "" {
					t.Errorf("%s to %s: %v does not refuse the status", is, status, err)
				}
				want = is
			} else if err != nil {
				t.Errorf("%s to %s: %v", is, status, err)
			}
			if got := b.object(t, "Invoices", id); got.Text("Status") != want {
				t.Errorf("%s to %s: it became %s, want %s", is, status, got.Text("Status"), want)
			}
		}
	}
}

// Whoever voids an invoice has no word on the rest of it any more.
func TestWhatIsVoidedIsNotWrittenElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sells(t, map[string]any{"Status": "AUTHORISED"})
	record := &canonicalv1.Invoice{Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_VOID.Enum(), PurchaseOrderNumber: proto.String("PO-9"), DueTime: date(2027, 1, 1)}
	b.mustPush(t, patch(id, record, "status", "purchase_order_number", "due_time"))
	if o := b.object(t, "Invoices", id); o.Text("Status") != "VOIDED" || o.Text("Reference") != "Order 1" {
		t.Errorf("it became %v", o.Fields)
	}
}

func TestAnInvoiceWithAPaymentTakesNoChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.sells(t, map[string]any{"Status": "AUTHORISED"})
	must(t, b.sandbox.Pay(string(id), "5.00"))
	record := &canonicalv1.Invoice{PurchaseOrderNumber: proto.String("PO-9"), Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_VOID.Enum(), DueTime: date(2026, 11, 15)}
	_, err := b.push(t, patch(id, record, "purchase_order_number", "status", "due_time"))
	if f := wants(t, err, fault.Permanent); len(f.Refused) != 2 { // the due date is as it was
		t.Errorf("refused %v, want both attributes that differ", f.Refused)
	}
	seen := b.fetch(t, "invoice", id).Message.(*canonicalv1.Invoice)
	if seen.GetStatus() != canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID || seen.GetAmountPaid().GetUnits() != 5 {
		t.Errorf("it is read as %s, with %v paid", seen.GetStatus(), seen.GetAmountPaid())
	}
	b.mustPush(t, patch(id, &canonicalv1.Invoice{Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN.Enum()}, "status")) // which it is, as far as is written
}

// What Xero will not have is told by attribute, in words that quote nothing.
func TestRefusalsNameTheAttributes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	invoice := b.sells(t, map[string]any{"LineItems": []any{map[string]any{"Description": "Hours", "UnitAmount": 1}}})
	archived := b.make(t, "Contacts", map[string]any{"Name": "Old"})
	must(t, b.sandbox.Archive(string(archived)))
	b.make(t, "Contacts", map[string]any{"Name": "Taken"})
	customer := b.make(t, "Contacts", map[string]any{"Name": "Ada"})
	for path, p := range map[string]adapters.Patch{
		"email":         patch(customer, &canonicalv1.Customer{Email: proto.String("no address at all")}, "email"),
		"name":          patch(customer, named("Taken"), "name"),
		"currency_code": patch(customer, &canonicalv1.Customer{CurrencyCode: proto.String("JPY")}, "currency_code"),
		"customer":      patch(invoice, &canonicalv1.Invoice{Customer: reference(string(archived))}, "customer"),
		"status":        patch(invoice, &canonicalv1.Invoice{Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_OPEN.Enum()}, "status"),
	} {
		_, err := b.push(t, p)
		f := wants(t, err, fault.Permanent)
		if f.Refused[path] == "" || len(f.Refused) != 1 || strings.Contains(err.Error(), "Taken") || strings.Contains(err.Error(), "JPY") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// With errors that are not summarised, or by some change of Xero's, what failed stands in a 200.
func TestAFailureInASuccessIsAFailure(t *testing.T) {
	t.Parallel()
	const object = `"ContactID":"1","ContactStatus":"ACTIVE","Name":"Ada","UpdatedDateUTC":"/Date(1488391422280+0000)/"`
	for what, more := range map[string]string{
		"errors": `"HasErrors":true`, "a status": `"StatusAttributeString":"ERROR"`, "complaints": `"ValidationErrors":[{"Message":"Email address must be valid."}]`, "a flag": `"HasValidationErrors":true`,
	} {
		b := &bundle{Adapter: connect(t, says(http.StatusOK, `{"Contacts":[{`+object+`,`+more+`}]}`))}
		for _, p := range []adapters.Patch{patch("", named("Ada"), "name"), patch("1", named("Plato"), "name")} {
			_, err := b.push(t, p)
			if f := wants(t, err, fault.Permanent); f.MaybeDone || strings.Contains(err.Error(), "valid.") {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	b := &bundle{Adapter: connect(t, says(http.StatusOK, `{"Contacts":[{`+object+`,"StatusAttributeString":"OK","HasErrors":false,"ValidationErrors":[]}]}`))}
	b.mustPush(t, patch("", named("Ada"), "name"))
}

func TestPushToWhatIsNoneOfOursIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bill := b.sells(t, map[string]any{"Type": "ACCPAY"})
	if seen := b.fetch(t, "invoice", bill); !seen.Gone {
		t.Errorf("a bill is read as %+v", seen)
	}
	_, err := b.push(t, patch(bill, &canonicalv1.Invoice{PurchaseOrderNumber: proto.String("PO")}, "purchase_order_number"))
	wants(t, err, fault.Gone)
	one, other := b.make(t, "Contacts", map[string]any{"Name": "One"}), b.make(t, "Contacts", map[string]any{"Name": "Other"})
	must(t, b.sandbox.Merge(string(one), string(other)))
	_, err = b.push(t, patch(one, named("Another"), "name"))
	wants(t, err, fault.Gone)
	third := b.make(t, "Contacts", map[string]any{"Name": "Third"})
	b.before = func(r *http.Request) {
		if r.Method == http.MethodPost { // between the read and the write
			b.before = nil
			must(t, b.sandbox.Archive(string(third)))
		}
	}
	_, err = b.push(t, patch(third, named("Another"), "name"))
	wants(t, err, fault.Gone)
}

func TestAnArchivedContactCanBeTakenBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "Contacts", map[string]any{"Name": "Ada"})
	out, err := b.Archiver.Archive(t.Context(), adapters.Request{Kind: "customer", ExternalID: id})
	if err != nil || !out.Gone || out.At != b.object(t, "Contacts", id).Changed {
		t.Fatalf("archived: %+v, %v", out, err)
	}
	must(t, b.sandbox.Restore(string(id)))
	if seen := b.fetch(t, "customer", id); seen.Gone {
		t.Error("it was taken back, and is gone")
	}
	_, err = b.Archiver.Archive(t.Context(), adapters.Request{Kind: "invoice", ExternalID: id})
	wants(t, err, fault.Permanent)
}

// The one that is looked for changes when a page of its contact's invoices was read, and the one that it is on was not.
func TestAnInvoiceThatChangesWhileItIsLookedForIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payer := b.make(t, "Contacts", contact(1))
	ours := sale(string(payer), 0)
	ours["Url"] = "https://hub.example.com/records/" + invoiceRecord
	id := b.make(t, "Invoices", ours)
	for n := range 250 {
		b.forward(time.Second)
		b.make(t, "Invoices", sale(string(payer), int64(n+1)))
	}
	b.before = func(r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			b.before = nil
			b.forward(time.Second)
			b.edit(t, "Invoices", id, map[string]any{"Reference": "PO 7"})
		}
	}
	bill := &canonicalv1.Invoice{Customer: reference(string(payer)), Lines: []*canonicalv1.Line{line("Hours", "2", euros(10, 0), nil, euros(1, 0))}}
	r, err := b.Pusher.Prepare(patch("", bill, "customer", "lines"))
	must(t, err)
	found, err := b.Pusher.Find(t.Context(), r)
	if err != nil || found == nil || found.ExternalID != id {
		t.Errorf("found %+v, %v; want %s", found, err, id)
	}
}

// What Xero says of details, it says of whichever contact they match.
func TestDetailsOfAnArchivedContactDoNotMakeAnotherOneGone(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]fault.Category{"ACTIVE": fault.Permanent, "ARCHIVED": fault.Gone} {
		reads := 0
		b := &bundle{Adapter: connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				says(http.StatusBadRequest, `{"ErrorNumber":10,"Type":"ValidationException","Elements":[{"ValidationErrors":[{"Message":"The specified contact details matched an archived contact. Archived contacts cannot currently be edited via the API."}]}]}`).ServeHTTP(w, r)
				return
			}
			is := "ACTIVE"
			if reads++; reads > 1 {
				is = status
			}
			says(http.StatusOK, `{"Contacts":[{"ContactID":"1","ContactStatus":"`+is+`","Name":"Ada","UpdatedDateUTC":"/Date(1488391422280+0000)/"}]}`).ServeHTTP(w, r)
		}))}
		_, err := b.push(t, patch("1", named("Grace Hopper"), "name"))
		if f := wants(t, err, want); (f.Refused["name"] != "") != (want == fault.Permanent) {
			t.Errorf("%s: %v, refused %v", status, err, f.Refused)
		}
	}
}

package main

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	xero "github.com/canonhub/canonhub/adapters/xero/sandbox"
	"github.com/canonhub/canonhub/hub/secrets"
)

const xeroTenant = "c2cc9b6e-9458-4c7d-93cc-f02b81b0594f"

// ledger is a town with a third vendor, which keeps the books: what Stripe bills is entered there, for the customer who is
// billed.
type ledger struct {
	*town
	books *xero.Server
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{town: newTown(t)}
	l.books = xero.New(xero.Options{TenantID: xeroTenant, Secret: "webhook-key", ClientID: "app", ClientSecret: "app-secret"})
	server := httptest.NewServer(traced(t, l.books))
	t.Cleanup(func() { l.books.Close(); server.CloseClientConnections(); server.Close() })
	l.policy("\npolicies:", fmt.Sprintf(`
  books:
    adapter: xero
    base_url: %s
    brake: {share: 1}
    options: {tenant_id: %s, grant: client_credentials, account_code: "200"}
    oauth: {client_id: app, client_secret: "${XERO_APP_SECRET}"}
    webhook: {secrets: ["${XERO_WEBHOOK_KEY}"]}
    limits: {requests_per_second: 2000, concurrency: 5}
secrets: {keys: ["${HUB_KEY}"]}
policies:
  invoice:
    create: [stripe, books]
    attributes: {"*": {authority: stripe}}
    targets:
      books: {create: true, attributes: [number, customer, lines, status, issue_time, due_time]}`, server.URL, xeroTenant))
	l.policy("create: [stripe, crm]\n", "create: [stripe, crm, books]\n")
	l.policy(`{"*": {prefer: [stripe, crm]}}`, `{"*": {prefer: [stripe, crm, books]}}`)
	l.policy("      crm:    {create: true", "      books:  {create: true, attributes: [name, email, phone]}\n      crm:    {create: true")
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	l.setenv("HUB_KEY", key.Reveal())
	l.setenv("XERO_APP_SECRET", "app-secret")
	l.setenv("XERO_WEBHOOK_KEY", "webhook-key")
	l.books.SetWebhookURL("http://" + l.httpAddr + "/webhooks/books")
	return l
}

func (l *ledger) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// entered waits until the one invoice in the books is as it should be.
func (l *ledger) entered(what string, check func(xero.Object) error) xero.Object {
	l.t.Helper()
	var found xero.Object
	l.until(what, func() error {
		all := l.books.Objects("Invoices")
		if len(all) != 1 {
			return fmt.Errorf("there are %d invoices", len(all))
		}
		found = all[0]
		return check(found)
	})
	return found
}

func TestWhatIsBilledIsEnteredInTheBooks(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.start()
	l.must(l.books.IntentToReceive())

	l.must(l.callStripe("/v1/customers", url.Values{"name": {"Ada Lovelace"}, "email": {"ada@example.com"}, "phone": {"+442079460018"}}))
	l.until("the books have the customer", func() error {
		if all := l.books.Objects("Contacts"); len(all) != 1 || all[0].Text("EmailAddress") != "ada@example.com" || all[0].Text("LastName")+all[0].Text("Name") == "" {
			return fmt.Errorf("%v", all)
		}
		return nil
	})
	ada := l.books.Objects("Contacts")[0].ID
	billed := fmt.Sprint(l.stripe.Customers()[0]["id"])
	l.must(l.callStripe("/v1/invoices", url.Values{"customer": {billed}, "amount": {"1250"}, "currency": {"eur"}}))
	draft := l.entered("the books have the draft", func(o xero.Object) error {
		if lines := o.Lines(); o.Text("ContactID") != ada || o.Text("Status") != "DRAFT" || o.Text("CurrencyCode") != "EUR" || len(lines) != 1 || lines[0].LineAmount.String() != "12.5" || lines[0].AccountCode != "200" {
			return fmt.Errorf("%v", o.Fields)
		}
		return nil
	})
	l.settled()

	// It is edited there, by a person, and put right.
	l.must(l.books.Edit("Invoices", draft.ID, map[string]any{"InvoiceNumber": "MINE", "LineItems": []any{map[string]any{"Description": "Mine", "UnitAmount": 1}}}))
	l.entered("the line is Stripe's again", func(o xero.Object) error {
		if lines := o.Lines(); len(lines) != 1 || lines[0].Description != "Services" {
			return fmt.Errorf("%v", lines)
		}
		return nil
	})
	invoice := "/v1/invoices/" + l.invoiceOf(billed)
	l.must(l.callStripe(invoice, url.Values{"due_date": {fmt.Sprint(time.Now().Add(14 * 24 * time.Hour).Unix())}}))
	l.settled()
	l.must(l.callStripe(invoice+"/finalize", nil))
	l.entered("it is approved, under Stripe's number", func(o xero.Object) error {
		if o.Text("Status") != "AUTHORISED" || o.Text("InvoiceNumber") == "MINE" || o.Fields["DueDate"] == nil {
			return fmt.Errorf("%v", o.Fields)
		}
		return nil
	})

	// Who is entered in the books first comes to the others.
	_, err := l.books.Make("Contacts", map[string]any{"Name": "Engines Ltd", "FirstName": "Charles", "LastName": "Babbage", "EmailAddress": "charles@example.com"})
	l.must(err)
	l.until("the CRM has the contact of the books", func() error {
		for _, c := range l.hubspot.Contacts() {
			if c.Properties["email"] == "charles@example.com" && c.Properties["company"] == "Engines Ltd" && c.Properties["lastname"] == "Babbage" {
				return nil
			}
		}
		return fmt.Errorf("it has %v", l.hubspot.Contacts())
	})
	l.settled()
	for n := range l.books.Deliveries() {
		_, err := l.books.Redeliver(n)
		l.must(err)
	}
	l.settled()
	if contacts, invoices := len(l.books.Objects("Contacts")), len(l.books.Objects("Invoices")); contacts != 2 || invoices != 1 {
		t.Errorf("there are %d contacts and %d invoices in the books, want 2 and 1", contacts, invoices)
	}
}

// invoiceOf is a customer's invoice at Stripe, whose simulation numbers all that it makes.
func (l *ledger) invoiceOf(customer string) string {
	l.t.Helper()
	for n := range 100 {
		id := fmt.Sprintf("in_test%06d", n)
		if o := l.stripe.Customer(id); o != nil && o["customer"] == customer {
			return id
		}
	}
	l.t.Fatalf("%s has no invoice", customer)
	return ""
}

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	salesforce "github.com/canonhub/canonhub/adapters/salesforce/sandbox"
	"github.com/canonhub/canonhub/hub/secrets"
)

// officeConfig is what the town's configuration lacks: an org at Salesforce, which the hub reads every second, orders
// between it and the caller erp, and tickets between it and HubSpot.
const officeConfig = `
  order:
    create: [sales, erp]
    attributes:
      "*": {latest: [sales, erp]}
      number: {prefer: [erp, sales]}
      customer: {prefer: [erp, sales]}
      total: {prefer: [erp, sales]}
    targets:
      sales: {create: true, attributes: ["*"]}
  ticket:
    create: [sales, crm]
    attributes:
      "*": {latest: [sales, crm]}
      requester: {prefer: [sales, crm]}
    targets:
      sales: {create: true, attributes: [subject, description, requester, status, priority]}
      crm:   {create: true, attributes: [subject, description, requester, status, priority]}
secrets: {keys: ["${HUB_KEY}"]}
callers:
  erp: {api_key_sha256: "%x", operate: true, kinds: {customer: write, order: write, ticket: read}}
`

// office is a town with an org at Salesforce, to which a person grants the hub access.
type office struct {
	*town
	sales   *salesforce.Server
	account string // to which contacts belong that the hub makes
	product map[string]any
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{town: newTownWith(t, fmt.Sprintf(officeConfig, sha256.Sum256([]byte("key"))))}
	o.sales = salesforce.New(salesforce.Options{ClientID: "app", ClientSecret: "app-secret", CallbackURL: "http://" + o.httpAddr + "/oauth/callback"})
	server := httptest.NewServer(traced(t, o.sales))
	t.Cleanup(func() { o.sales.Close(); server.CloseClientConnections(); server.Close() })
	o.account = o.make("Account", map[string]any{"Name": "Consumers"})
	book := o.make("Product2", map[string]any{"Name": "Notes on the Engine", "ProductCode": "NOTES"})
	o.product = map[string]any{"Product2Id": book, "PricebookEntryId": o.make("PricebookEntry", map[string]any{"Product2Id": book, "UnitPrice": "12.5"})}
	o.policy("\npolicies:", fmt.Sprintf(`
  sales:
    adapter: salesforce
    base_url: %s
    brake: {share: 1}
    oauth: {client_id: app, client_secret: "${SALES_APP_SECRET}", redirect_url: "http://%s/oauth/callback"}
    options: {account: "%s", currency: EUR}
    pull: {customer: {every: 1s}, order: {every: 1s}, ticket: {every: 1s}}
    limits: {requests_per_second: 2000, concurrency: 16, requests_per_day: 10000000}
policies:`, server.URL, o.httpAddr, o.account))
	o.policy(`    credentials: {access_token: "${HUBSPOT_TOKEN}"}`, `    credentials: {access_token: "${HUBSPOT_TOKEN}"}
    options: {tickets: {}}`)
	o.policy("create: [stripe, crm]\n", "create: [stripe, crm, sales, erp]\n")
	o.policy(`{"*": {prefer: [stripe, crm]}}`, `{"*": {prefer: [sales, erp, stripe, crm]}}`)
	o.policy("      crm:    {create: true, attributes: [\"*\"]}", "      sales:  {create: true, attributes: [name, email, phone]}\n      crm:    {create: true, attributes: [name, email, phone]}")
	key, err := secrets.NewKey()
	o.must(err)
	o.setenv("HUB_KEY", key.Reveal())
	o.setenv("SALES_APP_SECRET", "app-secret")
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// make is what a person does on "New" at Salesforce.
func (o *office) make(name string, fields map[string]any) string {
	o.t.Helper()
	id, err := o.sales.Make(name, fields)
	o.must(err)
	return id
}

// edits is what a person does on "Edit" there.
func (o *office) edits(name, id string, fields map[string]any) {
	o.t.Helper()
	o.must(o.sales.Edit(name, id, fields))
}

// grant is what a person does in a browser that begins at the console.
func (o *office) grant() {
	o.t.Helper()
	status, answer := o.rest(http.MethodPost, "/v1/connections/sales:authorize", "{}")
	at, err := url.Parse(fmt.Sprint(answer["url"]))
	if status != http.StatusOK || err != nil || at.Path != "/services/oauth2/authorize" || at.Query().Get("scope") != "api refresh_token" || at.Query().Get("code_challenge_method") != "S256" {
		o.t.Fatalf("%d %v", status, answer)
	}
	page, err := http.Get(at.String())
	o.must(err)
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	if err != nil || page.StatusCode != http.StatusOK || !strings.Contains(string(text), "Access is granted") || page.Request.URL.Host != o.httpAddr {
		o.t.Fatalf("at %s the person is told %s: %s (%v)", page.Request.URL.Host, page.Status, text, err)
	}
}

// ends ends all sessions at Salesforce an hour after they began. The hub is not told.
func (o *office) ends() {
	o.t.Helper()
	db, err := pgx.Connect(o.t.Context(), o.database)
	o.must(err)
	defer db.Close(context.Background())
	_, err = db.Exec(o.t.Context(), `update oauth_tokens set obtained_at = obtained_at - interval '1 minute'`)
	o.must(err)
	o.sales.Expire()
}

// refreshed is how often tokens were asked for.
func (o *office) refreshed() int { return o.sales.Counts()["POST /services/oauth2/token"] }

// linked waits until an object of Salesforce's is a record, as it should be.
func (o *office) linked(kind, externalID string, check func(record map[string]any) error) (id string) {
	o.t.Helper()
	o.until(fmt.Sprintf("the %s %s is known", kind, externalID), func() error {
		status, answer := o.rest(http.MethodGet, "/v1/"+kind+"s:lookup?connection=sales&external_id="+externalID, "")
		record, _ := answer[kind].(map[string]any)
		if status != http.StatusOK || record == nil {
			return fmt.Errorf("%d %v", status, answer)
		}
		id = fmt.Sprint(answer["id"])
		return check(record)
	})
	return id
}

// of waits until Salesforce has a row for a record, as it should be.
func (o *office) of(name, record string, check func(salesforce.Object) error) (id string) {
	o.t.Helper()
	o.until(fmt.Sprintf("Salesforce has the %s of %s", name, record), func() error {
		for _, row := range o.sales.Objects(name) {
			if row.Text("canonhub_id__c") == record {
				id = row.ID
				return check(row)
			}
		}
		return fmt.Errorf("it has %v", o.sales.Objects(name))
	})
	return id
}

// has says where a row differs from what is wanted.
func has(row salesforce.Object, want map[string]string) error {
	for name, value := range want {
		if row.Text(name) != value {
			return fmt.Errorf("%s is %q, want %q", name, row.Text(name), value)
		}
	}
	return nil
}

// says tells where a record differs from what is wanted, by the names of JSON.
func says(record map[string]any, want map[string]string) error {
	for path, value := range want {
		var is any = record
		for _, name := range strings.Split(path, ".") {
			inside, _ := is.(map[string]any)
			is = inside[name]
		}
		if fmt.Sprint(is) != value {
			return fmt.Errorf("%s is %v, want %s", path, is, value)
		}
	}
	return nil
}

// written is the id of a record that the erp writes.
func (o *office) written(method, path, body string) string {
	o.t.Helper()
	status, answer := o.rest(method, path, body)
	record, _ := answer["record"].(map[string]any)
	if status != http.StatusOK || record == nil {
		o.t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	return fmt.Sprint(record["id"])
}

// A person logs in at Salesforce for the hub. Customers, orders and cases that are there come over, and those of others
// go there, each with the customer that it is for; sessions end meanwhile, and what people edit there comes back.
func TestOrdersAndCasesGoToSalesforceAndBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ada := o.make("Contact", map[string]any{"FirstName": "Ada", "LastName": "Lovelace", "Email": "ada@example.com", "AccountId": o.account})
	bought := o.make("Order", map[string]any{"AccountId": o.account, "BillToContactId": ada, "EffectiveDate": "2026-03-01", "Status": "Activated", "OrderReferenceNumber": "PO-7"})
	o.make("OrderItem", map[string]any{"OrderId": bought, "Quantity": "3", "UnitPrice": "12.5", "Product2Id": o.product["Product2Id"], "PricebookEntryId": o.product["PricebookEntryId"]})
	o.start()
	o.grant()

	// What was there comes over, with who it is of.
	known := o.linked("customer", ada, func(c map[string]any) error {
		return says(c, map[string]string{"email": "ada@example.com", "name.family": "Lovelace", "company": "Consumers"})
	})
	o.linked("order", bought, func(c map[string]any) error {
		return says(c, map[string]string{"customer.recordId": known, "number": "PO-7", "status": "ORDER_STATUS_OPEN", "total.units": "37", "total.nanos": "5e+08", "total.currencyCode": "EUR",
			"placeTime": "2026-03-01T00:00:00Z"})
	})
	o.until("HubSpot has Ada", func() error {
		if _, there := o.hubspot.ByEmail("ada@example.com"); !there {
			return fmt.Errorf("it has %v", o.hubspot.Contacts())
		}
		return nil
	})
	smokes := o.make("Case", map[string]any{"Subject": "It smokes", "ContactId": ada, "Priority": "High", "Status": "Working"})

	// What others have goes there, and an order behind the one that it is for, who is not taken at once.
	began := time.Now()
	o.sales.Inject(salesforce.Fault{Write: true, Status: http.StatusServiceUnavailable, Times: 2})
	grace := o.written(http.MethodPost, "/v1/customers", `{"customer": {"name": {"full": "Grace Hopper"}, "email": "grace@example.com"}}`)
	order := o.written(http.MethodPost, "/v1/orders", fmt.Sprintf(`{"order": {"number": "ERP-1", "customer": {"record_id": %q}, "place_time": "2026-04-02T15:00:00Z",
		"note": "Leave it at the door", "currency_code": "EUR", "total": {"currency_code": "EUR", "units": 99}, "billing_address": {"line1": "1 Navy Yard", "country_code": "US"}}}`, grace))
	contact := o.of("Contact", grace, func(row salesforce.Object) error {
		return has(row, map[string]string{"LastName": "Hopper", "Email": "grace@example.com", "AccountId": o.account})
	})
	ordered := o.of("Order", order, func(row salesforce.Object) error {
		return has(row, map[string]string{"BillToContactId": contact, "AccountId": o.account, "Status": "Draft", "EffectiveDate": "2026-04-02", "OrderReferenceNumber": "ERP-1",
			"Description": "Leave it at the door", "BillingStreet": "1 Navy Yard", "BillingCountry": "United States"})
	})
	if took := time.Since(began); took > 20*time.Second { // when the sweeper takes up what waits
		t.Errorf("the order came %s after its customer: nobody woke it", took)
	}
	o.until("Grace is at both", func() error {
		if status, answer := o.rest(http.MethodGet, "/v1/customers/"+grace+":await", ""); status != http.StatusOK || answer["agreed"] != true {
			return fmt.Errorf("%d %v", status, answer)
		}
		return nil
	})
	drips, err := o.hubspot.CreateTicket(map[string]string{"subject": "It drips", "content": "All day.", "hs_pipeline_stage": "1", "hs_ticket_priority": "LOW"})
	o.must(err)
	at, _ := o.hubspot.ByEmail("grace@example.com")
	o.must(o.hubspot.Associate(drips, at.ID))
	var filed string
	o.until("the ticket is a case, and Grace asks", func() error {
		for _, row := range o.sales.Objects("Case") {
			if row.ID != smokes {
				filed = row.ID
				return has(row, map[string]string{"ContactId": contact, "Subject": "It drips", "Description": "All day.", "Status": "New", "Priority": "Low"})
			}
		}
		return fmt.Errorf("there is none")
	})

	// A case that was filed there meanwhile is a ticket.
	o.linked("ticket", smokes, func(c map[string]any) error {
		return says(c, map[string]string{"requester.recordId": known, "subject": "It smokes", "status": "TICKET_STATUS_OPEN", "priority": "TICKET_PRIORITY_HIGH"})
	})
	atHubSpot := ""
	o.until("HubSpot has the case, and Ada asks", func() error {
		contact, _ := o.hubspot.ByEmail("ada@example.com")
		all := o.hubspot.Tickets()
		for _, held := range all {
			if held.Properties["subject"] == "It smokes" && fmt.Sprint(o.hubspot.ContactsOf(held.ID)) == "["+contact.ID+"]" {
				atHubSpot = held.ID
				return nil
			}
		}
		return fmt.Errorf("%v", all)
	})

	// Sessions end, and one who refreshes at the same time is in the way.
	for n, note := range []string{"Ring twice", "Ring three times"} {
		asked := o.refreshed()
		o.sales.Busy(n)
		o.ends()
		o.written(http.MethodPatch, "/v1/orders/"+order, fmt.Sprintf(`{"order": {"note": %q}}`, note))
		o.of("Order", order, func(row salesforce.Object) error { return has(row, map[string]string{"Description": note}) })
		if got := o.refreshed() - asked; got < 1+n {
			t.Errorf("tokens were asked for %d times, want %d", got, 1+n)
		}
	}
	if _, c := o.rest(http.MethodGet, "/v1/connections/sales", ""); c["pause"] != nil {
		t.Errorf("the connection is paused: %v", c["pause"])
	}
	o.settled()

	// People edit at Salesforce: what it may say comes back, and what it may not is put right.
	o.edits("Contact", contact, map[string]any{"Phone": "+1 202 555 0123"})
	o.edits("Order", ordered, map[string]any{"Description": "Do not ring", "OrderReferenceNumber": "MINE"})
	o.edits("Case", smokes, map[string]any{"Status": "Closed"})
	o.must(o.hubspot.EditTicket(drips, map[string]string{"subject": "It pours"}))
	o.until("the telephone number is at HubSpot", func() error {
		if c, _ := o.hubspot.ByEmail("grace@example.com"); c.Properties["phone"] != "+12025550123" {
			return fmt.Errorf("%v", c.Properties)
		}
		return nil
	})
	o.linked("order", ordered, func(c map[string]any) error {
		return says(c, map[string]string{"note": "Do not ring", "number": "ERP-1", "customer.recordId": grace, "total.units": "99", "status": "ORDER_STATUS_DRAFT"})
	})
	o.of("Order", order, func(row salesforce.Object) error {
		return has(row, map[string]string{"OrderReferenceNumber": "ERP-1", "Description": "Do not ring"})
	})
	o.until("the case is closed at HubSpot", func() error {
		if held, _ := o.hubspot.Ticket(atHubSpot); held.Properties["hs_pipeline_stage"] != "4" {
			return fmt.Errorf("%v", held.Properties)
		}
		return nil
	})
	o.until("the case has its other subject", func() error {
		row, _ := o.sales.Object("Case", filed)
		return has(row, map[string]string{"Subject": "It pours"})
	})
	o.settled()
	for name, want := range map[string]int{"Contact": 2, "Order": 2, "Case": 2} {
		if got := len(o.sales.Objects(name)); got != want {
			t.Errorf("there are %d of %s, want %d", got, name, want)
		}
	}
	for _, secret := range []string{"00D5e", "5Aep861", "aPrx", "app-secret"} {
		if strings.Contains(o.log(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

package salesforce_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/salesforce"
	"github.com/canonhub/canonhub/adapters/salesforce/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, suite())
}

// Another org: its customers are accounts, it has one currency, and labels of its own.
func TestConformanceOfAccounts(t *testing.T) {
	t.Parallel()
	s := suite()
	s.Readme, s.Golden, s.Start = "testdata/accounts/README.md", "testdata/accounts", startAccounts
	s.Options = json.RawMessage(`{"customer": "account", "currency": "EUR", "external_id": "Hub_Id__c", "api_version": "62.0", "labels": {"ticket_status":
		{"new": ["New"], "open": ["In Progress"], "pending": ["Waiting"], "on_hold": ["Parked"], "solved": ["Answered"], "closed": ["Closed"]}}}`)
	s.Amounts = []adaptertest.AmountPlace{{File: "objects/order/whole.json", Pointer: "/records/0/TotalAmount", Currency: "/records/0/attributes/type", Path: "total", Write: euros}}
	s.Open = s.Open[:0]
	for _, kind := range []string{"customer", "ticket", "order"} {
		s.Open = append(s.Open, adaptertest.Place{File: "objects/" + kind + "/whole.json", Pointer: "/records/0"})
	}
	s.Open = append(s.Open, adaptertest.Place{File: "objects/ticket/whole.json", Pointer: "/records/0/Status", Path: "status"})
	s.Times = s.Times[:0]
	for _, kind := range []string{"customer", "ticket", "order"} {
		s.Times = append(s.Times, adaptertest.TimePlace{File: "objects/" + kind + "/whole.json", Pointer: "/records/0/SystemModstamp", Unit: time.Millisecond, Write: wire})
	}
	adaptertest.Run(t, s)
}

func FuzzAnswers(f *testing.F) { adaptertest.FuzzAnswers(f, suite()) }

func FuzzHints(f *testing.F) { adaptertest.FuzzHints(f, suite()) }

func suite() adaptertest.Suite {
	return adaptertest.Suite{
		Factory: salesforce.Factory(), Start: start, Golden: "testdata", Readme: "README.md",
		Limits: []adaptertest.LimitsCase{{
			Header: map[string]string{"Sforce-Limit-Info": "api-usage=18/5000; per-app-api-usage=17/250(appName=canonhub)"},
			Body:   `{"sobjects":"/services/data/v65.0/sobjects"}`,
			Want:   []adapters.Hint{{Limit: "day", Size: 5000, Remaining: 4982, Window: 24 * time.Hour}},
		}},
		Amounts: []adaptertest.AmountPlace{
			{File: "objects/order/whole.json", Pointer: "/records/0/TotalAmount", Currency: "/records/0/CurrencyIsoCode", Path: "total", Write: amount},
		},
		Times: []adaptertest.TimePlace{
			{File: "objects/customer/whole.json", Pointer: "/records/0/SystemModstamp", Unit: time.Millisecond, Write: wire},
			{File: "objects/ticket/whole.json", Pointer: "/records/0/SystemModstamp", Unit: time.Millisecond, Write: wire},
			{File: "objects/ticket/whole.json", Pointer: "/records/0/CreatedDate", Path: "open_time", Unit: time.Millisecond, Write: wire},
			{File: "objects/ticket/whole.json", Pointer: "/records/0/ClosedDate", Path: "solve_time", Unit: time.Millisecond, Write: wire},
			{File: "objects/order/whole.json", Pointer: "/records/0/SystemModstamp", Unit: time.Millisecond, Write: wire},
			{File: "objects/order/whole.json", Pointer: "/records/0/EffectiveDate", Path: "place_time", Unit: 24 * time.Hour, Write: day},
		},
		Open: []adaptertest.Place{
			{File: "objects/customer/whole.json", Pointer: "/records/0"},
			{File: "objects/ticket/whole.json", Pointer: "/records/0"},
			{File: "objects/order/whole.json", Pointer: "/records/0"},
			{File: "objects/ticket/whole.json", Pointer: "/records/0/Status", Path: "status"},
			{File: "objects/ticket/whole.json", Pointer: "/records/0/Priority", Path: "priority"},
			{File: "objects/ticket/whole.json", Pointer: "/records/0/Type", Path: "type"},
			{File: "objects/ticket/whole.json", Pointer: "/records/0/Origin", Path: "channel"},
			{File: "objects/order/whole.json", Pointer: "/records/0/Status", Path: "status"},
		},
	}
}

func wire(at time.Time) any { return at.Format("2006-01-02T15:04:05.000-0700") }

func day(at time.Time) any { return at.Format(time.DateOnly) }

// amount is a number as Java prints a double, with all its digits.
func amount(m *canonicalv1.Money) (any, bool) {
	text := money.ToDecimal(m)
	sign, text := text[:len(text)-len(strings.TrimPrefix(text, "-"))], strings.TrimPrefix(text, "-")
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) > 7 {
		return json.Number(sign + whole[:1] + "." + whole[1:] + fraction + "E" + strconv.Itoa(len(whole)-1)), true
	}
	if fraction == "" {
		fraction = "0"
	}
	return json.Number(sign + whole + "." + fraction), true
}

// euros are amounts of an org with one currency.
func euros(m *canonicalv1.Money) (any, bool) {
	if m.GetCurrencyCode() != "EUR" {
		return nil, false
	}
	return amount(m)
}

// fixture is the simulated Salesforce as its users see it.
type fixture struct {
	*sandbox.Server
	t testing.TB
	n atomic.Int64
	// objects are the names that the kinds have there.
	objects map[adapters.Kind]string
}

func start(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	return connected(t, sandbox.Options{Token: s.Credentials["access_token"].Reveal(), Currencies: true, Now: s.Now},
		map[adapters.Kind]string{"customer": "Contact", "ticket": "Case", "order": "Order"})
}

func startAccounts(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	return connected(t, sandbox.Options{Token: s.Credentials["access_token"].Reveal(), ExternalID: "Hub_Id__c", Closed: []string{"Answered"}, Now: s.Now},
		map[adapters.Kind]string{"customer": "Account", "ticket": "Case", "order": "Order"})
}

func connected(t testing.TB, o sandbox.Options, objects map[adapters.Kind]string) *adaptertest.Fixture {
	org := sandbox.New(o)
	t.Cleanup(org.Close)
	server := httptest.NewServer(org)
	t.Cleanup(server.Close)
	f := &fixture{Server: org, t: t, objects: objects}
	return &adaptertest.Fixture{
		BaseURL:  server.URL,
		Count:    func(kind adapters.Kind) int { return len(org.Objects(objects[kind])) },
		Sample:   f.sample,
		Seed:     func(kind adapters.Kind) adapters.ExternalID { return f.seed(kind, 1)[0] },
		SeedMany: f.seed,
		Merge: func(kind adapters.Kind, one, other adapters.ExternalID) (gone, lives adapters.ExternalID) {
			f.must(org.Merge(objects[kind], string(one), string(other)))
			return one, other
		},
		Edit: func(o adapters.Object) {
			f.must(org.Edit(objects[o.Kind], string(o.ExternalID), map[string]any{"Description": fmt.Sprintf("Edit %d", f.n.Add(1))}))
		},
		Delete: func(o adapters.Object) bool {
			f.must(org.Delete(objects[o.Kind], string(o.ExternalID)))
			return true
		},
		Inject: func(in adaptertest.Fault) {
			org.Inject(sandbox.Fault{Status: in.Status, RetryAfter: in.RetryAfter, AfterWork: in.AfterWork, Hang: in.Hang, Write: in.Write})
		},
	}
}

func (f *fixture) must(err error) {
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) make(object string, fields map[string]any) string {
	f.t.Helper()
	id, err := f.Make(object, fields)
	f.must(err)
	return id
}

// seed makes rows with all that a user can set, several of them at one time.
func (f *fixture) seed(kind adapters.Kind, n int) (ids []adapters.ExternalID) {
	f.t.Helper()
	var account, contact string
	if kind != "customer" || f.objects[kind] == "Contact" {
		account = f.make("Account", map[string]any{"Name": "Navy"})
	}
	if kind == "ticket" || kind == "order" {
		contact = f.make("Contact", map[string]any{"LastName": "Hopper", "AccountId": account})
	}
	all := make([]map[string]any, n)
	for i := range all {
		all[i] = f.row(f.objects[kind], account, contact)
	}
	made, err := f.Import(f.objects[kind], all)
	f.must(err)
	for _, id := range made {
		ids = append(ids, adapters.ExternalID(id))
	}
	if kind == "order" && n == 1 {
		f.line(made[0])
	}
	return ids
}

func (f *fixture) row(object, account, contact string) map[string]any {
	n := f.n.Add(1)
	address := func(word string, fields map[string]any) map[string]any {
		for name, value := range map[string]any{"Street": "1 Pier", "City": "Norfolk", "State": "Virginia", "PostalCode": "23510", "Country": "United States"} {
			fields[word+name] = value
		}
		return fields
	}
	switch object {
	case "Contact":
		return address("Mailing", map[string]any{"FirstName": "Grace", "LastName": fmt.Sprintf("Hopper %d", n), "Salutation": "Dr", "Email": fmt.Sprintf("seed-%d@example.com", n),
			"Phone": fmt.Sprintf("+1646555%04d", n%10_000), "MobilePhone": "+16465550100", "Description": fmt.Sprintf("Note %d", n), "AccountId": account})
	case "Account":
		return address("Shipping", address("Billing", map[string]any{"Name": fmt.Sprintf("Navy %d", n), "Phone": "+16465550100", "Description": fmt.Sprintf("Note %d", n)}))
	case "Case":
		return map[string]any{"Subject": fmt.Sprintf("Ticket %d", n), "Description": "The fire is very colourful.", "Status": "New", "Priority": "Medium", "Type": "Problem",
			"Origin": "Email", "ContactId": contact, "AccountId": account}
	}
	out := address("Shipping", address("Billing", map[string]any{"AccountId": account, "BillToContactId": contact, "EffectiveDate": "2026-10-01", "Status": "Draft",
		"OrderReferenceNumber": fmt.Sprintf("#%d", n), "Description": fmt.Sprintf("Note %d", n)}))
	if f.objects["customer"] == "Contact" {
		out["CurrencyIsoCode"] = "USD"
	}
	return out
}

// line adds a product to an order.
func (f *fixture) line(order string) {
	f.t.Helper()
	product := f.make("Product2", map[string]any{"Name": "Rope", "ProductCode": "ROPE-1"})
	entry := f.make("PricebookEntry", map[string]any{"Product2Id": product, "UnitPrice": "12.5"})
	f.make("OrderItem", map[string]any{"OrderId": order, "Product2Id": product, "PricebookEntryId": entry, "Quantity": "3", "UnitPrice": "12.5"})
}

func (f *fixture) sample(kind adapters.Kind) (first, second proto.Message) {
	switch {
	case kind == "ticket":
		return f.printer(), f.invoice()
	case kind == "order":
		return f.books(), f.ropes()
	case f.objects[kind] == "Account":
		return sampleAcme(), sampleMuster()
	}
	return sampleAda(), sampleErika()
}

func (f *fixture) reference(kind adapters.Kind) *canonicalv1.Reference {
	id := string(f.seed(kind, 1)[0])
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}

func (f *fixture) printer() *canonicalv1.Ticket {
	return &canonicalv1.Ticket{
		Subject: proto.String("My printer is on fire"), Description: proto.String("It smokes.\nAnd it smells."), Requester: f.reference("customer"),
		Status: canonicalv1.TicketStatus_TICKET_STATUS_OPEN.Enum(), Priority: canonicalv1.TicketPriority_TICKET_PRIORITY_HIGH.Enum(),
		Type: canonicalv1.TicketType_TICKET_TYPE_PROBLEM.Enum(), Channel: canonicalv1.TicketChannel_TICKET_CHANNEL_PHONE.Enum(),
	}
}

func (f *fixture) invoice() *canonicalv1.Ticket {
	return &canonicalv1.Ticket{
		Subject: proto.String("Wrong sum"), Description: proto.String("The invoice is wrong."), Requester: f.reference("customer"),
		Status: canonicalv1.TicketStatus_TICKET_STATUS_CLOSED.Enum(), Priority: canonicalv1.TicketPriority_TICKET_PRIORITY_LOW.Enum(),
		Type: canonicalv1.TicketType_TICKET_TYPE_QUESTION.Enum(), Channel: canonicalv1.TicketChannel_TICKET_CHANNEL_WEB.Enum(),
	}
}

func (f *fixture) books() *canonicalv1.Order {
	return &canonicalv1.Order{
		Number: proto.String("#1001"), Customer: f.reference("customer"), CurrencyCode: proto.String("EUR"), Note: proto.String("Ring twice."),
		PlaceTime: timestamppb.New(time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)), BillingAddress: stJames(), ShippingAddress: berlin(),
	}
}

func (f *fixture) ropes() *canonicalv1.Order {
	return &canonicalv1.Order{
		Number: proto.String("#1002"), Customer: f.reference("customer"), CurrencyCode: proto.String("USD"), Note: proto.String("Leave it at the door."),
		PlaceTime: timestamppb.New(time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC)), BillingAddress: berlin(), ShippingAddress: stJames(),
	}
}

func stJames() *canonicalv1.Address {
	return &canonicalv1.Address{Line1: proto.String("12 St James's Square"), Line2: proto.String("Second floor"), City: proto.String("London"), Region: proto.String("Greater London"),
		PostalCode: proto.String("SW1Y 4JH"), CountryCode: proto.String("GB")}
}

func berlin() *canonicalv1.Address {
	return &canonicalv1.Address{Line1: proto.String("Heidestraße 17"), Line2: proto.String("Hinterhof\n3. Stock"), City: proto.String("Köln"), Region: proto.String("Nordrhein-Westfalen"),
		PostalCode: proto.String("51147"), CountryCode: proto.String("DE")}
}

func sampleAda() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Name:  &canonicalv1.PersonName{Full: proto.String("Ada Lovelace"), Given: proto.String("Ada"), Family: proto.String("Lovelace"), Prefix: proto.String("Ms")},
		Email: proto.String("ada@example.com"), Phone: proto.String("+442079460018"), MobilePhone: proto.String("+447700900123"),
		Note: proto.String("Likes numbers."), BillingAddress: stJames(),
	}
}

func sampleErika() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Name:  &canonicalv1.PersonName{Full: proto.String("Erika Mustermann"), Given: proto.String("Erika"), Family: proto.String("Mustermann")},
		Email: proto.String("erika@example.com"), Phone: proto.String("+4930901820"), MobilePhone: proto.String("+491601234567"),
		Note: proto.String("Has many passports."), BillingAddress: berlin(),
	}
}

func sampleAcme() *canonicalv1.Customer {
	return &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Acme Ltd")}, Phone: proto.String("+442079460018"), Note: proto.String("Likes anvils."),
		BillingAddress: stJames(), ShippingAddress: berlin()}
}

func sampleMuster() *canonicalv1.Customer {
	return &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Muster AG")}, Phone: proto.String("+4930901820"), Note: proto.String("Has many forms."),
		BillingAddress: berlin(), ShippingAddress: stJames()}
}

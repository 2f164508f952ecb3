package xero_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/signature"
	"github.com/canonhub/canonhub/adapters/xero"
	"github.com/canonhub/canonhub/adapters/xero/sandbox"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, suite())
}

func FuzzWebhooks(f *testing.F) { adaptertest.FuzzWebhooks(f, suite()) }

func FuzzAnswers(f *testing.F) { adaptertest.FuzzAnswers(f, suite()) }

func FuzzHints(f *testing.F) { adaptertest.FuzzHints(f, suite()) }

const tenant = "c2cc9b6e-9458-4c7d-93cc-f02b81b0594f"

func suite() adaptertest.Suite {
	return adaptertest.Suite{
		Factory: xero.Factory(), Start: start, Sign: sign, Golden: "testdata", Readme: "README.md",
		Options: json.RawMessage(`{"tenant_id": "` + tenant + `", "account_code": "200", "country": "NZ"}`),
		Waive: map[string]string{
			"RefusesAnOldTime":   "Xero signs no time; events are told apart by their keys",
			"RefusesAFutureTime": "Xero signs no time; events are told apart by their keys",
		},
		Limits: []adaptertest.LimitsCase{{
			Header: map[string]string{"X-MinLimit-Remaining": "59", "X-DayLimit-Remaining": "4998", "X-AppMinLimit-Remaining": "9999"},
			Body:   `{"Contacts":[]}`,
			Want: []adapters.Hint{
				{Limit: "minute", Size: 60, Remaining: 59, Window: time.Minute}, {Limit: "day", Remaining: 4998, Window: 24 * time.Hour},
				{Limit: "app minute", Size: 10_000, Remaining: 9999, Window: time.Minute},
			},
		}},
		Amounts: amounts(),
		Times: []adaptertest.TimePlace{
			{File: "objects/customer/whole.json", Pointer: "/Contacts/0/UpdatedDateUTC", Unit: time.Millisecond, Write: stamp},
			{File: "objects/invoice/whole.json", Pointer: "/Invoices/0/UpdatedDateUTC", Unit: time.Millisecond, Write: stamp},
			{File: "objects/invoice/whole.json", Pointer: "/Invoices/0/Date", Path: "issue_time", Unit: 24 * time.Hour, Write: stamp},
			{File: "objects/invoice/whole.json", Pointer: "/Invoices/0/DueDate", Path: "due_time", Unit: 24 * time.Hour, Write: stamp},
			{File: "objects/invoice/paid.json", Pointer: "/Invoices/0/FullyPaidOnDate", Path: "paid_time", Unit: 24 * time.Hour, Write: stamp},
		},
		Open: []adaptertest.Place{
			{File: "objects/customer/whole.json", Pointer: "/Contacts/0"},
			{File: "objects/invoice/whole.json", Pointer: "/Invoices/0"},
			{File: "objects/invoice/whole.json", Pointer: "/Invoices/0/Status", Path: "status"},
		},
	}
}

func amounts() []adaptertest.AmountPlace {
	var places []adaptertest.AmountPlace
	for field, path := range map[string]string{"SubTotal": "subtotal", "TotalTax": "tax_total", "Total": "total", "AmountPaid": "amount_paid", "AmountDue": "amount_due"} {
		places = append(places, adaptertest.AmountPlace{
			File: "objects/invoice/whole.json", Pointer: "/Invoices/0/" + field, Currency: "/Invoices/0/CurrencyCode", Path: path,
			Write: func(m *canonicalv1.Money) (any, bool) { return json.Number(money.ToDecimal(m)), true },
		})
	}
	return places
}

func stamp(at time.Time) any { return fmt.Sprintf("/Date(%d+0000)/", at.UnixMilli()) }

func sign(_ adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery {
	d := adapters.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: body, ReceivedAt: at}
	d.Header.Set("Content-Type", "application/json; charset=utf-8")
	d.Header.Set("X-Xero-Signature", signature.SignXero(body, secret))
	return d
}

// many is what Xero calls the objects of a kind.
var many = map[adapters.Kind]string{"customer": "Contacts", "invoice": "Invoices"}

// organisation is the simulated Xero as its users see it.
type organisation struct {
	*sandbox.Server
	t testing.TB
	n atomic.Int64
}

func start(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	books := sandbox.New(sandbox.Options{Token: s.Credentials["access_token"].Reveal(), TenantID: tenant, Secret: s.WebhookSecrets[0].Reveal(), Now: s.Now})
	t.Cleanup(books.Close)
	server := httptest.NewServer(books)
	t.Cleanup(server.Close)
	books.SetWebhookURL(s.PublicURL)
	o := &organisation{Server: books, t: t}
	return &adaptertest.Fixture{
		BaseURL:  server.URL,
		Settled:  books.Settled,
		Count:    func(kind adapters.Kind) int { return len(books.Objects(many[kind])) },
		Sample:   o.sample,
		Seed:     func(kind adapters.Kind) adapters.ExternalID { return o.seed(kind, 1)[0] },
		SeedMany: o.seed,
		Edit: func(e adapters.Object) {
			field := map[adapters.Kind]string{"customer": "FirstName", "invoice": "Reference"}[e.Kind]
			o.must(books.Edit(many[e.Kind], string(e.ExternalID), map[string]any{field: fmt.Sprintf("Edit %d", o.n.Add(1))}))
		},
		Delete: func(e adapters.Object) bool {
			if e.Kind == "customer" {
				o.must(books.Archive(string(e.ExternalID)))
			}
			return e.Kind == "customer"
		},
		Merge: func(_ adapters.Kind, one, other adapters.ExternalID) (gone, lives adapters.ExternalID) {
			o.must(books.Merge(string(one), string(other)))
			return one, other
		},
		Inject: func(f adaptertest.Fault) {
			books.Inject(sandbox.Fault{Status: f.Status, RetryAfter: f.RetryAfter, AfterWork: f.AfterWork, Hang: f.Hang, Write: f.Write})
		},
	}
}

func (o *organisation) must(err error) {
	if err != nil {
		o.t.Fatal(err)
	}
}

// seed makes objects with all that a person can set, several of them at one time.
func (o *organisation) seed(kind adapters.Kind, n int) (ids []adapters.ExternalID) {
	o.t.Helper()
	all := make([]map[string]any, n)
	for i := range all {
		all[i] = contact(o.n.Add(1))
	}
	if kind == "invoice" {
		payer := o.payer()
		for i := range all {
			all[i] = sale(payer, o.n.Add(1))
		}
	}
	made, err := o.Import(many[kind], all)
	o.must(err)
	for _, id := range made {
		ids = append(ids, adapters.ExternalID(id))
	}
	return ids
}

// payer makes a contact for invoices.
func (o *organisation) payer() string {
	id, err := o.Make("Contacts", contact(o.n.Add(1)))
	o.must(err)
	return id
}

func contact(n int64) map[string]any {
	address := func(kind string) map[string]string {
		return map[string]string{"AddressType": kind, "AddressLine1": fmt.Sprintf("%d Main St", n), "AddressLine2": "Suite 12", "AddressLine3": "Desk 3", "City": "Arlington", "Region": "VA",
			"PostalCode": "22201", "Country": "United States", "AttentionTo": "Grace"}
	}
	return map[string]any{
		"Name": fmt.Sprintf("Navy %d", n), "FirstName": "Grace", "LastName": "Hopper", "EmailAddress": fmt.Sprintf("seed-%d@example.com", n), "TaxNumber": "53-0196605",
		"DefaultCurrency": "USD", "Addresses": []any{address("POBOX"), address("STREET")}, "Phones": []any{
			map[string]string{"PhoneType": "DEFAULT", "PhoneNumber": fmt.Sprintf("555 %04d", n%10_000), "PhoneAreaCode": "646", "PhoneCountryCode": "1"},
			map[string]string{"PhoneType": "MOBILE", "PhoneNumber": fmt.Sprintf("+1646555%04d", n%10_000)},
		},
	}
}

func sale(payer string, n int64) map[string]any {
	return map[string]any{
		"Type": "ACCREC", "Contact": payer, "Date": "2026-11-01", "DueDate": "2026-11-15", "Reference": fmt.Sprintf("Order %d", n), "CurrencyCode": "EUR",
		"LineItems": []any{
			map[string]any{"Description": "Compiler\nFor COBOL", "Quantity": json.Number("2"), "UnitAmount": json.Number("19.9950"), "AccountCode": "200", "DiscountRate": json.Number("10")},
			map[string]any{"Description": "Nanosecond", "Quantity": json.Number("1.5"), "UnitAmount": json.Number("10"), "AccountCode": "260", "TaxType": "ZERORATED"},
		},
	}
}

func (o *organisation) sample(kind adapters.Kind) (first, second proto.Message) {
	if kind == "customer" {
		return sampleAda(), sampleErika()
	}
	first = &canonicalv1.Invoice{
		Number: proto.String("2026-0001"), Customer: reference(o.payer()), TaxesIncluded: proto.Bool(false), Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_AWAITING_APPROVAL.Enum(),
		IssueTime: date(2026, 11, 2), DueTime: date(2026, 12, 2), PurchaseOrderNumber: proto.String("PO-1"),
		Lines: []*canonicalv1.Line{
			line("Difference engine", "2", euros(19, 995_000_000), euros(39, 990_000_000), euros(6, 0)),
			line("Poem", "0.5", euros(100, 0), euros(50, 0), nil),
		},
	}
	first.(*canonicalv1.Invoice).Lines[0].Description = proto.String("With a printer\nand a handle")
	second = &canonicalv1.Invoice{
		Number: proto.String("2026-0002"), Customer: reference(o.payer()), TaxesIncluded: proto.Bool(true), Status: canonicalv1.InvoiceStatus_INVOICE_STATUS_DRAFT.Enum(),
		IssueTime: date(2026, 11, 3), DueTime: date(2027, 1, 1), PurchaseOrderNumber: proto.String("PO-2"),
		Lines: []*canonicalv1.Line{line("Passport", "3", euros(37, 500_000_000), euros(111, 500_000_000), nil)},
	}
	second.(*canonicalv1.Invoice).Lines[0].Discounts = []*canonicalv1.Discount{{Amount: euros(1, 0)}}
	return first, second
}

func euros(units int64, nanos int32) *canonicalv1.Money {
	return &canonicalv1.Money{CurrencyCode: "EUR", Units: units, Nanos: nanos}
}

func line(title, quantity string, price, total, tax *canonicalv1.Money) *canonicalv1.Line {
	l := &canonicalv1.Line{Title: &title, Quantity: &quantity, UnitPrice: price, Total: total}
	if tax == nil {
		tax = euros(1, 10_000_000)
	}
	l.Taxes = []*canonicalv1.Tax{{Amount: tax}}
	return l
}

func reference(id string) *canonicalv1.Reference {
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}

func date(year int, month time.Month, day int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

func sampleAda() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Name:    &canonicalv1.PersonName{Full: proto.String("Ada Lovelace"), Given: proto.String("Ada"), Family: proto.String("Lovelace")},
		Company: proto.String("Analytical Engines Ltd"), Email: proto.String("ada@example.com"), Phone: proto.String("+442079460018"), MobilePhone: proto.String("+447911123456"),
		BillingAddress:  address("12 St James's Square", "Second floor\nLeft", "London", "Greater London", "SW1Y 4JH", "GB", "Ada"),
		ShippingAddress: address("Ockham Park", "Gate 2", "Ockham", "Surrey", "GU23 6NQ", "GB", "The porter"),
		CurrencyCode:    proto.String("GBP"), TaxIds: []*canonicalv1.TaxId{{Value: "GB123456789"}},
	}
}

func sampleErika() *canonicalv1.Customer {
	return &canonicalv1.Customer{
		Name:    &canonicalv1.PersonName{Full: proto.String("Erika Mustermann"), Given: proto.String("Erika"), Family: proto.String("Mustermann")},
		Company: proto.String("Muster GmbH"), Email: proto.String("erika@example.com"), Phone: proto.String("+4930901820"), MobilePhone: proto.String("+4915112345678"),
		BillingAddress:  address("Heidestraße 17", "Hinterhaus", "Köln", "NRW", "51147", "DE", "Buchhaltung"),
		ShippingAddress: address("Musterweg 1", "Rampe 3\nTor 4", "Wien", "W", "1010", "AT", "Lager"),
		CurrencyCode:    proto.String("EUR"), TaxIds: []*canonicalv1.TaxId{{Value: "DE999999999"}},
	}
}

func address(line1, line2, city, region, code, country, recipient string) *canonicalv1.Address {
	return &canonicalv1.Address{Line1: &line1, Line2: &line2, City: &city, Region: &region, PostalCode: &code, CountryCode: &country, Recipient: &recipient}
}

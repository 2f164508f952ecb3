package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/xero/sandbox"
)

// books is a sandbox with a clock that is moved by hand.
type books struct {
	*sandbox.Server
	url string
	now time.Time
}

func setup(t *testing.T) *books {
	t.Helper()
	b := &books{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	b.Server = sandbox.New(sandbox.Options{Token: "t", TenantID: "org", Secret: "s", Now: func() time.Time { return b.now }})
	t.Cleanup(b.Close)
	server := httptest.NewServer(b.Server)
	t.Cleanup(server.Close)
	b.url = server.URL + "/api.xro/2.0/"
	return b
}

// call makes an API call with a good token.
func (b *books) call(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer t")
	r.Header.Set("xero-tenant-id", "org")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (b *books) make(t *testing.T, many string, fields map[string]any) string {
	t.Helper()
	id, err := b.Make(many, fields)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// names are those in a list, in its order.
func names(t *testing.T, text string) string {
	t.Helper()
	var list struct{ Contacts []struct{ Name string } }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var all []string
	for _, c := range list.Contacts {
		all = append(all, c.Name)
	}
	return strings.Join(all, " ")
}

func TestAnIdempotencyKeyIsKnownForSixMinutesAndSoIsAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, step := range []struct {
		after     time.Duration
		key, name string
		status    int
		contacts  int
	}{
		{0, "k", "A", 200, 1}, {5 * time.Minute, "k", "A", 200, 1}, {0, "k", "B", 400, 1}, {0, "broken", "", 400, 1}, {0, "broken", "", 400, 1},
		{2 * time.Minute, "k", "B", 200, 2}, {0, "other", "B", 400, 2}, {0, strings.Repeat("k", 129), "C", 400, 2},
	} {
		b.now = b.now.Add(step.after)
		status, text := b.call(t, http.MethodPut, "Contacts", `{"Contacts":[{"Name":"`+step.name+`"}]}`, "Idempotency-Key", step.key)
		if n := len(b.Objects("Contacts")); status != step.status || n != step.contacts {
			t.Errorf("%+v: status %d, %d contacts: %s", step, status, n, text)
		}
	}
}

func TestAPostWritesOverWhatHasTheNameOrTheNumber(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "Contacts", map[string]any{"Name": "ABC Limited", "ContactNumber": "17", "EmailAddress": "a@example.com"})
	for _, body := range []string{`{"Name":"abc limited","EmailAddress":"b@example.com"}`, `{"ContactNumber":"17","Name":"ABC","EmailAddress":"b@example.com"}`, `{"Contacts":[{"ContactID":"` + id + `","FirstName":"  A  B "}]}`} {
		if status, text := b.call(t, http.MethodPost, "Contacts", body); status != 200 {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if o, _ := b.Object("Contacts", id); len(b.Objects("Contacts")) != 1 || o.Text("EmailAddress") != "b@example.com" || o.Text("Name") != "ABC" || o.Text("FirstName") != "A B" {
		t.Errorf("there are %d contacts, and it is %v", len(b.Objects("Contacts")), o.Fields)
	}
	if status, text := b.call(t, http.MethodPut, "Contacts", `{"Name":"Abc"}`); status != 400 || !strings.Contains(text, "is already assigned to another contact") {
		t.Errorf("a PUT of the same name: %d %s", status, text)
	}
}

// Errors that are summarised leave all as it was; those that are not hide in a success.
func TestErrorsOfSeveralObjects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const body = `{"Contacts":[{"Name":"Good"},{"Name":"Bad","EmailAddress":"nowhere"}]}`
	if status, text := b.call(t, http.MethodPut, "Contacts", body); status != 400 || len(b.Objects("Contacts")) != 0 || !strings.Contains(text, "Email address must be valid.") {
		t.Errorf("summarised: %d %s", status, text)
	}
	status, text := b.call(t, http.MethodPut, "Contacts?summarizeErrors=false", body)
	if status != 200 || len(b.Objects("Contacts")) != 1 || !strings.Contains(text, `"StatusAttributeString":"OK"`) || !strings.Contains(text, `"StatusAttributeString":"ERROR"`) {
		t.Errorf("not summarised: %d %s", status, text)
	}
}

func TestListsAreFilteredOrderedAndCut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := map[string]string{}
	for _, name := range []string{"C", "A", "D", "B"} {
		ids[name] = b.make(t, "Contacts", map[string]any{"Name": name, "EmailAddress": strings.ToLower(name) + "@example.com"})
		b.now = b.now.Add(time.Second)
	}
	if err := b.Archive(ids["D"]); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"": "C A B", "?includeArchived=true": "C A B D", "?order=Name": "A B C", "?order=Name+DESC&page=1&pageSize=2": "C B", "?order=Name&page=2&pageSize=2": "C", "?page=3&pageSize=2": "",
		"?where=" + url.QueryEscape(`Name=="b"`): "B", "?where=" + url.QueryEscape(`Name="B" AND EmailAddress=="a@example.com"`): "", "?IDs=" + ids["A"] + "," + ids["C"]: "C A",
		"?where=" + url.QueryEscape(`ContactID==guid("`+ids["A"]+`")`): "A", "?where=" + url.QueryEscape(`ContactID!=guid("`+ids["A"]+`")&&IsCustomer==false`): "C B",
		"?where=" + url.QueryEscape(`UpdatedDateUTC>=DateTime(2026,11,02,9,0,3)`): "B", "?where=" + url.QueryEscape(`UpdatedDateUTC<DateTime(2026, 11, 02)`): "",
		"?where=" + url.QueryEscape(`Name=="Salt and pepper" AND ContactStatus=="ACTIVE"`): "", "?searchTerm=A%40EXAMPLE": "A", "?order=EmailAddress+DESC": "C B A",
	} {
		if status, text := b.call(t, http.MethodGet, "Contacts"+query, ""); status != 200 || names(t, text) != want {
			t.Errorf("%s: %d %s, want %s", query, status, names(t, text), want)
		}
	}
	for _, since := range []string{"2026-11-02T09:00:03", "2026-11-02T09:00:03Z", "2026-11-02T09:00:03.999Z"} {
		if _, text := b.call(t, http.MethodGet, "Contacts?includeArchived=true", "", "If-Modified-Since", since); names(t, text) != "B D" {
			t.Errorf("since %s: %s", since, names(t, text))
		}
	}
	for _, query := range []string{"?where=" + url.QueryEscape(`Nmae=="b"`), "?order=Nmae", "?where=" + url.QueryEscape(`Name>"b"`),
		"?where=" + url.QueryEscape(`Name=="b" AND `), "?where=" + url.QueryEscape(`UpdatedDateUTC>=DateTime(2026)`)} {
		if status, text := b.call(t, http.MethodGet, "Contacts"+query, ""); status != 400 || !strings.Contains(text, "QueryParseException") {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
	if status, text := b.call(t, http.MethodGet, "Contacts?page=1&pageSize=5000", ""); status != 200 || !strings.Contains(text, `"pageSize":1000`) {
		t.Errorf("a page of 5000: %d %s", status, text)
	}
}

func TestSumsAreXerosOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payer := b.make(t, "Contacts", map[string]any{"Name": "Payer"})
	for _, c := range []struct{ how, line, subtotal, tax, total string }{
		{"Exclusive", `{"Description":"x","Quantity":3,"UnitAmount":19.995,"AccountCode":"200"}`, "60.00", "9.00", "69.00"}, // two decimals first
		{"Exclusive", `{"Description":"x","Quantity":3,"UnitAmount":10,"DiscountRate":10,"AccountCode":"200"}`, "27.00", "4.05", "31.05"},
		{"Exclusive", `{"Description":"x","Quantity":3,"UnitAmount":10,"DiscountAmount":1.5,"AccountCode":"200","TaxAmount":4}`, "28.50", "4.00", "32.50"},
		{"Inclusive", `{"Description":"x","LineAmount":115,"AccountCode":"200"}`, "100.00", "15.00", "115.00"},
		{"NoTax", `{"Description":"x","UnitAmount":10,"AccountCode":"200"}`, "10.00", "0.00", "10.00"},
		{"Exclusive", `{"Description":"x"}`, "0.00", "0.00", "0.00"},
	} {
		status, text := b.call(t, http.MethodPut, "Invoices", `{"Type":"ACCREC","Contact":{"ContactID":"`+payer+`"},"LineAmountTypes":"`+c.how+`","LineItems":[`+c.line+`]}`)
		for _, want := range []string{`"SubTotal":` + c.subtotal, `"TotalTax":` + c.tax, `"Total":` + c.total, `"AmountDue":` + c.total} {
			if status != 200 || !strings.Contains(text, want) {
				t.Errorf("%s %s: %d, without %s: %s", c.how, c.line, status, want, text)
			}
		}
	}
	if o, _ := b.Object("Contacts", payer); o.Fields["IsCustomer"] != true {
		t.Error("whoever has a sales invoice is a customer")
	}
	if status, text := b.call(t, http.MethodPut, "Invoices?unitdp=4", `{"Type":"ACCREC","Contact":{"ContactID":"`+payer+`"},"LineItems":[{"Description":"x","Quantity":3,"UnitAmount":19.995}]}`); status != 200 || !strings.Contains(text, `"UnitAmount":19.9950`) || !strings.Contains(text, `"SubTotal":59.99`) {
		t.Errorf("by four decimals: %d %s", status, text)
	}
	if status, text := b.call(t, http.MethodPut, "Invoices", `{"Type":"ACCREC","Contact":{"ContactID":"`+payer+`"},"LineItems":[{"Description":"x","Quantity":2,"UnitAmount":1,"LineAmount":3}]}`); status != 400 || !strings.Contains(text, "does not match") {
		t.Errorf("a wrong sum: %d %s", status, text)
	}
}

func TestWhatPeopleCannotDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, other := b.make(t, "Contacts", map[string]any{"Name": "One"}), b.make(t, "Contacts", map[string]any{"Name": "Other"})
	invoice := b.make(t, "Invoices", map[string]any{"Type": "ACCREC", "Contact": one, "LineItems": []any{map[string]any{"Description": "x", "UnitAmount": 5}}})
	for what, err := range map[string]error{
		"merge a contact into itself": b.Merge(one, one), "merge into nobody": b.Merge(one, "nobody"), "pay a draft": b.Pay(invoice, "5"), "restore what is in use": b.Restore(one),
		"approve without an account": b.Edit("Invoices", invoice, map[string]any{"Status": "AUTHORISED"}), "void a draft": b.Edit("Invoices", invoice, map[string]any{"Status": "VOIDED"}),
		"edit nothing": b.Edit("Contacts", "nobody", map[string]any{"Name": "x"}), "take a name": b.Edit("Contacts", one, map[string]any{"Name": "other"}),
	} {
		if err == nil {
			t.Errorf("a person could %s", what)
		}
	}
	if err := b.Merge(one, other); err != nil {
		t.Fatal(err)
	}
	if o, _ := b.Object("Invoices", invoice); o.Text("ContactID") != other {
		t.Error("the invoice did not go over with its contact")
	}
	if status, text := b.call(t, http.MethodPost, "Contacts/"+one, `{"EmailAddress":"one@example.com"}`); status != 400 || !strings.Contains(text, "matched an archived contact") {
		t.Errorf("an archived contact was edited: %d %s", status, text)
	}
	b.make(t, "Contacts", map[string]any{"Name": "One"}) // the name is free
	if err := b.Restore(one); err == nil {
		t.Error("two contacts in use have one name")
	}
}

func TestFaultsAndStrangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.make(t, "Contacts", map[string]any{"Name": "One"})
	b.Inject(sandbox.Fault{Status: 503, RetryAfter: 7 * time.Second, Method: http.MethodPost})
	b.Inject(sandbox.Fault{Status: 500, AfterWork: true, Write: true})
	if status, _ := b.call(t, http.MethodGet, "Contacts/"+id, ""); status != 200 {
		t.Errorf("a read was hit: %d", status)
	}
	for _, want := range []int{503, 500, 200} {
		if status, text := b.call(t, http.MethodPost, "Contacts/"+id, `{"EmailAddress":"one@example.com"}`); status != want {
			t.Errorf("%d, want %d: %s", status, want, text)
		}
	}
	for what, c := range map[string]struct {
		header, value string
		status        int
	}{"another token": {"Authorization", "Bearer x", 401}, "another organisation": {"xero-tenant-id", "x", 403}} {
		if status, _ := b.call(t, http.MethodGet, "Contacts", "", c.header, c.value); status != c.status {
			t.Errorf("%s: %d", what, status)
		}
	}
	for _, path := range []string{"Contacts/nobody", "Quotes", "Quotes/1"} {
		if status, _ := b.call(t, http.MethodGet, path, ""); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"Contacts/nobody", "Quotes"} {
		if status, _ := b.call(t, http.MethodPost, path, `{"Name":"x"}`); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := b.call(t, http.MethodPost, "Contacts", `{`); status != 400 {
		t.Errorf("half a body: %d", status)
	}
}

func TestAnAddressThatAnswersWronglyGetsNoWebhooks(t *testing.T) {
	t.Parallel()
	for what, answer := range map[string]http.HandlerFunc{
		"always well": func(http.ResponseWriter, *http.Request) {}, "with words": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) },
		"with a cookie": func(w http.ResponseWriter, _ *http.Request) { http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"}) },
		"never well":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
	} {
		b := setup(t)
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		b.SetWebhookURL(server.URL)
		if err := b.IntentToReceive(); err == nil {
			t.Errorf("an address that answers %s is taken", what)
		}
	}
}

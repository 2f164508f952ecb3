package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/salesforce/sandbox"
)

const token = "not-a-real-token"

// org is a sandbox with a client.
type org struct {
	*sandbox.Server
	url string
	now time.Time
}

func setup(t testing.TB, change ...func(*sandbox.Options)) *org {
	t.Helper()
	o := &org{now: time.Date(2026, 11, 2, 9, 0, 0, 500_000_000, time.UTC)}
	options := sandbox.Options{Token: token, Now: func() time.Time { return o.now }}
	for _, f := range change {
		f(&options)
	}
	o.Server = sandbox.New(options)
	t.Cleanup(o.Close)
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

// call makes a call and gives the answer's status and body.
func (o *org) call(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, o.url+"/services/data/v65.0/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
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

func (o *org) query(t testing.TB, soql string) (int, string) {
	t.Helper()
	return o.call(t, http.MethodGet, "query?q="+url.QueryEscape(soql), "")
}

// ids are those that a query finds.
func (o *org) ids(t testing.TB, soql string) (ids []string) {
	t.Helper()
	status, body := o.query(t, soql)
	var in struct {
		Records []struct {
			ID string `json:"Id"`
		} `json:"records"`
	}
	if err := json.Unmarshal([]byte(body), &in); status != 200 || err != nil {
		t.Fatalf("%s: %d %s", soql, status, body)
	}
	for _, r := range in.Records {
		ids = append(ids, r.ID)
	}
	return ids
}

func (o *org) make(t testing.TB, name string, fields map[string]any) string {
	t.Helper()
	id, err := o.Make(name, fields)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestQueriesFindWhatTheySay(t *testing.T) {
	t.Parallel()
	o := setup(t)
	account := o.make(t, "Account", map[string]any{"Name": "Navy"})
	ada := o.make(t, "Contact", map[string]any{"LastName": "O'Neil", "Email": "Ada@Example.com", "AccountId": account[:15]})
	o.now = o.now.Add(time.Hour)
	bob := o.make(t, "Contact", map[string]any{"LastName": "Bob"})
	for where, want := range map[string]string{
		`LastName = 'o\'neil'`:                        ada,
		`Email = 'ada@example.com'`:                   ada,
		`Email = null`:                                bob,
		`Email != null`:                               ada,
		`Account.Name = 'Navy'`:                       ada,
		`AccountId = '` + account + `'`:               ada,
		`Id IN ('` + bob[:15] + `')`:                  bob,
		`Id > '` + ada + `'`:                          bob,
		`SystemModstamp > 2026-11-02T09:00:00.000Z`:   bob,
		`SystemModstamp <= 2026-11-02T10:00:00+01:00`: ada,
		`SystemModstamp >= 2026-11-02T09:00:00.000Z AND (SystemModstamp > 2026-11-02T09:00:00.000Z OR Id > '` + ada + `')`: bob,
		`IsDeleted = false AND (LastName = 'Bob' OR LastName = 'Eve')`:                                                     bob,
	} {
		if got := o.ids(t, "SELECT Id FROM Contact WHERE "+where); len(got) != 1 || got[0] != want {
			t.Errorf("%s finds %v, want %s", where, got, want)
		}
	}
	if got := o.ids(t, "SELECT Id FROM Contact ORDER BY SystemModstamp DESC, Id LIMIT 1"); len(got) != 1 || got[0] != bob {
		t.Errorf("the newest is %v, want %s", got, bob)
	}
}

func TestWhatIsNoQueryIsRefusedAsSalesforceDoes(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for soql, code := range map[string]string{
		"":                                      "MALFORMED_QUERY",
		"SELECT":                                "MALFORMED_QUERY",
		"SELECT Id FROM Contact WHERE":          "MALFORMED_QUERY",
		"SELECT Id FROM Contact LIMIT x":        "MALFORMED_QUERY",
		"SELECT Id FROM Contact WHERE Id ~ 'x'": "MALFORMED_QUERY",
		"SELECT Id FROM Contact WHERE LastName = 'x":                                       "MALFORMED_QUERY",
		"SELECT Id FROM Contact WHERE LastName = 'a' AND LastName = 'b' OR LastName = 'c'": "MALFORMED_QUERY", // without parentheses
		"SELECT Id FROM Lead":                                                  "INVALID_TYPE",
		"SELECT Nothing FROM Contact":                                          "INVALID_FIELD",
		"SELECT Account.Nothing FROM Contact":                                  "INVALID_FIELD",
		"SELECT Id FROM Contact ORDER BY Nothing":                              "INVALID_FIELD",
		"SELECT Id FROM Contact WHERE SystemModstamp > '2026-11-02T09:00:00Z'": "INVALID_FIELD", // quoted
		"SELECT Id FROM Contact WHERE LastName = 5":                            "INVALID_FIELD",
		"SELECT Id FROM Contact WHERE Id = '1'":                                "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT CurrencyIsoCode FROM Order":                                    "INVALID_FIELD",
	} {
		if status, body := o.query(t, soql); status != 400 || !strings.Contains(body, `"errorCode":"`+code+`"`) {
			t.Errorf("%s: %d %s, want %s", soql, status, body, code)
		}
	}
}

func TestTheBinIsThereForQueryAllAlone(t *testing.T) {
	t.Parallel()
	o := setup(t)
	id := o.make(t, "Contact", map[string]any{"LastName": "Hopper"})
	if status, _ := o.call(t, http.MethodDelete, "sobjects/Contact/"+id, ""); status != 204 {
		t.Fatalf("a delete is answered %d", status)
	}
	if got := o.ids(t, "SELECT Id FROM Contact"); len(got) != 0 {
		t.Errorf("query finds %v", got)
	}
	if _, body := o.call(t, http.MethodGet, "queryAll?q="+url.QueryEscape("SELECT Id, IsDeleted FROM Contact"), ""); !strings.Contains(body, `"IsDeleted":true`) {
		t.Errorf("queryAll gives %s", body)
	}
	if status, body := o.call(t, http.MethodDelete, "sobjects/Contact/"+id, ""); status != 404 || !strings.Contains(body, "ENTITY_IS_DELETED") {
		t.Errorf("a second delete is answered %d %s", status, body)
	}
	o.Empty()
	if status, body := o.call(t, http.MethodDelete, "sobjects/Contact/"+id, ""); status != 404 || !strings.Contains(body, "NOT_FOUND") {
		t.Errorf("a third delete is answered %d %s", status, body)
	}
}

func TestAnUpsertMakesOnceAndChangesThen(t *testing.T) {
	t.Parallel()
	o := setup(t)
	const path = "sobjects/Contact/canonhub_id__c/customer_1"
	for _, want := range []int{201, 200} {
		if status, body := o.call(t, http.MethodPatch, path, `{"LastName":" Hopper "}`); status != want || !strings.Contains(body, `"success":true`) {
			t.Errorf("answered %d %s, want %d", status, body, want)
		}
	}
	if all := o.Objects("Contact"); len(all) != 1 || all[0].Text("LastName") != "Hopper" || all[0].Text("canonhub_id__c") != "customer_1" {
		t.Errorf("there are %+v", all)
	}
	for body, code := range map[string]string{
		`{}`:                     "",
		`{"canonhub_id__c":"x"}`: "INVALID_FIELD",
		`{"LastName":null}`:      "REQUIRED_FIELD_MISSING",
		`{"Nothing":"x"}`:        "INVALID_FIELD",
		`{"Name":"x"}`:           "INVALID_FIELD_FOR_INSERT_UPDATE",
		`{"Email":"x"}`:          "INVALID_EMAIL_ADDRESS",
		`{"LastName":5}`:         "JSON_PARSER_ERROR",
		`{"AccountId":"001"}`:    "INVALID_CROSS_REFERENCE_KEY",
		`{"FirstName":"` + strings.Repeat("ü", 41) + `"}`: "STRING_TOO_LONG",
		`[]`: "JSON_PARSER_ERROR",
	} {
		if status, answer := o.call(t, http.MethodPatch, path, body); code != "" && (status != 400 || !strings.Contains(answer, code)) || code == "" && status != 200 {
			t.Errorf("%s: %d %s, want %q", body, status, answer, code)
		}
	}
}

func TestACompositeCallIsDoneWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	o := setup(t)
	id := o.make(t, "Contact", map[string]any{"LastName": "Hopper"})
	steps := func(second string) string {
		return `{"allOrNone":true,"compositeRequest":[
			{"method":"PATCH","url":"/services/data/v65.0/sobjects/Contact/` + id + `","referenceId":"a","body":{"LastName":"Murray"}},
			{"method":"PATCH","url":"/services/data/v65.0/sobjects/Account/canonhub_id__c/x","referenceId":"b","body":{"Name":"Navy"}},
			{"method":"GET","url":"/services/data/v65.0/query?q=` + second + `","referenceId":"c"}]}`
	}
	status, body := o.call(t, http.MethodPost, "composite", steps("SELECT+Nothing+FROM+Contact"))
	if status != 200 || strings.Count(body, "PROCESSING_HALTED") != 2 || !strings.Contains(body, "INVALID_FIELD") {
		t.Errorf("answered %d %s", status, body)
	}
	if got, _ := o.Object("Contact", id); got.Text("LastName") != "Hopper" || len(o.Objects("Account")) != 0 {
		t.Errorf("a failed call left %+v and %d accounts", got, len(o.Objects("Account")))
	}
	if _, body = o.call(t, http.MethodPost, "composite", steps("SELECT+LastName+FROM+Contact")); !strings.Contains(body, `"LastName":"Murray"`) {
		t.Errorf("its own write is not read: %s", body)
	}
	if len(o.Objects("Account")) != 1 {
		t.Error("the account was not made")
	}
}

func TestNumbersAreAsJavaPrintsThem(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for amount, want := range map[string]string{
		"0": "0.0", "19.990": "19.99", "9999999.5": "9999999.5", "10000000": "1.0E7", "-12345678.9": "-1.23456789E7", "0.001": "0.001", "0.00045": "4.5E-4",
	} {
		id := o.make(t, "PricebookEntry", map[string]any{"UnitPrice": amount})
		if _, body := o.query(t, "SELECT UnitPrice FROM PricebookEntry WHERE Id = '"+id+"'"); !strings.Contains(body, `"UnitPrice":`+want+`,`) {
			t.Errorf("%s is printed in %s, want %s", amount, body, want)
		}
	}
}

func TestTheLimitOnCallsGivesSomeBackAllTheTime(t *testing.T) {
	t.Parallel()
	o := setup(t, func(o *sandbox.Options) { o.Calls, o.Window = 2, time.Minute })
	expect := func(want ...int) {
		t.Helper()
		for _, status := range want {
			if got, body := o.call(t, http.MethodGet, "", ""); got != status {
				t.Errorf("answered %d %s, want %d", got, body, status)
			}
		}
	}
	expect(200)
	o.now = o.now.Add(40 * time.Second)
	expect(200, 403)
	o.now = o.now.Add(20 * time.Second)
	expect(200, 403)
}

func TestAnImportHasOneStampAndIDsThatDifferInCase(t *testing.T) {
	t.Parallel()
	o := setup(t)
	all := make([]map[string]any, 100)
	for i := range all {
		all[i] = map[string]any{"LastName": fmt.Sprint(i)}
	}
	ids, err := o.Import("Contact", all)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	folded := 0
	for _, id := range ids {
		if got, _ := o.Object("Contact", id); !got.Stamp.Equal(o.now.Truncate(time.Second)) {
			t.Errorf("%s has the stamp %s", id, got.Stamp)
		}
		if lower := strings.ToLower(id[:15]); seen[lower] {
			folded++
		} else {
			seen[lower] = true
		}
	}
	if folded == 0 {
		t.Error("no two ids differ in letter case alone")
	}
}

// Whatever a query is, it is answered.
func FuzzQueries(f *testing.F) {
	o := setup(f)
	o.make(f, "Contact", map[string]any{"LastName": "Hopper"})
	f.Add(`SELECT Id, Account.Name, (SELECT Id FROM OrderItems) FROM Contact WHERE (LastName = 'a\'b' AND Id IN ('x')) ORDER BY Id DESC LIMIT 3`)
	f.Add(`SELECT Id FROM Order WHERE SystemModstamp >= 2026-11-02T09:00:00.000Z OR IsDeleted = true`)
	f.Fuzz(func(t *testing.T, soql string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/services/data/v65.0/query", nil)
		r.URL.RawQuery = url.Values{"q": {soql}}.Encode()
		r.Header.Set("Authorization", "Bearer "+token)
		o.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 {
			t.Errorf("answered %d: %s", w.Code, w.Body)
		}
	})
}

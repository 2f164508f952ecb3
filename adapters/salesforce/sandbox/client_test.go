package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What other clients of Salesforce's do that the adapter does not: rows are made, read and counted one by one.
func TestRowsAreMadeAndRead(t *testing.T) {
	t.Parallel()
	o := setup(t)
	status, body := o.call(t, http.MethodPost, "sobjects/Contact", `{"FirstName":"Ada","LastName":"L_ve%"}`)
	var made struct {
		ID      string `json:"id"`
		Success bool   `json:"success"`
		Errors  []any  `json:"errors"`
	}
	if err := json.Unmarshal([]byte(body), &made); status != 201 || err != nil || !made.Success || made.Errors == nil {
		t.Fatalf("create: %d %s", status, body)
	}
	for path, want := range map[string]string{
		"sobjects/Contact/" + made.ID:                         `"FirstName":"Ada"`,
		"sobjects/Contact/" + made.ID + "?fields=Id,LastName": `"LastName":"L_ve%"`,
		"limits": `"DailyApiRequests":{"Max":1000000,`,
	} {
		if status, body := o.call(t, http.MethodGet, path, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s in it", path, status, body, want)
		}
	}
	if _, body := o.call(t, http.MethodGet, "sobjects/Contact/"+made.ID+"?fields=Id,LastName", ""); strings.Contains(body, "FirstName") {
		t.Errorf("a field that was not asked for is shown: %s", body)
	}
	if status, body := o.call(t, http.MethodGet, "sobjects/Contact/"+made.ID+"?fields=Nope", ""); status != 400 || !strings.Contains(body, "INVALID_FIELD") {
		t.Errorf("a field that is not there: %d %s", status, body)
	}
	if status, body := o.call(t, http.MethodPost, "sobjects/Contact", `{"FirstName":"Ada"}`); status != 400 || !strings.Contains(body, "REQUIRED_FIELD_MISSING") {
		t.Errorf("without a name: %d %s", status, body)
	}
	for where, want := range map[string]int{"LastName LIKE 'l%'": 1, "LastName like '%VE_'": 1, "LastName LIKE 'ove'": 0, "LastName LIKE 'L.ve%'": 0, "Email LIKE '%'": 0} {
		status, body := o.query(t, "SELECT count() FROM Contact WHERE "+where)
		if status != 200 || !strings.Contains(body, fmt.Sprintf(`"totalSize":%d`, want)) || !strings.Contains(body, `"records":[]`) {
			t.Errorf("count where %s: %d %s, want %d", where, status, body, want)
		}
	}
}

// An answer holds a piece of what a query finds, and says where the next one is.
func TestResultsComeInPieces(t *testing.T) {
	t.Parallel()
	o := setup(t)
	rows := make([]map[string]any, 4001)
	for i := range rows {
		rows[i] = map[string]any{"Name": fmt.Sprint("Account ", i)}
	}
	if _, err := o.Import("Account", rows); err != nil {
		t.Fatal(err)
	}
	seen, pieces := map[string]bool{}, []int{}
	path := "query?q=SELECT+Id+FROM+Account"
	for path != "" {
		status, body := o.call(t, http.MethodGet, path, "")
		var in struct {
			Total   int    `json:"totalSize"`
			Done    bool   `json:"done"`
			Next    string `json:"nextRecordsUrl"`
			Records []struct {
				ID string `json:"Id"`
			} `json:"records"`
		}
		if err := json.Unmarshal([]byte(body), &in); status != 200 || err != nil || in.Total != len(rows) || in.Done != (in.Next == "") {
			t.Fatalf("%s: %d %.200s", path, status, body)
		}
		for _, r := range in.Records {
			seen[r.ID] = true
		}
		pieces = append(pieces, len(in.Records))
		path = strings.TrimPrefix(in.Next, "/services/data/v65.0/")
	}
	if len(seen) != len(rows) || fmt.Sprint(pieces) != "[2000 2000 1]" {
		t.Errorf("%d rows in pieces of %v", len(seen), pieces)
	}
	if status, body := o.call(t, http.MethodGet, "query/01gD00000000009IAW-2000", ""); status != 400 || !strings.Contains(body, "INVALID_QUERY_LOCATOR") {
		t.Errorf("a piece of nothing: %d %s", status, body)
	}
}

// A step names what one before it made.
func TestStepsNameWhatWasMade(t *testing.T) {
	t.Parallel()
	o := setup(t)
	status, body := o.call(t, http.MethodPost, "composite", `{"allOrNone":true,"compositeRequest":[
		{"method":"POST","url":"/services/data/v65.0/sobjects/Account","referenceId":"a","body":{"Name":"Navy"}},
		{"method":"POST","url":"/services/data/v65.0/sobjects/Contact","referenceId":"b","body":{"LastName":"Ada","AccountId":"@{a.id}"}},
		{"method":"GET","url":"/services/data/v65.0/sobjects/Contact/@{b.id}?fields=AccountId","referenceId":"c"}]}`)
	account := o.ids(t, "SELECT Id FROM Account")
	if status != 200 || len(account) != 1 || !strings.Contains(body, `"AccountId":"`+account[0]+`"`) {
		t.Errorf("%d %s; accounts %v", status, body, account)
	}
}

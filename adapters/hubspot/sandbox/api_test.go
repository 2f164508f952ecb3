package sandbox_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/hubspot/sandbox"
)

func TestAWritesAnswerHoldsTheWrittenPropertiesAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, answer := b.call(t, "POST", base, `{"properties":{"email":" Ada@Example.COM ","company":"Engines"}}`)
	properties, _ := answer["properties"].(map[string]any)
	if status != http.StatusCreated || properties["email"] != "ada@example.com" || len(properties) != 5 {
		t.Fatalf("got %d %v", status, answer)
	}
	id := answer["id"].(string)
	_, answer = b.call(t, "PATCH", base+"/"+id, `{"properties":{"company":""}}`)
	if properties, _ = answer["properties"].(map[string]any); len(properties) != 4 || properties["company"] != nil {
		t.Errorf("got %v", answer)
	}
	_, answer = b.call(t, "GET", base+"/"+id+"?properties=email,phone,no_such_property", "")
	properties, _ = answer["properties"].(map[string]any)
	if phone, there := properties["phone"]; !there || phone != nil || len(properties) != 5 {
		t.Errorf("got %v", answer)
	}
}

func TestVerbatimKeepsAddressesAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.Verbatim = true })
	id := b.user(t, map[string]string{"email": "Ada@Example.com"})
	if c, _ := b.Contact(id); c.Properties["email"] != "Ada@Example.com" {
		t.Errorf("got %v", c)
	}
}

func TestContactsAreFoundByUniqueProperties(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.user(t, map[string]string{"email": "ada@example.com", "canonhub_id": "r1", "hs_additional_emails": "b@example.com"})
	for _, path := range []string{"/ada@example.com?idProperty=email", "/B%40example.com?idProperty=email", "/r1?idProperty=canonhub_id"} {
		if status, answer := b.call(t, "GET", base+path, ""); status != 200 || answer["id"] != id {
			t.Errorf("%s: got %d %v", path, status, answer)
		}
	}
	status, answer := b.call(t, "POST", base+"/batch/read", `{"idProperty":"canonhub_id","inputs":[{"id":"r1"},{"id":"r2"}],"properties":["email"]}`)
	if results, _ := answer["results"].([]any); status != http.StatusMultiStatus || len(results) != 1 || answer["numErrors"] != 1.0 {
		t.Errorf("batch/read: got %d %v", status, answer)
	}
	if status, answer := b.call(t, "POST", base+"/batch/read", `{"idProperty":"phone","inputs":[{"id":"r1"}]}`); status != 400 {
		t.Errorf("by a property that is not unique: got %d %v", status, answer)
	}
}

func TestUpsertMakesOnceAndUpdatesThen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const body = `{"inputs":[{"idProperty":"canonhub_id","id":"r1","properties":{"firstname":"Ada"}}]}`
	for _, fresh := range []bool{true, false} {
		status, answer := b.call(t, "POST", base+"/batch/upsert", body)
		results, _ := answer["results"].([]any)
		if status != 200 || len(results) != 1 || results[0].(map[string]any)["new"] != fresh {
			t.Fatalf("got %d %v", status, answer)
		}
	}
	b.user(t, map[string]string{"email": "ada@example.com"})
	status, answer := b.call(t, "POST", base+"/batch/upsert", `{"inputs":[{"idProperty":"canonhub_id","id":"r2","properties":{"email":"ada@example.com"}}]}`)
	if status != http.StatusMultiStatus || answer["numErrors"] != 1.0 || len(b.Contacts()) != 2 {
		t.Errorf("got %d %v", status, answer)
	}
}

func TestInvalidValuesAreRefusedInBothForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.user(t, map[string]string{"email": "taken@example.com", "canonhub_id": "r1"})
	for body, code := range map[string]string{
		`{"properties":{"email":"nobody"}}`:                          "INVALID_EMAIL",
		`{"properties":{"firstname":"A","shoe_size":"36"}}`:          "PROPERTY_DOESNT_EXIST",
		`{"properties":{"firstname":"A","lifecyclestage":"x"}}`:      "INVALID_OPTION",
		`{"properties":{"firstname":"A","canonhub_id":"r1"}}`:        "CONFLICTING_UNIQUE_VALUE",
		`{"properties":{"firstname":"A","createdate":"2020-01-01"}}`: "READ_ONLY_VALUE",
	} {
		status, answer := b.call(t, "POST", base, body)
		message, _ := answer["message"].(string)
		details, _ := answer["errors"].([]any)
		if status != 400 || answer["category"] != "VALIDATION_ERROR" || !strings.Contains(message, `"error":"`+code+`"`) || len(details) != 1 {
			t.Errorf("%s: got %d %v", body, status, answer)
		}
	}
	status, answer := b.call(t, "POST", base, `{"properties":{"email":"Taken@example.com"}}`)
	if status != 409 || !strings.Contains(answer["message"].(string), "Existing ID: ") {
		t.Errorf("a taken address: got %d %v", status, answer)
	}
	if status, _ := b.call(t, "POST", base, `{"properties":{"phone":"1"}}`); status != 400 {
		t.Errorf("nobody: got %d", status)
	}
	if n := len(b.Contacts()); n != 1 {
		t.Errorf("there are %d contacts", n)
	}
}

func TestTheAPIMovesNoStageBack(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.Stages = []string{"938283"} })
	id := b.user(t, map[string]string{"email": "a@example.com", "lifecyclestage": "customer"})
	for _, step := range []struct{ write, holds string }{{"lead", "customer"}, {"", ""}, {"lead", "lead"}, {"938283", "938283"}} {
		if status, _ := b.call(t, "PATCH", base+"/"+id, `{"properties":{"lifecyclestage":"`+step.write+`"}}`); status != 200 {
			t.Fatalf("%q: %d", step.write, status)
		}
		if c, _ := b.Contact(id); c.Properties["lifecyclestage"] != step.holds {
			t.Errorf("after %q it holds %q", step.write, c.Properties["lifecyclestage"])
		}
	}
	must(t, b.Edit(id, map[string]string{"lifecyclestage": "subscriber"}))
	if c, _ := b.Contact(id); c.Properties["lifecyclestage"] != "subscriber" {
		t.Errorf("a user leaves %q", c.Properties["lifecyclestage"])
	}
}

func TestTimesGrowWhereTheClockStands(t *testing.T) {
	t.Parallel()
	stands := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b := setup(t, func(o *sandbox.Options) { o.Now = func() time.Time { return stands } })
	id := b.user(t, map[string]string{"email": "a@example.com"})
	before, _ := b.Contact(id)
	must(t, b.Edit(id, map[string]string{"email": "b@example.com"}))
	after, _ := b.Contact(id)
	must(t, b.Edit(id, map[string]string{"email": "B@example.com"}))
	if same, _ := b.Contact(id); !after.UpdatedAt.After(before.UpdatedAt) || !same.UpdatedAt.Equal(after.UpdatedAt) {
		t.Errorf("got %v, %v, %v", before.UpdatedAt, after.UpdatedAt, same.UpdatedAt)
	}
}

func TestListsAndSearchesComeInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		ids = append(ids, b.user(t, map[string]string{"firstname": name}))
	}
	must(t, b.Delete(ids[1]))
	since, _ := b.Contact(ids[2])
	search := `{"filterGroups":[{"filters":[{"propertyName":"lastmodifieddate","operator":"GTE","value":"` +
		since.Properties["lastmodifieddate"] + `"}]}],"limit":2,"after":"%"}`
	for name, c := range map[string]struct {
		page func(after string) map[string]any
		want int
	}{
		"list": {func(after string) map[string]any {
			_, page := b.call(t, "GET", base+"?limit=2&after="+after, "")
			return page
		}, 4},
		"search": {func(after string) map[string]any {
			_, page := b.call(t, "POST", base+"/search", strings.ReplaceAll(search, "%", after))
			return page
		}, 3},
	} {
		seen, after := 0, ""
		for range 5 {
			page := c.page(after)
			seen += len(page["results"].([]any))
			paging, ok := page["paging"].(map[string]any)
			if !ok {
				break
			}
			after = paging["next"].(map[string]any)["after"].(string)
		}
		if seen != c.want {
			t.Errorf("%s: saw %d", name, seen)
		}
	}
}

func TestArchivedContactsComeBackWhenRestored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.user(t, map[string]string{"email": "a@example.com"})
	for range 2 {
		if status, _ := b.call(t, "DELETE", base+"/"+id, ""); status != http.StatusNoContent {
			t.Fatalf("got %d", status)
		}
	}
	if status, _ := b.call(t, "GET", base+"/"+id, ""); status != 404 {
		t.Errorf("got %d", status)
	}
	if status, answer := b.call(t, "GET", base+"/"+id+"?archived=true", ""); status != 200 || answer["archivedAt"] == nil {
		t.Errorf("got %d %v", status, answer)
	}
	must(t, b.Restore(id))
	if status, _ := b.call(t, "GET", base+"/"+id, ""); status != 200 {
		t.Errorf("got %d", status)
	}
	must(t, b.Erase(id))
	if b.Restore(id) == nil {
		t.Error("an erased contact came back")
	}
}

func TestTheUniquePropertyCanBeMade(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sandbox.Options) { o.WithoutRecordID = true })
	const upsert = `{"inputs":[{"idProperty":"canonhub_id","id":"r1","properties":{"firstname":"A"}}]}`
	if status, _ := b.call(t, "POST", base+"/batch/upsert", upsert); status != 400 {
		t.Errorf("without: got %d", status)
	}
	for _, want := range []int{http.StatusCreated, http.StatusConflict} {
		if status, _ := b.call(t, "POST", "/crm/properties/2026-03/contacts", `{"name":"canonhub_id","hasUniqueValue":true}`); status != want {
			t.Errorf("making it: got %d", status)
		}
	}
	if status, _ := b.call(t, "POST", base+"/batch/upsert", upsert); status != 200 {
		t.Errorf("with: got %d", status)
	}
}

func TestFaultsHitTheCallsThatTheyAreFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Inject(sandbox.Fault{Write: true, Status: http.StatusTooManyRequests, RetryAfter: 3 * time.Second})
	if status, _ := b.call(t, "GET", base, ""); status != 200 {
		t.Errorf("a read: got %d", status)
	}
	resp, err := b.do(t.Context(), "POST", base, `{"properties":{"firstname":"A"}}`)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "3" || len(b.Contacts()) != 0 {
		t.Errorf("a write: got %d %v", resp.StatusCode, resp.Header)
	}
	b.Inject(sandbox.Fault{AfterWork: true})
	if resp, err := b.do(t.Context(), "POST", base, `{"properties":{"firstname":"A"}}`); err == nil {
		resp.Body.Close()
		t.Errorf("a lost answer: got %d", resp.StatusCode)
	}
	if len(b.Contacts()) != 1 || b.Counts()["POST "+base] < 2 {
		t.Errorf("the work was not done: %v", b.Counts())
	}
	b.Inject(sandbox.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if resp, err := b.do(ctx, "GET", base, ""); err == nil {
		resp.Body.Close()
		t.Errorf("a hanging call: got %d", resp.StatusCode)
	}
	if status, _ := b.call(t, "GET", base, ""); status != 200 {
		t.Errorf("after the faults: got %d", status)
	}
}

func TestNobodyIsLetInWithoutTheToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	resp, err := b.api.Client().Get(b.api.URL + base)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %d", resp.StatusCode)
	}
}

package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
)

// dead opens a hub whose crm has refused n customers for good, and takes them once it is told to.
func dead(t *testing.T, n int) (w *world, takes *atomic.Bool) {
	t.Helper()
	w, takes = setup(t), &atomic.Bool{}
	w.crm.BeforePush = func(adapters.Request) error {
		if takes.Load() {
			return nil
		}
		return &fault.Error{Category: fault.Permanent, Op: "push", Message: "no such plan"}
	}
	for i := range n {
		w.Observe("shop", w.shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", fmt.Sprintf("ada%d@example.com", i))))
	}
	w.Work()
	w.Until("the hub has given up", func() bool { return len(w.letters("")) == n })
	return w, takes
}

func (w *world) letters(query string) []any {
	w.t.Helper()
	a := w.get("/v1/deadLetters" + query)
	if a.code != http.StatusOK {
		w.t.Fatalf("%d %s", a.code, a.text)
	}
	list, _ := a.body["deadLetters"].([]any)
	return list
}

func TestADeadLetterIsShownAndRedriven(t *testing.T) {
	t.Parallel()
	w, takes := dead(t, 1)
	list := w.letters("")
	if len(list) != 1 {
		t.Fatalf("%d dead letters, want 1", len(list))
	}
	path := "/v1/deadLetters/" + list[0].(map[string]any)["id"].(string)
	a := w.get(path)
	if a.code != 200 || a.body["reason"] != "push: permanent: no such plan" && !strings.Contains(a.text, "no such plan") || !strings.Contains(a.text, `"action":"dead-lettered"`) {
		t.Errorf("%d %s", a.code, a.text)
	}
	takes.Store(true)
	if a := w.post(path+":redrive", `{"why": "the plan is there now"}`); a.code != 200 || a.body["closing"] != "DEAD_LETTER_CLOSING_REDRIVEN" || a.body["closedBy"] != "loopback" {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.post(path+":redrive", `{}`); a.code != 400 || a.reason() != "DEAD_LETTER_CLOSED" {
		t.Errorf("redriven again: %d %s", a.code, a.text)
	}
	w.Agree()
	if len(w.crm.Customers()) != 1 || len(w.letters("")) != 0 || len(w.letters("?include_closed=true")) != 1 {
		t.Errorf("the crm has %s; open: %v", w.crm, w.letters(""))
	}
	if a := w.get("/v1/deadLetters/99"); a.code != 404 || a.reason() != "DEAD_LETTER_NOT_FOUND" {
		t.Errorf("%d %s", a.code, a.text)
	}
}

func TestWorkThatDiesAgainCountsItsRedrives(t *testing.T) {
	t.Parallel()
	w, _ := dead(t, 1)
	first := w.letters("")[0].(map[string]any)
	w.post("/v1/deadLetters/"+first["id"].(string)+":redrive", `{}`)
	w.Until("it is dead again", func() bool { return len(w.letters("")) == 1 && w.letters("")[0].(map[string]any)["id"] != first["id"] })
	if again := w.letters("")[0].(map[string]any); again["redrives"] != 1.0 || again["correlationId"] != first["correlationId"] {
		t.Errorf("%v, and first %v", again, first)
	}
}

func TestDeadLettersAreRedrivenByFilterAtARate(t *testing.T) {
	t.Parallel()
	w, takes := dead(t, 5)
	takes.Store(true)
	if a := w.post("/v1/deadLetters:redrive", `{"filter": {"connection": "shop"}}`); a.code != 200 {
		t.Errorf("%d %s", a.code, a.text)
	}
	if a := w.post("/v1/deadLetters:redrive", `{"filter": {"connection": "crm", "kind": "customer", "category": "permanent"}, "rate": 50}`); a.code != 200 {
		t.Errorf("%d %s", a.code, a.text)
	}
	w.Until("all are done", func() bool { return len(w.crm.Customers()) == 5 })
	if left := w.letters(""); len(left) != 0 {
		t.Errorf("%v", left)
	}
}

func TestDeadLettersAreDiscardedWithAReason(t *testing.T) {
	t.Parallel()
	w, _ := dead(t, 3)
	if a := w.post("/v1/deadLetters:discard", `{"filter": {"connection": "crm"}}`); a.code != 400 || a.reason() != "INVALID_REQUEST" {
		t.Errorf("without a reason: %d %s", a.code, a.text)
	}
	page := w.get("/v1/deadLetters?page_size=2")
	if next, _ := page.body["nextPageToken"].(string); next == "" || len(w.letters("?page_size=2&page_token="+next)) != 1 {
		t.Errorf("%s", page.text)
	}
	for query, want := range map[string]int{"?filter.connection=crm": 3, "?filter.connection=shop": 0, "?filter.subject=DEAD_LETTER_SUBJECT_RECEIPT": 0,
		"?filter.before=2020-01-01T00:00:00Z": 0} {
		if got := len(w.letters(query)); got != want {
			t.Errorf("%s has %d, want %d", query, got, want)
		}
	}
	if a := w.get("/v1/deadLetters?filter.conection=crm"); a.code != 400 {
		t.Errorf("an unknown filter: %d %s", a.code, a.text)
	}
	if a := w.post("/v1/deadLetters:discard", `{"filter": {"connection": "crm"}, "why": "test data"}`); a.code != 200 || a.body["discarded"] != 3.0 {
		t.Errorf("%d %s", a.code, a.text)
	}
	if left := w.letters(""); len(left) != 0 {
		t.Errorf("%v", left)
	}
	_, err := hubv1.NewDeadLetterServiceClient(w.conn).RedriveDeadLetter(t.Context(), &hubv1.RedriveDeadLetterRequest{Id: 1})
	if info(err).GetReason() != "DEAD_LETTER_CLOSED" {
		t.Errorf("%v", err)
	}
}

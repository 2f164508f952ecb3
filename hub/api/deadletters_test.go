package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
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

// More than one page of the job takes up are spread over the time that the rate says, the second page behind the first.
func TestManyDeadLettersAreRedrivenAtTheStatedRate(t *testing.T) {
	t.Parallel()
	const many, rate = 205, 2.0
	w := setup(t) // nobody works its queue
	must(t, w.Store.InTx(t.Context(), func(tx *store.Tx) error {
		for i := range many {
			in := apply.Input{Cause: apply.Cause{Source: "shop", CorrelationID: fmt.Sprintf("corr-%d", i)},
				Observation: w.shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", fmt.Sprintf("ada%d@example.com", i))), SeenAt: time.Now()}
			if err := apply.Bury(tx, in, "no such plan"); err != nil {
				return err
			}
		}
		return nil
	}))
	if a := w.post("/v1/deadLetters:redrive", fmt.Sprintf(`{"filter": {"connection": "shop"}, "rate": %g}`, rate)); a.code != 200 {
		t.Fatalf("%d %s", a.code, a.text)
	}
	asked, at := w.redrive(t)
	if due := time.Since(at); due < 0 || due > time.Minute {
		t.Errorf("it begins %s from now", -due)
	}
	first := w.redo(t, asked)
	second, at := w.redrive(t)
	if len(first) != 200 || len(w.letters("?page_size=1000")) != many-200 {
		t.Fatalf("%d are queued, and %d are left", len(first), len(w.letters("?page_size=1000")))
	}
	for i := range first[1:] {
		if gap := first[i+1].Sub(first[i]); gap != 500*time.Millisecond {
			t.Fatalf("between the %dth and the next are %s, want half a second", i, gap)
		}
	}
	if after := at.Sub(first[0]); after != 100*time.Second {
		t.Errorf("the second page begins %s after the first, want 100s", after)
	}
	w.exec(`delete from river_job where kind <> 'redrive'`)
	if rest := w.redo(t, second); len(rest) != 5 || rest[4].Sub(rest[0]) != 2*time.Second || len(w.letters("")) != 0 {
		t.Errorf("of the second page %v are queued; left are %v", rest, w.letters(""))
	}
	if n := w.tally(`select count(*) from river_job where kind = 'redrive'`); n != 0 {
		t.Errorf("%d more pages are to come", n)
	}
}

// redrive takes the job that redrives out of the queue, and tells when it is due.
func (w *world) redrive(t *testing.T) (args jobs.RedriveArgs, at time.Time) {
	t.Helper()
	var raw []byte
	must(t, w.Store.Pool().QueryRow(t.Context(), `delete from river_job where kind = 'redrive' returning args, scheduled_at`).Scan(&raw, &at))
	must(t, json.Unmarshal(raw, &args))
	return args, at
}

// redo runs the job, and tells when what it queued is due.
func (w *world) redo(t *testing.T, args jobs.RedriveArgs) (due []time.Time) {
	t.Helper()
	must(t, w.Redriver.Work(t.Context(), args, jobs.Run{}))
	rows, err := w.Store.Pool().Query(t.Context(), `select scheduled_at from river_job where kind <> 'redrive' order by scheduled_at`)
	must(t, err)
	due, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
	must(t, err)
	return due
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

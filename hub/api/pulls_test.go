package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/hub/hubtest"
)

func TestAPullIsAskedForAndItsProgressShown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Work()
	w.shop.Fill("c", 30)
	if a := w.get("/v1/connections/shop/pulls/customer"); a.code != http.StatusOK || a.body["backfillTime"] != nil || a.body["run"] != nil {
		t.Errorf("before: %d %s", a.code, a.text)
	}
	a := w.post("/v1/connections/shop/pulls/customer:start", `{"mode": "PULL_MODE_BACKFILL", "why": "it is new"}`)
	if a.code != http.StatusOK || a.body["wanted"] != "PULL_MODE_BACKFILL" {
		t.Fatalf("%d %s", a.code, a.text)
	}
	w.pull(t)
	a = w.get("/v1/pulls?connection=shop")
	for _, want := range []string{`"objects":"30"`, `"changed":"30"`, `"mode":"PULL_MODE_BACKFILL"`, `"askedBy":"loopback"`, `"why":"it is new"`, `"rate":`, `"backfillTime":`} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the list lacks %s: %s", want, a.text)
		}
	}
}

func TestFindingsOfAReconcileAreReadPageByPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Work()
	w.shop.Fill("c", 30)
	w.pull(t, "BACKFILL")
	w.shop.Edit("n1", hubtest.Named("New", "n1@example.com"))
	w.shop.Edit("c3", hubtest.Phone("+4930901820"))
	if a := w.post("/v1/connections/shop/pulls/customer:start", `{"mode": "PULL_MODE_RECONCILE", "reportOnly": true}`); a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.text)
	}
	w.pull(t)
	path := "/v1/connections/shop/pulls/customer/findings?pageSize=1"
	first := w.get(path)
	second := w.get(path + "&pageToken=" + first.body["nextPageToken"].(string))
	both := first.text + second.text
	for _, want := range []string{`"missing_here"`, `"differing"`, `["phone"]`, `"externalId":"n1"`, `"externalId":"c3"`} {
		if !strings.Contains(both, want) {
			t.Errorf("the findings lack %s: %s", want, both)
		}
	}
	if second.body["nextPageToken"] != nil || strings.Contains(both, `"repaired":true`) {
		t.Error(both)
	}
}

// Ten of twelve are gone: they stay as they are known, however often that is found, until a person lets them go.
func TestWhatHasVanishedGoesWhenAPersonLetsIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.shop.Fill("c", 12)
	w.pull(t, "BACKFILL")
	for i := range 10 {
		w.shop.Vanish(hubtest.ID("c", i))
	}
	open := ""
	for range 2 {
		w.pull(t, "RECONCILE")
		listed, _ := w.get("/v1/reviews?reason=REVIEW_REASON_VANISHED").body["reviews"].([]any)
		if w.live("shop") != 12 || len(listed) != 1 {
			t.Fatalf("%d of 12 are left though nobody was asked; reviews %v", w.live("shop"), listed)
		}
		open = listed[0].(map[string]any)["id"].(string)
	}
	if a := w.post("/v1/reviews/"+open+":resolve", `{"resume": true}`); a.reason() != "INVALID_CHOICE" {
		t.Errorf("resumed: %d %s", a.code, a.text)
	}
	if a := w.post("/v1/reviews/"+open+":dismiss", `{"why": "a fault of theirs"}`); a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.text)
	}
	w.pull(t, "RECONCILE") // asks again
	listed, _ := w.get("/v1/reviews?reason=REVIEW_REASON_VANISHED").body["reviews"].([]any)
	if w.live("shop") != 12 || len(listed) != 1 || listed[0].(map[string]any)["id"] == open {
		t.Fatalf("dismissed: %d of 12 are left; reviews %v", w.live("shop"), listed)
	}
	open = listed[0].(map[string]any)["id"].(string)
	if a := w.post("/v1/reviews/"+open+":resolve", `{"letThrough": true, "why": "we closed that shop"}`); a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.text)
	}
	if w.live("shop") != 12 {
		t.Errorf("%d of 12 are left before they were looked for again", w.live("shop"))
	}
	w.pull(t)
	run, _ := w.get("/v1/connections/shop/pulls/customer").body["run"].(map[string]any)
	if w.live("shop") != 2 || run["missingThere"] != "10" || run["why"] != "we closed that shop" {
		t.Errorf("%d are left, want 2; %v", w.live("shop"), run)
	}
}

// live is how many objects of a connection are linked.
func (w *world) live(connection string) (n int) {
	w.t.Helper()
	must(w.t, w.Store.Pool().QueryRow(w.t.Context(), `select count(*) from links where connection = $1 and state = 'live'`, connection).Scan(&n))
	return n
}

func TestWhatCannotBePulledIsSaid(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for path, want := range map[string]string{
		"/v1/connections/nobody/pulls/customer":                        "CONNECTION_NOT_FOUND",
		"/v1/connections/shop/pulls/order":                             "INVALID_REQUEST",
		"/v1/connections/shop/pulls/person":                            "INVALID_REQUEST",
		"/v1/connections/shop/pulls/customer/findings?pageToken=%2520": "INVALID_PAGE_TOKEN",
	} {
		if a := w.get(path); a.reason() != want {
			t.Errorf("%s: %d %s, want %s", path, a.code, a.text, want)
		}
	}
	for _, body := range []string{`{}`, `{"mode": "PULL_MODE_CHANGES", "reportOnly": true}`, `{"mode": 9}`} {
		if a := w.post("/v1/connections/shop/pulls/customer:start", body); a.code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, a.code, a.text)
		}
	}
}

// pull runs what was asked for, after asking for what is given.
func (w *world) pull(t *testing.T, modes ...string) {
	t.Helper()
	for _, mode := range modes {
		if a := w.post("/v1/connections/shop/pulls/customer:start", `{"mode": "PULL_MODE_`+mode+`"}`); a.code != http.StatusOK {
			t.Fatalf("%d %s", a.code, a.text)
		}
	}
	w.Until("the pull has ended", func() bool {
		if err := w.Pull("shop", "customer"); err != nil {
			t.Fatal(err)
		}
		a := w.get("/v1/connections/shop/pulls/customer")
		run, _ := a.body["run"].(map[string]any)
		return a.body["wanted"] == nil && run != nil && run["running"] == nil
	})
}

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

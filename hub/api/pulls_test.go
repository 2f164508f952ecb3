package api_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
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

// paced is a vendor that takes ten seconds for a page, and tells on none how much there is, but counts.
type paced struct {
	*hubtest.Vendor
	now   *atomic.Int64
	count int
}

func (v paced) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	page, err := v.Vendor.Pull(ctx, q)
	page.Total = 0
	v.now.Add(int64(10 * time.Second))
	return page, err
}

func (v paced) Count(context.Context, adapters.Kind) (int, error) { return v.count, nil }

func TestARunTellsItsRateAndTheTimeLeft(t *testing.T) {
	t.Parallel()
	w := setup(t)
	vendor := paced{Vendor: w.shop, now: &atomic.Int64{}, count: 350}
	vendor.now.Store(time.Now().Add(time.Minute).UnixNano()) // behind the database's clock nothing is due
	w.Applier.Now = func() time.Time { return time.Unix(0, vendor.now.Load()) }
	adapter := w.Applier.Connections["shop"].Adapter
	adapter.Puller, adapter.Counter = vendor, vendor
	w.shop.Fill("c", 350)
	lane := store.Lane{Connection: "shop", Kind: "customer"}
	for _, c := range []struct {
		mode  string
		steps int
		want  map[string]any
	}{
		{"BACKFILL", 1, map[string]any{"total": "350", "objects": nil, "rate": nil, "timeLeft": nil}}, // it is counted first
		{"BACKFILL", 1, map[string]any{"total": "350", "objects": "100", "rate": 10.0, "timeLeft": "25s"}},
		{"BACKFILL", 2, map[string]any{"total": "350", "objects": "300", "rate": 10.0, "timeLeft": "5s"}},
		{"BACKFILL", 1, map[string]any{"total": "350", "objects": "350", "rate": 8.75, "timeLeft": nil}},
		{"RECONCILE", 1, map[string]any{"total": "350", "objects": "100", "rate": 10.0, "timeLeft": "25s"}},
		{"RECONCILE", 1, map[string]any{"total": "350", "objects": "200", "rate": 10.0, "timeLeft": "15s"}},
	} {
		run, _ := w.get("/v1/connections/shop/pulls/customer").body["run"].(map[string]any)
		if run["running"] == nil {
			if a := w.post("/v1/connections/shop/pulls/customer:start", `{"mode": "PULL_MODE_`+c.mode+`"}`); a.code != http.StatusOK {
				t.Fatalf("%d %s", a.code, a.text)
			}
		}
		for range c.steps {
			if _, err := w.Puller.Step(t.Context(), lane); err != nil {
				t.Fatal(err)
			}
		}
		run, _ = w.get("/v1/connections/shop/pulls/customer").body["run"].(map[string]any)
		for name, want := range c.want {
			if run["mode"] != "PULL_MODE_"+c.mode || run[name] != want {
				t.Errorf("%s: %s is %v, want %v: %v", c.mode, name, run[name], want, run)
			}
		}
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
func (w *world) live(connection string) int {
	w.t.Helper()
	return w.tally(`select count(*) from links where connection = $1 and state = 'live'`, connection)
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

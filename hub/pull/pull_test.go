package pull_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// world is a hub that pulls customers from a shop and has a crm beside it, with a queue that stands still and a clock that
// the test moves.
type world struct {
	*hubtest.Hub
	t         *testing.T
	shop, crm *hubtest.Vendor
	ahead     time.Duration
}

var lane = store.Lane{Connection: "shop", Kind: model.Customer}

func newWorld(t *testing.T, change ...func(*hubtest.Options, *connection.Pull)) *world {
	t.Helper()
	w := &world{t: t, shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	how := connection.Pull{PageSize: 10}
	o := hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")}
	for _, c := range change {
		c(&o, &how)
	}
	o.Pulls = map[string]map[model.Kind]connection.Pull{"shop": {model.Customer: how}}
	w.Hub = hubtest.New(t, o)
	w.Applier.Now = func() time.Time { return time.Now().Add(w.ahead) }
	return w
}

// run reads pages until nothing is due.
func (w *world) run() *store.Pull {
	w.t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.Puller.Step(w.t.Context(), lane); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.state()
}

// after lets time pass, and reads what is due then.
func (w *world) after(d time.Duration) *store.Pull {
	w.t.Helper()
	w.ahead += d
	return w.run()
}

func (w *world) state() *store.Pull {
	w.t.Helper()
	p, err := w.Store.Pull(w.t.Context(), lane)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) count(sql string, args ...any) (n int) {
	w.t.Helper()
	if err := w.Store.Pool().QueryRow(w.t.Context(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) linked() int {
	return w.count(`select count(*) from links where connection = 'shop' and state = 'live'`)
}

func TestABackfillReadsEverythingWhereManyShareOneSecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 2005) // all of one time stamp, over 201 pages
	p := w.run()
	if w.linked() != 2005 || p.Run.Objects != 2005 || p.Run.Changed != 2005 || p.BackfilledAt.IsZero() || p.Run.Mode != "" {
		t.Errorf("%d are linked; %+v", w.linked(), p)
	}
	if n := w.count(`select count(*) from river_job where kind = 'deliver' and priority = 3`); n != 2005 {
		t.Errorf("%d deliveries wait behind live work, want 2005", n)
	}
	if n := w.count(`select count(*) from receipts`); n != 0 {
		t.Errorf("%d receipts are kept of what was taken in at once", n)
	}
}

func TestChangesArePulledFromTheWatermarkOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *hubtest.Options, p *connection.Pull) { p.Overlap = 2 * time.Second })
	w.shop.Fill("c", 25)
	w.run()
	for range 10 {
		w.shop.Edit("later", hubtest.Named("Ada", "ada@example.com"))
	}
	asked := 0
	w.shop.BeforePull = func(q adapters.Query) error {
		asked++
		if q.Since.IsZero() {
			t.Error("everything is read again")
		}
		return nil
	}
	if p := w.run(); asked != 0 {
		t.Fatalf("it is read before it is due: %+v", p)
	}
	p := w.after(6 * time.Minute)
	if asked == 0 || w.linked() != 26 || p.Run.Changed != 1 || p.Run.Objects > 26 {
		t.Errorf("asked %d times, %d are linked, %+v", asked, w.linked(), p.Run)
	}
	w.shop.BeforePull = nil
	if p := w.after(6 * time.Minute); p.Run.Changed != 0 {
		t.Errorf("the overlap changes something: %+v", p.Run)
	}
}

// A row that shows as late as the vendor's lag allows may also have been stamped by a clock that is behind.
func TestTheVendorsLagIsAddedToTheOverlap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ configured, lag, want time.Duration }{
		"both":           {time.Minute, 10 * time.Minute, 11 * time.Minute},
		"the default":    {0, 10 * time.Minute, 12 * time.Minute},
		"no lag":         {time.Minute, 0, time.Minute},
		"a longer other": {20 * time.Minute, time.Minute, 21 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop := hubtest.NewVendor()
			shop.Lag = c.lag
			w := newWorld(t, func(o *hubtest.Options, p *connection.Pull) { o.Vendors["shop"], p.Overlap = shop, c.configured })
			shop.Fill("c", 3)
			w.run()
			watermark, asked := w.state().Watermark, time.Time{}
			shop.BeforePull = func(q adapters.Query) error { asked = q.Since; return nil }
			if w.after(6 * time.Minute); watermark.Sub(asked) != c.want {
				t.Errorf("the pull of changes begins %s before the watermark, want %s", watermark.Sub(asked), c.want)
			}
		})
	}
}

func TestAPullGoesOnWhereItsProcessDied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 100)
	for range 3 {
		if _, err := w.Puller.Step(t.Context(), lane); err != nil {
			t.Fatal(err)
		}
	}
	dying, die := context.WithCancel(t.Context())
	w.shop.BeforePull = func(adapters.Query) error { die(); return nil } // after the vendor's answer, before the commit
	if _, err := w.Puller.Step(dying, lane); err == nil {
		t.Fatal("it survived")
	}
	if p := w.state(); p.Run.Objects != 30 || w.linked() != 30 || p.Failures != 0 {
		t.Fatalf("page and checkpoint are apart: %d linked, %+v", w.linked(), p)
	}
	var cursors []string
	w.shop.BeforePull = func(q adapters.Query) error { cursors = append(cursors, q.Cursor); return nil }
	beside := hubtest.New(t, hubtest.Options{Beside: w.Hub, Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm},
		Pulls: map[string]map[model.Kind]connection.Pull{"shop": {model.Customer: {PageSize: 10}}}})
	w.Puller = beside.Puller
	if p := w.run(); p.Run.Objects != 100 || w.linked() != 100 || len(cursors) != 7 || cursors[0] == "" {
		t.Errorf("%d linked, %d pages, %+v", w.linked(), len(cursors), p.Run)
	}
}

func TestTwoProcessesDoNotReadOnePageTwiceIntoTheCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 60)
	w.shop.BeforePull = func(adapters.Query) error {
		w.shop.BeforePull = nil
		_, err := w.Puller.Step(context.Background(), lane) // another reads the same page first
		return err
	}
	if more, err := w.Puller.Step(t.Context(), lane); err != nil || more {
		t.Fatalf("the one who came too late went on: %v, %v", more, err)
	}
	if p := w.run(); p.Run.Objects != 60 || w.linked() != 60 {
		t.Errorf("%d linked, %+v", w.linked(), p.Run)
	}
}

func TestFailuresDeleteNothingAndAreTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 15)
	w.run()
	w.shop.BeforePull = func(adapters.Query) error {
		return &fault.Error{Category: fault.Transient, Op: "pull", Status: 500, Message: "no answer"}
	}
	p := w.after(6 * time.Minute)
	if p.Failures != 1 || p.Failure == "" || !p.NextAt.After(w.Applier.Now()) || w.linked() != 15 {
		t.Errorf("%d linked, %+v", w.linked(), p)
	}
	if p = w.after(time.Minute); p.Failures != 2 {
		t.Errorf("%+v", p)
	}
	w.shop.BeforePull = nil
	if p = w.after(time.Minute); p.Failures != 0 || p.Failure != "" || p.Run.Mode != "" {
		t.Errorf("%+v", p)
	}
}

func TestACursorThatTheVendorForgotBeginsAnewWithEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 15)
	w.run()
	w.shop.BeforePull = func(q adapters.Query) error {
		if !q.Since.IsZero() {
			return &fault.Error{Category: fault.Gone, Op: "pull", Message: "the cursor has expired"}
		}
		return nil
	}
	w.shop.Edit("old", hubtest.Named("Ada", "ada@example.com"))
	w.after(6 * time.Minute)
	if p := w.after(time.Minute); p.Failures != 0 || w.linked() != 16 || p.Run.Objects != 16 {
		t.Errorf("%d linked, %+v", w.linked(), p)
	}
}

func TestAnObjectAtFaultBecomesADeadLetterAndTheOthersAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 18)
	w.shop.Edit("bad\x00id", hubtest.Named("Eve", "eve@example.com"))
	w.shop.Rejected = []adapters.Rejected{{Where: "entry 7", Reason: "it has no id", Raw: []byte(`{"name":"nobody"}`)}}
	w.run()
	if w.linked() != 18 {
		t.Errorf("%d of 18 are linked", w.linked())
	}
	letters, err := w.Store.DeadLetters(t.Context(), store.LetterQuery{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(letters) != 3 { // the object, and the entry on each of two pages
		t.Fatalf("%d dead letters: %+v", len(letters), letters)
	}
	for _, l := range letters {
		if l.Connection != "shop" || l.Category != "permanent" || l.Reason == "" {
			t.Errorf("%+v", l)
		}
	}
}

func TestWhatMatchesNoRecordIsKeptAndHeardOnceOneDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *hubtest.Options, _ *connection.Pull) {
		o.Policies["customer"].Create = []string{"crm"}
	})
	w.Work()
	w.shop.Fill("c", 3)
	w.run()
	if w.linked() != 0 || w.count(`select count(*) from receipts where origin = 'pull' and state = 'done' and outcome = 'orphaned'`) != 3 {
		t.Fatalf("%d linked", w.linked())
	}
	w.after(25 * time.Hour) // the next reconcile hears the same and keeps it once
	if n := w.count(`select count(*) from receipts`); n != 3 {
		t.Fatalf("%d receipts of 3 objects", n)
	}
	w.Observe("crm", w.crm.Edit("1", hubtest.Named("One", "c1@example.com")))
	w.Until("the object is heard", func() bool { return w.linked() == 1 })
}

func TestWhatWaitsForAPushIsHeardAfterIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 2)
	w.run()
	id := store.RecordID(lookup(w, "c0"))
	w.Observe("crm", w.crm.Edit("1", func(c *customer) { hubtest.Named("One", "c0@example.com")(c); hubtest.Phone("+4930901820")(c) }))
	w.shop.AfterPush = func(adapters.Request) error { return hubtest.ErrLost() }
	_ = w.Deliver(id, "shop", false) // its answer is lost: the outcome is unknown
	w.shop.AfterPush = nil
	w.after(6 * time.Minute)
	if n := w.count(`select count(*) from receipts where origin = 'pull' and state = 'pending'`); n != 1 {
		t.Fatalf("%d pulled objects wait for the push, want 1", n)
	}
	w.Work()
	w.Agree()
	if got := w.shop.Customer("c0").GetPhone(); got != "+4930901820" {
		t.Errorf("the shop has %q", got)
	}
}

func lookup(w *world, id string) string {
	w.t.Helper()
	var record string
	if err := w.Store.Pool().QueryRow(w.t.Context(), `select record_id from links where connection = 'shop' and external_id = $1`, id).Scan(&record); err != nil {
		w.t.Fatal(err)
	}
	return record
}

func TestARunThatWasAskedForComesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 5)
	w.run()
	if err := w.Puller.Wish(t.Context(), lane, store.PullWish{Mode: store.Backfill, By: "ada", Why: "a doubt"}); err != nil {
		t.Fatal(err)
	}
	due, err := w.Puller.Due(t.Context())
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	if p := w.run(); p.Run.By != "ada" || p.Run.Objects != 5 || p.Wanted.Mode != "" {
		t.Errorf("%+v", p)
	}
	if n := w.count(`select count(*) from audit where action = 'pulled' and actor = 'ada'`); n != 1 {
		t.Errorf("%d rows in the audit", n)
	}
}

// calling calls its vendor over HTTP for each page, and once more.
type calling struct {
	adapters.Puller
	client *http.Client
	url    string
}

func (c calling) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	for range 2 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
		if err != nil {
			return adapters.Page{}, err
		}
		resp, err := c.client.Do(r)
		if err != nil {
			return adapters.Page{}, &fault.Error{Category: fault.Transient, Err: err}
		}
		if err := resp.Body.Close(); err != nil {
			return adapters.Page{}, err
		}
	}
	return c.Puller.Pull(ctx, q)
}

// Where a vendor allows few pages a minute the pull waits in the queue for the next, and nothing else waits with it.
func TestPagesAreReadNoFasterThanTheVendorGivesThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 35)
	var calls atomic.Int64
	vendor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(vendor.Close)
	w.Gate.Limits = limits.New(limits.Options{Store: w.Store, Process: "a", Log: slog.New(slog.DiscardHandler)})
	client, _ := w.Gate.Limits.Keep("shop", adapters.Limits{PerSecond: 1000, Concurrency: 4, PagesPerMinute: 10}, &http.Client{})
	shop := w.Puller.Connections["shop"].Adapter
	shop.Puller = calling{shop.Puller, client, vendor.URL}
	if more, err := w.Puller.Step(t.Context(), lane); err != nil || !more {
		t.Fatalf("the first page: %v, %v", more, err)
	}
	for range 3 {
		if _, err := w.Puller.Step(t.Context(), lane); !jobs.IsSnooze(err) {
			t.Fatalf("the second page does not wait: %v", err)
		}
	}
	if calls.Load() != 2 || w.state().Failures != 0 {
		t.Errorf("%d calls, %+v", calls.Load(), w.state())
	}
	if err := w.Gate.Enter(t.Context(), "shop"); err != nil {
		t.Errorf("live work waits, too: %v", err)
	}
}

func TestTheJobPullsWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 35)
	w.Work()
	w.Sweeper(t).Sweep(t.Context())
	w.Until("it is read", func() bool { return w.linked() == 35 })
	w.Until("it has ended", func() bool { return !w.state().BackfilledAt.IsZero() })
	if got := fmt.Sprint(w.state().Run.Mode); got != "" {
		t.Errorf("a run of mode %s is under way", got)
	}
}

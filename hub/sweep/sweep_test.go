package sweep_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/sweep"
)

// world is a hub between a shop and a crm, whose queue stands still, and its sweeper.
type world struct {
	*hubtest.Hub
	*sweep.Sweeper
	shop, crm *hubtest.Vendor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	w.Sweeper = &sweep.Sweeper{Store: w.Hub.Store, Queue: w.Hub.Queue, Gate: w.Hub.Gate, Applier: w.Hub.Applier,
		Connections: w.Hub.Applier.Connections, ProbeEvery: time.Nanosecond, Log: slog.New(slog.DiscardHandler)}
	return w
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := w.Hub.Store.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) connection(t *testing.T, name string) store.Connection {
	t.Helper()
	c, err := w.Hub.Store.Connection(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// jobs counts the jobs of a kind for a record or receipt.
func (w *world) jobs(t *testing.T, kind, id string) (n int) {
	t.Helper()
	if err := w.Hub.Store.Pool().QueryRow(t.Context(), `select count(*) from river_job where kind = $1 and $2 in (args ->> 'record_id', args ->> 'receipt_id')`,
		kind, id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// refuse has the hub pause the crm since its vendor refuses the credentials.
func (w *world) refuse(t *testing.T) {
	t.Helper()
	if wait := w.Hub.Gate.Respond(t.Context(), "crm", &fault.Error{Category: fault.Auth, Op: "push"}); wait == nil {
		t.Fatal("work goes on though the credentials were refused")
	}
	if c := w.connection(t, "crm"); !c.Paused() || c.PausedBy != "" {
		t.Fatalf("%+v", c)
	}
}

func TestAConnectionGoesOnOnceItsCredentialsWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refuse(t)
	w.crm.Probed = func(context.Context) error { return &fault.Error{Category: fault.Auth, Op: "probe"} }
	w.Sweep(t.Context())
	if !w.connection(t, "crm").Paused() {
		t.Fatal("it goes on though its credentials are refused still")
	}
	w.crm.Probed = nil
	w.Until("it goes on", func() bool {
		w.Sweep(t.Context())
		return !w.connection(t, "crm").Paused()
	})
}

// What a person pauses stays paused until a person resumes it, also where the hub was about to, or had paused it before.
func TestWhatAPersonPausesTheHubDoesNotResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refuse(t)
	w.crm.Probed = func(ctx context.Context) error {
		return w.Hub.Gate.Pause(ctx, "crm", gate.Order{By: "ada", Why: "holidays"}) // while the vendor thinks
	}
	w.Sweep(t.Context())
	if c := w.connection(t, "crm"); !c.Paused() || c.PausedBy != "ada" {
		t.Fatalf("%+v, want it paused by ada", c)
	}
	w.crm.Probed = nil
	if err := w.Hub.Store.InTx(t.Context(), func(tx *store.Tx) error { tx.Pause("crm", "refused once more", ""); return nil }); err != nil {
		t.Fatal(err)
	}
	w.Sweep(t.Context())
	if c := w.connection(t, "crm"); !c.Paused() || c.PausedReason != "holidays" {
		t.Errorf("%+v, want it paused for holidays still", c)
	}
	if err := w.Hub.Gate.Resume(t.Context(), "crm", gate.Order{By: "ada"}); err != nil || w.connection(t, "crm").Paused() {
		t.Errorf("resumed by ada: %v, %+v", err, w.connection(t, "crm"))
	}
}

// A connection that is paused for long is tried seldom, by all processes together.
func TestCredentialsAreTriedByOneProcessNowAndThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refuse(t)
	var probes atomic.Int64
	w.crm.Probed = func(context.Context) error {
		probes.Add(1)
		return &fault.Error{Category: fault.Auth, Op: "probe"}
	}
	w.ProbeEvery = time.Second
	beside := *w.Sweeper
	for _, step := range []struct {
		paused, probed string // how long ago
		want           int64
	}{
		{"0 s", "1 day", 1}, {"10 s", "1.1 s", 1}, {"2 s", "0.1 s", 0}, {"100 s", "8 s", 0}, {"100 s", "11 s", 1}, {"30 days", "50 s", 0}, {"30 days", "61 s", 1},
	} {
		probes.Store(0)
		w.exec(t, `update connections set paused_at = now() - $1::interval, probed_at = now() - $2::interval where name = 'crm'`, step.paused, step.probed)
		w.Sweep(t.Context())
		beside.Sweep(t.Context())
		if n := probes.Load(); n != step.want {
			t.Errorf("paused for %s and tried %s ago: tried %d times more, want %d", step.paused, step.probed, n, step.want)
		}
	}
}

// A vendor that takes its time to answer a probe delays nothing else.
func TestAVendorThatHangsDelaysNoSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lost := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	w.refuse(t)
	hangs := make(chan struct{}, 1)
	w.crm.Probed = func(ctx context.Context) error {
		select {
		case hangs <- struct{}{}:
		default: // it is tried again
		}
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx)
	}()
	defer func() { cancel(); <-ended }()
	<-hangs
	w.exec(t, `delete from river_job`)
	w.exec(t, `update deliveries set updated_at = now() - interval '1 minute'`)
	w.Until("the delivery has a job", func() bool { return w.jobs(t, "deliver", lost) == 1 })
}

// More may wait, for long and with their jobs, than one sweep looks at: what lost its job behind them is found all the same.
func TestWhatLostItsJobIsFoundBehindManyThatWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 1200
	w.exec(t, `insert into records (id, kind, revision, message, provenance, policy_version, creator, placeholder)
		select 'customer_0' || i, 'customer', 1, '', '', 1, 'shop', false from generate_series(1, $1) as i`, many)
	w.exec(t, `insert into deliveries (record_id, connection, kind, state, revision, correlation_id, traceparent, updated_at)
		select 'customer_0' || i, 'crm', 'customer', case i % 2 when 0 then 'owed' else 'blocked' end, 1, '', '', now() - interval '1 hour' from generate_series(1, $1) as i`, many)
	w.exec(t, `insert into receipts (id, connection, event_key, type, body, correlation_id, traceparent, received_at)
		select 'r' || i, 'crm', 'e' || i, 't', 'x', '', '', now() - interval '1 hour' from generate_series(1, $1) as i`, many)
	lost := string(w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID)
	w.exec(t, `update deliveries set updated_at = now() - interval '1 minute' where record_id = $1`, lost)
	w.exec(t, `insert into receipts (id, connection, event_key, type, body, correlation_id, traceparent, received_at)
		values ('lost', 'shop', 'lost', 't', 's1', '', '', now() - interval '1 minute')`)
	w.exec(t, `delete from river_job`)
	for range 4 {
		w.Sweep(t.Context())
	}
	if d, r := w.jobs(t, "deliver", lost), w.jobs(t, "translate", "lost"); d != 1 || r != 1 {
		t.Errorf("%d jobs for the delivery, %d for the receipt, want one each", d, r)
	}
	// It begins anew at the oldest, and gives nothing a second job.
	w.exec(t, `delete from river_job where args ->> 'record_id' = 'customer_01'`)
	for range 4 {
		w.Sweep(t.Context())
	}
	if first, again := w.jobs(t, "deliver", "customer_01"), w.jobs(t, "deliver", lost); first != 1 || again != 1 {
		t.Errorf("%d jobs for the oldest, %d for the youngest, want one each", first, again)
	}
}

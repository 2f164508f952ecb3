package hubtest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/deliver"
	"github.com/canonhub/canonhub/hub/gate"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/pull"
	"github.com/canonhub/canonhub/hub/redrive"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/translate"
)

// Hub is a hub's workings on a database of its own. Its queue stands still until Work is called: a test runs jobs by
// hand, one step at a time, or lets the queue work them.
type Hub struct {
	Store      *store.Store
	Applier    *apply.Applier
	Deliverer  *deliver.Deliverer
	Translator *translate.Translator
	Queue      *jobs.Queue
	Gate       *gate.Gate
	Redriver   *redrive.Redriver
	Puller     *pull.Puller

	t    testing.TB
	url  string
	keys atomic.Int64
}

// Options set a hub up.
type Options struct {
	Vendors  map[string]*Vendor
	Policies map[string]*configv1.KindPolicy
	// Brakes of vendors. Without one, all of a vendor's objects may change at once.
	Brakes map[string]connection.Brake
	// Pulls of vendors, by kind.
	Pulls map[string]map[model.Kind]connection.Pull
	// Beside is another hub of the test: this one is a second process on its database, under its policies.
	Beside *Hub
	// Wrap replaces the queue's handlers; nil leaves them.
	Wrap func(jobs.Handlers) jobs.Handlers
}

// Preferring is a policy in which all vendors may speak, the first named has precedence, and all are targets.
func Preferring(sources ...string) map[string]*configv1.KindPolicy {
	targets := map[string]*configv1.Target{}
	for _, s := range sources {
		targets[s] = &configv1.Target{Create: true, Attributes: []string{"*"}}
	}
	return map[string]*configv1.KindPolicy{"customer": {
		Create: sources, Match: []string{"email"}, Targets: targets,
		Attributes: map[string]*configv1.Rule{"*": {Prefer: sources}},
	}}
}

// New makes a hub.
func New(t testing.TB, o Options) *Hub {
	t.Helper()
	ctx := context.Background()
	h := &Hub{t: t}
	process := t.Name()
	if o.Beside != nil {
		h.url, process = o.Beside.url, process+" beside"
	} else {
		h.url = Database(t)
	}
	db, err := store.Open(ctx, h.url, store.Options{})
	must(t, err)
	t.Cleanup(db.Close)
	var specs []connection.Spec
	var lanes []jobs.Lane
	for name, vendor := range o.Vendors {
		specs = append(specs, connection.Spec{Name: name, Factory: vendor.Factory(), Settings: adapters.Settings{HTTP: http.DefaultClient}, Brake: brakeOf(o, name), Pulls: o.Pulls[name]})
		lanes = append(lanes, jobs.Lane{Connection: name, Concurrency: 8})
	}
	connections, err := connection.Open(specs)
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	h.Store = db
	h.Gate = &gate.Gate{Store: db, Log: log, Now: func() time.Time { return h.Applier.Now() }}
	h.Applier = &apply.Applier{Store: apply.In(db), Connections: connections, Now: time.Now, Log: log,
		NewID: func(kind model.Kind) (store.RecordID, error) {
			id, err := typeid.Generate(string(kind))
			return store.RecordID(id.String()), err
		}}
	h.Deliverer = &deliver.Deliverer{Applier: h.Applier, Connections: connections, Gate: h.Gate, Backfilled: db.Backfilled, Log: log,
		NewKey: func() string { return fmt.Sprintf("%s-key-%d", process, h.keys.Add(1)) }}
	h.Translator = &translate.Translator{Store: db, Applier: h.Applier, Connections: connections, Gate: h.Gate, Turns: new(translate.Turns), Log: log}
	h.Puller = &pull.Puller{Store: db, Applier: h.Applier, Connections: connections, Gate: h.Gate, Refresher: h.Translator, Log: log,
		Now: func() time.Time { return h.Applier.Now() }, NewID: func() string { return fmt.Sprintf("pull-%s-%d", process, h.keys.Add(1)) }}
	handlers := jobs.Handlers{Translate: h.Translator.Translate, Pull: h.Puller.Pull, Deliver: h.Deliverer.Deliver, Redrive: func(ctx context.Context, args jobs.RedriveArgs, run jobs.Run) error {
		return h.Redriver.Work(ctx, args, run)
	},
		Refold: func(ctx context.Context, _ jobs.RefoldArgs, _ jobs.Run) error { return h.Applier.Refold(ctx) },
		Erase:  apply.Traces(db)}
	if o.Wrap != nil {
		handlers = o.Wrap(handlers)
	}
	h.Queue, err = jobs.New(db, jobs.Options{ProcessID: process, Lanes: lanes, Handlers: handlers, Backoff: 10 * time.Millisecond, Log: log})
	must(t, err)
	h.Gate.Queue, h.Applier.Queue = h.Queue, h.Queue
	h.Redriver = &redrive.Redriver{Store: db, Queue: h.Queue}
	if o.Beside != nil {
		must(t, h.Applier.Reload(ctx))
	} else {
		h.Activate(o.Policies)
	}
	for name := range o.Vendors {
		_, err := db.RegisterConnection(ctx, name, "memory", []byte("x"))
		must(t, err)
		for kind := range o.Pulls[name] {
			must(t, db.RegisterPull(ctx, store.Lane{Connection: name, Kind: kind}))
		}
	}
	return h
}

func brakeOf(o Options, vendor string) connection.Brake {
	if brake, given := o.Brakes[vendor]; given {
		return brake
	}
	return connection.Brake{Share: 1}
}

// Activate makes policies the active version.
func (h *Hub) Activate(policies map[string]*configv1.KindPolicy) {
	h.t.Helper()
	_, err := h.Store.ActivatePolicy(context.Background(), store.Policy{Config: policies})
	must(h.t, err)
	must(h.t, h.Applier.Reload(context.Background()))
}

// Work lets the queue work until the test ends.
func (h *Hub) Work() {
	h.t.Helper()
	must(h.t, h.Queue.Start(context.Background()))
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		must(h.t, h.Queue.Stop(ctx))
	})
}

// Observe applies what a source says, and returns what became of it.
func (h *Hub) Observe(source string, o adapters.Observation) apply.Result {
	h.t.Helper()
	result, err := h.Applier.Apply(context.Background(), apply.Input{Cause: apply.Cause{Source: source, CorrelationID: "test"}, Observation: o})
	must(h.t, err)
	return result
}

// Read applies a fetched state that began at an epoch.
func (h *Hub) Read(source string, o adapters.Observation, epoch store.Epoch) apply.Result {
	h.t.Helper()
	result, err := h.Applier.Apply(context.Background(), apply.Input{Cause: apply.Cause{Source: source, CorrelationID: "test"}, Observation: o, Read: true, Epoch: epoch})
	must(h.t, err)
	return result
}

// Epoch is what a read that begins now carries.
func (h *Hub) Epoch(source string, id adapters.ExternalID) store.Epoch {
	h.t.Helper()
	e, err := h.Store.Epoch(context.Background(), store.LinkKey{Connection: source, Kind: model.Customer, ExternalID: string(id)})
	must(h.t, err)
	return e
}

// Bundle reads a record with all around it.
func (h *Hub) Bundle(id store.RecordID) *store.Bundle {
	h.t.Helper()
	b, err := h.Store.Bundle(context.Background(), id)
	must(h.t, err)
	return b
}

// Merge merges two records, and returns the one that lives.
func (h *Hub) Merge(a, b store.RecordID) store.RecordID {
	h.t.Helper()
	result, err := h.Applier.Merge(context.Background(), apply.Merge{A: a, B: b, By: "ada", Why: "one person", CorrelationID: "test"})
	must(h.t, err)
	return result.RecordID
}

// Unmerge makes two records of one again.
func (h *Hub) Unmerge(survivor, merged store.RecordID) {
	h.t.Helper()
	_, _, err := h.Applier.Unmerge(context.Background(), apply.Unmerge{Survivor: survivor, Merged: merged, By: "ada", Why: "two persons", CorrelationID: "test"})
	must(h.t, err)
}

// Erase erases a record. What that left elsewhere is for the queue; Erased waits for that.
func (h *Hub) Erase(id store.RecordID) {
	h.t.Helper()
	_, err := h.Applier.Erase(context.Background(), apply.Erase{RecordID: id, By: "dpo", Why: "asked for on paper", CorrelationID: "test"})
	must(h.t, err)
}

// Erased waits until nothing is left of what was erased.
func (h *Hub) Erased() {
	h.t.Helper()
	h.Until("nothing is left", func() bool {
		var left int
		must(h.t, h.Store.Pool().QueryRow(context.Background(), `select count(*) from river_job where kind = 'erase' and finalized_at is null`).Scan(&left))
		return left == 0
	})
}

// Deliver runs the delivery of a record to a target as its job would.
func (h *Hub) Deliver(id store.RecordID, target string, last bool) error {
	return h.DeliverWithin(context.Background(), id, target, last)
}

// DeliverWithin is Deliver for as long as ctx lasts.
func (h *Hub) DeliverWithin(ctx context.Context, id store.RecordID, target string, last bool) error {
	return h.Deliverer.Deliver(ctx, jobs.DeliverArgs{RecordID: id, Connection: target}, jobs.Run{
		Attempt: 1, Last: last, Complete: func(context.Context, jobs.Tx) error { return nil }})
}

// Agree waits until no delivery is owed and no receipt pending.
func (h *Hub) Agree() {
	h.t.Helper()
	h.Until("all targets agree", func() bool {
		var left int
		err := h.Store.Pool().QueryRow(context.Background(), `select (select count(*) from deliveries where state in ('owed', 'blocked'))
			+ (select count(*) from receipts where state = 'pending')`).Scan(&left)
		must(h.t, err)
		return left == 0
	})
}

// Until waits for a condition.
func (h *Hub) Until(what string, holds func() bool) {
	h.t.Helper()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			h.t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

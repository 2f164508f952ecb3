package deliver_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/limits"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// Law 6: a delivery that is given up is given up for the revision that was pushed. One that came while the vendor
// thought is owed still.
func TestLaw6ChangeThatCommitsWhileADeliveryIsGivenUpIsDelivered(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault.Error{
		"refused":                {Category: fault.Permanent, Op: "push", Message: "no such name"},
		"attribute by attribute": {Category: fault.Permanent, Op: "push", Refused: map[string]string{"name": "no such name", "email": "taken"}},
		"never heard of":         {Category: fault.Transient, Op: "push", Message: "no answer", MaybeDone: true},
		"not even reached":       {Category: fault.Transient, Op: "push", Message: "down"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Wrong", "ada@example.com"))).RecordID
			pushed := false
			w.crm.BeforePush = func(adapters.Request) error {
				if pushed {
					return nil
				}
				pushed = true
				w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))) // right, while the vendor thinks
				return &f
			}
			if err := w.Deliver(id, "crm", true); err != nil {
				t.Fatal(err)
			}
			if d := w.Bundle(id).Delivery("crm"); d.State != store.Settled || w.onlyCRM(t).GetName().GetFull() != "Ada" {
				t.Errorf("the delivery is %+v; %s", d, w.crm)
			}
		})
	}
}

// A delivery takes one connection to the database at a time: as many deliveries as the pool has would wait for each other.
func TestADeliveryWithReferencesTakesOneConnectionToTheDatabase(t *testing.T) {
	t.Parallel()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.shop.Organisations, w.crm.Organisations = true, true
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Babbage and Sons", "info@example.com")))
	id := w.Observe("shop", w.shop.Edit("s2", func(c *canonicalv1.Customer) {
		hubtest.Named("Ada", "ada@example.com")(c)
		c.Organisation = &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: "s1"}}}
	})).RecordID
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	pool := w.Store.Pool()
	var taken []*pgxpool.Conn
	for range pool.Config().MaxConns - 1 {
		one, err := pool.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, one)
	}
	err := w.DeliverWithin(ctx, id, "crm", false)
	for _, one := range taken {
		one.Release()
	}
	if d := w.Bundle(id).Delivery("crm"); err != nil || d.State != store.Blocked {
		t.Errorf("with one connection left: %v; the delivery is %+v, want it to wait for the organisation", err, d)
	}
}

// A vendor that fails again and again is left alone, and its failures use up no attempt of anybody; but what it may be that
// makes it fail is given up when its time is over.
func TestWhatFailsForTooLongIsGivenUpThoughItsVendorFailsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	failing := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(failing.Close)
	l := limits.New(limits.Options{Store: w.Store, Process: "p", Log: slog.New(slog.DiscardHandler), Outage: time.Millisecond, MaxOutage: time.Millisecond})
	client, _ := l.Keep("crm", adapters.Limits{PerSecond: 1000, Concurrency: 1}, failing.Client())
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.Gate.Limits = l
	pushes := 0
	w.crm.BeforePush = func(adapters.Request) error {
		pushes++
		for !l.Broken("crm") {
			resp, err := client.Get(failing.URL)
			if err != nil {
				return err
			}
			resp.Body.Close()
		}
		return &fault.Error{Category: fault.Transient, Op: "push", Message: "down"}
	}
	// The breaker lets one piece of work through a second.
	try := func(last bool) (err error) {
		w.Until("it is tried", func() bool {
			before := pushes
			err = w.Deliver(id, "crm", last)
			return pushes > before
		})
		return err
	}
	if err := try(false); !jobs.Outlasts(err) {
		t.Errorf("%v, want it to wait", err)
	}
	if d := w.Bundle(id).Delivery("crm"); d.State != store.Owed {
		t.Fatalf("%+v", d)
	}
	if err := try(true); err != nil {
		t.Errorf("%v, want it given up", err)
	}
	if d := w.Bundle(id).Delivery("crm"); d.State != store.Dead {
		t.Errorf("%+v", d)
	}
}

// What fails by the hub's own doing is told as a dead letter once it has failed too often, and can be redriven.
func TestADeliveryThatTheHubFailsIsGivenUpOnceItHasNoTriesLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	for _, sql := range []string{
		`create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$`,
		`create trigger broken before insert on attempts for each row execute function broken()`,
	} {
		if _, err := w.Store.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Deliver(id, "crm", false); err == nil {
		t.Fatal("it was delivered")
	}
	if d := w.Bundle(id).Delivery("crm"); d.State == store.Dead {
		t.Fatalf("it is given up at the first try: %+v", d)
	}
	if err := w.Deliver(id, "crm", true); err != nil {
		t.Fatal(err)
	}
	letters, err := w.Store.DeadLetters(t.Context(), store.LetterQuery{Kinds: model.Kinds(), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if d := w.Bundle(id).Delivery("crm"); d.State != store.Dead || len(letters) != 1 || letters[0].Category != string(jobs.Internal) {
		t.Errorf("the delivery is %+v, the dead letters are %+v", d, letters)
	}
}

package deliver_test

import (
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// deleting opens a hub where the shop's deletes have an effect.
func deleting(t *testing.T, effect string, brakes map[string]connection.Brake) *world {
	t.Helper()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Delete = &configv1.Delete{By: []string{"shop"}, Effect: effect}
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies, Brakes: brakes})
	return w
}

// A delete whose effect is to archive takes the record's objects at targets out of use, once, though the answer is lost;
// a party that comes back is given a new object.
func TestADeleteIsCarriedToTargets(t *testing.T) {
	t.Parallel()
	w := deleting(t, "archive", nil)
	last := w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := w.Observe("shop", last).RecordID
	w.Deliver(id, "crm", false)
	if len(w.crm.Customers()) != 1 {
		t.Fatalf("the crm has %s", w.crm)
	}
	lost := 0
	w.crm.AfterPush = func(adapters.Request) error {
		if lost++; lost == 1 {
			return hubtest.ErrLost()
		}
		return nil
	}
	w.Observe("shop", adapters.Observation{Object: last.Object, Gone: true, At: last.At.Add(time.Second)})
	if err := w.Deliver(id, "crm", false); err == nil {
		t.Error("the answer was lost, and nobody noticed")
	}
	if err := w.Deliver(id, "crm", false); err != nil {
		t.Error(err)
	}
	b := w.Bundle(id)
	if link := b.Primary("crm"); len(w.crm.Customers()) != 0 || link.State != store.LinkGone || !link.Archived || b.Delivery("crm").State != store.Settled || len(b.Pending) != 0 {
		t.Errorf("the crm has %s, the link is %+v, the delivery %+v", w.crm, link, b.Delivery("crm"))
	}
	last.At = last.At.Add(time.Minute)
	w.Observe("shop", last)
	if err := w.Deliver(id, "crm", false); err != nil {
		t.Error(err)
	}
	if b := w.Bundle(id); len(w.crm.Customers()) != 1 || b.Primary("crm").State != store.LinkLive || !b.Record.DeletedAt.IsZero() {
		t.Errorf("the party is back, and the crm has %s", w.crm)
	}
}

func TestTombstonesAreNotCarriedToTargets(t *testing.T) {
	t.Parallel()
	w := deleting(t, "tombstone", nil)
	last := w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := w.Observe("shop", last).RecordID
	w.Deliver(id, "crm", false)
	w.Observe("shop", adapters.Observation{Object: last.Object, Gone: true, At: last.At.Add(time.Second)})
	w.Deliver(id, "crm", false)
	if len(w.crm.Customers()) != 1 {
		t.Errorf("the crm has %s", w.crm)
	}
}

// What would take too many objects out of use at once is stopped, and a person is asked.
func TestManyArchivesAreBraked(t *testing.T) {
	t.Parallel()
	w := deleting(t, "archive", map[string]connection.Brake{"crm": connection.Brake{Share: 0.2, Min: 2, Window: time.Hour}})
	var gone []adapters.Observation
	for i := range 6 {
		o := w.shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", string(hubtest.ID("ada", i))+"@example.com"))
		w.Deliver(w.Observe("shop", o).RecordID, "crm", false)
		gone = append(gone, adapters.Observation{Object: o.Object, Gone: true, At: o.At.Add(time.Hour)})
	}
	for _, o := range gone {
		w.Deliver(w.Observe("shop", o).RecordID, "crm", false)
	}
	if n := len(w.crm.Customers()); n != 4 {
		t.Errorf("the crm has %d left, want 4: two are archived, and then a person is asked", n)
	}
}

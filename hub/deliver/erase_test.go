package deliver_test

import (
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// A record is erased while a push for it is at the vendor. What that made, or changed, is left as it is, and nothing of it
// comes back.
func TestPushUnderWayWhileItsRecordIsErased(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"create": false, "update": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			if known {
				w.Observe("crm", w.crm.Edit("made-1", hubtest.Named("Countess", "ada@example.com")))
			}
			id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Augusta King", "ada@example.com"))).RecordID
			w.crm.BeforePush = func(adapters.Request) error {
				w.crm.BeforePush = nil
				w.Erase(id)
				return nil
			}
			if err := w.Deliver(id, "crm", false); err != nil {
				t.Fatal(err)
			}
			if got := w.crm.Customer("made-1").GetName().GetFull(); got != "Augusta King" {
				t.Errorf("the vendor has %q: the push was under way", got)
			}
			if got := w.Observe("crm", w.crm.Edit("made-1", hubtest.Phone("+491"))); got.Outcome != apply.Erased {
				t.Errorf("what comes of the object is %+v, want it erased", got)
			}
			w.Work()
			w.Erased()
			w.nothing(t, "Augusta King", "ada@example.com", "Countess")
			if n := w.crm.Pushes(); n != 1 {
				t.Errorf("there were %d pushes, want no second one", n)
			}
		})
	}
}

// Its failure, which the vendor tells in words of the record's, is told to nobody.
func TestPushThatFailsWhileItsRecordIsErased(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault.Error{
		"for good":             {Category: fault.Permanent, Message: "no Augusta King here"},
		"for now":              {Category: fault.Transient, Message: "no Augusta King now"},
		"nobody knows whether": {Category: fault.Transient, Message: "no Augusta King, perhaps", MaybeDone: true},
		"the object is gone":   {Category: fault.Gone, Message: "no Augusta King any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Augusta King", "ada@example.com"))).RecordID
			w.crm.BeforePush = func(adapters.Request) error {
				w.Erase(id)
				return &f
			}
			if err := w.Deliver(id, "crm", false); err != nil {
				t.Errorf("the job ends with %v", err)
			}
			w.Work()
			w.Erased()
			w.nothing(t, "Augusta King")
			if d := w.Bundle(id).Delivery("crm"); d.State != store.Settled {
				t.Errorf("the delivery is %+v", d)
			}
		})
	}
}

// An attempt whose outcome nobody knows is not sent again.
func TestAttemptOfAnErasedRecordIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Augusta King", "ada@example.com"))).RecordID
	w.crm.AfterPush = func(adapters.Request) error { return hubtest.ErrLost() }
	if err := w.Deliver(id, "crm", false); err == nil {
		t.Fatal("the answer was not lost")
	}
	w.Erase(id)
	if err := w.Deliver(id, "crm", false); err != nil || w.crm.Pushes() != 1 {
		t.Errorf("%d pushes, %v; want no second one", w.crm.Pushes(), err)
	}
	made, err := w.crm.Fetch(t.Context(), adapters.Object{Kind: "customer", ExternalID: "made-1"})
	if err != nil || made.RecordID != string(id) {
		t.Fatalf("the vendor has %+v, %v", made, err)
	}
	if got := w.Observe("crm", made); got.Outcome != apply.Erased {
		t.Errorf("what it made is %+v, want it erased", got)
	}
}

// What refers to an erased record goes through without the reference.
func TestReferenceToAnErasedRecordIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.shop.Organisations, w.crm.Organisations = true, true
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	organisation := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Babbage and Sons", "info@example.com"))).RecordID
	id := w.Observe("shop", w.shop.Edit("s2", func(c *canonicalv1.Customer) {
		hubtest.Named("Ada", "ada@example.com")(c)
		c.Organisation = &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: "s1"}}}
	})).RecordID
	if err := w.Deliver(id, "crm", false); err != nil || w.Bundle(id).Delivery("crm").State != store.Blocked {
		t.Fatalf("the delivery is %+v, %v; want it to wait for the organisation", w.Bundle(id).Delivery("crm"), err)
	}
	w.Erase(organisation)
	if err := w.Deliver(id, "crm", false); err != nil {
		t.Fatal(err)
	}
	b := w.Bundle(id)
	if d := b.Delivery("crm"); d.State != store.Settled || w.onlyCRM(t).GetName().GetFull() != "Ada" {
		t.Errorf("the delivery is %+v", d)
	}
	if refused := b.View("crm", b.Primary("crm").ExternalID).View.Refused["organisation"]; refused.Reason != string(organisation)+" was erased" {
		t.Errorf("the reference is noted as %+v", refused)
	}
}

// nothing sees to it that the database holds none of the values.
func (w *world) nothing(t *testing.T, values ...string) {
	t.Helper()
	dump := hubtest.DumpOf(t, w.Store)
	for _, value := range values {
		if found := dump.Find(value); len(found) > 0 {
			t.Errorf("%q is in %v", value, found)
		}
	}
}

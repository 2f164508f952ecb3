package deliver_test

import (
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/hubtest"
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

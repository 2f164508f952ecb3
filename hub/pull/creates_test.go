package pull_test

import (
	"testing"

	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

// Connecting a second system must not duplicate every customer in it.
func TestNothingIsCreatedAtATargetBeforeItsOwnBackfillIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.Fill("c", 30)
	result := w.Observe("crm", w.crm.Edit("1", hubtest.Named("Seventeen", "c17@example.com")))
	if err := w.Deliver(result.RecordID, "shop", false); err != nil {
		t.Fatal(err)
	}
	if d := w.Bundle(result.RecordID).Delivery("shop"); w.shop.Pushes() != 0 || d == nil || d.State != store.Blocked {
		t.Fatalf("%d pushes; %+v", w.shop.Pushes(), d)
	}
	w.run()
	if got := lookup(w, "c17"); got != string(result.RecordID) {
		t.Errorf("c17 is of %s, want %s", got, result.RecordID)
	}
	other := w.Observe("crm", w.crm.Edit("2", hubtest.Named("Nobody", "nobody@example.com")))
	if err := w.Deliver(other.RecordID, "shop", false); err != nil || len(w.shop.Customers()) != 31 {
		t.Errorf("%v; %d customers after the backfill, want 31", err, len(w.shop.Customers()))
	}
}

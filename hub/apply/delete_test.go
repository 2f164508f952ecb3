package apply_test

import (
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

type configv1KindPolicy = configv1.KindPolicy

func rule(sources ...string) *configv1.Rule { return &configv1.Rule{Prefer: sources} }

// gone is what a source says of an object that it deleted.
func gone(id adapters.ExternalID, at time.Time) adapters.Observation {
	return adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: id}, Gone: true, At: at}
}

func deletedBy(source, effect string) func(*configv1KindPolicy) {
	return func(p *configv1KindPolicy) { p.Delete = &configv1.Delete{By: []string{source}, Effect: effect} }
}

func TestDeleteAndItsReturnUnderTheSameID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deletedBy("shop", "tombstone"))
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491")))
	last := w.shop.Edit("s1", hubtest.Phone("+492"))
	w.Observe("shop", gone("s1", last.At.Add(time.Second)))
	b := w.Bundle(made.RecordID)
	if b.Record.DeletedAt.IsZero() || b.Primary("shop").State != store.LinkGone {
		t.Fatalf("deleted at %v, link %s", b.Record.DeletedAt, b.Primary("shop").State)
	}
	w.Observe("shop", last)
	if b := w.Bundle(made.RecordID); b.Record.DeletedAt.IsZero() || b.Primary("shop").State != store.LinkGone {
		t.Errorf("what was said before the delete brought it back: deleted at %v, link %s", b.Record.DeletedAt, b.Primary("shop").State)
	}
	if got := w.Bundle(made.RecordID).Record.Message.(*canonicalv1.Customer).GetPhone(); got != "+492" {
		t.Errorf("the last word before the delete is %q, and came after it: it counts all the same", got)
	}
	last.At = last.At.Add(time.Minute)
	if back := w.Observe("shop", last); back.RecordID != made.RecordID || !w.Bundle(made.RecordID).Record.DeletedAt.IsZero() {
		t.Errorf("seen again, it is of %s, deleted at %v", back.RecordID, w.Bundle(made.RecordID).Record.DeletedAt)
	}
}

// A deleted record is not found by its keys: the party that comes back under a new id is a new record. Where deletes
// are ignored the record lives, and the new object takes the place of the old.
func TestReturnUnderANewID(t *testing.T) {
	t.Parallel()
	for effect, same := range map[string]bool{"tombstone": false, "ignore": true} {
		t.Run(effect, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deletedBy("shop", effect))
			first := w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
			made := w.Observe("shop", first)
			w.Observe("shop", gone("s1", first.At.Add(time.Second)))
			back := w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Ada again", "ada@example.com")))
			if got := back.RecordID == made.RecordID; got != same {
				t.Fatalf("the party that came back is %s, the one before %s", back.RecordID, made.RecordID)
			}
			if b := w.Bundle(back.RecordID); b.Primary("shop").ExternalID != "s2" || w.customer(back.RecordID).GetName().GetFull() != "Ada again" {
				t.Errorf("the primary is %s, the name %s, want those of the new object", b.Primary("shop").ExternalID, w.customer(back.RecordID).GetName().GetFull())
			}
		})
	}
}

func TestDeleteOfAPlaceholder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deletedBy("shop", "tombstone"))
	invoice := w.Observe("shop", invoiceOf("s1")).RecordID
	id := w.customerOf(t, invoice)
	w.Observe("shop", gone("s1", time.Now()))
	if b := w.Bundle(id); !b.Record.Placeholder || b.Record.DeletedAt.IsZero() {
		t.Fatalf("the placeholder is %+v, want it deleted", b.Record)
	}
	back := w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	back.At = time.Now().Add(time.Minute)
	if got := w.Observe("shop", back); got.RecordID != id || w.Bundle(id).Record.Placeholder || !w.Bundle(id).Record.DeletedAt.IsZero() {
		t.Errorf("its object came as %s, the record is %+v", got.RecordID, w.Bundle(id).Record)
	}
}

// A source that holds a party twice and deletes one has not deleted the party.
func TestDeleteOfOneOfTwoObjectsDeletesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deletedBy("shop", "tombstone"))
	first := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Ada", "ada@example.com")))
	w.Observe("shop", gone("s1", time.Now()))
	if b := w.Bundle(first.RecordID); !b.Record.DeletedAt.IsZero() || b.Primary("shop").ExternalID != "s2" {
		t.Errorf("deleted at %v, primary %s", b.Record.DeletedAt, b.Primary("shop").ExternalID)
	}
	w.Observe("shop", gone("s2", time.Now()))
	if w.Bundle(first.RecordID).Record.DeletedAt.IsZero() {
		t.Error("its last object is gone, and the record lives")
	}
}

// A merge at a source that is trusted with it merges the records, and redelivered does nothing more.
func TestMergeAtATrustedSourceMergesTheRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1KindPolicy) { p.Merge = &configv1.Merge{By: []string{"crm"}} })
	older := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	younger := w.Observe("crm", w.crm.Edit("c2", hubtest.Named("A. L.", "lovelace@example.com"))).RecordID
	merged := gone("c1", time.Now())
	merged.MergedInto = "c2"
	if got := w.Observe("crm", merged); got.RecordID != older || got.Outcome != apply.Gone {
		t.Fatalf("%+v", got)
	}
	b := w.Bundle(younger)
	if b.Record.ID != older || b.Primary("crm").ExternalID != "c2" || !b.Record.DeletedAt.IsZero() || w.customer(older).GetName().GetFull() != "A. L." {
		t.Errorf("the record is %s, its primary %s, its message %v", b.Record.ID, b.Primary("crm").ExternalID, w.customer(older))
	}
	if again := w.Observe("crm", merged); again.Outcome != apply.Duplicate {
		t.Errorf("the merge again: %+v", again)
	}
	// Into an object that nobody has heard of: it is the party's from now on.
	into := gone("c2", time.Now())
	into.MergedInto = "c3"
	w.Observe("crm", into)
	if p := w.Bundle(older).Primary("crm"); p.ExternalID != "c3" {
		t.Errorf("the primary is %s, want the object that lives", p.ExternalID)
	}
	if r := openReviews(t, w); len(r) != 0 {
		t.Errorf("reviews: %+v", r)
	}
}

package apply_test

import (
	"errors"
	"testing"

	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func object(connection, id string) store.LinkKey {
	return store.LinkKey{Connection: connection, Kind: model.Customer, ExternalID: id}
}

func (w *world) link(t *testing.T, l apply.Link) {
	t.Helper()
	if _, err := w.Applier.Link(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

func TestLinkByHandIsHeardFromTheNextObservationOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shop := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.link(t, apply.Link{RecordID: shop, Object: object("crm", "c1"), By: "ada"})
	w.crm.Edit("c1", hubtest.Named("Countess", "countess@example.com"))
	heard := w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+491")))
	if heard.RecordID != shop || w.customer(shop).GetPhone() != "+491" {
		t.Errorf("the object is of %s and the record %v, want what it says in %s", heard.RecordID, w.customer(shop), shop)
	}
}

func TestLinkMovesAnObjectOnlyWhenAskedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shop, crm := w.two()
	l := apply.Link{RecordID: shop, Object: object("crm", "c1"), By: "ada"}
	if _, err := w.Applier.Link(t.Context(), l); !errors.Is(err, apply.ErrLinked) {
		t.Fatalf("linking an object of another record: %v", err)
	}
	l.Move = true
	w.link(t, l)
	if b := w.Bundle(shop); b.Primary("crm") == nil || b.View("crm", "c1") == nil {
		t.Error("the object, or what it said, did not move")
	}
	if b := w.Bundle(crm); len(b.Links) != 0 || b.View("crm", "c1") != nil || b.Record.ID != crm {
		t.Errorf("the other record has %d links", len(b.Links))
	}
	// Told to be primary, the second object of a connection speaks.
	other := w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Second", "second@example.com"))).RecordID
	w.link(t, apply.Link{RecordID: shop, Object: object("shop", "s2"), Move: true, Primary: true})
	if b := w.Bundle(shop); b.Primary("shop").ExternalID != "s2" || w.customer(shop).GetName().GetFull() != "Second" || len(w.Bundle(other).Links) != 0 {
		t.Errorf("the primary is %s, the name %s", b.Primary("shop").ExternalID, w.customer(shop).GetName().GetFull())
	}
}

// A placeholder has no word of its own: linked by hand, its record becomes part of the other, and references go there.
func TestLinkOfAPlaceholdersObjectMergesThePlaceholder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	crm := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	invoice := w.Observe("shop", invoiceOf("s1")).RecordID
	w.link(t, apply.Link{RecordID: crm, Object: object("shop", "s1")})
	if got := w.Bundle(w.customerOf(t, invoice)).Record.ID; got != crm {
		t.Errorf("the invoice's customer is %s, want %s", got, crm)
	}
}

func TestUnlinkedObjectDoesNotFindBackByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shop := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))
	w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+491")))
	unlink := apply.Link{RecordID: shop, Object: object("crm", "c1"), By: "ada", Why: "not she"}
	if _, err := w.Applier.Unlink(t.Context(), unlink); err != nil {
		t.Fatal(err)
	}
	if w.customer(shop).Phone != nil {
		t.Errorf("what the object said still counts: %v", w.customer(shop))
	}
	if _, err := w.Applier.Unlink(t.Context(), unlink); !errors.Is(err, apply.ErrNotLinked) {
		t.Errorf("unlinking twice: %v", err)
	}
	again := w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+492")))
	if again.RecordID == shop || again.RecordID == "" {
		t.Fatalf("the object found %s by its e-mail address, though a person took it from %s", again.RecordID, shop)
	}
	if r := openReviews(t, w); len(r) != 1 || r[0].Reason != store.SharedKey {
		t.Errorf("reviews: %+v, want that the two share an address", r)
	}
	// A person may link it again.
	w.link(t, apply.Link{RecordID: shop, Object: object("crm", "c1"), Move: true})
	if got := w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+493"))); got.RecordID != shop || w.customer(shop).GetPhone() != "+493" {
		t.Errorf("linked again, the object is of %s", got.RecordID)
	}
}

// An object that waited for a record does not take the place that a person took from it.
func TestUnlinkedOrphanIsNotTakenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1KindPolicy) { p.Create = []string{"shop"} })
	shop := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	if _, err := w.Applier.Unlink(t.Context(), apply.Link{RecordID: shop, Object: object("crm", "c1")}); err != nil {
		t.Fatal(err)
	}
	if again := w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+492"))); again.Outcome != apply.Orphaned {
		t.Errorf("the object is %s, want it to wait", again.Outcome)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "other@example.com")))
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))) // the key is new again
	if link := w.Bundle(shop).Link(object("crm", "c1")); link.Speaks() {
		t.Errorf("the object was linked again: %+v", link)
	}
}

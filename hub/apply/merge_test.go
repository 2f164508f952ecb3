package apply_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// customer is a record's message.
func (w *world) customer(id store.RecordID) *canonicalv1.Customer {
	return w.Bundle(id).Record.Message.(*canonicalv1.Customer)
}

// two are a record of the shop's and a younger one of the crm's.
func (w *world) two() (shop, crm store.RecordID) {
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	shop = w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))).RecordID
	crm = w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada L", "lovelace@example.com"))).RecordID
	return shop, crm
}

// say stores what an internal source, or a person, says of a record, as its own view, and folds.
func (w *world) say(t *testing.T, id store.RecordID, source string, change func(*canonicalv1.Customer), paths ...model.Path) {
	t.Helper()
	err := w.Applier.InTx(t.Context(), func(tx apply.Tx) error {
		b, err := tx.LockBundle(t.Context(), id)
		if err != nil {
			return err
		}
		v := b.View(source, "")
		if v == nil {
			v = &store.View{RecordID: b.Record.ID, Source: source, View: view.New(model.For(model.Customer))}
			b.Views = append(b.Views, v)
		}
		message := &canonicalv1.Customer{}
		change(message)
		v.View.Observe(view.Observation{Stamp: v.View.Next(time.Now()), Message: message, Paths: paths})
		if err := tx.PutView(v); err != nil {
			return err
		}
		_, err = w.Applier.Fold(t.Context(), tx, b, apply.Cause{Source: source, CorrelationID: "test"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMergeMakesOneRecordAndTellsTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shop, crm := w.two()
	before := w.Bundle(shop).Record.Revision
	if lives := w.Merge(crm, shop); lives != shop {
		t.Fatalf("%s lives, want the older %s", lives, shop)
	}
	b := w.Bundle(crm)
	if b.Record.ID != shop || len(b.Links) != 2 || b.Record.Revision != before+1 {
		t.Fatalf("the merged id answers with %s at revision %d, with %d links", b.Record.ID, b.Record.Revision, len(b.Links))
	}
	w.Work()
	w.Agree()
	want := &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Ada")}, Email: proto.String("ada@example.com"), Phone: proto.String("+491")}
	for name, got := range map[string]*canonicalv1.Customer{"the crm": w.crm.Customer("c1"), "the shop": w.shop.Customer("s1"), "the record": w.customer(shop)} {
		if !proto.Equal(got, want) {
			t.Errorf("%s has %v, want %v", name, got, want)
		}
	}
	if len(w.crm.Customers()) != 1 || len(w.shop.Customers()) != 1 {
		t.Errorf("the shop has %s, the crm %s: want one object each", w.shop, w.crm)
	}
	if again := w.Merge(shop, crm); again != shop || w.Bundle(shop).Record.Revision != b.Record.Revision {
		t.Errorf("merging again gives %s at revision %d, want nothing to happen", again, w.Bundle(shop).Record.Revision)
	}
}

func TestMergeOfOtherKindsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shop, _ := w.two()
	invoice := w.Observe("shop", invoiceOf("s1"))
	_, err := w.Applier.Merge(t.Context(), apply.Merge{A: shop, B: invoice.RecordID})
	if !errors.Is(err, apply.ErrOtherKind) {
		t.Errorf("merging a customer and an invoice: %v", err)
	}
	if _, err := w.Applier.Merge(t.Context(), apply.Merge{A: shop, B: "customer_00000000000000000000000000"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("merging with what is not there: %v", err)
	}
}

// Two primaries of one connection: the survivor's stays, the other follows.
func TestSecondObjectOfAConnectionFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	second := w.Observe("crm", w.crm.Edit("c2", hubtest.Named("A. Lovelace", "lovelace@example.com"))).RecordID
	w.Merge(first, second)
	b := w.Bundle(first)
	if p := b.Primary("crm"); p == nil || p.ExternalID != "c1" || len(b.Links) != 2 {
		t.Fatalf("the primary is %+v of %d links, want c1", p, len(b.Links))
	}
	w.Work()
	w.Agree()
	if c := w.crm.Customer("c2"); c.GetName().GetFull() != "Ada" || c.GetEmail() != "lovelace@example.com" {
		t.Errorf("the second object is %v, want the record's name and, since it tells objects apart, its own e-mail address", c)
	}
	// Its own edits do not speak: they are corrected.
	w.Observe("crm", w.crm.Edit("c2", hubtest.Named("Somebody", "lovelace@example.com")))
	w.Agree()
	if c := w.crm.Customer("c2"); c.GetName().GetFull() != "Ada" || w.customer(first).GetName().GetFull() != "Ada" {
		t.Errorf("after an edit the second object is %v, the record %v", c, w.customer(first))
	}
	// When the primary goes, the second speaks.
	w.Observe("crm", gone("c1", w.crm.Edit("c1", hubtest.Phone("+491")).At.Add(time.Minute)))
	if p := w.Bundle(first).Primary("crm"); p.ExternalID != "c2" || w.customer(first).GetEmail() != "lovelace@example.com" {
		t.Errorf("the primary is %s and the e-mail address %s, want those of c2", p.ExternalID, w.customer(first).GetEmail())
	}
}

func TestUnmergeRestoresBothFromTheirViews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1KindPolicy) {
		p.Attributes["phone"] = rule("billing", "shop", "crm")
	})
	shop, crm := w.two()
	w.say(t, crm, "billing", hubtest.Phone("+499"), "phone")
	if _, err := w.Applier.Decide(t.Context(), apply.Decision{RecordID: crm, Path: "name", Authority: policy.Operator, By: "ada",
		Message: &canonicalv1.Customer{Name: &canonicalv1.PersonName{Full: proto.String("Countess")}}}); err != nil {
		t.Fatal(err)
	}
	a, b := w.customer(shop), w.customer(crm)
	links := func(id store.RecordID) (out []string) {
		for _, l := range w.Bundle(id).Links {
			out = append(out, l.Connection+" "+l.ExternalID)
		}
		return out
	}
	w.Merge(shop, crm)
	// What was said of the other counts, where it was not said of the one that lives.
	if got := w.customer(shop); got.GetPhone() != "+499" || got.GetName().GetFull() != "Countess" || got.GetEmail() != "ada@example.com" {
		t.Errorf("merged: %v", got)
	}
	w.say(t, shop, "billing", hubtest.Phone("+498"), "phone")
	if got := w.customer(crm).GetPhone(); got != "+498" {
		t.Errorf("the phone is %s, want what billing says of the record that lives", got)
	}
	w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Ada", "lovelace@example.com"))) // linked since, by the crm's address
	w.Unmerge(shop, crm)
	if got := links(shop); !slices.Equal(got, []string{"shop s1", "shop s2"}) {
		t.Errorf("the survivor has %v, want its own and what was linked since", got)
	}
	if got := links(crm); !slices.Equal(got, []string{"crm c1"}) {
		t.Errorf("the other has %v, want its own", got)
	}
	if got := w.customer(crm); !proto.Equal(got, b) || w.Bundle(crm).Record.ID != crm {
		t.Errorf("the other is %v, want %v as before", got, b)
	}
	a.Phone = proto.String("+498") // what billing said of it since
	if got := w.customer(shop); !proto.Equal(got, a) {
		t.Errorf("the survivor is %v, want %v", got, a)
	}
	if r := openReviews(t, w); len(r) != 0 {
		t.Errorf("after a person said that they are two, reviews ask again: %+v", r)
	}
	_, _, err := w.Applier.Unmerge(t.Context(), apply.Unmerge{Survivor: shop, Merged: crm})
	if !errors.Is(err, apply.ErrNotMerged) {
		t.Errorf("undoing it twice: %v", err)
	}
}

// What was merged into a record before goes with it, and redirects stay flat.
func TestChainsOfMergesComeApartAsTheyWereMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var ids []store.RecordID
	for n := range 4 {
		ids = append(ids, w.Observe("crm", w.crm.Edit(hubtest.ID("c", n), hubtest.Named("N", string(hubtest.ID("n", n))+"@example.com"))).RecordID)
	}
	w.Merge(ids[2], ids[3])
	w.Merge(ids[3], ids[1])
	w.Merge(ids[0], ids[2])
	for _, id := range ids {
		if got := w.Bundle(id).Record.ID; got != ids[0] {
			t.Errorf("%s answers with %s, want %s", id, got, ids[0])
		}
	}
	w.Unmerge(ids[0], ids[1])
	for i, want := range []store.RecordID{ids[0], ids[1], ids[1], ids[1]} {
		if got := w.Bundle(ids[i]).Record.ID; got != want {
			t.Errorf("%s answers with %s, want %s", ids[i], got, want)
		}
	}
	w.Unmerge(ids[3], ids[2]) // any id that answers with it will do
	for i, want := range []store.RecordID{ids[0], ids[1], ids[2], ids[2]} {
		b := w.Bundle(ids[i])
		if b.Record.ID != want {
			t.Errorf("%s answers with %s, want %s", ids[i], b.Record.ID, want)
		}
	}
	if n := len(w.Bundle(ids[2]).Links); n != 2 {
		t.Errorf("the last has %d links, want its own and that of what is merged into it", n)
	}
}

func TestReferencesFollowAMergeAndItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	crm := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	invoice := w.Observe("shop", invoiceOf("s1")).RecordID
	shop := w.customerOf(t, invoice)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("A", "a@example.com")))
	w.Merge(crm, shop)
	refold := func() {
		t.Helper()
		err := w.Applier.InTx(t.Context(), func(tx apply.Tx) error {
			b, err := tx.LockBundle(t.Context(), invoice)
			if err != nil {
				return err
			}
			_, err = w.Applier.Fold(t.Context(), tx, b, apply.Cause{Source: "test", CorrelationID: "test"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := w.Bundle(w.customerOf(t, invoice)).Record.ID; got != crm {
		t.Errorf("before it is folded, the reference answers with %s, want %s", got, crm)
	}
	refold()
	if got := w.customerOf(t, invoice); got != crm {
		t.Errorf("folded, the invoice refers to %s, want %s", got, crm)
	}
	w.Unmerge(crm, shop)
	refold()
	if got := w.customerOf(t, invoice); got != shop {
		t.Errorf("after the merge is undone, the invoice refers to %s, want %s", got, shop)
	}
}

// A merge settles the reviews that asked whether the two are one.
func TestMergeClosesWhatAskedForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shop, crm := w.two()
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	if r := openReviews(t, w); len(r) != 1 || r[0].Reason != store.SharedKey {
		t.Fatalf("reviews: %+v", r)
	}
	w.Merge(shop, crm)
	if r := openReviews(t, w); len(r) != 0 {
		t.Errorf("still open: %+v", r)
	}
}

func openReviews(t *testing.T, w *world) []*store.Review {
	t.Helper()
	found, err := w.Store.Reviews(context.Background(), store.ReviewQuery{Kinds: model.Kinds(), Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

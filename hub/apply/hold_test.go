package apply_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/policy"
	"github.com/canonhub/canonhub/hub/store"
)

func holding(p *configv1.KindPolicy) {
	p.Match = []string{"email"}
	p.Attributes["phone"] = &configv1.Rule{Hold: []string{"shop", "crm"}}
}

func (w *world) phone(id store.RecordID) string {
	return w.Bundle(id).Record.Message.(*canonicalv1.Customer).GetPhone()
}

// review is the open review of a record's phone number; nil where there is none.
func (w *world) review(id store.RecordID) *store.Review {
	return w.Bundle(id).Review(store.Held, "", "phone")
}

// disagreeing makes a customer of whose phone number the shop says 1 and the crm 2.
func (w *world) disagreeing(t *testing.T) store.RecordID {
	t.Helper()
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))).RecordID
	w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))
	w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+492")))
	if got, r := w.phone(id), w.review(id); got != "+491" || r == nil {
		t.Fatalf("the number is %s with review %v, want that it stays and a review is open", got, r)
	}
	return id
}

func TestHeldValueStaysAndAReviewAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, holding)
	id := w.disagreeing(t)
	w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+493")))
	if got := w.phone(id); got != "+491" {
		t.Errorf("the number is %s after one more word of one side", got)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+493")))
	if got := w.phone(id); got != "+493" || w.review(id) != nil {
		t.Errorf("the sources agree on +493; the number is %s, and the review %v", got, w.review(id))
	}
}

func TestDecisionsOutliveTheNextFoldAndEndWithTheNextWord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		decide    apply.Decision
		now, then string // the number, and what it is after the crm says +494
		reviewed  bool   // whether that opens a review again
	}{
		"take a side":   {apply.Decision{Take: "crm"}, "+492", "+492", true},
		"set a value":   {apply.Decision{Message: &canonicalv1.Customer{Phone: proto.String("+499")}}, "+499", "+499", true},
		"none":          {apply.Decision{Message: &canonicalv1.Customer{}}, "", "", true},
		"who decides":   {apply.Decision{Authority: "crm"}, "+492", "+494", false},
		"pin":           {apply.Decision{Authority: policy.Operator}, "+491", "+491", false},
		"keep as it is": {apply.Decision{Keep: true}, "+491", "+491", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, holding)
			id := w.disagreeing(t)
			asked := w.review(id).ID
			d := c.decide
			d.RecordID, d.Path, d.By, d.Why = id, "phone", "eve", "asked the customer"
			if _, err := w.Applier.Decide(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			if got := w.phone(id); got != c.now || w.review(id) != nil {
				t.Errorf("the number is %q with review %v, want %q and none", got, w.review(id), c.now)
			}
			closed, err := w.Store.Review(context.Background(), asked)
			if err != nil || closed.ClosedBy != "eve" || closed.ClosedWhy != "asked the customer" || closed.ClosedAt.IsZero() || (closed.Resolution == store.Dismissed) != d.Keep {
				t.Errorf("the review is %+v (%v)", closed, err)
			}
			w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada King", "ada@example.com"))) // another attribute: folds again
			if got := w.phone(id); got != c.now {
				t.Errorf("after a fold for another attribute the number is %q, want %q", got, c.now)
			}
			w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+494")))
			if got := w.phone(id); got != c.then || (w.review(id) != nil) != c.reviewed {
				t.Errorf("after the crm's next word the number is %q with review %v, want %q and a review: %t", got, w.review(id), c.then, c.reviewed)
			}
		})
	}
}

func TestDecisionIsWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	d := apply.Decision{RecordID: id, Path: "email", Authority: policy.Operator, Message: &canonicalv1.Customer{Email: proto.String("own@example.com")}}
	email := func() string { return w.Bundle(id).Record.Message.(*canonicalv1.Customer).GetEmail() }
	if _, err := w.Applier.Decide(context.Background(), d); err != nil || email() != "own@example.com" {
		t.Fatalf("%s, %v", email(), err)
	}
	if _, err := w.Applier.Decide(context.Background(), apply.Decision{RecordID: id, Path: "email", Withdraw: true}); err != nil || email() != "ada@example.com" {
		t.Errorf("%s after the withdrawal (%v)", email(), err)
	}
	if _, err := w.Applier.Decide(context.Background(), apply.Decision{RecordID: id, Path: "email", Withdraw: true}); err == nil {
		t.Error("a decision that is not there was withdrawn")
	}
	if _, err := w.Applier.Decide(context.Background(), apply.Decision{RecordID: id, Path: "emial", Authority: "shop"}); err == nil {
		t.Error("an attribute that is not there was decided over")
	}
	if _, err := w.Applier.Decide(context.Background(), apply.Decision{RecordID: id, Path: "email", Take: "crm"}); err == nil {
		t.Error("the side of one who said nothing was taken")
	}
}

// A policy that begins to hold holds what is there.
func TestPolicyThatBeginsToHoldKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))).RecordID
	w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))
	w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+492")))
	policies := hubtest.Preferring("crm", "shop")
	policies["customer"].Attributes["phone"] = &configv1.Rule{Hold: []string{"crm", "shop"}}
	w.Activate(policies)
	if err := w.Applier.Refold(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := w.phone(id); got != "+491" || w.review(id) == nil {
		t.Errorf("the number is %s with review %v, want that it stays and a review", got, w.review(id))
	}
	w.Activate(hubtest.Preferring("crm", "shop")) // and ends when it holds no more
	if err := w.Applier.Refold(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := w.phone(id); got != "+492" || w.review(id) != nil {
		t.Errorf("the number is %s with review %v, want the crm's and none", got, w.review(id))
	}
	if v := w.Bundle(id).View(policy.Keeper, ""); v != nil && len(v.View.State().Claims) > 0 {
		t.Errorf("something is held still: %v", v.View.State().Claims)
	}
}

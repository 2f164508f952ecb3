package apply_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/store"
)

func TestErasedRecordAnswersWithoutAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shop, crm := w.two()
	w.Merge(shop, crm)
	before := w.Bundle(shop).Record.Revision
	w.Erase(crm) // the id that was merged: the whole is erased
	for _, id := range []store.RecordID{shop, crm} {
		b := w.Bundle(id)
		if r := b.Record; r.ID != shop || r.ErasedAt.IsZero() || r.DeletedAt.IsZero() || r.Revision != before+1 || !proto.Equal(r.Message, &canonicalv1.Customer{}) {
			t.Errorf("%s answers with %+v", id, r)
		}
		if len(b.Links)+len(b.Views)+len(b.Inherited)+len(b.MatchKeys)+len(b.Reviews) > 0 {
			t.Errorf("%s has still %d links, %d views, %d keys", id, len(b.Links), len(b.Views), len(b.MatchKeys))
		}
	}
	var paths []string
	must(t, w.Store.Pool().QueryRow(t.Context(), `select paths from changes where record_id = $1 and revision = $2`, shop, before+1).Scan(&paths))
	if !slices.Contains(paths, "email") || !slices.Contains(paths, "phone") || slices.Contains(paths, "note") {
		t.Errorf("the change names %v, want the attributes that there were", paths)
	}
	again, err := w.Applier.Erase(t.Context(), apply.Erase{RecordID: shop, By: "dpo"})
	if err != nil || again.Outcome != apply.Duplicate || w.Bundle(shop).Record.Revision != before+1 {
		t.Errorf("erased again: %+v, %v", again, err)
	}
	if _, err := w.Applier.Erase(t.Context(), apply.Erase{RecordID: "customer_00000000000000000000000000"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("erasing what is not there: %v", err)
	}
}

func TestErasedObjectDoesNotComeBackAndItsPartyMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	erased := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.Erase(erased)
	if got := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))); got.Outcome != apply.Erased || got.RecordID != "" {
		t.Errorf("the object is %+v, want it erased", got)
	}
	if got := w.Observe("shop", gone("s1", w.shop.Edit("s1", hubtest.Phone("+491")).At)); got.Outcome != apply.Erased {
		t.Errorf("its end is %+v, want it erased", got)
	}
	if _, err := w.Applier.Link(t.Context(), apply.Link{RecordID: erased, Object: object("crm", "c9")}); !errors.Is(err, apply.ErrErased) {
		t.Errorf("linking to the record: %v", err)
	}
	other := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	if other.Outcome != apply.Applied || other.RecordID == erased {
		t.Errorf("another object with her address is %+v, want a record of its own", other)
	}
	if _, err := w.Applier.Link(t.Context(), apply.Link{RecordID: other.RecordID, Object: object("shop", "s1")}); !errors.Is(err, apply.ErrErasedObject) {
		t.Errorf("linking the object: %v", err)
	}
	if _, err := w.Applier.Merge(t.Context(), apply.Merge{A: other.RecordID, B: erased}); !errors.Is(err, apply.ErrErased) {
		t.Errorf("merging with the record: %v", err)
	}
	if _, err := w.Applier.Decide(t.Context(), apply.Decision{RecordID: erased, Path: "phone", Keep: true}); !errors.Is(err, apply.ErrErased) {
		t.Errorf("deciding over the record: %v", err)
	}
}

// An invoice goes on pointing to the customer's record, whether it came before or after.
func TestReferencesToAnErasedRecordKeepItsID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	erased := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	invoice := w.Observe("shop", invoiceOf("s1")).RecordID
	w.Erase(erased)
	if got := w.customerOf(t, invoice); got != erased {
		t.Errorf("the invoice is of %s, want %s", got, erased)
	}
	later := invoiceOf("s1")
	later.ExternalID = "in_2"
	if got := w.customerOf(t, w.Observe("shop", later).RecordID); got != erased {
		t.Errorf("a later invoice is of %s, want %s", got, erased)
	}
}

func TestObjectOfAPlaceholderThatWasErasedIsNotTakenIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	invoice := w.Observe("shop", invoiceOf("s1")).RecordID
	w.Erase(w.customerOf(t, invoice))
	if got := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))); got.Outcome != apply.Erased {
		t.Errorf("the object is %+v, want it erased", got)
	}
}

// A create whose answer was lost made an object that carries the record's id.
func TestObjectThatCarriesAnErasedRecordsIDIsErasedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	erased := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.Erase(erased)
	made := w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))
	made.RecordID = string(erased)
	if got := w.Observe("crm", made); got.Outcome != apply.Erased {
		t.Errorf("the object is %+v, want it erased", got)
	}
	if got := w.Observe("crm", w.crm.Edit("c1", hubtest.Phone("+491"))); got.Outcome != apply.Erased {
		t.Errorf("the object is %+v when it does not carry the id any more, want it erased", got)
	}
}

func TestMergeAtTheSourceWithAnErasedObjectAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1KindPolicy) { p.Merge = &configv1.Merge{By: []string{"crm"}} })
	erased := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	other := w.Observe("crm", w.crm.Edit("c2", hubtest.Named("Ada L", "lovelace@example.com")))
	w.Erase(erased)
	merged := gone("c2", w.crm.Edit("c2", hubtest.Phone("+491")).At)
	merged.MergedInto = "c1"
	w.Observe("crm", merged)
	b := w.Bundle(other.RecordID)
	if b.Record.ID != other.RecordID || !b.Record.ErasedAt.IsZero() || len(b.Reviews) != 1 || b.Reviews[0].Reason != store.MergedAtSource {
		t.Errorf("the other record is %+v with reviews %v, want a question", b.Record, b.Reviews)
	}
}

func TestErasedRecordsAreNotFoldedByANewPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	erased := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	w.Erase(erased)
	before := w.Bundle(erased).Record.Revision
	w.Activate(hubtest.Preferring("crm", "shop"))
	must(t, w.Applier.Refold(t.Context()))
	if got := w.Bundle(erased).Record; got.Revision != before || got.PolicyVersion != w.Applier.Active().Version {
		t.Errorf("the record is at revision %d of policy %d", got.Revision, got.PolicyVersion)
	}
}

// An erased record ends the reviews about it, and those about its objects.
func TestErasureEndsReviews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, holding)
	id := w.disagreeing(t)
	review := w.review(id)
	w.Erase(id)
	got, err := w.Store.Review(t.Context(), review.ID)
	must(t, err)
	if got.ClosedAt.IsZero() || got.ClosedBy != "dpo" || got.Resolution != store.SettledItself {
		t.Errorf("the review is %+v, want it closed", got)
	}
}

// A receipt of several objects is heard for those that were not erased, and emptied then.
func TestReceiptOfSeveralObjectsIsHeardBeforeItIsEmptied(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	l.webhook("shop", "s1; Ada")
	l.Erase(l.record("shop", "s1"))
	l.shop.Edit("s2", hubtest.Named("Bob", "bob@example.com"))
	l.webhook("shop", "s1 s2; Ada and Bob")
	if got := l.customer(l.record("shop", "s2")).GetName().GetFull(); got != "Bob" {
		t.Errorf("the other object is heard as %q", got)
	}
	l.Erased()
	var left int
	must(t, l.Store.Pool().QueryRow(t.Context(), `select count(*) from receipts where body <> ''`).Scan(&left))
	if left > 0 {
		t.Errorf("%d receipts have a body", left)
	}
}

// Whatever is under way while a customer is erased (events, pushes that fail, writes, merges), nothing is left of her.
func TestErasureAmongEverythingElse(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	const customers = 12
	var sent sync.Map
	l.crm.AfterPush = func(r adapters.Request) error {
		if _, again := sent.LoadOrStore(r.Key, true); !again {
			return &fault.Error{Category: fault.Transient, Op: "push", Message: "lost: " + string(r.ExternalID), MaybeDone: true}
		}
		return nil
	}
	var all sync.WaitGroup
	for n := range customers {
		name, id := fmt.Sprintf("Countess the %dth", n), hubtest.ID("countess-", n)
		l.shop.Edit(id, hubtest.Named(name, fmt.Sprintf("c%d@example.com", n)))
		record := l.Observe("shop", l.shop.Edit(id, hubtest.Phone("+491"))).RecordID
		twin := l.Observe("shop", l.shop.Edit(hubtest.ID("twin-", n), hubtest.Named("twin", fmt.Sprintf("twin%d@example.com", n)))).RecordID
		all.Go(func() {
			for i := range 6 {
				l.shop.Edit(id, hubtest.Phone(fmt.Sprintf("+49%d", 10+i)))
				must(t, l.event(fmt.Sprint(n, "-", i), fmt.Sprintf("%s; %s", id, name)))
			}
		})
		all.Go(func() {
			_, _ = l.write(record, "", func(c *canonicalv1.Customer) { c.Note = proto.String(name) }, "note")
			_, _ = l.Applier.Merge(t.Context(), apply.Merge{A: record, B: twin, By: "eve", Why: name})
			_, _ = l.write(record, "", func(c *canonicalv1.Customer) { c.Note = proto.String("once more " + name) }, "note")
		})
		all.Go(func() {
			if n%2 == 0 {
				l.Until("it is heard", func() bool { return l.Bundle(record).Record.Revision > 2 })
			}
			l.Erase(record)
		})
	}
	all.Wait()
	l.Agree()
	l.Erased()
	dump := hubtest.DumpOf(t, l.Store)
	for n := range customers {
		for _, secret := range []string{fmt.Sprintf("Countess the %dth", n), fmt.Sprintf("countess-%d;", n), fmt.Sprintf("c%d@example.com", n)} {
			if found := dump.Find(secret); len(found) > 0 {
				t.Errorf("%q is still in %v", secret, found)
			}
		}
	}
}

// event takes an event in and waits for nothing.
func (l *life) event(key, body string) error {
	r := &store.Receipt{ID: "r-" + key, Connection: "shop", EventKey: body + key, Type: "t", Body: []byte(body), CorrelationID: "c-" + key}
	return l.Store.InTx(l.t.Context(), func(tx *store.Tx) error {
		if _, err := tx.PutReceipts(l.t.Context(), []*store.Receipt{r}); err != nil {
			return err
		}
		return l.Queue.Translate(l.t.Context(), tx, []*store.Receipt{r})
	})
}

// forgotten is the word of a source that a person asked to be forgotten.
func forgotten(o adapters.Observation) adapters.Observation {
	out := gone(o.ExternalID, o.At.Add(1))
	out.Erase = true
	return out
}

func TestAPersonWhoIsForgottenByTheirOnlySourceIsErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	said := w.shop.Edit("s1", hubtest.Named("Ada Lovelace", "ada@example.com"))
	id := w.Observe("shop", said).RecordID
	for range 2 {
		if got := w.Observe("shop", forgotten(said)); got.Outcome != apply.Erased {
			t.Fatalf("it is %+v", got)
		}
	}
	w.Work()
	w.Erased()
	if b := w.Bundle(id); b.Record.ErasedAt.IsZero() {
		t.Errorf("the record is %+v", b.Record)
	}
	if found := hubtest.DumpOf(t, w.Store).Find("ada@example.com"); len(found) > 0 {
		t.Errorf("her address is in %v", found)
	}
	if got := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491"))); got.Outcome != apply.Erased {
		t.Errorf("the object comes back as %+v", got)
	}
}

// Where others hold objects of the same person, one source's request is no reason to empty theirs: a person decides.
func TestAPersonWhoIsForgottenByOneOfTheirSourcesIsAQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	said := w.shop.Edit("s1", hubtest.Named("Ada Lovelace", "ada@example.com"))
	id := w.Observe("shop", said).RecordID
	if got := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada Lovelace", "ada@example.com"))); got.RecordID != id {
		t.Fatalf("%+v", got)
	}
	for range 2 {
		if got := w.Observe("shop", forgotten(said)); !got.Outcome.Final() || got.Outcome == apply.Erased {
			t.Errorf("it is %+v", got)
		}
	}
	if r := openReviews(t, w); len(r) != 1 || r[0].Reason != store.EraseRequested || !slices.Equal(r[0].RecordIDs, []store.RecordID{id}) {
		t.Errorf("the reviews are %+v", r)
	}
	if b := w.Bundle(id); !b.Record.ErasedAt.IsZero() {
		t.Error("it is erased")
	}
}

package apply_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// world is a hub between a shop and a crm, with a policy for customers and one for invoices of the shop.
type world struct {
	*hubtest.Hub
	shop, crm *hubtest.Vendor
}

func newWorld(t *testing.T, change func(*configv1.KindPolicy)) *world {
	return newWorldOf(t, func(policies map[string]*configv1.KindPolicy) {
		if change != nil {
			change(policies["customer"])
		}
	})
}

func newWorldOf(t *testing.T, change func(map[string]*configv1.KindPolicy)) *world {
	t.Helper()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	policies := hubtest.Preferring("shop", "crm")
	policies["invoice"] = &configv1.KindPolicy{Create: []string{"shop"}, Attributes: map[string]*configv1.Rule{"*": {Authority: "shop"}}}
	change(policies)
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies})
	return w
}

func invoiceOf(customer string) adapters.Observation {
	return adapters.Observation{
		Object: adapters.Object{Kind: "invoice", ExternalID: "in_1"}, At: time.Now(), Paths: []string{"number", "customer", "subscription"},
		Message: &canonicalv1.Invoice{Number: proto.String("R-1"), Customer: &canonicalv1.Reference{
			Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: customer}}},
			Subscription: &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: "sub_1"}}}},
	}
}

func (w *world) customerOf(t *testing.T, invoice store.RecordID) store.RecordID {
	t.Helper()
	id := store.RecordID(w.Bundle(invoice).Record.Message.(*canonicalv1.Invoice).GetCustomer().GetRecordId())
	if id == "" {
		t.Fatal("the invoice's customer is no record")
	}
	return id
}

func TestReferenceToAnObjectThatHasNotArrivedMakesAPlaceholder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	invoice := w.Observe("shop", invoiceOf("s1"))
	id := w.customerOf(t, invoice.RecordID)
	if got := w.Bundle(invoice.RecordID).Record.Message.(*canonicalv1.Invoice).GetSubscription().GetExternal().GetConnection(); got != "shop" {
		t.Errorf("the subscription is kept by %q, want shop", got)
	}
	if b := w.Bundle(id); !b.Record.Placeholder || b.Primary("shop") == nil || len(b.Deliveries) != 0 {
		t.Fatalf("the customer is %+v, want a placeholder with the link alone", b.Record)
	}
	filled := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	if b := w.Bundle(id); filled.RecordID != id || b.Record.Placeholder || b.Delivery("crm") == nil {
		t.Errorf("the object filled %s as %+v, want %s filled and owed to the crm", filled.RecordID, b.Record, id)
	}
}

func TestPlaceholderJoinsTheRecordThatItsObjectTurnsOutToBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	known := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	invoice := w.Observe("shop", invoiceOf("s1"))
	placeholder := w.customerOf(t, invoice.RecordID)
	joined := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "Ada@example.com")))
	if joined.RecordID != known.RecordID {
		t.Fatalf("the shop's customer is %s, want the crm's record %s", joined.RecordID, known.RecordID)
	}
	// Law 8: an id never stops answering.
	if got := w.Bundle(placeholder).Record.ID; got != known.RecordID {
		t.Errorf("the placeholder's id answers with %s, want %s", got, known.RecordID)
	}
}

func TestSourceThatMayNotCreateWaitsForARecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1.KindPolicy) { p.Create = []string{"shop"} })
	ctx := context.Background()
	receipt := &store.Receipt{ID: "r1", Connection: "crm", EventKey: "e1", Type: "t", Body: []byte("c1"), CorrelationID: "c"}
	if err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.PutReceipts(ctx, []*store.Receipt{receipt}); err != nil {
			return err
		}
		return w.Queue.Translate(ctx, tx, []*store.Receipt{receipt})
	}); err != nil {
		t.Fatal(err)
	}
	w.crm.Edit("c1", hubtest.Named("Ada at the crm", "ada@example.com"))
	w.crm.Edit("c1", hubtest.Phone("+4930111111"))
	w.Work()
	w.Agree()
	if list, err := w.Store.List(ctx, store.ListQuery{Kind: model.Customer, Limit: 10}); err != nil || len(list.Records) != 0 {
		t.Fatalf("there are %d customers (%v), want none", len(list.Records), err)
	}
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.Until("the crm's word is heard", func() bool {
		return w.Bundle(made.RecordID).Record.Message.(*canonicalv1.Customer).GetPhone() == "+4930111111"
	})
	w.Agree()
	if n := len(w.crm.Customers()); n != 1 {
		t.Errorf("the crm has %d customers, want the one that waited", n)
	}
}

// A connection that is being linked finds records and creates none; when it is live, what waited makes records.
func TestConnectionThatIsLinkedCreatesNothingUntilItIsLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := context.Background()
	policies := hubtest.Preferring("crm", "shop")
	activate := func(phases map[string]string) {
		if _, err := w.Store.ActivatePolicy(ctx, store.Policy{Config: policies, Phases: phases}); err != nil {
			t.Fatal(err)
		}
		if err := w.Applier.Reload(ctx); err != nil {
			t.Fatal(err)
		}
	}
	activate(map[string]string{"crm": "linking"})
	w.Work()
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+491")))
	w.crm.Edit("c1", hubtest.Named("Ada at the crm", "ada@example.com"))
	w.crm.Edit("c2", hubtest.Named("Grace", "grace@example.com"))
	var receipts []*store.Receipt
	for _, id := range []string{"c1", "c2"} {
		receipts = append(receipts, &store.Receipt{ID: "r-" + id, Connection: "crm", EventKey: id, Type: "t", Body: []byte(id), CorrelationID: "c"})
	}
	if err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.PutReceipts(ctx, receipts); err != nil {
			return err
		}
		return w.Queue.Translate(ctx, tx, receipts)
	}); err != nil {
		t.Fatal(err)
	}
	w.Agree()
	b := w.Bundle(made.RecordID)
	name := func() string {
		return w.Bundle(made.RecordID).Record.Message.(*canonicalv1.Customer).GetName().GetFull()
	}
	if b.Primary("crm") == nil || name() != "Ada" || w.crm.Pushes() != 0 || len(w.crm.Customers()) != 2 {
		t.Fatalf("link %v, name %s, %d pushes to the crm, %s", b.Primary("crm"), name(), w.crm.Pushes(), w.crm)
	}
	if list, err := w.Store.List(ctx, store.ListQuery{Kind: model.Customer, Limit: 10}); err != nil || len(list.Records) != 1 {
		t.Fatalf("%d records (%v), want 1", len(list.Records), err)
	}
	activate(nil)
	if err := w.Applier.Refold(ctx); err != nil {
		t.Fatal(err)
	}
	w.Until("all have a record", func() bool {
		list, err := w.Store.List(ctx, store.ListQuery{Kind: model.Customer, Limit: 10})
		return err == nil && len(list.Records) == 2
	})
	w.Agree()
	if name() != "Ada at the crm" || w.crm.Customer("c1").GetPhone() != "+491" || len(w.crm.Customers()) != 2 || len(w.shop.Customers()) != 2 {
		t.Errorf("name %s; crm %s; shop %s", name(), w.crm, w.shop)
	}
}

func TestSeveralMatchesOpenAReview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1.KindPolicy) { p.Match = []string{"email"} })
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Ada", "other@example.com")))
	w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Ada", "ada@example.com"))) // two records claim the address from now on
	if got := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))).Outcome; got != apply.Reviewed {
		t.Errorf("an object that matches two records was %s, want reviewed", got)
	}
	for _, reason := range []store.ReviewReason{store.AmbiguousMatch, store.SharedKey} {
		var n int
		if err := w.Store.Pool().QueryRow(context.Background(), `select count(*) from reviews where reason = $1 and cardinality(record_ids) = 2`, reason).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d reviews %s (%v), want 1", n, reason, err)
		}
	}
}

func TestMatchKeysAreTriedInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1.KindPolicy) { p.Match = []string{"email", "name.full + phone", "phone"} })
	edit := func(id adapters.ExternalID, name, email, phone string) adapters.Observation {
		w.crm.Edit(id, hubtest.Named(name, email))
		return w.crm.Edit(id, hubtest.Phone(phone))
	}
	ada := w.Observe("crm", edit("c1", "Ada  Lovelace", "ada@example.com", "+4930111111"))
	bob := w.Observe("crm", edit("c2", "Bob", "bob@example.com", "+4930222222"))
	for i, c := range []struct {
		name, email, phone string
		want               store.RecordID
	}{
		{"Someone", "BOB@example.com", "+4930111111", bob.RecordID},        // the address is asked first
		{"ada lovelace", "new@example.com", "+4930111111", ada.RecordID},   // then both together, in another case and spacing
		{"Ada Lovelace", "other@example.com", "+4930222222", bob.RecordID}, // half of a pair is no match; the number alone is
	} {
		id := hubtest.ID("s", i)
		w.shop.Edit(id, hubtest.Named(c.name, c.email))
		if got := w.Observe("shop", w.shop.Edit(id, hubtest.Phone(c.phone))); got.RecordID != c.want {
			t.Errorf("%v became %s (%s), want %s", c, got.RecordID, got.Outcome, c.want)
		}
	}
}

func TestDeleteOutranksOlderUpdatesAndYieldsToNewerOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1.KindPolicy) { p.Delete = &configv1.Delete{By: []string{"shop"}, Effect: "tombstone"} })
	first := w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	late := w.shop.Edit("s1", hubtest.Phone("+4930111111"))
	made := w.Observe("shop", first)
	gone := adapters.Observation{Object: first.Object, Gone: true, At: late.At.Add(time.Second)}
	if got := w.Observe("shop", gone).Outcome; got != apply.Gone {
		t.Fatalf("the delete was %s", got)
	}
	if w.Bundle(made.RecordID).Record.DeletedAt.IsZero() {
		t.Error("the record is not marked as deleted")
	}
	if w.Observe("shop", late); w.Bundle(made.RecordID).Record.DeletedAt.IsZero() {
		t.Error("the older update after the delete brought the record back")
	}
	again := w.shop.Edit("s1", hubtest.Phone("+4930222222"))
	again.At = gone.At.Add(time.Second)
	if got := w.Observe("shop", again); got.Outcome != apply.Applied || !w.Bundle(made.RecordID).Record.DeletedAt.IsZero() {
		t.Errorf("the newer update was %s, and the record deleted at %s", got.Outcome, w.Bundle(made.RecordID).Record.DeletedAt)
	}
}

func TestDeleteThatArrivesFirstKeepsOlderNewsFromMakingARecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	created := w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	w.Observe("shop", adapters.Observation{Object: created.Object, Gone: true, At: created.At.Add(time.Second)})
	if got := w.Observe("shop", created).Outcome; got != apply.Stale {
		t.Errorf("the creation after the delete was %s, want stale", got)
	}
}

// Law 9: whatever a source said that we could not use is kept, with the reason; the rest is used.
func TestValueThatBreaksTheCanonicalFormIsKeptAndTheRestIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("call me")))
	b := w.Bundle(made.RecordID)
	c := b.Record.Message.(*canonicalv1.Customer)
	if c.GetEmail() != "ada@example.com" || c.Phone != nil {
		t.Errorf("the record has %v", c)
	}
	kept := b.View("shop", "s1").View.Unusable
	if len(kept) != 1 || kept[0].Path != "phone" || kept[0].Reason == "" {
		t.Errorf("kept beside the view: %+v", kept)
	}
}

// Fields of a newer schema survive an older binary's changes.
func TestFieldsOfANewerSchemaSurvive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	unknown := protoreflect.RawFields{0xf2, 0x7f, 0x03, 'n', 'e', 'w'} // field 2046, a text
	err := w.Store.InTx(context.Background(), func(tx *store.Tx) error {
		b, err := tx.LockBundle(context.Background(), made.RecordID)
		if err != nil {
			return err
		}
		b.Record.Message.ProtoReflect().SetUnknown(unknown)
		return tx.PutRecord(b.Record)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111111")))
	m := w.Bundle(made.RecordID).Record.Message
	if got := m.ProtoReflect().GetUnknown(); string(got) != string(unknown) || m.(*canonicalv1.Customer).GetPhone() == "" {
		t.Errorf("after a change the record has unknown fields %x, want %x", got, unknown)
	}
}

// The active policy lives in the database: a process that has not heard of a new one folds by it all the same, and
// records that an older one folded are folded again.
func TestNewPolicyIsFoldedByAtOnceAndEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := context.Background()
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Crm", "ada@example.com")))
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Shop", "ada@example.com")))
	name := func() string {
		return w.Bundle(made.RecordID).Record.Message.(*canonicalv1.Customer).GetName().GetFull()
	}
	if name() != "Shop" {
		t.Fatalf("the record has %q", name())
	}
	if _, err := w.Store.ActivatePolicy(ctx, store.Policy{Config: hubtest.Preferring("crm", "shop")}); err != nil { // by another process
		t.Fatal(err)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone("+4930111111")))
	if name() != "Crm" {
		t.Errorf("after the new policy the record has %q, want the crm's", name())
	}
	w.Activate(hubtest.Preferring("shop", "crm"))
	if err := w.Applier.Refold(ctx); err != nil {
		t.Fatal(err)
	}
	if name() != "Shop" {
		t.Errorf("folded again the record has %q, want the shop's", name())
	}
}

func TestSecondLinkOfAConnectionFollowsThePrimary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("First", "ada@example.com")))
	twin := w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Second", "ada@example.com")))
	if twin.RecordID != made.RecordID {
		t.Fatal("one party at one vendor made two records")
	}
	b := w.Bundle(made.RecordID)
	if got := b.Record.Message.(*canonicalv1.Customer).GetName().GetFull(); got != "First" {
		t.Errorf("the record has %q: the primary speaks", got)
	}
	if len(b.Links) != 2 || b.Primary("shop").ExternalID != "s1" {
		t.Errorf("the links are %+v", b.Links)
	}
}

func TestMergeAtTheSourceDeletesNothingAndOpensAReview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1.KindPolicy) { p.Delete = &configv1.Delete{By: []string{"crm"}, Effect: "tombstone"} })
	loser := w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	winner := w.Observe("crm", w.crm.Edit("c2", hubtest.Named("Ada L", "ada@example.org")))
	merged := adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: "c1"}, Gone: true, MergedInto: "c2", At: time.Now()}
	if got := w.Observe("crm", merged).Outcome; got != apply.Gone {
		t.Fatalf("the merge was %s", got)
	}
	if b := w.Bundle(loser.RecordID); !b.Record.DeletedAt.IsZero() || b.Primary("crm").State != store.LinkGone {
		t.Errorf("deleted at %s, link %s; want a living record and a link that is gone", b.Record.DeletedAt, b.Primary("crm").State)
	}
	var n int
	if err := w.Store.Pool().QueryRow(context.Background(), `select count(*) from reviews where reason = 'merged_at_source' and record_ids = $1`,
		[]string{string(loser.RecordID), string(winner.RecordID)}).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d reviews (%v), want 1", n, err)
	}
}

func TestCustomAttributeOfNoUseIsNoWordThatItIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	say := func(second int64, custom map[string]*canonicalv1.CustomValue) store.RecordID {
		return w.Observe("shop", adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: "s1"}, At: time.Unix(second, 0),
			Paths: []string{"email", "custom.*"}, Message: &canonicalv1.Customer{Email: proto.String("ada@example.com"), Custom: custom}}).RecordID
	}
	text := func(v string) *canonicalv1.CustomValue {
		return &canonicalv1.CustomValue{Value: &canonicalv1.CustomValue_Text{Text: v}}
	}
	say(1, map[string]*canonicalv1.CustomValue{"since": text("2020"), "tier": text("gold")})
	id := say(2, map[string]*canonicalv1.CustomValue{"tier": text("silver"),
		"since": {Value: &canonicalv1.CustomValue_Time{Time: &timestamppb.Timestamp{Seconds: 1721954054000}}}})
	b := w.Bundle(id)
	got := b.Record.Message.(*canonicalv1.Customer).GetCustom()
	if got["since"].GetText() != "2020" || got["tier"].GetText() != "silver" {
		t.Errorf("custom is %v, want the old word on since and the new one on tier", got)
	}
	if u := b.View("shop", "s1").View.Unusable; len(u) != 1 || u[0].Path != "custom.since" {
		t.Errorf("unusable is %v, want custom.since", u)
	}
	if got := w.Bundle(say(3, map[string]*canonicalv1.CustomValue{"tier": text("silver")})).Record.Message.(*canonicalv1.Customer).GetCustom(); got["since"] != nil {
		t.Errorf("custom is %v, want since gone", got)
	}
}

// named lists the customers that a list by e-mail address finds.
func (w *world) named(t *testing.T, email string) []store.RecordID {
	t.Helper()
	page, err := w.Store.List(t.Context(), store.ListQuery{Kind: model.Customer, Limit: 10,
		Where: []store.Condition{{Field: "email", Any: []model.Key{model.TextKey(email)}}}})
	if err != nil {
		t.Fatal(err)
	}
	var ids []store.RecordID
	for _, r := range page.Records {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestListsKnowWhatTheFoldDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	other := w.Observe("shop", w.shop.Edit("s2", hubtest.Named("Eve", "eve@example.com")))
	if got := w.named(t, "ada@example.com"); !slices.Equal(got, []store.RecordID{made.RecordID}) {
		t.Errorf("by the first address: %v, want %v", got, made.RecordID)
	}
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@lovelace.example")))
	if old, now := w.named(t, "ada@example.com"), w.named(t, "ada@lovelace.example"); len(old) != 0 || !slices.Equal(now, []store.RecordID{made.RecordID}) {
		t.Errorf("after a change: %v by the old address, %v by the new one", old, now)
	}
	w.Observe("shop", w.shop.Edit("s1", func(c *canonicalv1.Customer) { c.Email = proto.String("") }))
	if got := w.named(t, "ada@lovelace.example"); len(got) != 0 {
		t.Errorf("by an address that is no more: %v", got)
	}
	if got := w.named(t, "eve@example.com"); !slices.Equal(got, []store.RecordID{other.RecordID}) {
		t.Errorf("the other customer: %v", got)
	}
}

// A record that was folded when lists did not know of its attributes is known once it is folded by another policy.
func TestListsKnowOfRecordsThatAreFoldedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	made := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	if _, err := w.Store.Pool().Exec(t.Context(), `truncate promoted_attributes`); err != nil {
		t.Fatal(err)
	}
	w.Activate(hubtest.Preferring("crm", "shop"))
	if err := w.Applier.Refold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.named(t, "ada@example.com"); !slices.Equal(got, []store.RecordID{made.RecordID}) {
		t.Errorf("%v, want %v", got, made.RecordID)
	}
}

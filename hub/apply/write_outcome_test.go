package apply_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

func asWriteError(err error) *apply.WriteError {
	why := &apply.WriteError{}
	errors.As(err, &why)
	return why
}

func tier(value string) map[string]*canonicalv1.CustomValue {
	return map[string]*canonicalv1.CustomValue{"tier": {Value: &canonicalv1.CustomValue_Text{Text: value}}}
}

// address makes a write of billing's that says an address as a whole.
func address(id store.RecordID, city string) apply.Write {
	return apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, RecordID: id, Paths: []model.Path{"billing_address"},
		Message: &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{City: proto.String(city)}}}
}

// told is what became of each attribute, in words.
func told(outcomes []*storev1.Outcome) string {
	var all []string
	for _, o := range outcomes {
		all = append(all, strings.TrimSpace(fmt.Sprint(o.GetPath(), " ", o.GetResult(), " ", o.GetReason())))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestAWriteTellsWhatBecameOfEachAttribute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1KindPolicy) {
		written(p)
		p.Attributes["phone"] = &configv1.Rule{Hold: []string{"shop", "billing"}}
		p.Attributes["mobile_phone"] = &configv1.Rule{Hold: []string{"shop", "crm"}}
		p.Attributes["tags"] = &configv1.Rule{Union: []string{"shop", "billing"}}
		p.Attributes["note"] = &configv1.Rule{Prefer: []string{"billing"}, Unless: "value == 'none'"}
		p.Attributes["company"] = &configv1.Rule{Authority: "crm"}
	})
	said := func(source string, c *canonicalv1.Customer, paths ...string) store.RecordID {
		c.Email = proto.String("ada@example.com")
		return w.Observe(source, adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: "1"}, At: time.Now(), Message: c, Paths: append(paths, "email")}).RecordID
	}
	said("crm", &canonicalv1.Customer{MobilePhone: proto.String("+4911"), Company: proto.String("Looms")}, "mobile_phone", "company")
	id := said("shop", &canonicalv1.Customer{Phone: proto.String("+491"), MobilePhone: proto.String("+4912"), Tags: []string{"a"}}, "phone", "mobile_phone", "tags")
	in := say(id, "eve@example.com", "+492")
	m := in.Message.(*canonicalv1.Customer)
	m.MobilePhone, m.Tags, m.Note, m.Company, m.Locale = proto.String("+4913"), []string{"b"}, proto.String("none"), proto.String("Engines"), proto.String("de")
	in.Paths = append(in.Paths, "mobile_phone", "tags", "note", "company", "locale")
	const want = "company refused not_authority, email refused lower_preference, locale accepted, mobile_phone refused not_named, " +
		"note refused filtered, phone held disagreed, tags accepted"
	in.ValidateOnly = true
	if got := told(w.write(t, in).Outcomes); got != want {
		t.Errorf("judged: %s", got)
	}
	in.ValidateOnly = false
	if got := told(w.write(t, in).Outcomes); got != want {
		t.Errorf("written: %s", got)
	}
	if c := w.customer(id); c.GetEmail() != "ada@example.com" || c.GetPhone() != "+491" || c.GetLocale() != "de" || !slices.Equal(c.GetTags(), []string{"a", "b"}) || c.Note != nil {
		t.Errorf("%v", c)
	}
	// A value that the record has already is accepted, whoever said it first.
	if got := told(w.write(t, say(id, "ada@example.com", "+491")).Outcomes); got != "email accepted, phone accepted" {
		t.Errorf("what is so: %s", got)
	}
}

// state is all that a write may leave behind.
func (w *world) state(t *testing.T) (rows string) {
	t.Helper()
	err := w.Store.Pool().QueryRow(t.Context(), `select concat_ws(' ', (select count(*) from records), (select sum(revision) from records), (select count(*) from views),
		(select count(*) from links), (select count(*) from match_keys), (select count(*) from changes), (select count(*) from audit),
		(select count(*) from reviews), (select count(*) from deliveries), (select count(*) from requests), (select count(*) from river_job))`).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// invoice is a write of billing's that refers to an object which nobody has seen yet.
func invoice(number string) apply.Write {
	return apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Invoice, Paths: []model.Path{"number", "customer"},
		Message: &canonicalv1.Invoice{Number: proto.String(number), Customer: &canonicalv1.Reference{
			Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{Connection: "shop", ExternalId: "s9"}}}}}
}

// newBiller opens a hub where billing's word on invoices counts, too.
func newBiller(t *testing.T, change func(*configv1KindPolicy)) *world {
	return newWorldOf(t, func(policies map[string]*configv1KindPolicy) {
		written(policies["customer"])
		if change != nil {
			change(policies["customer"])
		}
		policies["invoice"].Create = []string{"shop", "billing"}
		policies["invoice"].Attributes["*"] = rule("shop", "billing")
	})
}

func TestNothingIsLeftOfWhatIsOnlyJudgedOrStrictAndRefused(t *testing.T) {
	t.Parallel()
	w := newBiller(t, deletedBy("billing", "tombstone"))
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	before := w.state(t)
	strict := say(id, "eve@example.com", "+491")
	strict.Strict = true
	why := w.refused(t, strict, apply.NotAccepted)
	if got := told(why.Outcomes); got != "email refused lower_preference" {
		t.Errorf("at fault: %s", got)
	}
	create, update, refer := say("", "eve@example.com", ""), say(id, "", "+491"), invoice("R-1")
	remove := apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, RecordID: id, Delete: true}
	for _, in := range []apply.Write{create, update, refer, remove} {
		in.ValidateOnly, in.RequestID, in.Fingerprint = true, "one", []byte("f")
		w.write(t, in)
	}
	if after := w.state(t); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
	w.write(t, refer)
	if after := w.state(t); after == before {
		t.Error("a write that counts leaves nothing, either: this test tells nothing")
	}
}

func (w *world) count(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := w.Store.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAWriteRefersToRecordsAndToObjectsThatAreToCome(t *testing.T) {
	t.Parallel()
	w := newBiller(t, nil)
	made := w.write(t, invoice("R-1"))
	id := w.customerOf(t, made.RecordID)
	if b := w.Bundle(id); !b.Record.Placeholder || b.Primary("shop").ExternalID != "s9" {
		t.Fatalf("%+v, want a placeholder for the shop's s9", b.Record)
	}
	if filled := w.Observe("shop", w.shop.Edit("s9", hubtest.Named("Ada", "ada@example.com"))); filled.RecordID != id {
		t.Errorf("the object is of %s, want %s", filled.RecordID, id)
	}
	refer := func(id store.RecordID) apply.Write {
		in := invoice("R-2")
		in.Message.(*canonicalv1.Invoice).Customer.Target = &canonicalv1.Reference_RecordId{RecordId: string(id)}
		return in
	}
	if got := w.customerOf(t, w.write(t, refer(id)).RecordID); got != id {
		t.Errorf("the second invoice's customer is %s", got)
	}
	w.refused(t, refer(made.RecordID), apply.BadReference) // an invoice
	w.refused(t, refer("customer_01h455vb4pex5vsknk084sn02q"), apply.BadReference)
}

// An attribute in the mask without a value is said to be empty; a group is said as a whole; custom stands for all that
// the caller ever said.
func TestAWriteEmptiesWhatItNamesWithoutAValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	made := w.write(t, apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, Paths: []model.Path{"email", "billing_address", "custom"},
		Message: &canonicalv1.Customer{Email: proto.String("ada@example.com"), Custom: tier("gold"),
			BillingAddress: &canonicalv1.Address{City: proto.String("London"), PostalCode: proto.String("W1")}}})
	id := made.RecordID
	w.write(t, address(id, "Berlin"))
	if a := w.customer(id).GetBillingAddress(); a.GetCity() != "Berlin" || a.PostalCode != nil {
		t.Errorf("the address is %v, want Berlin alone", a)
	}
	w.write(t, apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, RecordID: id, Paths: []model.Path{"custom"},
		Message: &canonicalv1.Customer{Custom: map[string]*canonicalv1.CustomValue{"since": {Value: &canonicalv1.CustomValue_Text{Text: "2020"}}}}})
	if c := w.customer(id).GetCustom(); c["tier"] != nil || c["since"].GetText() != "2020" {
		t.Errorf("custom is %v, want since alone", c)
	}
	empty := apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, RecordID: id, Message: &canonicalv1.Customer{}, Paths: []model.Path{"custom", "billing_address", "email"}}
	last := w.write(t, empty)
	if c := w.customer(id); c.Email != nil || c.BillingAddress != nil || len(c.GetCustom()) != 0 {
		t.Errorf("%v, want nothing", c)
	}
	if again := w.write(t, empty); again.Revision != last.Revision {
		t.Errorf("emptied twice, the record has revision %d, before %d", again.Revision, last.Revision)
	}
}

func TestDeletesByCallersHaveTheEffectThatThePolicySays(t *testing.T) {
	t.Parallel()
	for effect, archived := range map[string]bool{"tombstone": false, "archive": true} {
		t.Run(effect, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(p *configv1KindPolicy) { written(p); deletedBy("billing", effect)(p) })
			id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
			in := apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, RecordID: id, Delete: true}
			foreign := in
			foreign.Source = "crm"
			w.refused(t, foreign, apply.NotAllowed)
			w.write(t, in)
			r := w.Bundle(id).Record
			if r.DeletedAt.IsZero() || r.Archive != archived || r.Revision != 2 {
				t.Errorf("%+v", r)
			}
			if again := w.write(t, in); again.Revision != 2 {
				t.Errorf("deleted twice, it has revision %d", again.Revision)
			}
			w.refused(t, say(id, "", "+491"), apply.Deleted)
		})
	}
}

func TestAnErasedRecordIsNotWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1KindPolicy) { written(p); deletedBy("billing", "tombstone")(p) })
	in := say("", "ada@example.com", "")
	in.RequestID, in.Fingerprint = "one", []byte("f")
	id := w.write(t, in).RecordID
	if _, err := w.Applier.Erase(t.Context(), apply.Erase{RecordID: id, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	w.refused(t, in, apply.Deleted) // under its request id: it is not made a second time
	w.refused(t, say(id, "", "+491"), apply.Deleted)
	remove := apply.Write{Cause: apply.Cause{Source: "billing"}, Kind: model.Customer, RecordID: id, Delete: true}
	w.write(t, remove)
	if r := w.Bundle(id).Record; r.ErasedAt.IsZero() || r.Revision != 2 {
		t.Errorf("%+v", r)
	}
}

func TestACallerWritesTheAttributesThatItMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(p *configv1KindPolicy) {
		written(p)
		p.Write = map[string]*configv1.Writable{"billing": {Attributes: []string{"email", "billing_address"}}}
	})
	id := w.write(t, say("", "ada@example.com", "")).RecordID
	w.write(t, address(id, "Berlin"))
	if why := w.refused(t, say(id, "eve@example.com", "+491"), apply.NotAllowed); len(why.Paths) != 1 || why.Paths[0] != "phone" {
		t.Errorf("%+v", why)
	}
	other := say(id, "", "+491")
	other.Source = "support" // whom the policy does not limit
	w.write(t, other)
}

// A caller's word is of the time at which the hub takes it in, and never older than its word before: a clock that is set
// back makes none the older.
func TestAWordIsOfTheHubsTimeAndNeverOlderThanTheOneBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	w.Applier.Now = func() time.Time { return now }
	id := w.write(t, say("", "ada@example.com", "+491")).RecordID
	claimed := func(path model.Path) time.Time {
		return w.Bundle(id).View("billing", "").View.State().Claims[path].Time
	}
	if got := claimed("phone"); !got.Equal(now) {
		t.Errorf("said at %s, want %s", got, now)
	}
	before := now
	now = now.Add(-time.Hour)
	w.write(t, say(id, "", "+492"))
	if got := w.customer(id).GetPhone(); got != "+492" || !claimed("phone").Equal(before) {
		t.Errorf("the phone is %s, said at %s, want the newest word at %s", got, claimed("phone"), before)
	}
	now = before.Add(time.Hour)
	w.write(t, say(id, "", "+493"))
	if !claimed("phone").Equal(now) || !claimed("email").Equal(before) {
		t.Errorf("phone said at %s, e-mail at %s", claimed("phone"), claimed("email"))
	}
}

// A party that a caller creates while a vendor speaks of it for the first time is one record.
func TestACreateAndFirstContactAtOnceMakeOneRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	for round := range 10 {
		email := fmt.Sprintf("ada%d@example.com", round)
		observed := w.shop.Edit(hubtest.ID("s", round), hubtest.Named("Ada", email))
		done := make(chan error)
		go func() {
			_, err := w.Applier.Write(context.Background(), say("", email, ""))
			done <- err
		}()
		seen := w.Observe("shop", observed)
		if err := <-done; err != nil && reasonOf(err) != apply.Exists {
			t.Fatal(err)
		}
		if ids := w.named(t, email); len(ids) != 1 || ids[0] != seen.RecordID {
			t.Fatalf("%s is of %v, the object of %s", email, ids, seen.RecordID)
		}
	}
}

// Under the same request id another request is refused, and the same is answered as it was, even where the record has
// changed since.
func TestARequestIsAnsweredAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	in := say("", "ada@example.com", "")
	in.RequestID, in.Fingerprint = "one", []byte("f")
	first := w.write(t, in)
	w.write(t, say(first.RecordID, "", "+491"))
	if again := w.write(t, in); again.RecordID != first.RecordID || again.Revision != first.Revision || told(again.Outcomes) != told(first.Outcomes) {
		t.Errorf("%+v, first %+v", again, first)
	}
	other := in
	other.Fingerprint = []byte("g")
	w.refused(t, other, apply.RequestReused)
	other.Source = "support" // its ids are its own
	w.refused(t, other, apply.NotCreated)
}

// What is not in the mask is not said: it makes nothing, breaks nothing and finds nothing.
func TestWhatIsNotNamedIsNotSaid(t *testing.T) {
	t.Parallel()
	w := newBiller(t, nil)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	create := say("", "ada@example.com", "+491")
	create.Paths = []model.Path{"phone"}
	made := w.write(t, create)
	if c := w.customer(made.RecordID); c.Email != nil || c.GetPhone() != "+491" {
		t.Errorf("%v", c)
	}
	refer := invoice("R-1")
	refer.Paths = []model.Path{"number"}
	w.write(t, refer)
	if n := w.count(t, `select count(*) from records where placeholder`); n != 0 {
		t.Errorf("%d placeholders for what was not said", n)
	}
	refer.Message.(*canonicalv1.Invoice).Customer.GetExternal().Connection = "nowhere"
	w.write(t, refer)
	refer.Paths = []model.Path{"customer"}
	w.refused(t, refer, apply.BadReference)
}

// Creates of one caller do not wait for each other, unless they are of one party.
func TestCreatesOfOneCallerGoOnSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, written)
	id, calls, second := w.Applier.NewID, atomic.Int32{}, make(chan error, 1)
	w.Applier.NewID = func(kind model.Kind) (store.RecordID, error) {
		if calls.Add(1) > 1 {
			return id(kind)
		}
		go func() { // while the first create is under its locks
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, err := w.Applier.Write(ctx, say("", "eve@example.com", ""))
			second <- err
		}()
		if err := <-second; err != nil {
			t.Errorf("the second create waited for the first: %v", err)
		}
		return id(kind)
	}
	w.write(t, say("", "ada@example.com", ""))
}

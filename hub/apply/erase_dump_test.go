package apply_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
	"github.com/canonhub/canonhub/hub/view"
)

// secrets are what is to be gone of Ada, each with the tables that it must have been in.
var secrets = map[string][]string{
	"Augusta King-Noel":       {"records.message", "views.state", "views.raw", "attempts.request", "attempts.sent", "promoted_attributes.value", "receipts.body"},
	"ada@lovelace.example":    {"records.message", "views.raw", "match_keys.value", "promoted_attributes.value", "receipts.body", "requests.request_id", "reviews.closed_why", "audit.detail"},
	"+493012345678":           {"views.state", "attempts.sent"},
	"12 St James's Square":    {"records.message", "views.state"},
	"cus_ADA4711":             {"links.external_id", "views.external_id", "views.raw", "receipts.body", "receipts.event_key", "receipt_keys.event_key", "gone_objects.external_id", "records.provenance"},
	"ada.king@crm.example":    {"links.external_id", "views.external_id", "attempts.external_id", "receipts.body", "reviews.external_id", "unlinked.external_id", "orphans.external_id"},
	"no Countess at +4930":    {"river_job.errors", "audit.detail", "attempts.error", "dead_letters.reason", "deliveries.reason"},
	"numbers of a Countess":   {"views.state"},
	"Byron's daughter":        {"audit.detail", "reviews.closed_why"},
	"a.king@merged.example":   {"records.message", "views.state"},
	"cus_ADA4711 of Ada":      {"views.raw"},
	"the hub sent cus_ADA471": {"attempts.request"},
}

// life is a hub on whose database a customer, Ada, has left traces wherever one can, beside others: Bob, whose object hers
// was taken for once, and Carl.
type life struct {
	*world
	t        *testing.T
	ada, bob store.RecordID
	receipts int
	answer   func(adapters.Request) error // of the crm to a push
}

func newLife(t *testing.T) *life {
	l := &life{t: t}
	l.world = newWorld(t, func(p *configv1.KindPolicy) {
		p.Create = []string{"shop", "billing", "crm"}
		p.Attributes["*"] = &configv1.Rule{Prefer: []string{"shop", "crm", "billing"}}
		delete(p.Targets, "shop")
		p.Attributes["phone"] = &configv1.Rule{Hold: []string{"shop", "crm"}}
	})
	l.crm.BeforePush = func(r adapters.Request) error {
		if l.answer == nil {
			return nil
		}
		return l.answer(r)
	}
	l.Work()
	return l
}

// webhook takes an event in, as the vendor told it.
func (l *life) webhook(connection, body string) {
	l.t.Helper()
	l.receipts++
	r := &store.Receipt{ID: fmt.Sprint("r", l.receipts), Connection: connection, EventKey: fmt.Sprintf("%d of %s", l.receipts, body), Type: "t", Body: []byte(body), CorrelationID: fmt.Sprint("c", l.receipts)}
	must(l.t, l.Store.InTx(l.t.Context(), func(tx *store.Tx) error {
		if _, err := tx.PutReceipts(l.t.Context(), []*store.Receipt{r}); err != nil {
			return err
		}
		return l.Queue.Translate(l.t.Context(), tx, []*store.Receipt{r})
	}))
	l.Agree()
}

// write is a caller's word.
func (l *life) write(id store.RecordID, requestID string, change func(*canonicalv1.Customer), paths ...model.Path) (store.RecordID, error) {
	message := &canonicalv1.Customer{}
	change(message)
	written, err := l.Applier.Write(l.t.Context(), apply.Write{Cause: apply.Cause{Source: "billing", CorrelationID: "written"}, Kind: model.Customer,
		RecordID: id, Message: message, Paths: paths, RequestID: requestID, Fingerprint: []byte("print of " + requestID)})
	return written.RecordID, err
}

func (l *life) exec(sql string, args ...any) {
	l.t.Helper()
	_, err := l.Store.Pool().Exec(l.t.Context(), sql, args...)
	must(l.t, err)
}

// lead leads the life: all that can be told of Ada, and something of Bob and Carl.
func (l *life) lead() {
	t := l.t
	ctx := t.Context()
	l.shop.Edit("cus_BOB", hubtest.Named("Bob Boole", "bob@boole.example"))
	l.webhook("shop", "cus_BOB; Bob Boole")
	l.shop.Edit("cus_CARL", hubtest.Named("Carl Gauss", "carl@gauss.example"))
	l.webhook("shop", "cus_CARL; Carl Gauss")
	l.bob = l.record("shop", "cus_BOB")

	// The end of an object that nobody knows yet, and then its life.
	must(t, l.Store.InTx(ctx, func(tx *store.Tx) error {
		tx.PutGone(object("shop", "cus_ADA4711"), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
		return nil
	}))
	l.crm.Edit("ada.king@crm.example", hubtest.Named("A. King", "ada@lovelace.example"))
	l.crm.Edit("ada.king@crm.example", hubtest.Phone("+4930999"))
	l.webhook("crm", "ada.king@crm.example; A. King")
	l.shop.Edit("cus_ADA4711", hubtest.Named("Augusta King-Noel", "ada@lovelace.example"))
	l.answer = func(adapters.Request) error { // once, as a vendor in trouble does
		l.answer = nil
		return &fault.Error{Category: fault.Transient, Op: "create", Message: "no Countess at +4930", MaybeDone: true}
	}
	l.webhook("shop", "cus_ADA4711; Augusta King-Noel, ada@lovelace.example")
	l.ada = l.record("shop", "cus_ADA4711")
	l.invoices()

	// Another source, which disagrees; a person decides.
	l.shop.Edit("cus_ADA4711", hubtest.Phone("+493012345678"))
	l.webhook("shop", "cus_ADA4711; a phone number")
	l.decide()

	// A caller's word, which the crm refuses in part and then for good.
	l.caller()
	l.people()
	l.trouble()

	// What nobody can read, and what waits for nobody.
	l.webhook("shop", "; unreadable: email=ada@lovelace.example")
	l.exec(`insert into orphans (kind, attribute, value, connection, external_id, receipt_id) values ('customer', 'email', 'x', 'crm', 'ada.king@crm.example', 'r1')`)
	l.Agree()
}

func (l *life) record(connection, id string) store.RecordID {
	l.t.Helper()
	r, err := l.Store.Lookup(l.t.Context(), connection, model.Customer, id)
	must(l.t, err)
	return r.ID
}

// invoices are records that refer to Ada, and what was pushed for one.
func (l *life) invoices() {
	o := invoiceOf("cus_ADA4711")
	o.Raw = []byte("invoice for cus_ADA4711 of Ada")
	l.put("invoices", "in_1 for cus_ADA4711")
	_, err := l.Applier.Apply(l.t.Context(), apply.Input{Cause: apply.Cause{Source: "shop", ReceiptID: "invoices", CorrelationID: "test"}, Observation: o, Finish: true})
	must(l.t, err)
	l.exec(`insert into attempts (record_id, connection, kind, external_id, revision, idempotency_key, request, paths, sent, sent_after, state)
		select record_id, 'crm', 'invoice', 'inv', 1, 'k', 'the hub sent cus_ADA4711', '{}', '', '', 'acknowledged' from links where external_id = 'in_1'`)
}

// put stores a receipt that no job translates.
func (l *life) put(id, body string) {
	l.t.Helper()
	must(l.t, l.Store.InTx(l.t.Context(), func(tx *store.Tx) error {
		_, err := tx.PutReceipts(l.t.Context(), []*store.Receipt{{ID: id, Connection: "shop", EventKey: "key of " + body, Body: []byte(body), CorrelationID: "test"}})
		return err
	}))
}

func (l *life) decide() {
	l.t.Helper()
	_, err := l.Applier.Decide(l.t.Context(), apply.Decision{RecordID: l.ada, Path: "phone", Take: "shop", By: "eve",
		Why: "Byron's daughter wrote from ada@lovelace.example", CorrelationID: "test"})
	must(l.t, err)
	l.Agree()
}

func (l *life) caller() {
	l.t.Helper()
	_, err := l.write(l.ada, "for-ada@lovelace.example", func(c *canonicalv1.Customer) {
		c.BillingAddress = &canonicalv1.Address{Line1: proto.String("12 St James's Square")}
	}, "billing_address.line1")
	must(l.t, err)
	l.Agree()
}

// trouble is a target that refuses an attribute, and a delivery that is given up.
func (l *life) trouble() {
	l.t.Helper()
	must(l.t, l.Store.InTx(l.t.Context(), func(tx *store.Tx) error {
		b, err := tx.LockBundle(l.t.Context(), l.ada)
		if err != nil {
			return err
		}
		v := b.View("crm", "ada.king@crm.example")
		v.View.Refuse("phone", b.Record.Message, "numbers of a Countess are not taken", time.Now())
		v.View.Unusable = []view.Unusable{{Path: "phone", Raw: "+493012345678 (home)", Reason: "no number"}}
		return tx.PutView(v)
	}))
	l.answer = func(adapters.Request) error {
		return &fault.Error{Category: fault.Permanent, Op: "update", Message: "no Countess at +4930"}
	}
	l.shop.Edit("cus_ADA4711", hubtest.Named("Augusta King-Noel, Countess", "ada@lovelace.example"))
	l.webhook("shop", "cus_ADA4711; with her title")
	l.answer = nil
	l.Until("the delivery is given up", func() bool { return l.Bundle(l.ada).Delivery("crm").State == store.Dead })
}

// people link, merge and unlink.
func (l *life) people() {
	t := l.t
	l.shop.Edit("s-merged", hubtest.Named("A. A. King", "a.king@merged.example"))
	l.webhook("shop", "s-merged; a.king@merged.example")
	_, err := l.write(l.record("shop", "s-merged"), "", func(c *canonicalv1.Customer) { c.Note = proto.String("calls herself a.king@merged.example") }, "note")
	must(t, err)
	_, err = l.Applier.Merge(t.Context(), apply.Merge{A: l.ada, B: l.record("shop", "s-merged"), By: "eve", Why: "Byron's daughter", CorrelationID: "test"})
	must(t, err)
	// Her object was taken for Bob's once.
	_, err = l.Applier.Unlink(t.Context(), apply.Link{RecordID: l.ada, Object: object("crm", "ada.king@crm.example"), By: "eve", CorrelationID: "test"})
	must(t, err)
	link := apply.Link{RecordID: l.bob, Object: object("crm", "ada.king@crm.example"), By: "eve", CorrelationID: "test"}
	_, err = l.Applier.Link(t.Context(), link)
	must(t, err)
	link.RecordID, link.Move = l.ada, true
	_, err = l.Applier.Link(t.Context(), link)
	must(t, err)
	must(t, l.Store.InTx(t.Context(), func(tx *store.Tx) error {
		tx.PutReview(store.Review{LinkKey: object("crm", "ada.king@crm.example"), Reason: store.AmbiguousMatch, RecordIDs: []store.RecordID{l.ada, l.bob}, CorrelationID: "test"})
		return nil
	}))
}

// found tells what is still there of Ada.
func (l *life) found() (found []string) {
	l.t.Helper()
	dump := hubtest.DumpOf(l.t, l.Store)
	for secret := range secrets {
		for _, column := range dump.Find(secret) {
			found = append(found, secret+" in "+column)
		}
	}
	slices.Sort(found)
	return found
}

// Nothing of an erased customer is found in the whole database, also after more has come of it.
func TestNothingOfAnErasedCustomerIsInTheDatabase(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.lead()
	before := hubtest.DumpOf(t, l.Store)
	for secret, columns := range secrets {
		for _, column := range columns {
			if !slices.Contains(before.Find(secret), column) {
				t.Errorf("this life has left no %q in %s, only in %v", secret, column, before.Find(secret))
			}
		}
	}
	carl, bob := before.Count("Carl Gauss"), l.Bundle(l.bob)

	l.Erase(l.ada)
	l.Erased()
	if found := l.found(); len(found) > 0 {
		t.Fatalf("there is still:\n%s", strings.Join(found, "\n"))
	}
	l.more()
	if found := l.found(); len(found) > 0 {
		t.Errorf("there is again:\n%s", strings.Join(found, "\n"))
	}
	after := hubtest.DumpOf(t, l.Store)
	if n := after.Count("Carl Gauss"); n != carl {
		t.Errorf("Carl is there %d times, before %d", n, carl)
	}
	// What was pushed while her object was taken for Bob's is gone; what there is of him is not.
	if b := l.Bundle(l.bob); !proto.Equal(b.Record.Message, bob.Record.Message) || len(b.Links) != len(bob.Links) || len(b.Views) != len(bob.Views) {
		t.Errorf("Bob is %v now, with %d links and %d views, before %v", b.Record.Message, len(b.Links), len(b.Views), bob.Record.Message)
	}
	if len(after.Find(string(l.ada))) == 0 || len(after.Find("asked for on paper")) == 0 {
		t.Error("that she was erased, and why, is not told any more")
	}
}

// more is what comes of Ada after she was erased.
func (l *life) more() {
	t := l.t
	l.shop.Edit("cus_ADA4711", hubtest.Named("Augusta King-Noel", "ada@lovelace.example"))
	l.webhook("shop", "cus_ADA4711; Augusta King-Noel once more")
	l.webhook("crm", "ada.king@crm.example cus_BOB; two of them")
	l.Observe("crm", l.crm.Edit("ada.king@crm.example", hubtest.Phone("+493012345678")))
	l.put("later", "in_1 for cus_ADA4711")
	o := invoiceOf("cus_ADA4711")
	o.Raw = []byte("invoice for cus_ADA4711 of Ada")
	_, err := l.Applier.Apply(t.Context(), apply.Input{Cause: apply.Cause{Source: "shop", ReceiptID: "later", CorrelationID: "test"}, Observation: o, Finish: true})
	must(t, err)
	for _, request := range []string{"for-ada@lovelace.example", "another"} {
		_, err := l.write(l.ada, request, func(c *canonicalv1.Customer) { c.Email = proto.String("ada@lovelace.example") }, "email")
		var refused *apply.WriteError
		if !errors.As(err, &refused) || refused.Reason != apply.Deleted {
			t.Errorf("a write of the erased record: %v, want it refused", err)
		}
	}
	if err := l.Deliver(l.ada, "crm", false); err != nil {
		t.Error(err)
	}
	var counted int
	must(t, l.Store.Pool().QueryRow(t.Context(), `select count(*) from receipts where outcome = 'erased' and body = ''`).Scan(&counted))
	if counted == 0 {
		t.Error("what came later is not counted")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

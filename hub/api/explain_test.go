package api_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// mixed has a rule of each mode; the crm is the authority for the e-mail address.
func mixed() map[string]*configv1.KindPolicy {
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Attributes = map[string]*configv1.Rule{
		"*":     {Prefer: []string{"shop"}},
		"email": {Authority: "crm"},
		"phone": {Latest: []string{"crm", "shop"}},
	}
	policies["customer"].Targets["crm"].Create = false
	return policies
}

func (w *world) explain(id store.RecordID) *hubv1.Explanation {
	w.t.Helper()
	got, err := w.customers.ExplainCustomer(w.t.Context(), &hubv1.ExplainCustomerRequest{Id: string(id)})
	must(w.t, err)
	return got
}

func attribute(t *testing.T, e *hubv1.Explanation, path string) *hubv1.AttributeExplanation {
	t.Helper()
	for _, a := range e.GetAttributes() {
		if a.GetPath() == path {
			return a
		}
	}
	t.Fatalf("%s is not explained: %v", path, e)
	return nil
}

func target(t *testing.T, e *hubv1.Explanation, connection string) *hubv1.TargetExplanation {
	t.Helper()
	for _, target := range e.GetTargets() {
		if target.GetConnection() == connection {
			return target
		}
	}
	t.Fatalf("target %s is not explained: %v", connection, e)
	return nil
}

func TestExplainTellsWhoDecidedAndWhoLost(t *testing.T) {
	t.Parallel()
	w := setupWith(t, mixed())
	w.crm.Edit("warp", func(*canonicalv1.Customer) {}) // the crm's clock is ahead
	id := w.Observe("shop", w.shop.Edit("s1", func(c *canonicalv1.Customer) {
		hubtest.Named("Ada", "ada@example.com")(c)
		hubtest.Phone("+4930111111")(c)
	})).RecordID

	email := attribute(t, w.explain(id), "email")
	if !email.GetStandIn() || email.GetWinner().GetSource() != "shop" || email.GetRule().GetMode() != "authority" {
		t.Errorf("before the authority has spoken: %v", email)
	}

	w.Observe("crm", w.crm.Edit("c1", func(c *canonicalv1.Customer) {
		hubtest.Named("Ada L.", "ada@example.com")(c)
		hubtest.Phone("+4930222222")(c)
	}))
	w.Observe("crm", w.crm.Edit("c1", func(c *canonicalv1.Customer) { c.Email = proto.String("countess@example.com") }))
	e := w.explain(id)
	if e.GetId() != string(id) || e.GetRevision() != 3 || e.GetPolicyVersion() != w.Applier.Active().Version {
		t.Errorf("explained %s at %d by policy %d", e.GetId(), e.GetRevision(), e.GetPolicyVersion())
	}

	email = attribute(t, e, "email")
	if email.GetStandIn() || email.GetValue().GetStringValue() != "countess@example.com" || email.GetSinceRevision() != 3 ||
		email.GetWinner().GetSource() != "crm" || email.GetWinner().GetExternalId() != "c1" || email.GetWinner().GetTime() == nil ||
		email.GetRule().GetPath() != "email" || !slices.Equal(email.GetRule().GetSources(), []string{"crm"}) {
		t.Errorf("email: %v", email)
	}
	if lost := email.GetLost(); len(lost) != 1 || lost[0].GetReason() != hubv1.LossReason_LOSS_REASON_NOT_AUTHORITY ||
		lost[0].GetClaim().GetValue().GetStringValue() != "ada@example.com" || lost[0].GetClaim().GetSource() != "shop" {
		t.Errorf("email, lost: %v", lost)
	}
	phone := attribute(t, e, "phone")
	if phone.GetRule().GetMode() != "latest" || phone.GetWinner().GetSource() != "crm" || len(phone.GetLost()) != 1 {
		t.Errorf("phone: %v", phone)
	}
	name := attribute(t, e, "name") // a group: its parts as one object
	if name.GetRule().GetPath() != "*" || name.GetValue().GetStructValue().GetFields()["full"].GetStringValue() != "Ada" ||
		name.GetSinceRevision() != 1 || name.GetLost()[0].GetReason() != hubv1.LossReason_LOSS_REASON_NOT_NAMED ||
		name.GetLost()[0].GetClaim().GetValue().GetStructValue().GetFields()["full"].GetStringValue() != "Ada L." {
		t.Errorf("name: %v", name)
	}

	a := w.get("/v1/customers/" + string(id) + ":explain")
	if a.code != 200 || !strings.Contains(strings.ReplaceAll(a.text, " ", ""), `"value":"countess@example.com"`) {
		t.Errorf("REST: %d %s", a.code, a.text)
	}
}

func TestExplainTellsOfEachTarget(t *testing.T) {
	t.Parallel()
	w := setupWith(t, mixed())
	state := func(id store.RecordID, connection string) *hubv1.TargetExplanation {
		return target(t, w.explain(id), connection)
	}
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	if got := state(id, "shop"); got.GetState() != hubv1.TargetState_TARGET_STATE_AGREES || got.GetExternalId() != "s1" {
		t.Errorf("the source itself: %v", got)
	}
	if got := state(id, "crm"); got.GetState() != hubv1.TargetState_TARGET_STATE_NOT_CREATED || got.GetReason() == "" {
		t.Errorf("nothing there, and nothing is created: %v", got)
	}

	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada L.", "ada@example.com")))
	if got := state(id, "crm"); got.GetState() != hubv1.TargetState_TARGET_STATE_OWED || !slices.Equal(got.GetOwedPaths(), []string{"name.full"}) && !slices.Equal(got.GetOwedPaths(), []string{"name"}) {
		t.Errorf("it differs: %v", got)
	}
	must(t, w.Store.InTx(t.Context(), func(tx *store.Tx) error { tx.Pause("crm", "the key was revoked", ""); return nil }))
	if got := state(id, "crm"); got.GetState() != hubv1.TargetState_TARGET_STATE_BLOCKED || !strings.Contains(got.GetReason(), "the key was revoked") {
		t.Errorf("its connection is paused: %v", got)
	}
	must(t, w.Store.InTx(t.Context(), func(tx *store.Tx) error { _, err := tx.Resume(t.Context(), "crm", "ada"); return err }))

	must(t, w.Store.InTx(t.Context(), func(tx *store.Tx) error {
		tx.PutDelivery(&store.Delivery{RecordID: id, Connection: "crm", Kind: model.Customer, State: store.Blocked, Revision: 1, Reason: "waits for order_1"})
		return nil
	}))
	if got := state(id, "crm"); got.GetState() != hubv1.TargetState_TARGET_STATE_BLOCKED || got.GetReason() != "waits for order_1" {
		t.Errorf("blocked: %v", got)
	}

	w.crm.BeforePush = func(adapters.Request) error {
		return &fault.Error{Category: fault.Permanent, Op: "push", Message: "too long"}
	}
	if err := w.Deliver(id, "crm", true); err != nil && !errors.As(err, new(*fault.Error)) {
		t.Logf("deliver: %v", err)
	}
	if got := state(id, "crm"); got.GetState() != hubv1.TargetState_TARGET_STATE_DEAD_LETTERED || !strings.Contains(got.GetReason(), "too long") {
		t.Errorf("given up: %v", got)
	}

	w.Observe("crm", adapters.Observation{Object: adapters.Object{Kind: "customer", ExternalID: "c1"}, Gone: true, At: w.crm.Edit("c1", func(*canonicalv1.Customer) {}).At})
	if got := state(id, "crm"); got.GetState() != hubv1.TargetState_TARGET_STATE_GONE {
		t.Errorf("deleted there: %v", got)
	}
}

func TestExplainTellsWhatATargetRefused(t *testing.T) {
	t.Parallel()
	w := setupWith(t, mixed())
	id := w.Observe("shop", w.shop.Edit("s1", func(c *canonicalv1.Customer) {
		hubtest.Named("Ada", "ada@example.com")(c)
		hubtest.Phone("+4930111111")(c)
	})).RecordID
	w.Observe("crm", w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com")))
	must(t, w.Store.InTx(t.Context(), func(tx *store.Tx) error {
		b, err := tx.LockBundle(t.Context(), id)
		if err != nil {
			return err
		}
		v := b.View("crm", "c1")
		v.View.Refuse("phone", b.Record.Message, "not a number", b.Record.UpdatedAt)
		v.View.Refuse("email", &canonicalv1.Customer{Email: proto.String("old@example.com")}, "no such domain", b.Record.UpdatedAt)
		return tx.PutView(v)
	}))
	got := target(t, w.explain(id), "crm")
	if len(got.GetRefused()) != 1 || got.GetRefused()[0].GetPath() != "phone" || got.GetRefused()[0].GetReason() != "not a number" {
		t.Errorf("refused: %v; want the phone number alone, the e-mail address has another value by now", got.GetRefused())
	}
	if got.GetState() != hubv1.TargetState_TARGET_STATE_AGREES {
		t.Errorf("what is refused is not owed: %v", got)
	}
}

func TestExplainUsesThePolicyThatAnotherProcessActivated(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada", "ada@example.com"))).RecordID
	before := w.explain(id).GetPolicyVersion()
	stored, err := w.Store.ActivatePolicy(t.Context(), store.Policy{Config: mixed()})
	must(t, err)
	e := w.explain(id)
	if e.GetPolicyVersion() != stored.Version || stored.Version == before || attribute(t, e, "email").GetRule().GetMode() != "authority" {
		t.Errorf("explained by policy %d, active is %d: %v", e.GetPolicyVersion(), stored.Version, e)
	}
}

func TestExplainOfAPlaceholder(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.put(model.Customer, "shop", "s1")
	w.exec(`update records set placeholder = true where id = $1`, id)
	e := w.explain(id)
	if len(e.GetAttributes()) != 0 || target(t, e, "crm").GetReason() != "no source has described the record yet" {
		t.Errorf("%v", e)
	}
}

package plan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/apply"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/plan"
	"github.com/canonhub/canonhub/hub/store"
)

func TestPlanTellsWhatAPolicyWouldChangeAndWritesNothing(t *testing.T) {
	t.Parallel()
	shop, crm := hubtest.NewVendor(), hubtest.NewVendor()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop, "crm": crm}, Policies: hubtest.Preferring("shop", "crm")})
	const both, alone = 130, 3 // more than a page
	for i := range both {
		email := fmt.Sprintf("ada%d@example.com", i)
		h.Observe("shop", shop.Edit(hubtest.ID("s", i), hubtest.Named("Ada", email)))
		h.Observe("crm", crm.Edit(hubtest.ID("c", i), hubtest.Named("Ada L", email)))
	}
	for i := range alone {
		h.Observe("shop", shop.Edit(hubtest.ID("x", i), hubtest.Named("Grace", fmt.Sprintf("grace%d@example.com", i))))
	}
	h.Work()
	h.Agree()
	before := dump(t, h)
	swapped := hubtest.Preferring("shop", "crm")
	swapped["customer"].Attributes["name"] = &configv1.Rule{Authority: "crm"}
	progress := 0
	report, err := plan.Make(context.Background(), plan.Options{Store: h.Store, Policy: &store.Policy{Config: swapped}, Connections: h.Applier.Connections, Samples: 2,
		Progress: func(done, total int) { progress = done }})
	if err != nil {
		t.Fatal(err)
	}
	k := report.Kinds[model.Customer]
	if k.Records != both+alone || progress != k.Records || k.Changed != both || k.Attributes["name"] != both || len(k.Attributes) != 1 {
		t.Errorf("%d records (told %d), %d change, %v; want %d, of which %d change in their name alone", k.Records, progress, k.Changed, k.Attributes, both+alone, both)
	}
	// The crm gets its own word back, which was overwritten there.
	for _, name := range []string{"shop", "crm"} {
		if to := k.Targets[name]; to == nil || to.Updated != both || to.Created != 0 {
			t.Errorf("to the %s %+v, want %d updates", name, to, both)
		}
	}
	text := report.String()
	for _, want := range []string{"customer: 133 records, 130 would change", "in 130", "0 created, 130 updated",
		`{"full":"Ada"} (shop, by prefer shop, crm) becomes {"full":"Ada L"} (crm, by authority crm)`} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if len(k.Samples) != 2 {
		t.Errorf("%d samples, want 2", len(k.Samples))
	}
	if after := dump(t, h); after != before {
		t.Errorf("the database has changed: %s, before %s", after, before)
	}
	active, err := h.Store.ActivePolicy(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	same, err := plan.Make(context.Background(), plan.Options{Store: h.Store, Policy: active, Connections: h.Applier.Connections})
	if err != nil || same.Kinds[model.Customer].Changed != 0 || len(same.Kinds[model.Customer].Targets) != 0 {
		t.Errorf("the active policy would change %+v (%v)", same.Kinds[model.Customer], err)
	}

	// Activating it does what was told.
	h.Activate(swapped)
	if err := h.Applier.Refold(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.Agree()
	renamed := 0
	for _, c := range shop.Customers() {
		if c.GetName().GetFull() == "Ada L" {
			renamed++
		}
	}
	if renamed != both {
		t.Errorf("after its activation %d customers at the shop have the crm's name, want %d", renamed, both)
	}
}

// dump counts all that a plan could have written.
func dump(t *testing.T, h *hubtest.Hub) string {
	t.Helper()
	var counts string
	err := h.Store.Pool().QueryRow(context.Background(), `select concat_ws(' ', (select sum(revision) from records), (select count(*) from changes),
		(select count(*) from deliveries), (select count(*) from attempts), (select count(*) from policies), (select count(*) from audit),
		(select sum(policy_version) from records))`).Scan(&counts)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// A policy that matches by more than before gives records keys that objects wait for.
func TestPlanTellsWhichWaitingObjectsWouldBeLinked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	shop, crm := hubtest.NewVendor(), hubtest.NewVendor()
	matching := func(attributes ...string) map[string]*configv1.KindPolicy {
		p := hubtest.Preferring("shop", "crm")
		p["customer"].Create, p["customer"].Match = []string{"shop"}, attributes
		p["customer"].Targets["crm"].Create = false // what is linked is updated there nonetheless
		return p
	}
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop, "crm": crm}, Policies: matching("phone")})
	for i := range 3 { // objects of the crm, which may not create, wait by their phone number
		receipt := fmt.Sprintf("receipt_%d", i)
		o := crm.Edit(hubtest.ID("c", i), hubtest.Phone(fmt.Sprintf("+49301%d", i)))
		must(t, h.Store.InTx(ctx, func(tx *store.Tx) error {
			_, err := tx.PutReceipts(ctx, []*store.Receipt{{ID: receipt, Connection: "crm", EventKey: receipt, Body: []byte("c"), CorrelationID: "test"}})
			return err
		}))
		_, err := h.Applier.Apply(ctx, apply.Input{Cause: apply.Cause{Source: "crm", ReceiptID: receipt, CorrelationID: "test"}, Observation: o, Finish: true})
		must(t, err)
	}
	h.Activate(matching("email"))
	for i := range 2 { // records with the numbers come when nothing is matched by them
		h.Observe("shop", shop.Edit(hubtest.ID("s", i), hubtest.Phone(fmt.Sprintf("+49301%d", i))))
	}
	next := matching("email", "phone")
	report, err := plan.Make(ctx, plan.Options{Store: h.Store, Policy: &store.Policy{Config: next}, Connections: h.Applier.Connections})
	must(t, err)
	if k := report.Kinds[model.Customer]; k.Linked != 2 || k.Changed != 0 || k.Targets["crm"] == nil || *k.Targets["crm"] != (plan.Target{Updated: 2}) {
		t.Errorf("want 2 objects linked and updated, and no record changed: %s", report)
	}
	h.Activate(next)
	must(t, h.Applier.Refold(ctx))
	var linked, owed int
	must(t, h.Store.Pool().QueryRow(ctx, `select (select count(*) from links where connection = 'crm'),
		(select count(*) from deliveries where connection = 'crm' and state = 'owed')`).Scan(&linked, &owed))
	if linked != 2 || owed != 2 {
		t.Errorf("activation linked %d objects, to which %d deliveries are owed", linked, owed)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package deliver_test

import (
	"slices"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
)

// An adapter that guards against writing over what it has not seen is told what its vendor was seen to have none of. What
// was never seen is not told.
func TestWhatIsKnownToBeEmptyIsTold(t *testing.T) {
	t.Parallel()
	for name, paths := range map[string][]string{"seen whole": nil, "seen in part": {"name", "email"}} {
		w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
		policies := hubtest.Preferring("shop", "crm")
		policies["customer"].Attributes["phone"] = &configv1.Rule{Prefer: []string{"shop"}} // else it is read before it is written
		policies["customer"].Attributes["name"] = &configv1.Rule{Prefer: []string{"shop"}}
		w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies})
		seen := w.crm.Edit("c1", hubtest.Named("Ada", "ada@example.com"))
		seen.Paths = paths
		w.Observe("crm", seen)
		w.Observe("shop", w.shop.Edit("s1", hubtest.Named("Ada Lovelace", "ada@example.com")))
		id := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(ours))).RecordID
		var told adapters.Patch
		w.crm.BeforePrepare = func(p adapters.Patch) { told = p }
		if err := w.Deliver(id, "crm", false); err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{"seen whole": {"phone"}, "seen in part": nil}[name]
		if !slices.Equal(told.Paths, []string{"name", "phone"}) || !slices.Equal(told.HeldEmpty, want) {
			t.Errorf("%s: of %v are told to be empty %v, want %v", name, told.Paths, told.HeldEmpty, want)
		}
	}
}

// A value that could not be used was seen all the same: the guard is not told that the object holds what it held before.
func TestWhatCouldNotBeUsedIsNotToldToBeHeld(t *testing.T) {
	t.Parallel()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	policies := hubtest.Preferring("shop", "crm")
	policies["customer"].Attributes["phone"] = &configv1.Rule{Prefer: []string{"shop"}} // else it is read before it is written
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: policies})
	named := hubtest.Named("Ada", "ada@example.com")
	w.Observe("shop", w.shop.Edit("s1", named))
	id := w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(theirs))).RecordID
	if err := w.Deliver(id, "crm", false); err != nil {
		t.Fatal(err)
	}
	at := w.Bundle(id).Primary("crm").ExternalID
	bent := w.crm.Edit(adapters.ExternalID(at), named)
	bent.Paths = []string{"name", "email"}
	bent.Unusable = []adapters.Unusable{{Path: "phone", Raw: "ask at the desk", Reason: "it is no telephone number"}}
	w.Observe("crm", bent)
	w.Observe("shop", w.shop.Edit("s1", hubtest.Phone(ours)))
	var told adapters.Patch
	w.crm.BeforePrepare = func(p adapters.Patch) { told = p }
	if err := w.Deliver(id, "crm", false); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(told.Paths, "phone") || told.Held.(*canonicalv1.Customer).Phone != nil || slices.Contains(told.HeldEmpty, "phone") {
		t.Errorf("of %v it is told that %v is held and %v is empty", told.Paths, told.Held, told.HeldEmpty)
	}
}

// An adapter that guards against writing over what it has not seen is told what its vendor holds in the vendor's own ids.
func TestWhatIsHeldIsToldInTheTargetsOwnIDs(t *testing.T) {
	t.Parallel()
	w := &world{shop: hubtest.NewVendor(), crm: hubtest.NewVendor()}
	w.shop.Organisations, w.crm.Organisations = true, true
	w.Hub = hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": w.shop, "crm": w.crm}, Policies: hubtest.Preferring("shop", "crm")})
	of := func(id string) func(*canonicalv1.Customer) {
		return func(c *canonicalv1.Customer) {
			hubtest.Named("Ada", "ada@example.com")(c)
			c.Organisation = &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
		}
	}
	at := map[string]string{}
	for _, id := range []string{"s1", "s2"} {
		organisation := w.Observe("shop", w.shop.Edit(adapters.ExternalID(id), hubtest.Named("Firm "+id, id+"@example.com"))).RecordID
		if err := w.Deliver(organisation, "crm", false); err != nil {
			t.Fatal(err)
		}
		at[id] = string(w.Bundle(organisation).Primary("crm").ExternalID)
	}
	id := w.Observe("shop", w.shop.Edit("s3", of("s1"))).RecordID
	if err := w.Deliver(id, "crm", false); err != nil {
		t.Fatal(err)
	}
	w.Observe("shop", w.shop.Edit("s3", of("s2")))
	var held, sent string
	w.crm.BeforePrepare = func(p adapters.Patch) {
		held = p.Held.(*canonicalv1.Customer).GetOrganisation().GetExternal().GetExternalId()
		sent = p.Message.(*canonicalv1.Customer).GetOrganisation().GetExternal().GetExternalId()
	}
	if err := w.Deliver(id, "crm", false); err != nil {
		t.Fatal(err)
	}
	if held != at["s1"] || sent != at["s2"] {
		t.Errorf("held is %q and sent %q, want %q and %q", held, sent, at["s1"], at["s2"])
	}
}

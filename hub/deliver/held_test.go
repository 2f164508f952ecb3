package deliver_test

import (
	"testing"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
	"github.com/canonhub/canonhub/hub/hubtest"
)

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

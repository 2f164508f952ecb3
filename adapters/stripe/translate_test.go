package stripe_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func translate(t testing.TB, name string) adapters.Translation {
	t.Helper()
	got, err := openAt(t, "http://127.0.0.1:1", "sk_test_123").Translator.Translate(adapters.Event{Body: golden(t, name)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Fields that moved between versions of the API are read in both of their places.
func TestOldAndNewVersionsOfAnInvoiceSayTheSame(t *testing.T) {
	t.Parallel()
	now := translate(t, "invoice.paid.json").Observations[0].Message.(*canonicalv1.Invoice)
	old := translate(t, "invoice.updated.2022.json").Observations[0].Message.(*canonicalv1.Invoice)
	for name, pair := range map[string][2]any{
		"subscription": {now.GetSubscription().GetExternal().GetExternalId(), old.GetSubscription().GetExternal().GetExternalId()},
		"tax_total":    {now.GetTaxTotal().String(), old.GetTaxTotal().String()},
		"line tax":     {now.GetLines()[0].GetTaxes()[0].String(), old.GetLines()[0].GetTaxes()[0].String()},
		"unit price":   {now.GetLines()[0].GetUnitPrice().String(), old.GetLines()[0].GetUnitPrice().String()},
		"product":      {now.GetLines()[0].GetVariant().GetExternal().GetExternalId(), old.GetLines()[0].GetVariant().GetExternal().GetExternalId()},
	} {
		if pair[0] != pair[1] || pair[0] == "" {
			t.Errorf("%s: %v now, %v in an old version", name, pair[0], pair[1])
		}
	}
	if got := old.GetStatus(); got != canonicalv1.InvoiceStatus_INVOICE_STATUS_PARTIALLY_PAID {
		t.Errorf("an open invoice of which a part is paid is %s", got)
	}
}

func TestEventsThatCarryNoWholeObjectAreFetchedOrIgnored(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ observations, fetches int }{
		"invoice.paid.more_lines.json":   {0, 1},
		"thin.customer.updated.json":     {0, 1},
		"invoice.upcoming.json":          {0, 0},
		"charge.succeeded.json":          {0, 0},
		"customer.deleted.json":          {1, 0},
		"customer.updated.json":          {1, 0},
		"customer.updated.unusable.json": {1, 0},
	} {
		got := translate(t, name)
		if len(got.Observations) != want.observations || len(got.Fetch) != want.fetches {
			t.Errorf("%s: %d observations, %d to fetch; want %+v", name, len(got.Observations), len(got.Fetch), want)
		}
		if want.observations+want.fetches == 0 && got.Ignored == "" {
			t.Errorf("%s is ignored without a reason", name)
		}
	}
}

// What does not fit is kept with the reason, and nothing is said of the attribute.
func TestUnusableValuesAreKeptAndNotSaid(t *testing.T) {
	t.Parallel()
	o := translate(t, "customer.updated.unusable.json").Observations[0]
	said := map[string]bool{}
	for _, path := range o.Paths {
		said[path] = true
	}
	kept := map[string]string{}
	for _, u := range o.Unusable {
		kept[u.Path] = u.Raw
	}
	for path, raw := range map[string]string{"phone": "ask at the desk", "billing_address.country_code": "Atlantis"} {
		if kept[path] != raw || said[path] {
			t.Errorf("%s: kept %q, said %v", path, kept[path], said[path])
		}
	}
	c := o.Message.(*canonicalv1.Customer)
	if c.GetTaxStatus() != 0 || c.GetTaxStatusRaw() != "partial" {
		t.Errorf("an unknown tax status is %v %q", c.GetTaxStatus(), c.GetTaxStatusRaw())
	}
}

// FuzzTranslate: whatever comes in, no panic, and no error but a fault.
func FuzzTranslate(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		f.Add(golden(f, filepath.Base(file)))
	}
	a := openAt(f, "http://127.0.0.1:1", "sk_test_123")
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := a.Webhook.Split(adapters.Delivery{Body: body})
		if err != nil {
			return
		}
		_, _ = a.Translator.Translate(events[0]) // must not panic
	})
}

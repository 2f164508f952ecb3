package hubspot_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/hubspot"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// read is what the adapter makes of a contact with these properties.
func read(t *testing.T, properties map[string]string) *canonicalv1.Customer {
	t.Helper()
	b := setup(t)
	return b.fetch(t, b.user(t, properties)).Message.(*canonicalv1.Customer)
}

func TestCountriesAreNamesThere(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"DE", "AT", "CH", "US", "GB", "JP", "CZ", "TR", "CI", "KR", "CD", "BA", "HK", "XK", "MK"} {
		b := setup(t)
		record := ada()
		record.BillingAddress = &canonicalv1.Address{CountryCode: &code}
		ack := b.mustPush(t, create(record, "name", "billing_address.country_code"))
		if got := ack.Observation.Message.(*canonicalv1.Customer).GetBillingAddress(); !proto.Equal(got, record.BillingAddress) {
			t.Errorf("%s comes back as %v from %q", code, got, b.held(t, ack.Observation.ExternalID, "country"))
		}
	}
	for text, want := range map[string]*canonicalv1.Address{
		"germany":  {CountryCode: proto.String("DE")},
		"Atlantis": {CountryName: proto.String("Atlantis")},
		" ":        {CountryName: proto.String(" ")},
		"":         nil,
	} {
		if got := read(t, map[string]string{"firstname": "Ada", "country": text}).GetBillingAddress(); !proto.Equal(got, want) {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestClearingACodeLeavesTheRecordsOwnNameForTheCountry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.user(t, map[string]string{"firstname": "Ada", "country": "Germany"})
	record := &canonicalv1.Customer{BillingAddress: &canonicalv1.Address{CountryName: proto.String("Atlantis")}}
	b.mustPush(t, update(id, record, "billing_address.country_code"))
	if got := b.held(t, id, "country"); got != "Atlantis" {
		t.Errorf("HubSpot holds %q", got)
	}
}

func TestStagesOfHubSpotAndOfTheAccount(t *testing.T) {
	t.Parallel()
	for number, name := range canonicalv1.LifecycleStage_name {
		stage := canonicalv1.LifecycleStage(number)
		if stage == canonicalv1.LifecycleStage_LIFECYCLE_STAGE_FORMER || number == 0 {
			continue
		}
		b := setup(t)
		record := ada()
		record.LifecycleStage = &stage
		got := b.mustPush(t, create(record, "name", "lifecycle_stage")).Observation.Message.(*canonicalv1.Customer)
		if got.GetLifecycleStage() != stage || got.LifecycleStageRaw != nil {
			t.Errorf("%s comes back as %v %q", name, got.GetLifecycleStage(), got.GetLifecycleStageRaw())
		}
	}
	if got := read(t, map[string]string{"firstname": "Ada", "lifecyclestage": "other"}); got.GetLifecycleStageRaw() != "other" || got.GetLifecycleStage() != 0 {
		t.Errorf("other is %v", got)
	}
}

func TestARawStageIsWrittenBackAsItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	record := ada()
	record.LifecycleStageRaw = proto.String("other")
	ack := b.mustPush(t, create(record, "name", "lifecycle_stage"))
	if got := b.held(t, ack.Observation.ExternalID, "lifecyclestage"); got != "other" {
		t.Errorf("HubSpot holds %q", got)
	}
}

func TestLanguagesAreInLowerCaseThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	record := ada()
	record.Locale = proto.String("de-AT")
	ack := b.mustPush(t, create(record, "name", "locale"))
	if got := b.held(t, ack.Observation.ExternalID, "hs_language"); got != "de-at" || ack.Observation.Message.(*canonicalv1.Customer).GetLocale() != "de-AT" {
		t.Errorf("HubSpot holds %q", got)
	}
}

func TestFurtherAddressesLeaveOutTheFirst(t *testing.T) {
	t.Parallel()
	got := read(t, map[string]string{"email": "a@example.com", "hs_additional_emails": "b@example.com; A@example.com;;c@example.com"})
	if want := []string{"b@example.com", "c@example.com"}; !slices.Equal(got.GetFurtherEmails(), want) {
		t.Errorf("got %v", got.GetFurtherEmails())
	}
}

// still is an API that always gives the same answer, without a network.
type still []byte

func (s still) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(s)), Request: r}, nil
}

func BenchmarkFetch(b *testing.B) {
	body, err := os.ReadFile("testdata/objects/customer/whole.json")
	if err != nil {
		b.Fatal(err)
	}
	a, err := hubspot.Factory().Open(adapters.Settings{BaseURL: "https://api.example.com", HTTP: &http.Client{Transport: still(body)}, Now: time.Now,
		Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret(token)}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Fetcher.Fetch(b.Context(), adapters.Object{Kind: "customer", ExternalID: "106314056576"}); err != nil {
			b.Fatal(err)
		}
	}
}

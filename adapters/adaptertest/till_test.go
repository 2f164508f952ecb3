package adaptertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/adaptertest"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/signature"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// The till is the least that an adapter can be: it tells of invoices by webhook, and nothing else can be done with it.
type till struct {
	settings adapters.Settings
	api      *httpapi.Client
	sin      sin
}

var noAPI = "The till has no interface for it."

func tillSuite(of sin) adaptertest.Suite {
	carriage := adapters.Carriage{Kind: "invoice", In: []string{"number", "total", "status"}, Lacks: map[adapters.Ability]string{
		adapters.DeleteWebhooks: "Nothing is deleted in a till.", adapters.Merges: "Nothing is merged in a till.", adapters.Fetches: noAPI, adapters.Pulls: noAPI,
		adapters.PullsChanges: noAPI, adapters.PullsDeletes: noAPI, adapters.Counts: noAPI, adapters.Updates: noAPI, adapters.Creates: noAPI, adapters.Archives: noAPI,
	}}
	return adaptertest.Suite{
		Factory: adapters.Factory{
			Name: "till", Credentials: []string{"token"}, Carries: []adapters.Carriage{carriage},
			Open: func(s adapters.Settings) (*adapters.Adapter, error) {
				if s.Credentials["token"].IsZero() {
					return nil, fmt.Errorf("till needs the credential token")
				}
				t := &till{s, httpapi.New(s, httpapi.Vendor{Authorize: httpapi.Bearer(s, "token")}), of}
				return &adapters.Adapter{MappingVersion: 1, Translator: t, Webhook: t, Prober: t}, s.DecodeOptions(&struct{}{})
			},
		},
		Start: startTill, Sign: signToy, Golden: "testdata/till", Readme: "testdata/till/README.md",
		Waive: map[string]string{"HintsAreRead": "The till's answers tell nothing of limits."},
		Open: []adaptertest.Place{
			{File: "paid.json", Pointer: "/object"}, {File: "paid.json", Pointer: "/object/state", Path: "status"},
		},
		Amounts: []adaptertest.AmountPlace{{File: "paid.json", Pointer: "/object/total", Currency: "/object/currency", Path: "total",
			Write: func(m *canonicalv1.Money) (any, bool) { return json.Number(money.ToDecimal(m)), true }}},
		Times: []adaptertest.TimePlace{{File: "paid.json", Pointer: "/at", Unit: time.Millisecond, Write: func(at time.Time) any { return at.UnixMilli() }}},
	}
}

func startTill(t testing.TB, s adapters.Settings) *adaptertest.Fixture {
	return startVendor(t, s, func(of *thing) any {
		return map[string]any{"id": of.ID, "total": json.Number("19.99"), "currency": "EUR", "state": "paid"}
	})
}

func (a *till) Verify(d adapters.Delivery) (int, error) {
	return signature.VerifyStripe(d.Header.Get("Toy-Signature"), d.Body, a.settings.WebhookSecrets, d.ReceivedAt, 5*time.Minute)
}

func (a *till) Split(d adapters.Delivery) ([]adapters.Event, error) { return (&toy{}).Split(d) }

func (a *till) Translate(e adapters.Event) (adapters.Translation, error) {
	var in struct {
		Object map[string]any
	}
	if err := json.Unmarshal(e.Body, &in); err != nil || in.Object["id"] == nil {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Message: "it is no invoice"}
	}
	var exact struct {
		Object struct {
			ID, State, Currency string
			Total               json.Number
		}
	}
	if err := json.Unmarshal(e.Body, &exact); err != nil || exact.Object.ID == "" {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Message: "it is no invoice"}
	}
	m := &canonicalv1.Invoice{Number: &exact.Object.ID}
	o := adapters.Observation{Object: adapters.Object{Kind: "invoice", ExternalID: adapters.ExternalID(exact.Object.ID)}, Message: m, At: e.OccurredAt, Raw: e.Body}
	text := exact.Object.Total.String()
	if a.sin == "reads amounts as floats" {
		f, _ := exact.Object.Total.Float64()
		text = strconv.FormatFloat(math.Round(f*100)/100, 'f', 2, 32)
	}
	total, err := money.FromDecimal(text, exact.Object.Currency)
	if err != nil {
		o.Unusable = append(o.Unusable, adapters.Unusable{Path: "total", Raw: text, Reason: "it is no amount"})
		o.Paths = []string{"number", "status"}
	} else {
		m.Total = total
	}
	if m.Status = canonicalv1.InvoiceStatus_INVOICE_STATUS_PAID.Enum(); exact.Object.State != "paid" {
		m.Status, m.StatusRaw = canonicalv1.InvoiceStatus_INVOICE_STATUS_UNSPECIFIED.Enum(), &exact.Object.State
		o.Unknown = append(o.Unknown, "state="+exact.Object.State)
	}
	for name := range in.Object {
		if name != "id" && name != "total" && name != "currency" && name != "state" {
			o.Unknown = append(o.Unknown, name)
		}
	}
	return adapters.Translation{Observations: []adapters.Observation{o}}, nil
}

func (a *till) Probe(ctx context.Context) error {
	answer, err := a.api.Do(ctx, "probe", httpapi.Request{Method: http.MethodGet, Path: "/ping"})
	if err == nil && answer.Status != http.StatusOK {
		return httpapi.Fault("probe", answer)
	}
	return err
}

// An adapter that lacks nearly everything passes, since it says so.
func TestAnAdapterOfWebhooksAlonePasses(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, tillSuite(""))
}

func TestAmountsThatWentThroughAFloatAreCaught(t *testing.T) {
	t.Parallel()
	if adaptertest.Failure(t, tillSuite("reads amounts as floats"), "AmountsAreExact") == "" {
		t.Error("AmountsAreExact does not catch it")
	}
}

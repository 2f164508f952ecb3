package salesforce_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/salesforce"
)

func TestMistakesInOptionsAreToldWithTheirPlace(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{
		`{"api_version": "latest"}`:                                    "api_version",
		`{"api_version": "v46.0"}`:                                     "api_version",
		`{"customer": "lead"}`:                                         "customer",
		`{"external_id": "Name"}`:                                      "external_id",
		`{"external_id": "x__c' OR Id != ''"}`:                         "external_id",
		`{"login_url": "login"}`:                                       "login_url",
		`{"currency": "Euro"}`:                                         "currency",
		`{"account": "003000000000001"}`:                               "account",
		`{"account": "001000000000001", "customer": "account"}`:        "account",
		`{"labels": {"ticket_status": {"waiting": ["Waiting"]}}}`:      "labels/ticket_status/waiting",
		`{"labels": {"ticket_status": {"new": ["A"], "open": ["a"]}}}`: "labels/ticket_status/open",
		`{"labels": {"order_status": {"open": ["Activated"]}}}`:        "labels/order_status",
	} {
		_, err := salesforce.Factory().Declare(adapters.Settings{Options: json.RawMessage(options)})
		var m *adapters.Mistake
		if !errors.As(err, &m) || strings.Join(m.At, "/") != want {
			t.Errorf("%s: %v, want a mistake at %s", options, err, want)
		}
	}
	_, err := salesforce.Factory().Declare(adapters.Settings{Options: json.RawMessage(`{"customer": "lead", "currency": "Euro"}`)})
	if err == nil || !strings.Contains(err.Error(), "customer") || !strings.Contains(err.Error(), "currency") {
		t.Errorf("got %v, want both mistakes", err)
	}
}

func TestWhatIsCarriedFollowsTheOptions(t *testing.T) {
	t.Parallel()
	carried := func(options string) map[adapters.Kind]adapters.Carriage {
		all, err := salesforce.Factory().Declare(adapters.Settings{Options: json.RawMessage(options)})
		if err != nil {
			t.Fatal(err)
		}
		out := map[adapters.Kind]adapters.Carriage{}
		for _, c := range all {
			out[c.Kind] = c
		}
		return out
	}
	contacts, accounts := carried(`{}`), carried(`{"customer": "account", "currency": "EUR"}`)
	if !slices.Contains(contacts["customer"].Out, "email") || slices.Contains(accounts["customer"].In, "email") || slices.Contains(contacts["customer"].In, "shipping_address.city") {
		t.Error("a contact has an e-mail address and one postal address; an account has two and no e-mail address")
	}
	if !contacts["customer"].Archive || accounts["customer"].Archive {
		t.Error("an account is not archived: what it has would go with it")
	}
	if !slices.Contains(contacts["order"].OnCreate, "currency_code") || slices.Contains(accounts["order"].OnCreate, "currency_code") {
		t.Error("an order's currency is chosen where the org has several")
	}
}

func TestTheGrantIsAtTheOrgOrWhereItsPeopleLogIn(t *testing.T) {
	t.Parallel()
	const org = "https://acme.my.salesforce.com"
	for options, login := range map[string]string{``: org, `{"login_url": "https://test.salesforce.com/"}`: "https://test.salesforce.com"} {
		o := salesforce.Factory().OAuth(adapters.Settings{BaseURL: org, Options: json.RawMessage(options)})
		if o.AuthorizeURL != login+"/services/oauth2/authorize" || o.TokenURL != login+"/services/oauth2/token" || !o.PKCE || o.Lifetime <= 0 || o.Lifetime > 2*time.Hour {
			t.Errorf("options %q: %+v", options, o)
		}
		if !slices.Contains(o.Scopes, "refresh_token") {
			t.Errorf("without refresh_token, a grant ends with its session: %v", o.Scopes)
		}
		if o.Busy != "token request is already being processed" || !slices.Contains(o.Refusals, "invalid_client_id") || slices.Contains(o.Refusals, "unknown_error") {
			t.Errorf("what waits for a person and what does not: %q, %v", o.Busy, o.Refusals)
		}
	}
}

func TestAnOrgHasAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "acme", "https://acme.my.salesforce.com/services/data"} {
		_, err := salesforce.Factory().Open(adapters.Settings{BaseURL: base, Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret(token)}})
		if err == nil || !strings.Contains(err.Error(), "base_url") {
			t.Errorf("opened at %q: %v", base, err)
		}
	}
}

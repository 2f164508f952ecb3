package shopify_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/shopify"
	"github.com/canonhub/canonhub/adapters/shopify/sandbox"
)

const (
	asked    = "a customer asks what is held of them: show their record and orders, and answer the shop within 30 days"
	goneShop = "the app was uninstalled 48 hours ago and the shop asks to be forgotten: remove the connection, and erase what came from it alone"
	noID     = "a customer is to be forgotten of whom the event tells no id: find their record and erase it"
	untimed  = "a customer is to be forgotten, and the event does not tell since when: erase their record"
)

func open(t *testing.T) *adapters.Adapter {
	t.Helper()
	a, err := shopify.Factory().Open(adapters.Settings{Connection: "shop", BaseURL: "https://acme.myshopify.com", Now: time.Now,
		Credentials: map[string]adapters.Secret{"access_token": adapters.NewSecret("shpat_1")}, WebhookSecrets: []adapters.Secret{adapters.NewSecret("s")}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What the law asks for is done where it can be, and else becomes a dead letter that tells a person what to do. The topic
// is not signed, so that the body alone must say which of the three it is.
func TestWhatTheLawAsksForIsDoneOrToldToAPerson(t *testing.T) {
	t.Parallel()
	const all = `"shop_id": 954889, "shop_domain": "acme.myshopify.com"`
	const ada = all + `, "customer": {"id": 191167, "email": "john@example.com", "phone": "555-625-1199"}`
	at := time.Date(2026, 3, 2, 11, 0, 1, 0, time.UTC)
	for name, test := range map[string]struct {
		topic, body string
		untold      bool // when
		erased      []string
		letter      string
	}{
		"a data request":                         {"customers/data_request", ada + `, "orders_requested": [299938], "data_request": {"id": 9999}`, false, nil, asked},
		"a data request under no topic":          {"", ada + `, "orders_requested": [299938], "data_request": {"id": 9999}`, false, nil, asked},
		"a data request under another topic":     {"customers/redact", ada + `, "orders_requested": [299938], "data_request": {"id": 9999}`, false, nil, asked},
		"a data request told by its topic alone": {"customers/data_request", ada, false, nil, asked},
		"a shop":                                 {"shop/redact", all, false, nil, goneShop},
		"a shop under no topic":                  {"", all, false, nil, goneShop},
		"a shop under another topic":             {"customers/redact", all, false, nil, goneShop},
		"a shop at no time":                      {"shop/redact", all, true, nil, goneShop},
		"a customer":                             {"customers/redact", ada, false, []string{"customer 191167"}, ""},
		"a customer under another topic":         {"shop/redact", ada, false, []string{"customer 191167"}, ""},
		"a customer and orders":                  {"customers/redact", ada + `, "orders_to_redact": [299938, "280263"]`, false, []string{"customer 191167", "order 299938", "order 280263"}, ""},
		"a customer, no orders":                  {"customers/redact", ada + `, "orders_to_redact": []`, false, []string{"customer 191167"}, ""},
		"a customer, orders null":                {"customers/redact", ada + `, "orders_to_redact": null`, false, []string{"customer 191167"}, ""},
		"a guest's orders":                       {"customers/redact", all + `, "customer": {"email": "john@example.com"}, "orders_to_redact": [299938]`, false, []string{"order 299938"}, ""},
		"a guest's orders without a guest":       {"customers/redact", all + `, "orders_to_redact": [299938]`, false, []string{"order 299938"}, ""},
		"nobody by id":                           {"customers/redact", all + `, "customer": {"email": "john@example.com"}, "orders_to_redact": []`, false, nil, noID},
		"nobody by id, and no list":              {"customers/redact", all + `, "customer": {"id": null}`, false, nil, noID},
		"a customer at no time":                  {"customers/redact", ada + `, "orders_to_redact": [299938]`, true, nil, untimed},
		"a customer of an odd id":                {"customers/redact", all + `, "customer": {"id": "john@example.com"}`, false, nil, "the event cannot be used: it names no customer"},
		"orders that are no list":                {"customers/redact", ada + `, "orders_to_redact": 299938`, false, nil, "the event cannot be used: its orders to redact are no list"},
		"an order of an odd id":                  {"customers/redact", ada + `, "orders_to_redact": [299938, {}]`, false, nil, "the event cannot be used: it lists an order without an id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := adapters.Event{Key: "k", Type: test.topic, OccurredAt: at, Body: []byte("{" + test.body + "}")}
			if test.untold {
				e.OccurredAt = time.Time{}
			}
			meaning, err := open(t).Translator.Translate(e)
			var erased []string
			for _, o := range meaning.Observations {
				erased = append(erased, fmt.Sprint(o.Kind, " ", o.ExternalID))
				if !o.Gone || !o.Erase || o.Message != nil || !o.At.Equal(at) {
					t.Errorf("%s is not erased: %+v", o.ExternalID, o)
				}
			}
			if !slices.Equal(erased, test.erased) || len(meaning.Fetch)+len(meaning.Rejected) != 0 || meaning.Ignored != "" {
				t.Errorf("erased are %v, want %v; %+v", erased, test.erased, meaning)
			}
			checkLetter(t, err, test.letter)
		})
	}
}

// checkLetter says whether a failure becomes a dead letter of these words, which quote nothing of the body.
func checkLetter(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if f := fault.As(err); f == nil || f.Category != fault.Permanent || f.Message != want || strings.Contains(f.Error(), "john") {
		t.Errorf("it becomes %v, want a dead letter: %s", err, want)
	}
}

// What the shop sends passes the door, under keys of their own, and becomes what it must.
func TestWhatAShopSendsOfTheLawsRequestsIsUnderstood(t *testing.T) {
	t.Parallel()
	a := open(t)
	type heard struct {
		topic string
		err   error
	}
	came := make(chan heard, 2)
	keys := make(chan string, 2)
	hub := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d := adapters.Delivery{Method: r.Method, Header: r.Header, Body: body, ReceivedAt: time.Now()}
		if _, err := a.Webhook.Verify(d); err != nil {
			came <- heard{"", err}
			return
		}
		events, err := a.Webhook.Split(d)
		if err != nil || len(events) != 1 {
			came <- heard{"", fmt.Errorf("%d events: %w", len(events), err)}
			return
		}
		_, err = a.Translator.Translate(events[0])
		keys <- events[0].Key
		came <- heard{events[0].Type, err}
	}))
	t.Cleanup(hub.Close)
	shop := sandbox.New(sandbox.Options{AccessToken: "shpat_1", ClientSecret: "s", Domain: "acme.myshopify.com"})
	t.Cleanup(shop.Close)
	id, err := shop.Register(sandbox.Customer{FirstName: "John", Email: "john@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	shop.SetWebhookURL(hub.URL)
	if err := shop.RequestData(id, "299938"); err != nil {
		t.Fatal(err)
	}
	shop.RedactShop()
	for range 2 {
		one := <-came
		checkLetter(t, one.err, map[string]string{"customers/data_request": asked, "shop/redact": goneShop}[one.topic])
	}
	if one, other := <-keys, <-keys; one == other {
		t.Error("two events have one key")
	}
	if err := shop.RequestData("1"); err == nil {
		t.Error("a customer asks whom there is not")
	}
}

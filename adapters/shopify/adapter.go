// Package shopify carries customers and orders of one shop.
//
// # Setting a shop up
//
// The app needs the scopes read_customers, write_customers, read_orders and write_orders, and read_all_orders for orders
// older than 60 days. Creates leave our record id in a metafield whose definition somebody makes once, as "Unique ID" in
// the admin or by
//
//	mutation { metafieldDefinitionCreate(definition: {ownerType: CUSTOMER, type: "id",
//	  namespace: "canonhub", key: "record_id", name: "canonhub id"}) { userErrors { message } } }
//
// Without it customers can be read and updated, and a create fails with a message that says so. Webhooks to subscribe to
// are in README.md.
//
// # Why it is built this way
//
// GraphQL and not REST: the REST API is legacy since October 2024, closed to new public apps, and has no lookup by an id
// of ours. All that is asked for stands in the mapping's tables; nothing else ever comes.
//
// A webhook is a hint, and the object is fetched. Shopify signs a webhook's body alone: neither its topic nor its shop nor
// its time is signed, so that whoever caught an update could send it again as a delete. And the body has neither tags nor
// consents, is of whatever version the subscription has, and may be cut by a filter. What is taken from a body as it is,
// merges and redactions, is told by the signed body's own shape. A failed merge is told by the same topic as one that
// was done.
//
// A create is customerSet with our record id as the identifier: sent again, it hits the customer that it made. The
// lookup by that id is exact and shows writes at once, where the search lags.
//
// A pull never reads a second page of one search. It asks anew from the last id, or from the last time of change: the
// search refuses to go beyond 25,000, and its cursors are not promised to live. A search that Shopify does not understand
// is no error there but one without filters, with a warning; here it is an error.
//
// Shopify's messages quote values. None of their text is passed on: codes, names of fields and the request's id are.
package shopify

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

const (
	// mappingVersion is raised with every change in what attributes are read from or written to.
	mappingVersion = 1
	// credential is the name of the one credential.
	credential = "access_token"
	// endpoint is the API in a version that Shopify serves until October 2027.
	endpoint = "/admin/api/2026-10/graphql.json"
)

// Factory describes the adapter.
func Factory() adapters.Factory {
	return adapters.Factory{
		Name:        "shopify",
		Credentials: []string{credential},
		OAuth:       oauth,
		Limits:      limits,
		Carries:     []adapters.Carriage{customers.carriage(), orders.carriage()},
		Open:        open,
	}
}

// scopes are one word to the hub: Shopify wants commas between them.
const scopes = "read_customers,write_customers,read_orders,write_orders"

// oauth is the grant of an app for shops of one's own, by its id and secret; it needs no person and its tokens live a
// day. The option grant: authorization_code asks a person of the shop instead.
func oauth(s adapters.Settings) adapters.OAuth {
	base := strings.TrimSuffix(s.BaseURL, "/") + "/admin/oauth/"
	o := adapters.OAuth{TokenURL: base + "access_token", ClientAuth: adapters.ClientInBody}
	if options, err := read(s); err == nil && options.Grant == byPerson {
		o.AuthorizeURL, o.Scopes = base+"authorize", []string{scopes}
	}
	return o
}

// options are a connection's own.
type options struct {
	// Grant is how tokens are had where the hub keeps them.
	Grant string `json:"grant"`
}

const (
	byApp    = "client_credentials"
	byPerson = "authorization_code"
)

func read(s adapters.Settings) (options, error) {
	o := options{Grant: byApp}
	if err := s.DecodeOptions(&o); err != nil {
		return o, fmt.Errorf("shopify: %w", err)
	}
	if o.Grant != byApp && o.Grant != byPerson {
		return o, fmt.Errorf("shopify: options: grant is %.40q; set it to %s or %s", o.Grant, byApp, byPerson)
	}
	return o, nil
}

func open(s adapters.Settings) (*adapters.Adapter, error) {
	if s.Credentials[credential].IsZero() && s.Token == nil {
		return nil, errors.New("shopify needs the credential " + credential)
	}
	base, err := url.Parse(s.BaseURL)
	if err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "" {
		return nil, errors.New("shopify: each shop has an address of its own: set base_url to https://SHOP.myshopify.com")
	}
	if _, err := read(s); err != nil {
		return nil, err
	}
	shop := &shop{api: httpapi.New(s, httpapi.Vendor{Authorize: authorize(s), Hints: hints})}
	return &adapters.Adapter{
		MappingVersion: mappingVersion,
		Account:        account(base.Hostname()),
		Webhook:        &webhook{secrets: s.WebhookSecrets},
		Translator:     translator{},
		Fetcher:        shop,
		Puller:         shop,
		Lister:         shop,
		Counter:        shop,
		Pusher:         shop,
		Prober:         shop,
	}, nil
}

// account is the shop's domain, by which webhooks name it; empty where the base URL does not tell.
func account(host string) string {
	host = strings.ToLower(host)
	if !strings.HasSuffix(host, ".myshopify.com") {
		return ""
	}
	return host
}

// authorize sets Shopify's own header.
func authorize(s adapters.Settings) func(*http.Request) error {
	return func(r *http.Request) error {
		token := s.Credentials[credential]
		if s.Token != nil {
			var err error
			if token, err = s.Token(r.Context()); err != nil {
				return err
			}
		}
		r.Header.Set("X-Shopify-Access-Token", token.Reveal())
		return nil
	}
}

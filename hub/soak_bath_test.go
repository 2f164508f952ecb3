package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	salesforce "github.com/canonhub/canonhub/adapters/salesforce/sandbox"
	shopify "github.com/canonhub/canonhub/adapters/shopify/sandbox"
	xero "github.com/canonhub/canonhub/adapters/xero/sandbox"
	zendesk "github.com/canonhub/canonhub/adapters/zendesk/sandbox"
)

const (
	zendeskToken, zendeskSecret = "token-1", "zendesk-secret-1"
	shopifyToken, shopifySecret = "shpat_1", "shop-secret-1"
	salesToken                  = "session-1"
	xeroToken, xeroSecret       = "books-1", "books-secret-1"
)

// bath is a town with all vendors, a folder of files, and all that can go wrong between them and the hub.
type bath struct {
	*town
	desk    *zendesk.Server
	shop    *shopify.Server
	sales   *salesforce.Server
	books   *xero.Server
	erp     *erp
	vendors map[string]*outside
	posts   []*post
	tracks  map[string]*track
	n       int
	// company is what the files said last, by address.
	company map[string]string
}

// bathConfig is what the town's configuration lacks.
const bathConfig = `
  desk:
    adapter: zendesk
    base_url: %s
    brake: {share: 1}
    credentials: {token: "${ZENDESK_TOKEN}"}
    webhook: {secrets: ["${ZENDESK_SECRET}"]}
    limits: {requests_per_second: 2000, concurrency: 16, pages_per_minute: 100000}
  shop:
    adapter: shopify
    base_url: %s
    brake: {share: 1}
    credentials: {access_token: "${SHOPIFY_TOKEN}"}
    webhook: {secrets: ["${SHOPIFY_SECRET}"]}
    limits: {requests_per_second: 2000, concurrency: 16}
  sales:
    adapter: salesforce
    base_url: %s
    brake: {share: 1}
    credentials: {access_token: "${SALES_TOKEN}"}
    limits: {requests_per_second: 2000, concurrency: 16, requests_per_day: 10000000}
    pull: {customer: {every: 1s}}
  books:
    adapter: xero
    base_url: %s
    brake: {share: 1}
    credentials: {access_token: "${XERO_TOKEN}"}
    webhook: {secrets: ["${XERO_SECRET}"]}
    limits: {requests_per_second: 2000, concurrency: 16, requests_per_day: 10000000}
    options: {tenant_id: ` + xeroTenant + `}
  erp:
    adapter: filedrop
    brake: {share: 1}
    pull: {customer: {every: 1s}}
    options:
      folder: %s
      settle: 0s
      kinds:
        customer:
          content: changes
          id: row.NR
          attributes: {email: row.MAIL, company: row.COMPANY}
          out: {columns: [{name: NAME, value: record.name.full}]}
policies:`

func newBath(t *testing.T) *bath {
	t.Helper()
	b := &bath{town: newTown(t), tracks: newTracks(), vendors: map[string]*outside{}, company: map[string]string{}}
	b.patience = 4 * *soak // a slow machine works off later what it is given too fast
	b.erp = &erp{b.town, t.TempDir()}
	for _, name := range []string{"in", "done", "rejected", "out"} {
		b.must(os.Mkdir(filepath.Join(b.erp.folder, name), 0o700))
	}
	b.desk = zendesk.New(zendesk.Options{Token: zendeskToken, Secret: zendeskSecret, AccountID: 1})
	b.shop = shopify.New(shopify.Options{AccessToken: shopifyToken, ClientSecret: shopifySecret})
	b.sales = salesforce.New(salesforce.Options{Token: salesToken})
	b.books = xero.New(xero.Options{Token: xeroToken, Secret: xeroSecret, TenantID: xeroTenant})
	desk, shop, sales, books := httptest.NewServer(traced(t, b.desk)), httptest.NewServer(traced(t, b.shop)), httptest.NewServer(traced(t, b.sales)), httptest.NewServer(traced(t, b.books))
	t.Cleanup(func() {
		b.desk.Close()
		b.shop.Close()
		b.sales.Close()
		b.books.Close()
		for _, s := range []*httptest.Server{desk, shop, sales, books} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	b.policy("\npolicies:", fmt.Sprintf(bathConfig, desk.URL, shop.URL, sales.URL, books.URL, b.erp.folder))
	taken := "{create: true, attributes: [name, email]}"
	b.policy(`      crm:    {create: true, attributes: ["*"]}`, strings.Join([]string{`      crm:    {create: true, attributes: ["*"]}`,
		"      desk:   " + taken, "      shop:   " + taken, "      sales:  " + taken, "      books:  " + taken, "      erp:    {create: false, attributes: [name]}"}, "\n"))
	b.policy(`attributes: {"*": {prefer: [stripe, crm]}}`,
		`attributes: {"*": {prefer: [stripe, crm, desk, shop, sales, books]}, phone: {prefer: [crm, stripe]}, company: {authority: erp}}`)
	for name, value := range map[string]string{"ZENDESK_TOKEN": zendeskToken, "ZENDESK_SECRET": zendeskSecret, "SHOPIFY_TOKEN": shopifyToken,
		"SHOPIFY_SECRET": shopifySecret, "SALES_TOKEN": salesToken, "XERO_TOKEN": xeroToken, "XERO_SECRET": xeroSecret} {
		b.setenv(name, value)
	}
	for name, at := range map[string]string{"stripe": b.stripeURL, "crm": b.hubspotURL, "desk": desk.URL, "shop": shop.URL, "sales": sales.URL, "books": books.URL} {
		b.vendors[name] = b.before(at)
	}
	for name, k := range b.tracks {
		b.vendors[name].watch = k.arrived
	}
	for name, set := range map[string]func(string){"stripe": b.stripe.SetWebhookURL, "desk": b.desk.SetWebhookURL, "shop": b.shop.SetWebhookURL,
		"books": b.books.SetWebhookURL, "crm": func(at string) {
			b.hubspot.SetWebhookURL(at)
			b.hubspot.SetPublicURL("http://" + b.httpAddr + "/webhooks/crm")
		}} {
		p, at := newPost(t, "http://"+b.httpAddr+"/webhooks/"+name)
		b.posts = append(b.posts, p)
		set(at)
	}
	return b
}

// file drops a file that says a customer's company.
func (b *bath) file(email string) {
	b.t.Helper()
	b.company[email] = fmt.Sprintf("Company %d", b.n)
	text := fmt.Sprintf("NR,MAIL,COMPANY\r\n%s,%s,%s\r\n", strings.TrimSuffix(email, "@example.com"), email, b.company[email])
	b.erp.drop(fmt.Sprintf("customers-%06d.csv", b.n), text)
}

// told are the names that the hub wrote to files, the last one of each customer, by address.
func (b *bath) told() map[string][]string {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.erp.folder, "out", "*.csv")) // in order: their names begin with the time
	b.must(err)
	last := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		b.must(err)
		all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		b.must(err)
		for _, row := range all[1:] {
			last[row[0]+"@example.com"] = row[len(row)-1:]
		}
	}
	return last
}

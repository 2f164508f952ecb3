package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	hubspot "github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	shopify "github.com/canonhub/canonhub/adapters/shopify/sandbox"
	stripe "github.com/canonhub/canonhub/adapters/stripe/sandbox"
	zendesk "github.com/canonhub/canonhub/adapters/zendesk/sandbox"
	"github.com/canonhub/canonhub/hub/postgres"
)

// The demo's secrets open nothing but its own sandboxes.
const (
	stripeKey     = "sk_test_demo"
	stripeSecret  = "whsec_demo"
	hubspotToken  = "pat-demo"
	hubspotSecret = "demo-client-secret"
	shopifyToken  = "shpat_demo"
	shopifySecret = "demo-shop-secret"
	zendeskToken  = "demo-token"
	zendeskSecret = "demo-signing-secret"
)

// stage is everything that plays.
type stage struct {
	t        *teller
	dir      string
	logPath  string
	keep     bool
	database *postgres.Server
	stripe   *stripe.Server
	hubspot  *hubspot.Server
	shopify  *shopify.Server
	zendesk  *zendesk.Server
	vendors  []*http.Server
	hub      *exec.Cmd
	hubEnds  chan error
	httpAddr string
	grpcAddr string
	// stripeURL and hubspotURL are the roots of the simulated APIs.
	stripeURL, hubspotURL string
	// customer is the story's first customer: at Stripe, at HubSpot, and here.
	customer, contact, record string
	// buyer is the record of the shop's customer.
	buyer string
}

// open starts vendors and hub.
func (s *stage) open(ctx context.Context, o Options) error {
	var err error
	if s.httpAddr, err = fix(o.HTTPAddr); err != nil {
		return fmt.Errorf("--http-addr: %w", err)
	}
	if s.grpcAddr, err = fix(o.GRPCAddr); err != nil {
		return fmt.Errorf("--grpc-addr: %w", err)
	}
	s.stripe = stripe.New(stripe.Options{APIKey: stripeKey, WebhookSecret: stripeSecret})
	s.hubspot = hubspot.New(hubspot.Options{AccessToken: hubspotToken, ClientSecret: hubspotSecret, PortalID: 4711})
	s.shopify = shopify.New(shopify.Options{AccessToken: shopifyToken, ClientSecret: shopifySecret})
	s.zendesk = zendesk.New(zendesk.Options{Token: zendeskToken, Secret: zendeskSecret, AccountID: 22})
	var shopifyURL, zendeskURL string
	for _, vendor := range []struct {
		handler http.Handler
		url     *string
	}{{s.stripe, &s.stripeURL}, {s.hubspot, &s.hubspotURL}, {s.shopify, &shopifyURL}, {s.zendesk, &zendeskURL}} {
		if *vendor.url, err = s.serve(vendor.handler); err != nil {
			return err
		}
	}
	webhooks := "http://" + s.httpAddr + "/webhooks/"
	s.stripe.SetWebhookURL(webhooks + "stripe")
	s.hubspot.SetWebhookURL(webhooks + "crm")
	s.shopify.SetWebhookURL(webhooks + "shop")
	s.zendesk.SetWebhookURL(webhooks + "help")
	if err := s.furnish(); err != nil {
		return err
	}
	text := fmt.Sprintf(configuration, s.stripeURL, s.hubspotURL, webhooks+"crm", shopifyURL, zendeskURL, s.folder())
	if err := os.WriteFile(s.configPath(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	s.t.does("PostgreSQL; simulated: Stripe (%s), HubSpot (%s), Shopify (%s), Zendesk (%s); a folder for files (%s)",
		s.stripeURL, s.hubspotURL, shopifyURL, zendeskURL, s.folder())
	if err := s.startHub(ctx); err != nil {
		return err
	}
	s.t.does("and the hub: http://%s, gRPC on %s, configured by %s", s.httpAddr, s.grpcAddr, s.configPath())
	return nil
}

func (s *stage) configPath() string { return filepath.Join(s.dir, "canonhub.yaml") }

// fix makes an address with port 0 one with a free port, so that a restarted hub is found where it was.
func fix(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// serve runs a vendor on a port of its own.
func (s *stage) serve(handler http.Handler) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start a simulated vendor: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	s.vendors = append(s.vendors, server)
	go func() { _ = server.Serve(l) }() // ends with strike
	return "http://" + l.Addr().String(), nil
}

// startHub starts the hub's own process, as a user would, and waits until it is ready.
func (s *stage) startHub(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the hub's log: %w", err)
	}
	defer log.Close()
	s.hub = exec.Command(self, "serve", "--config", s.configPath(), "--data-dir", s.dir,
		"--http-addr", s.httpAddr, "--grpc-addr", s.grpcAddr, "--retry-backoff", "200ms")
	s.hub.Env = s.hubEnv()
	s.hub.Stdout, s.hub.Stderr = log, log
	if err := s.hub.Start(); err != nil {
		return fmt.Errorf("start the hub: %w", err)
	}
	s.hubEnds = make(chan error, 1)
	hub, ends := s.hub, s.hubEnds
	go func() { ends <- hub.Wait() }()
	return s.until(ctx, "the hub is ready", func() error {
		select {
		case err := <-ends:
			ends <- err
			return stop{fmt.Errorf("the hub ended at once (%w); see %s", err, s.logPath)}
		default:
		}
		return s.get(ctx, "/readyz", nil)
	})
}

// hubEnv is the environment in which the configuration's secrets stand.
func (s *stage) hubEnv() []string {
	return append(os.Environ(), "DEMO_STRIPE_KEY="+stripeKey, "DEMO_STRIPE_SECRET="+stripeSecret,
		"DEMO_HUBSPOT_TOKEN="+hubspotToken, "DEMO_HUBSPOT_SECRET="+hubspotSecret,
		"DEMO_SHOPIFY_TOKEN="+shopifyToken, "DEMO_SHOPIFY_SECRET="+shopifySecret, "DEMO_ZENDESK_TOKEN="+zendeskToken, "DEMO_ZENDESK_SECRET="+zendeskSecret)
}

// kill ends the hub without any warning.
func (s *stage) kill() error {
	if err := s.hub.Process.Kill(); err != nil {
		return fmt.Errorf("kill the hub: %w", err)
	}
	<-s.hubEnds
	s.hubEnds <- nil
	return nil
}

// strike ends everything and removes what is not worth keeping.
func (s *stage) strike() error {
	var errs []error
	if s.hub != nil && s.hub.Process != nil {
		_ = s.hub.Process.Signal(os.Interrupt)
		select {
		case <-s.hubEnds:
		case <-time.After(15 * time.Second):
			_ = s.hub.Process.Kill()
		}
	}
	if s.zendesk != nil {
		s.stripe.Close()
		s.hubspot.Close()
		s.shopify.Close()
		s.zendesk.Close()
	}
	for _, v := range s.vendors {
		_ = v.Close()
	}
	if s.database != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		errs = append(errs, s.database.Stop(ctx))
	}
	if !s.keep {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// configuration is the demo's canonhub.yaml: who decides over which attribute.
const configuration = `# Written by the demo.
connections:
  stripe:
    adapter: stripe
    base_url: %s
    credentials: {api_key: "${DEMO_STRIPE_KEY}"}
    webhook: {secrets: ["${DEMO_STRIPE_SECRET}"]}
    limits: {requests_per_second: 50}
  crm:
    adapter: hubspot
    base_url: %s
    credentials: {access_token: "${DEMO_HUBSPOT_TOKEN}"}
    webhook: {secrets: ["${DEMO_HUBSPOT_SECRET}"], public_url: "%s"}
    limits: {requests_per_second: 50}
  shop:
    adapter: shopify
    base_url: %s
    credentials: {access_token: "${DEMO_SHOPIFY_TOKEN}"}
    webhook: {secrets: ["${DEMO_SHOPIFY_SECRET}"]}
    limits: {requests_per_second: 50}
  help:
    adapter: zendesk
    base_url: %s
    credentials: {token: "${DEMO_ZENDESK_TOKEN}"}
    webhook: {secrets: ["${DEMO_ZENDESK_SECRET}"]}
    limits: {requests_per_second: 50, pages_per_minute: 3000}
  erp:
    adapter: filedrop
    pull: {customer: {every: 1s}}
    options:
      folder: %s
      settle: 0s
      kinds:
        customer:
          encoding: windows-1252
          delimiter: ";"
          id: row.NR
          attributes:
            name: "PersonName{full: row.NAME}"
            email: row.MAIL
            billing_address.city: row.CITY
policies:
  customer:
    create: [stripe, crm, shop, erp]
    match: [email]
    attributes:
      "*":   {prefer: [stripe, crm, shop, help, erp]}
      email: {authority: stripe}
      phone: {authority: crm}
      billing_address.city: {hold: [stripe, crm]}
    targets:
      stripe: {create: false, attributes: [name, email, phone, billing_address]}
      crm:    {create: true, attributes: ["*"]}
      help:   {create: false, attributes: [name, phone]}
  order:
    create: [shop]
    attributes: {"*": {authority: shop}}
  ticket:
    create: [help]
    attributes: {"*": {authority: help}}
`

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	hubspot "github.com/canonhub/canonhub/adapters/hubspot/sandbox"
	stripe "github.com/canonhub/canonhub/adapters/stripe/sandbox"
	"github.com/canonhub/canonhub/hub/hubtest"
)

// kills is how often TestKillNine kills the hub.
var kills = flag.Int("kills", 8, "how often TestKillNine kills the hub")

// asMain makes this test binary run the program instead of the tests.
const asMain = "CANONHUB_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const (
	stripeKey, stripeSecret     = "sk_test_1", "whsec_1"
	hubspotToken, hubspotSecret = "pat-1", "client-secret-1"
)

// town is two simulated vendors and a hub's configuration and database; the hub's process is started by the test.
type town struct {
	t          *testing.T
	stripe     *stripe.Server
	hubspot    *hubspot.Server
	stripeURL  string
	hubspotURL string
	// backoff is the first retry's bound; time goes as much faster as it is less than a second.
	backoff  time.Duration
	database string
	config   string
	httpAddr string
	grpcAddr string
	process  *exec.Cmd
	ended    chan error
	logFile  string
	env      []string // beside the test's own
	// patience is how much longer than usual things may take.
	patience time.Duration
}

func newTown(t *testing.T) *town { return newTownWith(t, "") }

// newTownWith adds to the configuration.
func newTownWith(t *testing.T, more string) *town {
	t.Helper()
	w := &town{t: t, database: hubtest.Database(t), httpAddr: freePort(t), grpcAddr: freePort(t), backoff: 100 * time.Millisecond, logFile: filepath.Join(t.TempDir(), "hub.log")}
	w.stripe = stripe.New(stripe.Options{APIKey: stripeKey, WebhookSecret: stripeSecret})
	w.hubspot = hubspot.New(hubspot.Options{AccessToken: hubspotToken, ClientSecret: hubspotSecret, PortalID: 1})
	stripeServer, hubspotServer := httptest.NewServer(traced(t, w.stripe)), httptest.NewServer(traced(t, w.hubspot))
	w.stripeURL, w.hubspotURL = stripeServer.URL, hubspotServer.URL
	t.Cleanup(func() {
		w.stripe.Close()
		w.hubspot.Close()
		stripeServer.CloseClientConnections()
		hubspotServer.CloseClientConnections()
		stripeServer.Close()
		hubspotServer.Close()
	})
	w.stripe.SetWebhookURL("http://" + w.httpAddr + "/webhooks/stripe")
	w.hubspot.SetWebhookURL("http://" + w.httpAddr + "/webhooks/crm")
	w.config = filepath.Join(t.TempDir(), "canonhub.yaml")
	text := fmt.Sprintf(townConfig, stripeServer.URL, hubspotServer.URL, w.httpAddr) + more
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

var traceParent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$`)

// traced is a vendor whose every request from the hub, whatever it is for, must carry a trace and a correlation id.
func traced(t *testing.T, vendor http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() == "canonhub" && (!traceParent.MatchString(r.Header.Get("Traceparent")) || r.Header.Get("X-Correlation-Id") == "") {
			t.Errorf("%s %s is asked with %q and %q", r.Method, r.URL.Path, r.Header["Traceparent"], r.Header["X-Correlation-Id"])
		}
		vendor.ServeHTTP(w, r)
	})
}

const townConfig = `
connections:
  stripe:
    adapter: stripe
    base_url: %s
    brake: {share: 1}
    credentials: {api_key: "${STRIPE_KEY}"}
    webhook: {secrets: ["${STRIPE_SECRET}"]}
    limits: {requests_per_second: 2000, concurrency: 16}
  crm:
    adapter: hubspot
    base_url: %s
    brake: {share: 1}
    credentials: {access_token: "${HUBSPOT_TOKEN}"}
    webhook: {secrets: ["${HUBSPOT_SECRET}"], public_url: "http://%s/webhooks/crm"}
    limits: {requests_per_second: 2000, concurrency: 16, pages_per_minute: 100000}
policies:
  customer:
    create: [stripe, crm]
    match: [email]
    attributes: {"*": {prefer: [stripe, crm]}}
    targets:
      stripe: {create: false, attributes: [name, email, phone]}
      crm:    {create: true, attributes: ["*"]}
`

func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		// Not one that the system gives to whoever asks for any: another test could have it before the hub does.
		address := fmt.Sprint("127.0.0.1:", 20000+(firstPort+nextPort.Add(1))%12000)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

var (
	firstPort = rand.Int64N(12000)
	nextPort  atomic.Int64
)

// setenv is t.Setenv for the hub alone: tests with it may run side by side.
func (w *town) setenv(name, value string) { w.env = append(w.env, name+"="+value) }

// getenv is what was set last.
func (w *town) getenv(name string) string {
	w.t.Helper()
	for _, pair := range slices.Backward(w.env) {
		if value, is := strings.CutPrefix(pair, name+"="); is {
			return value
		}
	}
	w.t.Fatalf("nobody set %s", name)
	return ""
}

// start starts the hub's process and waits until it is ready.
func (w *town) start() {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	log, err := os.OpenFile(w.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	w.process = exec.Command(self, "serve", "--config", w.config, "--database-url", w.database, "--http-addr", w.httpAddr,
		"--grpc-addr", w.grpcAddr, "--retry-backoff", w.backoff.String())
	w.process.Env = append(append(os.Environ(), w.env...), asMain+"=1", "STRIPE_KEY="+stripeKey, "STRIPE_SECRET="+stripeSecret,
		"HUBSPOT_TOKEN="+hubspotToken, "HUBSPOT_SECRET="+hubspotSecret, "ERP_SECRET="+erpSecret)
	w.process.Stdout, w.process.Stderr = log, log
	if err := w.process.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.ended = make(chan error, 1)
	process, ended := w.process, w.ended
	go func() { ended <- process.Wait() }()
	w.t.Cleanup(func() { _ = process.Process.Kill() })
	w.until("the hub is ready", func() error {
		select {
		case err := <-ended:
			w.t.Fatalf("the hub ended: %v\n%s", err, w.log())
		default:
		}
		resp, err := http.Get("http://" + w.httpAddr + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", resp.Status)
		}
		return nil
	})
}

// kill ends the hub as a power cut would.
func (w *town) kill() {
	w.t.Helper()
	if err := w.process.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	<-w.ended
}

// log is the end of the hub's log.
func (w *town) log() string {
	text, _ := os.ReadFile(w.logFile)
	return string(text[max(0, len(text)-8000):])
}

// until waits until check passes.
func (w *town) until(what string, check func() error) {
	w.t.Helper()
	deadline := time.NewTimer(2*time.Minute + w.patience)
	defer deadline.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			w.t.Fatalf("waited in vain: %s: %v\n%s", what, err, w.log())
		case <-tick.C:
		}
	}
}

// settled waits until nothing is pending or owed and no webhook is under way.
func (w *town) settled() {
	w.t.Helper()
	db, err := pgx.Connect(context.Background(), w.database)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close(context.Background())
	since, last := time.Now(), -1
	w.until("all systems agree", func() error {
		var receipts, deliveries, all int
		var dead string
		err := db.QueryRow(context.Background(), `select (select count(*) from receipts where state = 'pending'),
			(select count(*) from deliveries where state in ('owed', 'blocked')),
			(select coalesce(string_agg(concat_ws(' ', connection, subject, category, reason), E'\n'), '') from dead_letters),
			(select count(*) from receipts)`).Scan(&receipts, &deliveries, &dead, &all)
		if err != nil {
			return err
		}
		if dead != "" {
			w.t.Fatalf("dead letters: %s\n%s", dead, w.log())
		}
		if all != last || receipts+deliveries > 0 {
			since, last = time.Now(), all
		}
		if quiet := time.Since(since); quiet < 1500*time.Millisecond {
			return fmt.Errorf("%d receipts pending of %d, %d deliveries owed", receipts, all, deliveries)
		}
		return nil
	})
}

// callStripe calls the simulated Stripe as its dashboard would.
func (w *town) callStripe(path string, form url.Values) error {
	req, err := http.NewRequest(http.MethodPost, w.stripeURL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+stripeKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("stripe: %s: %s", resp.Status, body)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// policy changes the configuration's text before the hub starts.
func (w *town) policy(old, text string) {
	w.t.Helper()
	config, err := os.ReadFile(w.config)
	if err != nil || strings.Count(string(config), old) != 1 {
		w.t.Fatalf("%q is not there once (%v)", old, err)
	}
	if err := os.WriteFile(w.config, []byte(strings.Replace(string(config), old, text, 1)), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

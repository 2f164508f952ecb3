package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/secrets"
	"github.com/canonhub/canonhub/hub/store"
)

// rotating is a town whose hub keeps what it signs in with, and what it verifies webhooks by; two processes serve it.
type rotating struct {
	*toolUser
	two *town
	// texts are all secrets so far.
	texts []string
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	w := newTownWith(t, "secrets: {keys: [\"${HUB_KEY}\", \"${HUB_OLD_KEY}\"]}\n")
	w.policy(`"${STRIPE_SECRET}"`, `"${sealed}"`)
	w.policy(`"${HUBSPOT_TOKEN}"`, `"${sealed}"`)
	w.policy(`"${HUBSPOT_SECRET}"`, `"${sealed}"`)
	for _, name := range []string{"HUB_KEY", "HUB_OLD_KEY"} {
		key, err := secrets.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		w.setenv(name, key.Reveal())
	}
	two := *w
	two.httpAddr, two.grpcAddr = freePort(t), freePort(t)
	return &rotating{toolUser: newToolUser(t, w), two: &two}
}

// hub runs the program with a text on its standard input.
func (r *rotating) hub(stdin string, args ...string) string {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(self, append(args, "--config", r.config, "--database-url", r.database)...)
	cmd.Env = append(append(os.Environ(), r.env...), asMain+"=1", "STRIPE_KEY="+stripeKey)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// set keeps a text by the tool.
func (r *rotating) set(connection, name, text string, flags ...string) {
	r.t.Helper()
	r.texts = append(r.texts, text)
	cmd := exec.Command(r.tool, append([]string{"connections", "credentials", "set", connection, name}, flags...)...)
	cmd.Env = append(os.Environ(), "CANONHUB_ADDR="+r.grpcAddr)
	cmd.Stdin = strings.NewReader(text + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), text) {
		r.t.Fatalf("%v\n%s", err, out)
	}
}

// inUse waits until both processes use a version.
func (r *rotating) inUse(connection, name string, version int) {
	r.t.Helper()
	want := fmt.Sprintf("canonhub_credential_version{connection=%q,name=%q} %d\n", connection, name, version)
	r.until("both use "+want, func() error {
		for _, w := range []*town{r.town, r.two} {
			if text := metricsOf(r.t, w); !strings.Contains(text, want) {
				return fmt.Errorf("%s does not", w.httpAddr)
			}
		}
		return nil
	})
}

func metricsOf(t *testing.T, w *town) string {
	t.Helper()
	resp, err := http.Get("http://" + w.httpAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// paused waits until the crm is paused, or is not.
func (r *rotating) paused(want bool) {
	r.t.Helper()
	r.until(fmt.Sprintf("the crm is paused: %t", want), func() error {
		_, c := r.rest(http.MethodGet, "/v1/connections/crm", "")
		if _, is := c["pause"]; is != want {
			return fmt.Errorf("%v", c)
		}
		return nil
	})
}

// arrives makes a customer at Stripe, who comes to the crm.
func (r *rotating) arrives(email string) {
	r.t.Helper()
	r.customer(email)
	r.until(email+" arrives", func() error {
		for _, c := range r.hubspot.Contacts() {
			if c.Properties["email"] == email {
				return nil
			}
		}
		return fmt.Errorf("not there")
	})
}

// flow makes customers at Stripe until it is stopped.
func (r *rotating) flow(stop <-chan struct{}) error {
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
		if err := r.callStripe("/v1/customers", url.Values{"name": {"Flow"}, "email": {fmt.Sprintf("flow%d@example.com", i)}}); err != nil {
			return err
		}
	}
}

func (r *rotating) customer(email string) {
	r.t.Helper()
	if err := r.callStripe("/v1/customers", url.Values{"name": {"Kim One"}, "email": {email}}); err != nil {
		r.t.Fatal(err)
	}
}

// Credentials and webhook secrets are rotated while work flows through two processes: no webhook is refused, nothing is
// lost, and nothing tells a text. A wrong one pauses the connection, the right one resumes it, and a kill between changes
// nothing of that.
func TestCredentialsAreRotatedWhileWorkFlows(t *testing.T) {
	t.Parallel()
	r := newRotating(t)
	const tokenOne, tokenTwo, tokenThree = "pat-na1-Zq81-one", "pat-na1-Zq82-two", "pat-na1-Zq83-three"
	const hookOne, hookTwo = "whsec_Zq91_one", "whsec_Zq92_two"
	r.hubspot.SetAccessTokens(tokenOne)
	r.stripe.SetWebhookSecrets(hookOne)
	r.stripe.SetWebhookURL("http://" + r.two.httpAddr + "/webhooks/stripe")
	r.texts = append(r.texts, tokenOne, r.getenv("HUB_KEY"))
	if got := r.hub(tokenOne+"\n", "secrets", "put", "crm", "access_token"); !strings.Contains(got, "access_token v1 of crm") {
		t.Error(got)
	}
	if got := r.hub("", "check"); !strings.Contains(got, "kept for crm: access_token set, v1") || !strings.Contains(got, "kept for stripe: webhook.secrets missing") {
		t.Errorf("check says\n%s", got)
	}
	r.start()
	r.two.start()
	r.set("stripe", "webhook.secrets", hookOne)
	r.set("crm", "webhook.secrets", hubspotSecret)
	r.inUse("stripe", "webhook.secrets", 1)
	r.arrives("first@example.com")

	stop, flown := make(chan struct{}), make(chan error, 1)
	go func() { flown <- r.flow(stop) }()
	r.hubspot.SetAccessTokens(tokenOne, tokenTwo)
	r.set("crm", "access_token", tokenTwo)
	r.set("stripe", "webhook.secrets", hookTwo, "--overlap", "1h")
	r.inUse("crm", "access_token", 2)
	r.inUse("stripe", "webhook.secrets", 2)
	r.arrives("between@example.com")
	r.hubspot.SetAccessTokens(tokenTwo)
	r.stripe.SetWebhookSecrets(hookOne, hookTwo)
	r.arrives("while-both-sign@example.com")
	r.stripe.SetWebhookSecrets(hookTwo)
	r.must("connections", "credentials", "retire", "stripe", "webhook.secrets", "1")
	r.arrives("after@example.com")
	close(stop)
	if err := <-flown; err != nil {
		t.Fatal(err)
	}
	r.settled()
	if got, want := len(r.hubspot.Contacts()), len(r.stripe.Customers()); got != want {
		t.Errorf("the crm has %d contacts, want %d", got, want)
	}
	for _, d := range r.stripe.Deliveries() {
		if d.Status == http.StatusUnauthorized {
			t.Errorf("webhook %s was refused", d.EventID)
		}
	}
	db, err := store.Open(t.Context(), r.database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	count := func(sql string) (n int) {
		t.Helper()
		if err := db.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(`select count(*) from audit where action = 'paused'`); n > 0 {
		t.Errorf("the rotation paused a connection %d times", n)
	}
	for _, name := range []string{"sealed v1", "sealed v2"} {
		if count(`select count(*) from audit where connection = 'stripe' and detail like '%`+name+`%'`) == 0 {
			t.Errorf("the audit does not tell that webhooks were verified by %s", name)
		}
	}

	r.set("crm", "access_token", "pat-na1-Zq84-wrong", "--overlap", "0s")
	r.inUse("crm", "access_token", 3)
	r.customer("waits@example.com")
	r.paused(true)
	r.set("crm", "access_token", tokenTwo)
	r.paused(false)
	r.arrives("resumed@example.com")

	r.hubspot.SetAccessTokens(tokenThree)
	r.set("crm", "access_token", tokenThree)
	r.kill()
	r.two.kill()
	r.customer("while-away@example.com")
	r.start()
	r.two.start()
	r.arrives("after-the-kill@example.com")
	r.settled()

	if got := r.must("connections", "credentials", "list", "crm"); strings.Count(got, "access_token") != 5 || !strings.Contains(got, "current") || !strings.Contains(got, "retired") {
		t.Errorf("\n%s", got)
	}
	r.nothingTells(db)
	r.dropsTheOldKey()
}

// dropsTheOldKey swaps the keys, seals anew, and starts without the old one.
func (r *rotating) dropsTheOldKey() {
	r.t.Helper()
	r.kill()
	r.two.kill()
	r.policy(`["${HUB_KEY}", "${HUB_OLD_KEY}"]`, `["${HUB_OLD_KEY}", "${HUB_KEY}"]`)
	if got := r.hub("", "secrets", "reseal"); strings.HasPrefix(got, "0 ") {
		r.t.Errorf("nothing was sealed anew: %s", got)
	}
	if got := r.hub("", "secrets", "reseal"); !strings.HasPrefix(got, "0 ") {
		r.t.Errorf("sealed anew again: %s", got)
	}
	r.policy(`["${HUB_OLD_KEY}", "${HUB_KEY}"]`, `["${HUB_OLD_KEY}"]`)
	r.start()
	r.two.start()
	r.arrives("by-the-other-key@example.com")
}

// nothingTells looks for all texts in the database, the log, the audit and the metrics.
func (r *rotating) nothingTells(db *store.Store) {
	r.t.Helper()
	log, err := os.ReadFile(r.logFile)
	if err != nil {
		r.t.Fatal(err)
	}
	dump := hubtest.DumpOf(r.t, db)
	metrics := metricsOf(r.t, r.town) + metricsOf(r.t, r.two)
	slices.Sort(r.texts)
	for _, text := range slices.Compact(r.texts) {
		if found := dump.Find(text); len(found) > 0 {
			r.t.Errorf("the database tells %s: %v", text, found)
		}
		if bytes.Contains(log, []byte(text)) || strings.Contains(metrics, text) {
			r.t.Errorf("the log or a metric tells %s", text)
		}
	}
}

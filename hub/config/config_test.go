package config_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/model"
)

// design reads the configuration that the design shows.
func design(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Parse("design.yaml", read(t, "testdata/design.yaml"), options())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheDesignsConfigurationLoads(t *testing.T) {
	c := design(t)
	if len(c.Connections) != 2 || c.Connections[0].Name != "crm" || c.Connections[1].Name != "stripe-eu" {
		t.Fatalf("connections are %v, want crm and stripe-eu in this order", c.Connections)
	}
	stripe, ok := c.Connection("stripe-eu")
	if !ok {
		t.Fatal("stripe-eu is not found")
	}
	if stripe.Adapter != "stripe" || stripe.Factory.Name != "stripe" || stripe.RequestsPerSecond != 20 || stripe.Concurrency != 8 {
		t.Errorf("stripe-eu is %+v", stripe)
	}
	if _, ok := c.Connection("billing"); ok {
		t.Error("a caller is found as a connection")
	}
	caller := c.Callers[0]
	if caller.Name != "billing" || len(caller.KeySHA256) != 1 || caller.KeySHA256[0] != sha256.Sum256([]byte("key")) {
		t.Errorf("caller is %+v", caller)
	}
	if diff := cmp.Diff(map[model.Kind]config.Access{model.Invoice: config.Write, model.Customer: config.Read}, caller.Kinds); diff != "" {
		t.Errorf("kinds of the caller: %s", diff)
	}
	if len(c.Policies) != 1 || c.Policy.Kind(model.Customer) == nil || !c.Policy.Kind(model.Customer).Target("crm").Create {
		t.Errorf("policies are %v", c.Policies)
	}
}

func TestSettingsAreWhatTheFileSays(t *testing.T) {
	crm, _ := design(t).Connection("crm")
	client, now := &http.Client{}, time.Now
	got := crm.Settings(client, now)
	if got.Connection != "crm" || got.BaseURL != "https://api.hubapi.com" || got.PublicURL != "https://hooks.example.com/webhooks/crm" {
		t.Errorf("settings are %+v", got)
	}
	if got.Credentials["access_token"].Reveal() != secretText || len(got.Credentials) != 1 {
		t.Errorf("credentials are not what the file has, without its line break")
	}
	if len(got.WebhookSecrets) != 1 || got.WebhookSecrets[0].Reveal() != secretText {
		t.Errorf("webhook secrets are not what the environment has")
	}
	if got.HTTP != client || got.Now == nil {
		t.Errorf("client and clock are not those given")
	}
	got.Credentials["access_token"] = adapters.Secret{}
	if crm.Credentials["access_token"].IsZero() {
		t.Errorf("an adapter can change its connection's credentials")
	}
}

func TestURLsMayHaveVariablesAndLoseTheSlash(t *testing.T) {
	for given, want := range map[string]string{
		"":                          "https://api.stripe.com",
		"https://${HOST}/v1/":       "https://api.example.com/v1",
		"https://${HOST}:8443":      "https://api.example.com:8443",
		"http://localhost:1/":       "http://localhost:1",
		"http://127.0.0.1:12111":    "http://127.0.0.1:12111",
		"http://[::1]:12111":        "http://[::1]:12111",
		"https://$HOST.example.com": "https://$HOST.example.com",
	} {
		text := fmt.Sprintf("connections: {shop: {adapter: stripe, base_url: %q, credentials: {api_key: \"${KEY}\"}}}", given)
		c, err := config.Parse("hub.yaml", []byte(text), options())
		if err != nil {
			t.Errorf("%q: %v", given, err)
			continue
		}
		if c.Connections[0].BaseURL != want {
			t.Errorf("%q became %q, want %q", given, c.Connections[0].BaseURL, want)
		}
	}
}

func TestRetentionIsWhatTheFileSays(t *testing.T) {
	c, err := config.Parse("hub.yaml", []byte("retention: {changes: 48h}"), options())
	if err != nil || c.Retention.Changes != 48*time.Hour || !strings.Contains(c.String(), "48h") {
		t.Errorf("the retention is %v: %v", c, err)
	}
	if design(t).Retention.Changes != 0 {
		t.Error("the design states a retention")
	}
	if got := tell(t, []byte("retention:\n  changes: 10m\n")); !strings.Contains(got, ":2:") || !strings.Contains(got, "changes") {
		t.Errorf("a short one: %s", got)
	}
}

// TestLinesAreCountedAlikeWhateverEndsThem covers that YAML takes \r for a line break and protoyaml does not.
func TestLinesAreCountedAlikeWhateverEndsThem(t *testing.T) {
	text := "connections:\n  shop:\n    adapter: stripe\n    credentials: {api_key: \"${KEY}\"}\n    limits:\n      concurrency: many\n"
	want := tell(t, []byte(text))
	for _, end := range []string{"\r\n", "\r"} {
		if got := tell(t, []byte(strings.ReplaceAll(text, "\n", end))); got != want {
			t.Errorf("with %q: %s, want %s", end, got, want)
		}
	}
}

func TestPrintedForPeople(t *testing.T) {
	const golden = "testdata/design.printed"
	got := design(t).String()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, golden)), got); diff != "" {
		t.Error(diff)
	}
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	c := design(t)
	crm, _ := c.Connection("crm")
	settings := crm.Settings(http.DefaultClient, time.Now)
	var logged bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(handler).Info("loaded", "config", c, "value", *c, "connection", crm, "settings", settings)
	}
	marshalled, _ := json.Marshal(c.Connections[0].Credentials)
	printed := []string{c.String(), logged.String(), string(marshalled)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, value := range []any{c, *c, c.Connections, crm, &crm, settings, crm.Credentials, []any{c, crm}} {
			printed = append(printed, fmt.Sprintf(verb, value))
		}
	}
	for _, text := range printed {
		for _, secret := range []string{secretText, fmt.Sprintf("%x", secretText), fmt.Sprintf("%X", secretText)} {
			if strings.Contains(text, secret) {
				t.Fatalf("a secret is printed:\n%s", text)
			}
		}
	}
}

func TestLoadReadsFilesBesideTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "stripe.key"), "sk_1\n")
	write(t, filepath.Join(dir, "hub.yaml"), `connections: {shop: {adapter: stripe, credentials: {api_key: "${file:stripe.key}"}}}`)
	c, err := config.Load(filepath.Join(dir, "hub.yaml"), config.Options{Factories: factories})
	if err != nil {
		t.Fatal(err)
	}
	if c.Connections[0].Credentials["api_key"].Reveal() != "sk_1" {
		t.Error("the key is not the file's text without its line break")
	}
}

func TestLoadTellsAFileThatIsNotThere(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "hub.yaml"), config.Options{Factories: factories})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want one that is fs.ErrNotExist", err)
	}
}

func TestALongFileIsNotRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "hub.yaml")
	write(t, name, strings.Repeat("#\n", 1<<19+1))
	_, err := config.Load(name, config.Options{Factories: factories})
	if err == nil || !strings.HasSuffix(err.Error(), "hub.yaml:1:1: the configuration is larger than 1 MiB; is this the right file?") {
		t.Errorf("error is %v", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/config"
)

const sealedText = `
secrets: {keys: ["${HUB_KEY}"], kms: "hashivault://hub"}
connections:
  shop:
    adapter: stripe
    credentials: {api_key: "${sealed}"}
    webhook: {secrets: ["${OLD}", "${sealed}"]}
  crm:
    adapter: hubspot
    credentials: {access_token: "${file:token}"}
  desk:
    adapter: zendesk
    base_url: https://acme.example.com
    oauth: {client_id: hub, client_secret: "${sealed}", redirect_url: "https://hub.example.com/oauth/callback"}
`

func TestWhatTheHubKeepsIsToldFromWhatItIsGiven(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("conf/hub.yaml", []byte(sealedText), options())
	if err != nil {
		t.Fatal(err)
	}
	shop, _ := c.Connection("shop")
	if !shop.Kept("api_key") || !shop.Kept(config.WebhookSecrets) || shop.Kept(config.ClientSecret) || !shop.Credentials["api_key"].IsZero() ||
		!slices.Equal(shop.SecretNames(), []string{"OLD", "sealed"}) || !slices.Equal(shop.Places(), []string{"api_key", "webhook.secrets"}) {
		t.Errorf("the shop's are %+v, %+v of %v", shop.Sources, shop.WebhookSources, shop.Places())
	}
	crm, _ := c.Connection("crm")
	if crm.Kept("access_token") || crm.Sources["access_token"].File != filepath.Join("conf", "token") {
		t.Errorf("the crm's are %+v", crm.Sources)
	}
	desk, _ := c.Connection("desk")
	if !desk.Kept(config.ClientSecret) || !slices.Contains(desk.Places(), config.ClientSecret) {
		t.Errorf("the desk's are %+v of %v", desk.Sources, desk.Places())
	}
	if c.KMS != "hashivault://hub" {
		t.Errorf("the KMS is at %q", c.KMS)
	}
	for _, want := range []string{"kept sealed in the hub's database", "set, from OLD", "set, from file:token", "hub, its secret kept sealed", "of the keys: hashivault"} {
		if !strings.Contains(c.String(), want) {
			t.Errorf("check does not say %q:\n%s", want, c)
		}
	}
}

func TestAnAdapterJudgesATextBeforeItIsKept(t *testing.T) {
	t.Parallel()
	open := func(s adapters.Settings) (*adapters.Adapter, error) {
		if got := s.Credentials["api_key"].Reveal(); got == "bad text" {
			return nil, errors.New("no key: " + got)
		}
		return &adapters.Adapter{}, nil
	}
	c := config.Connection{Name: "shop", Factory: adapters.Factory{Credentials: []string{"api_key"}, Open: open},
		Credentials: map[string]adapters.Secret{"api_key": {}}}
	if err := c.Takes("api_key", adapters.NewSecret("good")); err != nil {
		t.Error(err)
	}
	if err := c.Takes("api_key", adapters.NewSecret("bad text")); err == nil || strings.Contains(err.Error(), "bad text") {
		t.Errorf("a bad one: %v", err)
	}
	if !c.Credentials["api_key"].IsZero() {
		t.Error("what was judged is kept")
	}
}

func TestASecretIsReadOutOfAFileAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	for text, want := range map[string]string{"abc\r\n": "abc", "a\nb\n\n": "a\nb", "\n": "", strings.Repeat("x", 64<<10+1): ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := config.ReadSecret(file)
		if got.Reveal() != want || (err == nil) != (want != "") {
			t.Errorf("%.5q gives %q, %v", text, got.Reveal(), err)
		}
	}
	if _, err := config.ReadSecret(file + ".not"); err == nil || strings.Contains(err.Error(), file) {
		t.Errorf("one that is not there: %v", err)
	}
}

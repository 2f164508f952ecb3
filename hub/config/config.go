// Package config reads canonhub.yaml.
//
// Its schema is the message canonhub.config.v1.Config. Reading tells all mistakes at once, each with its line and what
// to do about it. A configuration that loads can be run: adapters exist and have their credentials, every source that
// a policy names exists, and every target can write what it is to take.
//
// Secrets are never written in place: values under `credentials` and `webhook.secrets` and that of `oauth.client_secret`
// are `${NAME}`, an environment variable, or `${file:PATH}`, a file of at most 64 KiB whose trailing line breaks are
// dropped; a relative path starts at the configuration's folder. Or they are `${sealed}`: the hub keeps the text in its
// database, by versions. `base_url` and `public_url` may contain `${NAME}`. Nothing is expanded elsewhere.
//
// Because of law 10 a message here never quotes what stands where a secret belongs, not even a name: with `{api_key:sk_1}`
// YAML makes the secret a key. The position tells where to look.
package config

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
)

// Config is a configuration without mistakes.
type Config struct {
	// Connections by name.
	Connections []Connection
	// Callers by name.
	Callers []Caller
	// Retention is how long what grows without end is kept.
	Retention Retention
	// Keys seal what the hub keeps of secrets; empty where it keeps none.
	Keys []adapters.Secret
	// KMS is the URL of what opens those keys that are sealed themselves; empty where none is.
	KMS string
	// Policies as configured, by kind.
	Policies map[string]*configv1.KindPolicy
	// Phases of the connections that are not live, by name.
	Phases map[string]string
	// Policy is the policies, compiled.
	Policy *policy.Policy
	// File is the configuration's name.
	File string
	// Lines of the policies' rules and targets, by place below policies: `customer/attributes/email`.
	Lines map[string]int
}

// Retention is how long what grows without end is kept, as configured; 0 means the default.
type Retention struct{ Changes time.Duration }

// Connection is one account at a vendor.
type Connection struct {
	Name string
	// Adapter is the factory's name.
	Adapter string
	Factory adapters.Factory
	// BaseURL is the configured one or else the vendor's own, without a trailing slash.
	BaseURL string
	// PublicURL is what the vendor calls, as the vendor has it; empty where not configured.
	PublicURL string
	// Credentials by name; zero where the hub keeps the text.
	Credentials map[string]adapters.Secret
	// Sources are where credentials, and ClientSecret, come from, by the names of their places.
	Sources map[string]Source
	// WebhookSecrets are empty where the vendor does not call us; zero where the hub keeps the text.
	WebhookSecrets []adapters.Secret
	// WebhookSources are where they come from.
	WebhookSources []Source
	// WebhookPerSecond and WebhookConcurrency as configured; 0 means the default.
	WebhookPerSecond   float64
	WebhookConcurrency int
	// RequestsPerSecond and Concurrency as configured; 0 means the default.
	RequestsPerSecond float64
	Concurrency       int
	RequestsPerDay    int
	PagesPerMinute    int
	Brake             Brake
	// Options are the adapter's own, as JSON; empty where there are none.
	Options json.RawMessage
	// Carries says what the connection carries, with these options.
	Carries []adapters.Carriage
	// Pulls are what is read from it, by kind.
	Pulls map[model.Kind]Pull
	// OAuth is by which account tokens are had; nil where credentials are given.
	OAuth *OAuthClient
}

// OAuthClient is the hub's account at a vendor's authorisation server.
type OAuthClient struct {
	ID string
	// Secret is zero where the hub keeps the text.
	Secret adapters.Secret
	// RedirectURL is empty where no person is asked.
	RedirectURL string
}

// Pull is how one kind is read, as configured; 0 and empty mean the default.
type Pull struct {
	Every, Reconcile, Overlap, Silence time.Duration
	PageSize                           int
	Vanished, Differences              string
	MaxVanished, Share                 float64
}

// Brake is how much may change at a connection within a window, as configured; 0 means the default.
type Brake struct {
	Share  float64
	Min    int
	Window time.Duration
}

// Caller is an internal service.
type Caller struct {
	Name string
	// KeySHA256 are the hashes of its API keys, several while they are rotated.
	KeySHA256 [][32]byte
	// Kinds are those it may use.
	Kinds map[model.Kind]Access
	// Operate says that it may decide reviews, change the policy, merge and erase.
	Operate bool
	// Raw says that it may see sources' own objects.
	Raw bool
	// Concurrency is how many calls of it may run at a time; 0 where it does not say.
	Concurrency int
}

// Access is what a caller may do with a kind.
type Access string

// The accesses.
const (
	Read Access = "read"
	// Write includes Read.
	Write Access = "write"
)

// Connection finds a connection by its name.
func (c *Config) Connection(name string) (Connection, bool) {
	for _, connection := range c.Connections {
		if connection.Name == name {
			return connection, true
		}
	}
	return Connection{}, false
}

// Settings is what the connection's adapter is made from.
func (c Connection) Settings(client *http.Client, now func() time.Time) adapters.Settings {
	settings := adapters.Settings{
		Connection:     c.Name,
		BaseURL:        c.BaseURL,
		Options:        slices.Clone(c.Options),
		Credentials:    maps.Clone(c.Credentials),
		WebhookSecrets: slices.Clone(c.WebhookSecrets),
		PublicURL:      c.PublicURL,
		HTTP:           client,
		Now:            now,
	}
	if c.OAuth != nil {
		settings.Token = func(context.Context) (adapters.Secret, error) { return adapters.Secret{}, errNoTokens }
	}
	return settings
}

// errNoTokens is said by connections that nobody has given tokens to, such as those that a configuration is judged with.
var errNoTokens = &fault.Error{Category: fault.Auth, Op: "renew token", Message: "nobody keeps tokens here"}

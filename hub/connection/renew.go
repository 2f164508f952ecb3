package connection

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/around"
)

// Secrets are what of a connection's settings may change while it is open. One that is zero is not there for now: what
// takes its place opens nothing, and verifies nobody.
type Secrets struct {
	// Credentials by name.
	Credentials map[string]adapters.Secret
	// Webhooks verify what the vendor sends, the current one first, and WebhookNames are where they come from.
	Webhooks     []adapters.Secret
	WebhookNames []string
}

// secretsOf are those that a connection is opened with.
func secretsOf(spec Spec) Secrets {
	return Secrets{Credentials: spec.Settings.Credentials, Webhooks: spec.Settings.WebhookSecrets, WebhookNames: spec.Receive.SecretNames}
}

// renewable is what of an open connection may change. Whoever opens it anew is alone; whoever uses it is not.
type renewable struct {
	spec    Spec
	adapter *around.Switch

	mu          sync.RWMutex
	fingerprint []byte
	// names of all webhook secrets so far: what a request was verified by has a name even where others have taken the
	// secret's place meanwhile.
	names []string
}

// Renew opens the connection anew, with other secrets. What begins from now on is done with them; what is under way ends
// with those that it began with.
func (c *Connection) Renew(s Secrets) error {
	adapter, err := c.renewable.open(s)
	if err != nil {
		return err
	}
	if err := c.renewable.adapter.To(adapter); err != nil {
		return err
	}
	c.renewable.mu.Lock()
	defer c.renewable.mu.Unlock()
	c.renewable.fingerprint = fingerprint(s.Credentials)
	return nil
}

// Fingerprint changes when the credentials do; it tells nothing of them.
func (c *Connection) Fingerprint() []byte {
	c.renewable.mu.RLock()
	defer c.renewable.mu.RUnlock()
	return slices.Clone(c.renewable.fingerprint)
}

// SecretName is where the webhook secret comes from that Verify told the position of.
func (c *Connection) SecretName(position int) string {
	names := c.Receive.SecretNames
	if c.renewable != nil {
		c.renewable.mu.RLock()
		defer c.renewable.mu.RUnlock()
		names = c.renewable.names
	}
	if position < 0 || position >= len(names) {
		return ""
	}
	return names[position]
}

// open opens an adapter that tells webhook secrets by their positions among all names.
func (r *renewable) open(s Secrets) (*adapters.Adapter, error) {
	settings := r.spec.Settings
	settings.Credentials, settings.WebhookSecrets = maps.Clone(s.Credentials), slices.Clone(s.Webhooks)
	for name, secret := range settings.Credentials {
		settings.Credentials[name] = orStandIn(secret)
	}
	for i, secret := range settings.WebhookSecrets {
		settings.WebhookSecrets[i] = orStandIn(secret)
	}
	adapter, err := r.spec.Factory.Open(settings)
	if err != nil {
		return nil, err
	}
	if adapter.Webhook != nil {
		named := *adapter
		named.Webhook = webhook{Webhook: adapter.Webhook, at: r.places(s.WebhookNames)}
		adapter = &named
	}
	return adapter, nil
}

// orStandIn is a secret that nobody knows, where there is none.
func orStandIn(s adapters.Secret) adapters.Secret {
	if s.IsZero() {
		return adapters.NewSecret(rand.Text())
	}
	return s
}

// places are where names stand among all; those that are new are added.
func (r *renewable) places(names []string) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := make([]int, len(names))
	for i, name := range names {
		if at[i] = slices.Index(r.names, name); at[i] < 0 {
			at[i] = len(r.names)
			r.names = append(r.names, name)
		}
	}
	return at
}

// webhook tells which secret a delivery was signed with by its name's position among all names.
type webhook struct {
	adapters.Webhook
	at []int
}

// Verify is the adapter's.
func (w webhook) Verify(d adapters.Delivery) (int, error) {
	secret, err := w.Webhook.Verify(d)
	if err != nil || secret < 0 || secret >= len(w.at) {
		return -1, err
	}
	return w.at[secret], nil
}

func fingerprint(credentials map[string]adapters.Secret) []byte {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		fmt.Fprintf(sum, "%s=%q;", name, credentials[name].Reveal())
	}
	return sum.Sum(nil)
}

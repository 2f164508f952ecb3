package config

import (
	"crypto/rand"
	"errors"

	"github.com/canonhub/canonhub/adapters"
)

// The names of places for secrets, beside those of credentials: what the hub keeps for a connection is kept under the
// name of its place.
const (
	WebhookSecrets = "webhook.secrets"
	ClientSecret   = "oauth.client_secret"
)

// Source is where a secret's text comes from.
type Source struct {
	// Name is as the configuration has it between the braces: NAME, file:PATH, or sealed.
	Name string
	// File is the path of the file; empty for others.
	File string
}

// sealed is what a value says whose text the hub keeps: `${sealed}`.
const sealed = "sealed"

// Sealed says that the hub keeps the text in its database.
func (s Source) Sealed() bool { return s.Name == sealed }

// Kept says that the hub keeps a place's text.
func (c Connection) Kept(place string) bool {
	if place == WebhookSecrets {
		for _, s := range c.WebhookSources {
			if s.Sealed() {
				return true
			}
		}
		return false
	}
	return c.Sources[place].Sealed()
}

// Places are the names of the places for secrets that a connection can have.
func (c Connection) Places() []string {
	places := append([]string{}, c.Factory.Credentials...)
	places = append(append(places, c.Factory.FurtherCredentials...), WebhookSecrets)
	if c.Factory.OAuth != nil {
		places = append(places, ClientSecret)
	}
	return places
}

// SecretNames are the names of the sources of webhook secrets.
func (c Connection) SecretNames() []string {
	names := make([]string, len(c.WebhookSources))
	for i, s := range c.WebhookSources {
		names[i] = s.Name
	}
	return names
}

// ReadSecret reads a secret out of a file as the configuration does. The error does not name the file.
func ReadSecret(file string) (adapters.Secret, error) {
	content, err := readFile(file, maxSecretFile+1)
	if err != nil {
		return adapters.Secret{}, errors.New(reason(err))
	}
	return secretIn(content)
}

// Takes says whether the connection's adapter takes a text in a place, as far as that shows without a call. The error
// holds nothing of the text.
func (c Connection) Takes(place string, text adapters.Secret) error {
	settings := c.judged()
	switch place {
	case ClientSecret:
		return nil
	case WebhookSecrets:
		settings.WebhookSecrets = []adapters.Secret{text}
	default:
		settings.Credentials[place] = text
	}
	if c.Factory.Open == nil {
		return nil
	}
	if _, err := c.Factory.Open(settings); err != nil {
		return hiding(err, text)
	}
	return nil
}

// standIns fills places whose text the hub keeps, for a look at the rest.
func standIns(s *adapters.Settings) {
	for name, secret := range s.Credentials {
		if secret.IsZero() {
			s.Credentials[name] = adapters.NewSecret(rand.Text())
		}
	}
	for i, secret := range s.WebhookSecrets {
		if secret.IsZero() {
			s.WebhookSecrets[i] = adapters.NewSecret(rand.Text())
		}
	}
}

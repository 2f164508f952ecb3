// Package stripe carries customers to and from Stripe, and invoices from it, with the two of their attributes that others may set.
//
// # Why it is built this way
//
// Stripe's objects have no time of their last change. An event has one, in whole seconds; a read, and the answer to a
// write, get the time of Stripe's own clock, from the Date header. Two of one second cannot be ordered, and the hub then
// reads the object.
//
// Every write has an Idempotency-Key, under which Stripe repeats its first answer for at least 24 hours. Creates also
// leave our record id in metadata.canonhub_id, which Stripe's search finds: later (about a minute, an hour at worst), but
// for ever. So the key settles what is recent, and the search what is old.
//
// A pull of all objects lists them, newest first. Lists cannot be limited to what changed, so a pull of changes reads the
// events, which Stripe keeps for 30 days, and which tell of deletes. What is made while a list is read stands before its
// first page, and is found by the pull of changes that begins where the list began.
//
// Stripe's error messages quote values. Codes and parameters are passed on, messages are not.
package stripe

import (
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

const (
	customer adapters.Kind = "customer"
	invoice  adapters.Kind = "invoice"

	// mappingVersion is raised with every change in what attributes are read from or written to.
	mappingVersion = 1
	// credential is the name of the one credential: a secret or restricted key.
	credential = "api_key"
	// recordIDKey is the metadata entry that keeps our record id.
	recordIDKey = "canonhub_id"
	// version is the API version whose shapes we ask for; webhooks come in the endpoint's own, which may be older.
	version = stripe.APIVersion
)

// Factory describes the adapter.
func Factory() adapters.Factory {
	return adapters.Factory{
		Name:           "stripe",
		DefaultBaseURL: "https://api.stripe.com",
		Credentials:    []string{credential},
		Carries:        []adapters.Carriage{customers.carriage(), invoices.carriage()},
		Limits:         adapters.Limits{PerSecond: 20, Concurrency: 8},
		Open:           open,
	}
}

func open(s adapters.Settings) (*adapters.Adapter, error) {
	if s.Credentials[credential].IsZero() {
		return nil, errors.New("stripe needs the credential " + credential)
	}
	if err := s.DecodeOptions(&struct{}{}); err != nil {
		return nil, fmt.Errorf("stripe has no options: %w", err)
	}
	api := &api{now: s.Now, client: httpapi.New(s, httpapi.Vendor{Authorize: httpapi.Bearer(s, credential)})}
	return &adapters.Adapter{
		MappingVersion: mappingVersion,
		Webhook:        &webhook{secrets: s.WebhookSecrets, now: s.Now},
		Translator:     translator{},
		Fetcher:        api,
		Puller:         api,
		Pusher:         api,
		Prober:         api,
	}, nil
}

// api calls Stripe.
type api struct {
	client *httpapi.Client
	now    func() time.Time
}

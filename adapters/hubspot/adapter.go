// Package hubspot carries customers to and from HubSpot's contacts, and tickets to and from its tickets.
//
// # Setting an account up
//
// The token of a private app needs the scopes crm.objects.contacts.read and crm.objects.contacts.write. Creates leave
// our record id in a unique contact property, canonhub_id, which an administrator makes once:
//
//	POST /crm/properties/2026-03/contacts
//	{"name": "canonhub_id", "label": "canonhub id", "groupName": "contactinformation",
//	 "type": "string", "fieldType": "text", "hasUniqueValue": true}
//
// Without it contacts can be read and updated, and a create fails with a message that says so. Webhook subscriptions
// may be of the classic kind (contact.*, ticket.*) or the generic one (object.* of types 0-1 and 0-5).
//
// Tickets are carried where the connection's options ask for them. They need the scope tickets, and a property of the
// same name and form among those of tickets, in its group ticketinformation.
//
// # Why it is built this way
//
// HubSpot has no idempotency key, so a create is an upsert by canonhub_id: sent again after a lost answer, it hits the
// contact that it made. An e-mail address belongs to one contact; where it is another's, that contact is found, not a
// second one made. Contacts are looked up by batch/read, which sees writes at once where search lags, and which takes
// an e-mail address in its body where a GET would put it into every log's path.
//
// A ticket is made by a plain create, since an upsert takes no associations, and a ticket that is there for a moment
// without its contact sets automations off. It is looked for by canonhub_id before; one that is there is brought to the
// same. Who asks is the contact that a ticket is associated with: HubSpot keeps any number of them and, unlike for
// companies, calls none the primary one. So of several none is read, and none is taken away.
//
// What a stage means is the account's own matter. HubSpot tells of a stage no more than whether it is open or closed, and
// a translation asks nobody: options say it, and know HubSpot's own pipeline.
//
// An association moves no time stamp that HubSpot promises. Webhooks tell of it; without them, a reconcile does.
//
// A write's answer holds the written properties alone, so each write is followed by a read. That read also shows what
// HubSpot ignores without a word: a lifecycle stage that moves back. It is cleared first, then set.
//
// A pull of changes never reads a second page of one search: those shift as contacts change, and end after 10,000. Each
// page is a search of its own, from the last time of change that was seen. Contacts of one millisecond that fill a page, as
// an import's do, are read by id.
//
// HubSpot's error messages quote values. None of their text is passed on: codes, names of properties and the
// correlation id are.
package hubspot

import (
	"errors"
	"net/url"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

const (
	// mappingVersion is raised with every change in what attributes are read from or written to.
	mappingVersion = 1
	// credential is the name of the one credential.
	credential = "access_token"
)

// Factory describes the adapter.
func Factory() adapters.Factory {
	return adapters.Factory{
		Name:           "hubspot",
		DefaultBaseURL: "https://api.hubapi.com",
		Credentials:    []string{credential},
		OAuth:          oauth,
		NeedsPublicURL: true,
		Limits:         limits,
		Declare:        declare,
		Open:           open,
	}
}

// declare says what a connection carries. Tickets are asked for by its options: they need a scope that an app for
// customers alone does not have, HubSpot grants nothing where one scope of a request is not the app's, and what a stage means
// is the account's own.
func declare(s adapters.Settings) ([]adapters.Carriage, error) {
	all, _, err := carried(s)
	carries := make([]adapters.Carriage, len(all))
	for i, k := range all {
		carries[i] = k.carriage()
	}
	return carries, err
}

// oauth is the grant of a public app. Its pages are at another host than its API, except where a test stands in for both.
func oauth(s adapters.Settings) adapters.OAuth {
	pages := s.BaseURL
	if s.BaseURL == "https://api.hubapi.com" {
		pages = "https://app.hubspot.com"
	}
	scopes := []string{"oauth", "crm.objects.contacts.read", "crm.objects.contacts.write"}
	if all, _, _ := carried(s); all.named(ticket) != nil { // options that are wrong are told by declare
		scopes = append(scopes, "tickets")
	}
	return adapters.OAuth{
		AuthorizeURL: pages + "/oauth/authorize",
		TokenURL:     s.BaseURL + "/oauth/2026-03/token",
		Scopes:       scopes,
		ClientAuth:   adapters.ClientInBody,
	}
}

func open(s adapters.Settings) (*adapters.Adapter, error) {
	switch {
	case s.Credentials[credential].IsZero() && s.Token == nil:
		return nil, errors.New("hubspot needs the credential " + credential)
	case len(s.WebhookSecrets) > 0 && !absolute(s.PublicURL):
		return nil, errors.New("hubspot signs the URL that it calls: set webhook.public_url to exactly that URL")
	}
	all, days, err := carried(s)
	if err != nil {
		return nil, err
	}
	api := httpapi.New(s, httpapi.Vendor{Authorize: httpapi.Bearer(s, credential), Hints: days.hints})
	a := &account{api: api, kinds: all, days: days, connection: s.Connection, now: s.Now}
	return &adapters.Adapter{
		MappingVersion: mappingVersion,
		Webhook:        &webhook{publicURL: s.PublicURL, secrets: s.WebhookSecrets, now: s.Now},
		Translator:     translator{kinds: a.kinds},
		Fetcher:        a,
		Puller:         a,
		Counter:        a,
		Pusher:         a,
		Archiver:       a,
		Prober:         a,
	}, nil
}

func absolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

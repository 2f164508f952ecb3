// Package zendesk carries tickets to and from Zendesk Support, and customers to and from its end users.
//
// # Why it is built this way
//
// Webhooks name what changed and carry a short form of it, in another spelling and without a promise on order. They are
// taken for hints: the object is read. Events of comments, attachments and satisfaction are left alone; comments are
// never read and, but for a new ticket's first one, never written.
//
// Staff are users, too. They are no customers: their events are left alone, exports pass them over, and a customer who
// was made an agent is gone.
//
// A ticket is read before it is written. That gives the time stamp with which Zendesk refuses the write where somebody
// else was faster (safe_update), and shows a change that the hub has not seen yet; either is a conflict. Users have no
// such thing: for them the read narrows the gap and no more. A user's e-mail address is no field that can be written,
// but the primary one of the user's identities.
//
// Creates leave our record id in external_id. A ticket's is sent with an idempotency key, which Zendesk keeps for two
// hours; after that, and for users, Find settles it, by the lists that filter by external_id. The search is not used
// for that, since it lags.
//
// A pull is the incremental export in its form with cursors, for everything as for changes: it holds archived tickets
// and deleted objects, and its cursor loses nothing however many objects have one time. It holds back the last minute.
//
// A ticket that was merged into another stays there, closed. A user that was merged is deleted, and no read tells into
// whom. Neither is told as a merge.
package zendesk

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

const (
	ticket   adapters.Kind = "ticket"
	customer adapters.Kind = "customer"
	// mappingVersion is raised with every change in what attributes are read from or written to.
	mappingVersion = 1
	// token is an API token where email is given, too, else an OAuth access token.
	token = "token"
	email = "email"
)

// Factory describes the adapter. Each account has an address of its own: https://SUBDOMAIN.zendesk.com.
func Factory() adapters.Factory {
	return adapters.Factory{
		Name:               "zendesk",
		Credentials:        []string{token},
		FurtherCredentials: []string{email},
		OAuth:              oauth,
		Limits:             limits,
		Carries:            []adapters.Carriage{tickets.carriage(), users.carriage()},
		Open:               open,
	}
}

func open(s adapters.Settings) (*adapters.Adapter, error) {
	switch {
	case s.BaseURL == "":
		return nil, errors.New("zendesk needs base_url: https://SUBDOMAIN.zendesk.com")
	case s.Credentials[token].IsZero() && s.Token == nil:
		return nil, errors.New("zendesk needs the credential " + token + ": an OAuth access token, or with " + email + " an API token")
	}
	if err := s.DecodeOptions(&struct{}{}); err != nil {
		return nil, fmt.Errorf("zendesk has no options: %w", err)
	}
	a := &api{client: httpapi.New(s, httpapi.Vendor{Authorize: authorize(s), Hints: hints}), connection: s.Connection, now: s.Now}
	return &adapters.Adapter{
		MappingVersion: mappingVersion,
		Webhook:        &webhook{secrets: s.WebhookSecrets, now: s.Now},
		Translator:     translator{},
		Fetcher:        a,
		Puller:         a,
		Counter:        a,
		Pusher:         a,
		Archiver:       a,
		Prober:         a,
	}, nil
}

// authorize is Zendesk's form of Basic for an API token, else a bearer.
func authorize(s adapters.Settings) func(*http.Request) error {
	if s.Token != nil || s.Credentials[email].IsZero() {
		return httpapi.Bearer(s, token)
	}
	return func(r *http.Request) error {
		r.SetBasicAuth(s.Credentials[email].Reveal()+"/token", s.Credentials[token].Reveal())
		return nil
	}
}

// oauth has no lifetime: a token whose answer tells none is of the older sort, which does not expire.
func oauth(s adapters.Settings) adapters.OAuth {
	return adapters.OAuth{
		AuthorizeURL: s.BaseURL + "/oauth/authorizations/new",
		TokenURL:     s.BaseURL + "/oauth/tokens",
		Scopes:       []string{"read", "write"},
		ClientAuth:   adapters.ClientInBody,
		PKCE:         true,
	}
}

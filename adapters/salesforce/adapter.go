// Package salesforce carries customers, tickets and orders to and from one Salesforce org: contacts or accounts, cases,
// and orders with their products.
//
// # Setting an org up
//
// Creates leave our record id in a custom field, which an administrator makes once on each object that is written to:
// text of 50 characters, External ID and Unique, by the name canonhub_id__c or the option external_id's. The user of the
// hub needs the permission "API Enabled", and must see all objects and fields that README.md lists.
//
// # Why it is built this way
//
// Salesforce sends no webhook that proves itself: outbound messages carry no signature, and change events come over a
// stream of their own. Changes are polled, by SystemModstamp, which every write moves, those of triggers and merges too.
// A page is a query of its own from the last stamp and id that was seen. Neither OFFSET nor nextRecordsUrl is used: the
// one ends after 2,000 rows, the other's cursor is let go when others open theirs. Deleted rows are asked for as well
// (queryAll); one that was merged away names the row that lives on.
//
// A create is an upsert by our record's id: sent again, it hits the row that it made. Where a duplicate rule of the org
// stops it, the row that the rule names is found, or the contact with the e-mail address.
//
// A write and the read that shows what came of it are one call, the composite resource, and one transaction there: what
// others write meanwhile cannot get into the answer. An update is preceded by a read. That gives the time with which
// Salesforce refuses the write where somebody else was faster (If-Unmodified-Since), to the second, and shows a change
// that the hub has not seen yet; either is a conflict. Assignment rules are kept from running at each update.
//
// An order's products and its activation are read and never written: a product is sold through an entry of a price
// book of this org, which no other system knows.
//
// Numbers come as Java prints a double, 1.0E7 among them, and are read as text, exactly. Ids of 15 characters are
// brought to the 18 that are safe where letter case is lost.
//
// Salesforce's messages quote values. None of their text is passed on: codes and names of fields are.
package salesforce

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

const (
	customer adapters.Kind = "customer"
	ticket   adapters.Kind = "ticket"
	order    adapters.Kind = "order"
	// mappingVersion is raised with every change in what attributes are read from or written to.
	mappingVersion = 2
	// credential is the name of the one credential.
	credential = "access_token"
)

// Factory describes the adapter. Each org has an address of its own, its My Domain: https://ACME.my.salesforce.com.
func Factory() adapters.Factory {
	standard, _ := compile(options{}) // which has no mistake
	return adapters.Factory{
		Name:        "salesforce",
		Credentials: []string{credential},
		OAuth:       oauth,
		Limits:      limits,
		Carries:     standard.carriages(),
		Declare:     declare,
		Open:        open,
	}
}

func declare(s adapters.Settings) ([]adapters.Carriage, error) {
	o, err := read(s)
	if err != nil {
		return nil, err
	}
	return o.carriages(), nil
}

// oauth is the grant of an external client app. The answer to it has no expires_in: a session ends two hours after it was
// last used, or when the org says. One that ends earlier than is asked for here shows by a 401, upon which the hub renews.
// Salesforce lets one call at a time in with a refresh token: one that comes while the one before, which nobody waits for
// any more, is still at work, is refused with the code of a grant that is lost.
func oauth(s adapters.Settings) adapters.OAuth {
	login := s.BaseURL
	if o, err := read(s); err == nil && o.login != "" {
		login = o.login
	}
	return adapters.OAuth{
		AuthorizeURL: login + "/services/oauth2/authorize",
		TokenURL:     login + "/services/oauth2/token",
		Scopes:       []string{"api", "refresh_token"},
		ClientAuth:   adapters.ClientInBody,
		PKCE:         true,
		Lifetime:     time.Hour,
		Refusals:     []string{"invalid_client_id", "redirect_uri_mismatch", "invalid_app_access", "app_not_found", "inactive_user", "inactive_org"},
		Busy:         "token request is already being processed",
	}
}

func open(s adapters.Settings) (*adapters.Adapter, error) {
	if s.Credentials[credential].IsZero() && s.Token == nil {
		return nil, errors.New("salesforce needs the credential " + credential)
	}
	base, err := url.Parse(s.BaseURL)
	if err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "" {
		return nil, errors.New("salesforce: each org has an address of its own: set base_url to https://ACME.my.salesforce.com")
	}
	o, err := read(s)
	if err != nil {
		return nil, err
	}
	a := &api{org: o, client: httpapi.New(s, httpapi.Vendor{Authorize: httpapi.Bearer(s, credential), Hints: hints}), connection: s.Connection}
	return &adapters.Adapter{
		MappingVersion: mappingVersion,
		Translator:     translator{},
		Fetcher:        a,
		Puller:         a,
		Counter:        a,
		Pusher:         a,
		Archiver:       a,
		Prober:         a,
	}, nil
}

// translator is there since every adapter has one. No event ever comes.
type translator struct{}

// Translate finds no meaning in anything.
func (translator) Translate(adapters.Event) (adapters.Translation, error) {
	return adapters.Translation{Ignored: "Salesforce's changes are polled"}, nil
}

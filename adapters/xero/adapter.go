// Package xero carries customers to and from Xero's contacts, and invoices to and from its sales invoices.
//
// # Why it is built this way
//
// Webhooks name contacts and invoices and tell nothing of them, so each is read. An app has one webhook for all
// organisations that are connected to it: events of others are told apart by their tenant, and running numbers are one
// sequence over all of them. Bills come in the same events as sales invoices; what a read shows to be a bill is gone, as
// no invoice of ours. Suppliers are contacts as customers are, and are carried: the flags that tell them apart come along.
//
// Pages are by offset, and safe all the same: each list is ordered by id, which never changes, and holds what nothing ever
// leaves: contacts are archived and invoices voided, neither is deleted, and what is asked for since a time only becomes
// more. What is added meanwhile shifts the rest to later pages, where it is read, some of it twice. Time stamps, which
// thousands of objects may share, decide nothing. Paging by the last time stamp was rejected: Xero filters by whole seconds.
//
// A create is a PUT, which fails where a POST would write over the contact of the same name, or the invoice of the same
// number. A contact keeps our record id as its contact number, by which it can be read. An invoice has no such field: its
// number is the one that is printed, its reference the customer's own; so the link to its source (Url), which Xero shows
// to its own users alone, ends with our record id, and Find looks through the contact's invoices. Idempotency keys, which
// Xero keeps for six minutes, go with creates; updates have the effect of one however often they are sent.
//
// An object is read before it is written: Xero has no versions, so that a change that the hub has not seen is a conflict,
// as far as the read can tell; and what is written beside an attribute (the lines' accounts, the rest of an address) is
// left as it is.
//
// A contact has one name that no other has, and beside it a person's first and last name. Where the two differ, the name
// is the company's. Xero's error messages quote values. None of their text is passed on: what is known of their wording is
// said in words of our own.
package xero

import (
	"errors"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

const (
	customer adapters.Kind = "customer"
	invoice  adapters.Kind = "invoice"
	// mappingVersion is raised with every change in what attributes are read from or written to.
	mappingVersion = 1
	// credential is the name of the one credential.
	credential = "access_token"
	// production is Xero's host. The path of the API is not part of a base URL, since grants have another.
	production = "https://api.xero.com"
)

// Factory describes the adapter.
func Factory() adapters.Factory {
	return adapters.Factory{
		Name:           "xero",
		DefaultBaseURL: production,
		Credentials:    []string{credential},
		OAuth:          oauth,
		Limits:         limits,
		Carries:        []adapters.Carriage{options{}.contacts().carriage(), options{}.invoices().carriage()},
		Open:           open,
	}
}

func open(s adapters.Settings) (*adapters.Adapter, error) {
	if s.Credentials[credential].IsZero() && s.Token == nil {
		return nil, errors.New("xero needs the credential " + credential + ", or oauth")
	}
	o, err := readOptions(s)
	if err != nil {
		return nil, err
	}
	a := &api{client: httpapi.New(s, httpapi.Vendor{Authorize: authorize(s, o.TenantID), Hints: hints}), kinds: o.kinds(), now: s.Now}
	return &adapters.Adapter{
		MappingVersion: mappingVersion,
		Account:        o.TenantID,
		Webhook:        webhook{secrets: s.WebhookSecrets},
		Translator:     translator{},
		Fetcher:        a,
		Puller:         a,
		Lister:         a,
		Pusher:         a,
		Archiver:       a,
		Prober:         a,
	}, nil
}

// authorize adds the token, and the organisation that a call is for.
func authorize(s adapters.Settings, tenant string) func(*http.Request) error {
	bearer := httpapi.Bearer(s, credential)
	return func(r *http.Request) error {
		r.Header.Set("Xero-Tenant-Id", tenant)
		return bearer(r)
	}
}

// oauth is the grant of an app, by a person or, for a custom connection, by itself. Its pages are at other hosts than its
// API, except where a test stands in for all of them. Access tokens live for half an hour; each renewal gives another refresh
// token, and takes the one before for half an hour more.
func oauth(s adapters.Settings) adapters.OAuth {
	login, identity := s.BaseURL, s.BaseURL
	if s.BaseURL == production {
		login, identity = "https://login.xero.com", "https://identity.xero.com"
	}
	o, _ := readOptions(s) // what is wrong with them is told when the adapter is opened
	out := adapters.OAuth{
		AuthorizeURL: login + "/identity/connect/authorize",
		TokenURL:     identity + "/connect/token",
		Scopes:       append([]string{"offline_access"}, o.Scopes...),
		ClientAuth:   adapters.ClientInHeader,
	}
	if o.Grant == grantByItself {
		out.AuthorizeURL, out.Scopes = "", o.Scopes
	}
	return out
}

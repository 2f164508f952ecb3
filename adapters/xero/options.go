package xero

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/normal"
)

// options are a connection's own.
type options struct {
	// TenantID is the organisation: a UUID of GET /connections.
	TenantID string `json:"tenant_id"`
	// Grant is how access is had with oauth: by a person, or by the client itself (a custom connection).
	Grant string `json:"grant"`
	// Scopes are asked for with oauth.
	Scopes []string `json:"scopes"`
	// AccountCode and TaxType are those of new lines; without them Xero takes no approved invoice, or the account's own tax.
	AccountCode string `json:"account_code"`
	TaxType     string `json:"tax_type"`
	// Country is where telephone numbers without a country code belong, ISO 3166-1 alpha-2.
	Country string `json:"country"`
	// RecordURL is what a record's id is put behind to make an invoice's link to its source.
	RecordURL string `json:"record_url"`
}

const (
	grantByPerson = "authorization_code"
	grantByItself = "client_credentials"
	// nowhere leads nowhere, by RFC 2606: the link of invoices where record_url is not set.
	nowhere = "https://canonhub.invalid/"
)

// granular are the scopes of apps that were made since March 2026; the older accounting.transactions ends in September 2027.
var granular = []string{"accounting.contacts", "accounting.invoices"}

var (
	uuid      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	scopeName = regexp.MustCompile(`^[a-z]+(\.[a-z]+)*$`)
	shortCode = regexp.MustCompile(`^[A-Za-z0-9]{1,50}$`)
)

// readOptions reads and judges a connection's options, and fills in what is left out.
func readOptions(s adapters.Settings) (options, error) {
	o := options{Grant: grantByPerson, Scopes: slices.Clone(granular), RecordURL: nowhere} // a clone, since JSON is read into it
	if err := s.DecodeOptions(&o); err != nil {
		return o, err
	}
	o.TenantID = strings.ToLower(o.TenantID)
	var mistakes []error
	wrong := func(is bool, at, reason string) {
		if is {
			mistakes = append(mistakes, &adapters.Mistake{At: []string{at}, Reason: reason})
		}
	}
	wrong(!uuid.MatchString(o.TenantID), "tenant_id", "it is the organisation's id, a UUID: the tenantId of GET https://api.xero.com/connections")
	wrong(o.Grant != grantByPerson && o.Grant != grantByItself, "grant", "it is "+grantByPerson+", or "+grantByItself+" for a custom connection")
	wrong(!usable(o.Scopes), "scopes", "they are names such as accounting.contacts; offline_access is added where it is needed")
	wrong(o.AccountCode != "" && !shortCode.MatchString(o.AccountCode), "account_code", "it is the code of an account, such as 200")
	wrong(o.TaxType != "" && !shortCode.MatchString(o.TaxType), "tax_type", "it is the type of a tax rate, such as OUTPUT2")
	wrong(o.Country != "" && !isCountry(o.Country), "country", "it is a country by its two letters, such as NZ")
	wrong(!isLink(o.RecordURL), "record_url", `it is an absolute URL that a record's id is put behind; Xero takes none with "xero" in it`)
	return o, errors.Join(mistakes...)
}

func usable(scopes []string) bool {
	for _, scope := range scopes {
		if !scopeName.MatchString(scope) {
			return false
		}
	}
	return len(scopes) > 0
}

func isCountry(text string) bool {
	code, ok := normal.Country(text)
	return ok && code == text
}

func isLink(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.Contains(strings.ToLower(text), "xero")
}

package adapters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Kind names a canonical message in lower case: "customer", "order", "invoice", "ticket".
type Kind string

// ExternalID is a vendor's id of one object, as opaque text.
type ExternalID string

// Object names one object at the vendor.
type Object struct {
	Kind       Kind
	ExternalID ExternalID
}

// Factory describes an adapter before it is connected to an account; catalog lists one for each vendor.
type Factory struct {
	// Name is the word in the configuration: "stripe".
	Name string
	// DefaultBaseURL is the vendor's production API, used where a connection states none; empty where every account has
	// an address of its own.
	DefaultBaseURL string
	// NoBaseURL says that the vendor is at no address; a connection states none.
	NoBaseURL bool
	// Credentials are the names that a connection must give under `credentials`.
	Credentials []string
	// FurtherCredentials are names that it may give; Open judges which of them belong together.
	FurtherCredentials []string
	// OAuth describes how tokens are had, for a connection whose tokens the hub keeps; nil where the vendor has none.
	OAuth func(Settings) OAuth
	// NeedsPublicURL says that the vendor signs the URL it called, so that a connection that receives webhooks must state it.
	NeedsPublicURL bool
	// Limits are what the vendor allows, used where a connection states none.
	Limits Limits
	// Carries says which kinds and attributes this vendor can hold.
	Carries []Carriage
	// Declare says it for a connection, where that depends on its options; nil where it does not. It calls nobody, and
	// its error is shown to whoever wrote the configuration.
	Declare func(Settings) ([]Carriage, error)
	// Open makes the adapter for one connection. It calls nobody.
	Open func(Settings) (*Adapter, error)
}

// CarriesFor says what a connection with these settings carries.
func (f Factory) CarriesFor(s Settings) ([]Carriage, error) {
	if f.Declare == nil {
		return f.Carries, nil
	}
	return f.Declare(s)
}

// Settings is what a connection's adapter is made from.
type Settings struct {
	// Connection is the connection's name, for messages.
	Connection string
	// BaseURL is the API's root, without a trailing slash.
	BaseURL string
	// Options are the connection's own, as a JSON object; empty where it has none. DecodeOptions reads them.
	Options json.RawMessage
	// Credentials by the names in Factory.Credentials and Factory.FurtherCredentials.
	Credentials map[string]Secret
	// Token gives the access token for one call, where the hub keeps the connection's OAuth tokens; else nil. It may wait
	// for a refresh. Its error is a *fault.Error.
	Token func(context.Context) (Secret, error)
	// WebhookSecrets verify incoming webhooks, the current one first; any of them may match.
	WebhookSecrets []Secret
	// PublicURL is the URL under which the vendor calls us, as the vendor has it.
	PublicURL string
	// HTTP makes the calls: one attempt each, with the hub's limits, tracing and redaction.
	HTTP *http.Client
	// Observe is told what answers say of the vendor's limits; nil where nobody listens.
	Observe func(Hint)
	// Now is the clock.
	Now func() time.Time
}

// DecodeOptions reads the connection's options into a struct with JSON names. A name that the struct lacks is an error.
func (s Settings) DecodeOptions(into any) error {
	if len(s.Options) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(s.Options))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("options: there is more than one JSON object")
	}
	return nil
}

// Mistake is something wrong with a connection's options: an error of Declare and of Open, which may join several.
type Mistake struct {
	// At is where in the options, by keys and list indices.
	At []string
	// Reason says what is wrong and what to do.
	Reason string
}

// Error tells the place and the reason.
func (m *Mistake) Error() string { return "options/" + strings.Join(m.At, "/") + ": " + m.Reason }

// OAuth describes a vendor's OAuth 2: the hub goes the way, keeps the tokens and refreshes them. Whatever refresh token
// an answer holds replaces the one before.
type OAuth struct {
	// AuthorizeURL is where a person grants access; empty for a grant without a person (client credentials).
	AuthorizeURL string
	// TokenURL is where codes and refresh tokens are turned into tokens.
	TokenURL string
	// Scopes to ask for.
	Scopes []string
	// Parameters are what the vendor wants beside the standard's, in the URL of the grant.
	Parameters map[string]string
	// ClientAuth is how the client proves itself at TokenURL.
	ClientAuth ClientAuth
	// PKCE says that the vendor takes a code challenge (S256).
	PKCE bool
	// Lifetime of an access token whose answer has no expires_in; 0 means until the vendor says no.
	Lifetime time.Duration
	// Refusals are the vendor's own error codes, beside the standard's, that another try does not change.
	Refusals []string
	// UsedUp are the vendor's own words, beside invalid_grant, for a refresh token that is good for nothing any more: the
	// value of error, or of status where the answer is not of the standard's form.
	UsedUp []string
	// Busy is the error_description of an invalid_grant that says only that another call with the same token is under way,
	// in lower case; empty where the vendor has none.
	Busy string
}

// ClientAuth is one of the standard's ways for a client to prove itself.
type ClientAuth string

// The ways: HTTP Basic, or client_id and client_secret in the form.
const (
	ClientInHeader ClientAuth = "header"
	ClientInBody   ClientAuth = "body"
)

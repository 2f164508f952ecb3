// Package oauth keeps the tokens of connections whose vendors want OAuth 2: it has a person grant access, keeps the tokens
// sealed, and renews them so that of all processes one calls the vendor and all use what it got.
//
// A vendor that rotates refresh tokens takes the old one back with its answer. So the answer is stored before anything is
// done with it: a process that dies before has lost an answer, and the next one asks with the old token again, which such
// vendors allow for some minutes; where it is refused, the connection is paused, and a person grants access anew.
package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// leased is how long one process may take to renew a token before another one tries.
	leased = 30 * time.Second
	// callTime bounds the call at the vendor within it.
	callTime = 20 * time.Second
	// look is how often those who wait for another process look.
	look = 100 * time.Millisecond
	// margin is how long before its end a token is not used any more: clocks differ, and calls take their time. Of short-lived
	// tokens it is a tenth of the life.
	margin = 2 * time.Minute
	// young is the age within which a refused token is not renewed again: it is not its age that is refused.
	young = 30 * time.Second
	// patience is how long an answer that cannot be stored is held on to.
	patience = time.Minute
	// grace is how long one who takes a lease over that another one let run out leaves it to store its answer all the same:
	// both may have waited for a database that was away, and the refresh token that is stored may be used already.
	grace = 10 * look
)

// Store keeps tokens and states.
type Store interface {
	OAuthToken(ctx context.Context, connection string) (store.OAuthToken, error)
	LeaseOAuth(ctx context.Context, connection string, version int64, process string, during time.Duration) (bool, error)
	ReleaseOAuth(ctx context.Context, connection, process string) error
	RenewOAuth(ctx context.Context, connection string, version int64, sealed []byte, lifetime *time.Duration) (bool, error)
	GrantOAuth(ctx context.Context, connection string, sealed []byte, lifetime *time.Duration, by string) error
	RefuseOAuth(ctx context.Context, connection string, version int64, why string) error
	PutOAuthState(ctx context.Context, state store.OAuthState, within time.Duration) error
	TakeOAuthState(ctx context.Context, sha256 []byte, within time.Duration) (store.OAuthState, error)
}

// Box seals and opens.
type Box interface {
	Seal(purpose string, text []byte) ([]byte, error)
	Open(purpose string, sealed []byte) ([]byte, error)
}

// Options are what tokens are kept with.
type Options struct {
	Store Store
	Box   Box
	// Process names this process among all on the database.
	Process string
	Log     *slog.Logger
	// Metrics counts renewals; nil for nowhere.
	Metrics prometheus.Registerer
	// Patience is how long a vendor's answer is tried to be stored while the database is away; 0 means a minute.
	Patience time.Duration
}

// Client is a connection's account at its vendor's authorisation server.
type Client struct {
	Connection string
	adapters.OAuth
	ID     string
	Secret adapters.Secret
	// Renewed gives the secret where it may become another one; nil where it is Secret for good.
	Renewed func() adapters.Secret
	// RedirectURL is where the vendor sends the person back to; empty for a grant without a person.
	RedirectURL string
	// HTTP makes the calls.
	HTTP *http.Client
}

// Keeper keeps the tokens of all connections that have a client.
type Keeper struct {
	o       Options
	renewed *prometheus.CounterVec
	sources map[string]*Source
}

// New makes a keeper.
func New(o Options) (*Keeper, error) {
	k := &Keeper{o: o, sources: map[string]*Source{}, renewed: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "canonhub_oauth_renewals_total", Help: "Access tokens that were asked for, by what came of it: ok, refused or failed.",
	}, []string{"connection", "outcome"})}
	if o.Metrics != nil {
		if err := o.Metrics.Register(k.renewed); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// Add makes a source of a client's tokens.
func (k *Keeper) Add(c Client) *Source {
	s := &Source{keeper: k, client: c, turn: make(chan struct{}, 1)}
	k.sources[c.Connection] = s
	return s
}

// purpose is what a connection's token is sealed for.
func purpose(connection string) string { return "oauth token of " + connection }

// kept is a token as it is sealed.
type kept struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh,omitempty"`
}

func (k *Keeper) seal(connection string, t *oauth2.Token) ([]byte, error) {
	text, err := json.Marshal(kept{Access: t.AccessToken, Refresh: t.RefreshToken})
	if err != nil {
		return nil, err
	}
	return k.o.Box.Seal(purpose(connection), text)
}

// open opens a token. One that cannot be opened is a person's matter: what is owed waits meanwhile.
func (k *Keeper) open(connection string, sealed []byte) (kept, error) {
	text, err := k.o.Box.Open(purpose(connection), sealed)
	if err != nil {
		return kept{}, &fault.Error{Category: fault.Auth, Op: "open token", Message: "the connection's token stays sealed; bring back its key, or grant access anew", Err: err}
	}
	var out kept
	if json.Unmarshal(text, &out) != nil {
		return kept{}, &fault.Error{Category: fault.Auth, Op: "open token", Message: "the connection's token is sealed in another form; grant access anew"}
	}
	return out, nil
}

// keep stores what a vendor answered, and does not give it up while the database is away for a moment: most vendors take
// no code and no refresh token twice.
func (k *Keeper) keep(store func() error) error {
	last := time.Now().Add(cmp.Or(k.o.Patience, patience))
	for {
		err := store()
		if err == nil || !time.Now().Before(last) {
			return err
		}
		time.Sleep(look)
	}
}

// secret is the one by which the client proves itself now.
func (c Client) secret() string {
	if c.Renewed != nil {
		return c.Renewed().Reveal()
	}
	return c.Secret.Reveal()
}

// config is the client in the library's form.
func (c Client) config() *oauth2.Config {
	return &oauth2.Config{ClientID: c.ID, ClientSecret: c.secret(), RedirectURL: c.RedirectURL, Scopes: c.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: c.AuthorizeURL, TokenURL: c.TokenURL, AuthStyle: c.style()}}
}

func (c Client) style() oauth2.AuthStyle {
	if c.ClientAuth == adapters.ClientInHeader {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// ask asks the vendor for a token: by the refresh token, or for itself.
func (c Client) ask(ctx context.Context, refresh string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, c.HTTP), callTime)
	defer cancel()
	if c.AuthorizeURL == "" {
		own := clientcredentials.Config{ClientID: c.ID, ClientSecret: c.secret(), TokenURL: c.TokenURL, Scopes: c.Scopes, AuthStyle: c.style()}
		return own.Token(ctx)
	}
	got, err := c.config().TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err == nil && got.RefreshToken == "" {
		got.RefreshToken = refresh
	}
	return got, err
}

// lifetime is how long a token lives from now on; nil where nobody says.
func (c Client) lifetime(t *oauth2.Token) *time.Duration {
	if life := time.Until(t.Expiry); life > 0 {
		return &life
	}
	if c.Lifetime > 0 {
		return &c.Lifetime
	}
	return nil
}

// errorCode is what codes of errors look like (RFC 6749, 5.2); others might be anything.
var errorCode = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,63}$`)

// usedUp is the code of a refresh token that was used, revoked, or has ended: only a person helps.
const usedUp = "invalid_grant"

// refusals are the codes that another try does not change.
var refusals = map[string]bool{usedUp: true, "invalid_client": true, "unauthorized_client": true, "unsupported_grant_type": true, "invalid_scope": true,
	"access_denied": true, "invalid_request": true}

// unknownClient are those of them that tell of the client, and not of what was granted to it.
var unknownClient = map[string]bool{"invalid_client": true, "unauthorized_client": true}

// faultOf is a failure to get a token: of category Auth where a person must see to it.
func (c Client) faultOf(err error) *fault.Error {
	f := &fault.Error{Category: fault.Transient, Op: "renew token", Message: "the vendor gave no token"}
	if held := notSent(err); held != nil {
		f.Err = held
		return f
	}
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		f.Err = errors.New("no answer that can be used") // the cause may quote the answer
		return f
	}
	f.Status, f.RetryAfter = answer.Response.StatusCode, httpapi.RetryAfter(answer.Response.Header, time.Now())
	switch code := codeOf(answer); {
	case slices.Contains(c.UsedUp, code):
		f.Code = usedUp
	case errorCode.MatchString(code):
		f.Code = code
	}
	switch {
	case c.busy(f.Code, answer.ErrorDescription):
		f.Message = "the vendor is still at work on a call before; the token is asked for again"
	case c.refuses(f):
		f.Category, f.Message = fault.Auth, c.advice(f.Code)
	case f.Status == http.StatusTooManyRequests:
		f.Category = fault.Throttle
	}
	return f
}

// codeOf is the code of an answer: the standard's error, or what the vendor has in its place.
func codeOf(answer *oauth2.RetrieveError) string {
	var own struct {
		Status string `json:"status"`
	}
	if answer.ErrorCode == "" && json.Unmarshal(answer.Body, &own) == nil {
		return own.Status
	}
	return answer.ErrorCode
}

// busy says that a refresh token is refused only because another call with it is under way.
func (c Client) busy(code, description string) bool {
	return code == usedUp && c.Busy != "" && strings.EqualFold(description, c.Busy)
}

// refuses says that another try gets no token either.
func (c Client) refuses(f *fault.Error) bool {
	if f.Code == "" {
		return f.Status == http.StatusUnauthorized || f.Status == http.StatusForbidden || f.Status == http.StatusBadRequest
	}
	return refusals[f.Code] || slices.Contains(c.Refusals, f.Code)
}

// advice says what a person does about a refusal.
func (c Client) advice(code string) string {
	switch {
	case slices.Contains(c.Refusals, code):
		return "the vendor gives no token; see to what its code names there: the client, or the user who granted access"
	case unknownClient[code] || c.AuthorizeURL == "":
		return "the vendor gives no token; see to the client's id, secret and scopes there and in the configuration"
	}
	return "the vendor gives no further token; grant access anew"
}

// notSent is the word of who held a call back; nil where the vendor may have seen it.
func notSent(err error) error {
	var held interface {
		error
		NotSent() bool
	}
	if errors.As(err, &held) && held.NotSent() {
		return held
	}
	return nil
}

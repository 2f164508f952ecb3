package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/canonhub/canonhub/hub/store"
)

const (
	// grantTime is how long a person may take to grant access.
	grantTime = 15 * time.Minute
	// stateLength is that of two texts of rand.Text.
	stateLength = 2 * 26
)

var (
	// ErrNoClient says that a connection has no client of an authorisation server.
	ErrNoClient = errors.New("the connection has no oauth in the configuration, or grants itself its tokens")
	// errGrant says that what came back is no answer to a question of ours.
	errGrant = errors.New("this grant was not asked for here, or has been taken already, or took too long; begin again")
)

// stated is what is sealed with a state.
type stated struct {
	Verifier string `json:"verifier"`
}

func statePurpose(connection string) string { return "oauth state of " + connection }

// Begin gives the URL to which a person goes to grant access. What comes back from there serves once.
func (k *Keeper) Begin(ctx context.Context, connection, by string) (string, error) {
	s := k.sources[connection]
	if s == nil || s.client.AuthorizeURL == "" {
		return "", ErrNoClient
	}
	state, verifier := rand.Text()+rand.Text(), oauth2.GenerateVerifier()
	text, err := json.Marshal(stated{Verifier: verifier})
	if err != nil {
		return "", err
	}
	sealed, err := k.o.Box.Seal(statePurpose(connection), text)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(state))
	if err := k.o.Store.PutOAuthState(ctx, store.OAuthState{SHA256: sum[:], Connection: connection, Sealed: sealed, CreatedBy: by}, grantTime); err != nil {
		return "", err
	}
	var more []oauth2.AuthCodeOption
	for name, value := range s.client.Parameters {
		more = append(more, oauth2.SetAuthURLParam(name, value))
	}
	if s.client.PKCE {
		more = append(more, oauth2.S256ChallengeOption(verifier))
	}
	return s.client.config().AuthCodeURL(state, more...), nil
}

// complete takes the answer: the code for a token, which is stored.
func (k *Keeper) complete(ctx context.Context, state, code, refusal string) (connection string, err error) {
	if len(state) != stateLength {
		return "", errGrant // a stranger's guess costs no statement
	}
	sum := sha256.Sum256([]byte(state))
	found, err := k.o.Store.TakeOAuthState(ctx, sum[:], grantTime)
	if errors.Is(err, store.ErrNotFound) {
		return "", errGrant
	}
	if err != nil {
		return "", err
	}
	s := k.sources[found.Connection]
	if s == nil {
		return found.Connection, ErrNoClient
	}
	if code == "" {
		if !errorCode.MatchString(refusal) {
			refusal = "without a reason"
		}
		return found.Connection, fmt.Errorf("%w: %s", errRefused, refusal)
	}
	text, err := k.o.Box.Open(statePurpose(found.Connection), found.Sealed)
	if err != nil {
		return found.Connection, err
	}
	var secret stated
	if err := json.Unmarshal(text, &secret); err != nil {
		return found.Connection, err
	}
	var more []oauth2.AuthCodeOption
	if s.client.PKCE {
		more = append(more, oauth2.VerifierOption(secret.Verifier))
	}
	// The vendor's answer must not get lost because a browser is closed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	token, err := s.client.config().Exchange(context.WithValue(ctx, oauth2.HTTPClient, s.client.HTTP), code, more...)
	if err != nil {
		return found.Connection, s.client.faultOf(err)
	}
	sealed, err := k.seal(found.Connection, token)
	if err != nil {
		return found.Connection, err
	}
	return found.Connection, k.keep(func() error {
		return k.o.Store.GrantOAuth(context.WithoutCancel(ctx), found.Connection, sealed, s.client.lifetime(token), found.CreatedBy)
	})
}

var errRefused = errors.New("the vendor sent back no grant")

// ServeHTTP is where vendors send people back to. It tells a person what came of it; a stranger learns nothing.
func (k *Keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the code stands in this page's address
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed) // who looks a link over first must not use the grant up
		return
	}
	q := r.URL.Query()
	connection, err := k.complete(r.Context(), q.Get("state"), q.Get("code"), q.Get("error"))
	status, text := http.StatusOK, fmt.Sprintf("Access is granted: connection %s takes up its work within seconds. You can close this page.", connection)
	switch {
	case errors.Is(err, errGrant) || errors.Is(err, errRefused):
		status, text = http.StatusBadRequest, err.Error()
	case err != nil:
		k.o.Log.Error("a grant came to nothing", "connection", connection, "error", err)
		status, text = http.StatusBadGateway, "The grant came to nothing; the hub's log tells more. Begin again."
	default:
		k.o.Log.Info("access was granted", "connection", connection)
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html><title>canonhub</title><p>%s</p>\n", html.EscapeString(text))
}

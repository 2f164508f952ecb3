package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/oauth"
	"github.com/canonhub/canonhub/hub/secrets"
	"github.com/canonhub/canonhub/hub/store"
)

// vendor is an authorisation server that rotates refresh tokens.
type vendor struct {
	*httptest.Server
	mu sync.Mutex
	// life of access tokens in seconds; 0 states none.
	life int
	// grace lets the refresh token before the current one in again, as long as the current one was not used.
	grace bool
	// says are answers of status 400 instead, one each, before broken ones.
	says []string
	// broken are answers instead, one each; afterAnswer is called once a token was made and not answered yet.
	broken      []int
	afterAnswer func()
	made        int
	before      int // number of the last refresh token that was used
	revoked     bool
	challenge   string
	calls       []url.Values
}

func newVendor(t *testing.T) *vendor {
	v := &vendor{life: 3600}
	v.Server = httptest.NewServer(http.HandlerFunc(v.token))
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, r.PostForm)
	w.Header().Set("Content-Type", "application/json")
	fail := func(status int, code string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error": %q, "error_description": "for %s"}`, code, r.PostForm.Encode())
	}
	if len(v.says) > 0 {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, v.says[0])
		v.says = v.says[1:]
		return
	}
	if len(v.broken) > 0 {
		status := v.broken[0]
		v.broken = v.broken[1:]
		w.Header().Set("Retry-After", "7")
		fail(status, "")
		return
	}
	id, secret, _ := r.BasicAuth()
	if id == "" {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	var used int
	_, _ = fmt.Sscanf(r.PostForm.Get("refresh_token"), "refresh-%d", &used)
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch grant := r.PostForm.Get("grant_type"); {
	case id != "client" || secret != "s3cret":
		fail(http.StatusUnauthorized, "invalid_client")
		return
	case grant == "authorization_code" && (r.PostForm.Get("code") != "c0de" || v.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != v.challenge),
		grant == "refresh_token" && (v.revoked || used != v.made && !(v.grace && used == v.made-1 && used == v.before)):
		fail(http.StatusBadRequest, "invalid_grant")
		return
	}
	if used == v.made {
		v.before = used
	}
	v.made++
	if v.afterAnswer != nil {
		v.afterAnswer()
	}
	answer := map[string]any{"access_token": fmt.Sprintf("access-%d", v.made), "token_type": "bearer", "refresh_token": fmt.Sprintf("refresh-%d", v.made)}
	if v.life > 0 {
		answer["expires_in"] = v.life
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (v *vendor) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.calls)
}

// house is a database that several processes share.
type house struct {
	*store.Store
	box  *secrets.Box
	v    *vendor
	auth adapters.OAuth
	// patience of its processes.
	patience time.Duration
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db, err := store.Open(t.Context(), hubtest.Database(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	box := newBox(t, newKey(t))
	v := newVendor(t)
	return &house{Store: db, box: box, v: v, auth: adapters.OAuth{AuthorizeURL: v.URL + "/authorize", TokenURL: v.URL + "/token", Scopes: []string{"read", "write"}, PKCE: true,
		ClientAuth: adapters.ClientInHeader, Parameters: map[string]string{"prompt": "consent"}}}
}

// process is one process on it.
func (h *house) process(t *testing.T, name string, s oauth.Store) (*oauth.Keeper, *oauth.Source) {
	t.Helper()
	if s == nil {
		s = h.Store
	}
	k, err := oauth.New(oauth.Options{Store: s, Box: h.box, Process: name, Log: slog.New(slog.DiscardHandler), Patience: h.patience})
	if err != nil {
		t.Fatal(err)
	}
	return k, k.Add(oauth.Client{Connection: "books", OAuth: h.auth, ID: "client", Secret: adapters.NewSecret("s3cret"),
		RedirectURL: "https://hub.example.com/oauth/callback", HTTP: h.v.Client()})
}

// grant is what a person does.
func (h *house) grant(t *testing.T, k *oauth.Keeper) {
	t.Helper()
	at, err := k.Begin(t.Context(), "books", "kim")
	if err != nil {
		t.Fatal(err)
	}
	if w := h.back(k, state(t, at), "c0de"); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func state(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("state")
}

func (h *house) back(k *oauth.Keeper, state, code string) *httptest.ResponseRecorder {
	return h.sent(k, http.MethodGet, url.Values{"state": {state}, "code": {code}})
}

func (h *house) sent(k *oauth.Keeper, method string, query url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	k.ServeHTTP(w, httptest.NewRequest(method, "/oauth/callback?"+query.Encode(), nil))
	return w
}

func mustToken(t *testing.T, s *oauth.Source, want string) {
	t.Helper()
	got, err := s.Token(t.Context())
	if err != nil || got.Reveal() != want {
		t.Errorf("the token is %q (%v), want %q", got.Reveal(), err, want)
	}
}

func mustAuth(t *testing.T, s *oauth.Source) {
	t.Helper()
	_, err := s.Token(t.Context())
	if fault.CategoryOf(err) != fault.Auth {
		t.Errorf("it says %v, want category auth", err)
	}
	for _, secret := range []string{"s3cret", "refresh-", "access-", "c0de"} {
		if strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}

// expire makes the stored token one that ends now.
func (h *house) expire(t *testing.T) {
	t.Helper()
	if _, err := h.Pool().Exec(t.Context(), `update oauth_tokens set expires_at = now(), obtained_at = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
}

func TestAPersonGrantsAccess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, s := h.process(t, "one", nil)
	mustAuth(t, s)
	at, err := k.Begin(t.Context(), "books", "kim")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"response_type": "code", "client_id": "client", "redirect_uri": "https://hub.example.com/oauth/callback", "scope": "read write",
		"prompt": "consent", "code_challenge_method": "S256"} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	h.v.challenge = u.Query().Get("code_challenge")
	if w := h.back(k, "made up", "c0de"); w.Code != http.StatusBadRequest {
		t.Errorf("a state of nobody's is taken: %d", w.Code)
	}
	// A mail program or a proxy looks the link over before the person follows it.
	if w := h.sent(k, http.MethodHead, url.Values{"state": {u.Query().Get("state")}, "code": {"c0de"}}); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("HEAD is answered %d", w.Code)
	}
	w := h.back(k, u.Query().Get("state"), "c0de")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "access-1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.back(k, u.Query().Get("state"), "c0de"); w.Code != http.StatusBadRequest {
		t.Errorf("a state is taken twice: %d", w.Code)
	}
	mustToken(t, s, "access-1")
	_, other := h.process(t, "two", nil)
	mustToken(t, other, "access-1")
	if n := h.v.asked(); n != 1 {
		t.Errorf("the vendor was asked %d times", n)
	}
	var dump string
	if err := h.Pool().QueryRow(t.Context(), `select string_agg(t::text, '') || coalesce((select string_agg(s::text, '') from oauth_states s), '') from oauth_tokens t`).Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump, "access-1") || strings.Contains(dump, fmt.Sprintf("%x", "access-1")) {
		t.Error("the token stands in the database as it is")
	}
}

func TestAGrantThatIsRefusedOrTooOldIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, s := h.process(t, "one", nil)
	at, err := k.Begin(t.Context(), "books", "kim")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	k.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/oauth/callback?error=access_denied&state="+state(t, at), nil))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "access_denied") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if at, err = k.Begin(t.Context(), "books", "kim"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pool().Exec(t.Context(), `update oauth_states set created_at = now() - interval '16 minutes'`); err != nil {
		t.Fatal(err)
	}
	if w := h.back(k, state(t, at), "c0de"); w.Code != http.StatusBadRequest {
		t.Errorf("a grant of a quarter of an hour ago is taken: %d", w.Code)
	}
	if at, err = k.Begin(t.Context(), "books", "kim"); err != nil {
		t.Fatal(err)
	}
	if w := h.back(k, state(t, at), "<b>bad"); w.Code != http.StatusBadGateway {
		t.Errorf("a bad code: %d %s", w.Code, w.Body)
	}
	if _, err := k.Begin(t.Context(), "nobody", "kim"); !errors.Is(err, oauth.ErrNoClient) {
		t.Errorf("%v", err)
	}
	mustAuth(t, s)
}

// Many want a token at once, in two processes: one asks the vendor, and all have what it got.
func TestOneRenewsForAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, one := h.process(t, "one", nil)
	_, two := h.process(t, "two", nil)
	h.grant(t, k)
	mustToken(t, one, "access-1")
	h.expire(t)
	_, fresh := h.process(t, "three", nil)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() { mustToken(t, []*oauth.Source{fresh, two}[i%2], "access-2") })
	}
	all.Wait()
	if n := h.v.asked(); n != 2 {
		t.Errorf("the vendor was asked %d times, want 2", n)
	}
}

// A token is renewed before its end, by a margin for clocks that differ.
func TestATokenIsNotUsedToItsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, _ := h.process(t, "one", nil)
	h.grant(t, k)
	if _, err := h.Pool().Exec(t.Context(), `update oauth_tokens set expires_at = now() + interval '119 seconds', obtained_at = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	_, late := h.process(t, "late", nil)
	mustToken(t, late, "access-2")
	h.v.life = 0
	h.expire(t)
	_, s := h.process(t, "two", nil)
	mustToken(t, s, "access-3") // and this one has no end
	_, s = h.process(t, "three", nil)
	mustToken(t, s, "access-3")
}

func TestRevokedAccessWaitsForAPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, s := h.process(t, "one", nil)
	h.grant(t, k)
	h.expire(t)
	h.v.revoked = true
	mustAuth(t, s)
	for range 5 {
		mustAuth(t, s)
	}
	if n := h.v.asked(); n != 2 {
		t.Errorf("the vendor was asked %d times: a refresh token that is used up is not sent again and again", n)
	}
	h.v.revoked = false
	h.grant(t, k)
	_, other := h.process(t, "two", nil)
	mustToken(t, other, "access-2")
	mustToken(t, s, "access-2")
}

// A vendor that is down, or that does not know our client, may be right the next time.
func TestOtherFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, s := h.process(t, "one", nil)
	h.grant(t, k)
	h.expire(t)
	h.v.broken = []int{500, 429, 401}
	for _, want := range []fault.Category{fault.Transient, fault.Throttle, fault.Auth} {
		if _, err := s.Token(t.Context()); fault.CategoryOf(err) != want || fault.As(err).RetryAfter != 7*time.Second {
			t.Errorf("%v, want %s", err, want)
		}
	}
	mustToken(t, s, "access-2")
}

// A vendor's own words tell a refusal for good from one in passing: Salesforce, for one, says of a refresh token that another
// call with it is under way by the code that others have for one that is used up.
func TestAVendorsOwnWordsForRefusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.auth.Refusals, h.auth.Busy, h.auth.UsedUp = []string{"inactive_user"}, "one at a time", []string{"BAD_TOKEN"}
	k, s := h.process(t, "one", nil)
	h.grant(t, k)
	h.expire(t)
	h.v.says = []string{`{"error": "invalid_grant", "error_description": "One at a time"}`, `{"error": "unknown_error", "error_description": "retry your request"}`,
		`{"error": "inactive_user", "error_description": "refresh-1 is of one who left"}`}
	for _, want := range []fault.Category{fault.Transient, fault.Transient, fault.Auth} {
		if _, err := s.Token(t.Context()); fault.CategoryOf(err) != want || strings.Contains(fmt.Sprint(err), "refresh-1") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	mustToken(t, s, "access-2")
	h.expire(t)
	h.v.says = []string{`{"status": "BAD_TOKEN", "message": "refresh-1 is gone"}`}
	mustAuth(t, s)
	mustAuth(t, s)
	if n := h.v.asked(); n != 6 {
		t.Errorf("the vendor was asked %d times: a refresh token that is used up is not sent again", n)
	}
}

// holding is a transport that sends nothing.
type holding struct{}

func (holding) RoundTrip(*http.Request) (*http.Response, error) { return nil, errHeld{} }

type errHeld struct{}

func (errHeld) Error() string { return "not sent" }
func (errHeld) NotSent() bool { return true }

// Who held the call for a token back says how long to wait: that word reaches whoever wanted the token.
func TestWhyATokenIsNotAskedForIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, s := h.process(t, "one", nil)
	h.grant(t, k)
	h.expire(t)
	at := h.v.Client().Transport
	h.v.Client().Transport = holding{}
	_, err := s.Token(t.Context())
	if held := (errHeld{}); fault.CategoryOf(err) != fault.Transient || !errors.As(err, &held) {
		t.Errorf("%v", err)
	}
	h.v.Client().Transport = at
	mustToken(t, s, "access-2")
}

func TestATokenThatTheVendorRefusesIsRenewedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, s := h.process(t, "one", nil)
	h.grant(t, k)
	h.expire(t)
	refusing := func(ctx context.Context) error {
		if _, err := s.Token(ctx); err != nil {
			return err
		}
		return &fault.Error{Category: fault.Auth, Op: "fetch", Status: 401}
	}
	mustToken(t, s, "access-2")
	if _, err := h.Pool().Exec(t.Context(), `update oauth_tokens set obtained_at = now() - interval '1 minute'`); err != nil {
		t.Fatal(err)
	}
	if err := s.Call(t.Context(), refusing); fault.CategoryOf(err) != fault.Transient {
		t.Errorf("an old token that is refused: %v", err)
	}
	mustToken(t, s, "access-3")
	if err := s.Call(t.Context(), refusing); fault.CategoryOf(err) != fault.Auth {
		t.Errorf("a new token that is refused: %v", err)
	}
	mustToken(t, s, "access-3")
	if err := s.Call(t.Context(), func(context.Context) error { return io.EOF }); !errors.Is(err, io.EOF) {
		t.Errorf("another failure: %v", err)
	}
	// One that ends while the call is under way is not young, however short its life is.
	err := s.Call(t.Context(), func(ctx context.Context) error {
		err := refusing(ctx)
		if _, sql := h.Pool().Exec(ctx, `update oauth_tokens set expires_at = now() - interval '1 second', obtained_at = now() - interval '10 seconds'`); sql != nil {
			t.Error(sql)
		}
		return err
	})
	if fault.CategoryOf(err) != fault.Transient {
		t.Errorf("a short-lived token that has ended: %v", err)
	}
	mustToken(t, s, "access-4")
}

// What a person grants, or another process renews, is used at once everywhere: it may be another account, and some vendors
// end the older token.
func TestANewerTokenReplacesTheOneInUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, one := h.process(t, "one", nil)
	_, two := h.process(t, "two", nil)
	h.grant(t, k)
	mustToken(t, one, "access-1")
	mustToken(t, two, "access-1")
	h.grant(t, k)
	mustToken(t, two, "access-2")
	h.expire(t)
	mustToken(t, one, "access-3")
	mustToken(t, two, "access-3")
}

// A lost key is a person's matter: what is owed waits, and uses up no attempt. Its return, or another grant, mends it.
func TestATokenWhoseKeyIsLostWaitsForAPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, _ := h.process(t, "one", nil)
	h.grant(t, k)
	known := h.box
	h.box = newBox(t, newKey(t))
	k, s := h.process(t, "two", nil)
	mustAuth(t, s)
	h.expire(t)
	mustAuth(t, s)
	if n := h.v.asked(); n != 1 {
		t.Errorf("the vendor was asked %d times", n)
	}
	h.box = known
	_, back := h.process(t, "three", nil)
	mustToken(t, back, "access-2")
	h.grant(t, k)
	mustToken(t, s, "access-3")
}

// away is a database that is away for some statements.
type away struct {
	oauth.Store
	times int
}

var errAway = errors.New("the database is away")

func (a *away) RenewOAuth(ctx context.Context, connection string, version int64, sealed []byte, lifetime *time.Duration) (bool, error) {
	if a.times--; a.times >= 0 {
		return false, errAway
	}
	return a.Store.RenewOAuth(ctx, connection, version, sealed, lifetime)
}

func (a *away) GrantOAuth(ctx context.Context, connection string, sealed []byte, lifetime *time.Duration, by string) error {
	if a.times--; a.times >= 0 {
		return errAway
	}
	return a.Store.GrantOAuth(ctx, connection, sealed, lifetime, by)
}

// Most vendors take no refresh token twice: an answer is held on to while the database is away for a moment.
func TestAnAnswerIsHeldOnToWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	db := &away{h.Store, 2}
	k, s := h.process(t, "one", db)
	h.grant(t, k)
	h.expire(t)
	db.times = 2
	mustToken(t, s, "access-2")
	if n := h.v.asked(); n != 2 {
		t.Errorf("the vendor was asked %d times", n)
	}
}

// stuck is a database that takes no answer until it is back, and is back once another process has the lease.
type stuck struct {
	oauth.Store
	tried chan struct{}
	back  *atomic.Bool
}

func (s *stuck) RenewOAuth(ctx context.Context, connection string, version int64, sealed []byte, lifetime *time.Duration) (bool, error) {
	if s.back.Load() {
		return s.Store.RenewOAuth(ctx, connection, version, sealed, lifetime)
	}
	select {
	case s.tried <- struct{}{}:
	default:
	}
	return false, errAway
}

func (s *stuck) LeaseOAuth(ctx context.Context, connection string, version int64, process string, during time.Duration) (bool, error) {
	mine, err := s.Store.LeaseOAuth(ctx, connection, version, process, during)
	if mine && process == "two" {
		s.back.Store(true)
	}
	return mine, err
}

// A database was away for longer than a lease, and two processes waited for it: one with the vendor's answer, the other with
// the wish for a token. The refresh token that is stored is used up; sent again, it would cost the grant.
func TestAnAnswerThatWaitsIsStoredBeforeAnotherProcessAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	db := &stuck{h.Store, make(chan struct{}, 1), new(atomic.Bool)}
	k, one := h.process(t, "one", db)
	_, two := h.process(t, "two", db)
	h.grant(t, k)
	h.expire(t)
	first := make(chan error, 1)
	go func() { _, err := one.Token(t.Context()); first <- err }()
	<-db.tried
	if _, err := h.Pool().Exec(t.Context(), `update oauth_tokens set lease_until = now()`); err != nil {
		t.Fatal(err)
	}
	mustToken(t, two, "access-2")
	if err := <-first; err != nil {
		t.Error(err)
	}
	if n := h.v.asked(); n != 2 {
		t.Errorf("the vendor was asked %d times, once by the grant", n)
	}
}

// refusing is a store whose lease's last holder hears the vendor's refusal just now.
type refusing struct{ oauth.Store }

func (r refusing) LeaseOAuth(ctx context.Context, connection string, version int64, process string, during time.Duration) (bool, error) {
	mine, err := r.Store.LeaseOAuth(ctx, connection, version, process, during)
	if mine {
		err = r.RefuseOAuth(ctx, connection, version, "the vendor gives no further token")
	}
	return mine, err
}

// A refusal that another process heard late is an answer, too: the dead refresh token is not sent again.
func TestARefusalThatComesLateIsHeardByTheNextProcess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, _ := h.process(t, "one", nil)
	h.grant(t, k)
	h.expire(t)
	if _, err := h.Pool().Exec(t.Context(), `update oauth_tokens set lease_by = 'one', lease_until = now()`); err != nil {
		t.Fatal(err)
	}
	_, two := h.process(t, "two", refusing{h.Store})
	mustAuth(t, two)
	if n := h.v.asked(); n != 1 {
		t.Errorf("the vendor was asked %d times, once by the grant", n)
	}
}

// However a vendor says how long a token lives, it is used as long, and no longer.
func TestLifetimesAsTheyAreStated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, text string
		want       time.Duration
	}{
		"a number":          {"application/json", `{"access_token": "a", "refresh_token": "r", "expires_in": 600}`, 10 * time.Minute},
		"a text":            {"application/json", `{"access_token": "a", "refresh_token": "r", "expires_in": "600"}`, 10 * time.Minute},
		"a form":            {"application/x-www-form-urlencoded", `access_token=a&refresh_token=r&expires_in=600`, 10 * time.Minute},
		"for ever":          {"application/json", `{"access_token": "a", "refresh_token": "r", "expires_in": 99999999999999}`, math.MaxInt32 * time.Second},
		"nothing":           {"application/json", `{"access_token": "a", "refresh_token": "r"}`, 0},
		"zero":              {"application/json", `{"access_token": "a", "refresh_token": "r", "expires_in": 0}`, 0},
		"less than nothing": {"application/json", `{"access_token": "a", "refresh_token": "r", "expires_in": -5}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				_, _ = io.WriteString(w, c.text)
			}))
			t.Cleanup(server.Close)
			h.auth.TokenURL = server.URL
			k, s := h.process(t, "one", nil)
			h.grant(t, k)
			mustToken(t, s, "a")
			stored, err := h.OAuthToken(t.Context(), "books")
			if err != nil {
				t.Fatal(err)
			}
			got := time.Duration(0)
			if stored.Left != nil {
				got = *stored.Left
			}
			if off := c.want - got; off < 0 || off > c.want/50+time.Minute && c.want > 0 || (stored.Left == nil) != (c.want == 0) {
				t.Errorf("it lives %s, want %s", got, c.want)
			}
		})
	}
}

// A vendor that rotates refresh tokens only sometimes leaves the old one out.
func TestARefreshTokenThatIsNotReplacedIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.FormValue("refresh_token"))
		w.Header().Set("Content-Type", "application/json")
		refresh := ""
		if len(asked) == 1 {
			refresh = `, "refresh_token": "the-only-one"`
		}
		_, _ = fmt.Fprintf(w, `{"access_token": "access-%d", "expires_in": 3600%s}`, len(asked), refresh)
	}))
	t.Cleanup(server.Close)
	h.auth.TokenURL = server.URL
	k, s := h.process(t, "one", nil)
	h.grant(t, k)
	for i := range 2 {
		h.expire(t)
		mustToken(t, s, fmt.Sprintf("access-%d", i+2))
	}
	if want := []string{"", "the-only-one", "the-only-one"}; !slices.Equal(asked, want) {
		t.Errorf("it asked by %q, want %q", asked, want)
	}
}

func TestAGrantWithoutAPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.auth.AuthorizeURL, h.auth.ClientAuth = "", adapters.ClientInBody
	k, s := h.process(t, "one", nil)
	mustToken(t, s, "access-1")
	if got := h.v.calls[0].Get("grant_type"); got != "client_credentials" {
		t.Errorf("it asks by %q", got)
	}
	h.expire(t)
	_, other := h.process(t, "two", nil)
	mustToken(t, other, "access-2")
	if _, err := k.Begin(t.Context(), "books", "kim"); !errors.Is(err, oauth.ErrNoClient) {
		t.Errorf("a person is sent away: %v", err)
	}
}

// dying is a process that dies at one of its steps: from there on, nothing that it does has any effect.
type dying struct {
	oauth.Store
	dies int
	step int
}

var errDead = errors.New("the process is dead")

func (d *dying) alive() error {
	if d.step++; d.step > d.dies {
		return errDead
	}
	return nil
}

func (d *dying) OAuthToken(ctx context.Context, connection string) (store.OAuthToken, error) {
	if err := d.alive(); err != nil {
		return store.OAuthToken{}, err
	}
	return d.Store.OAuthToken(ctx, connection)
}

func (d *dying) LeaseOAuth(ctx context.Context, connection string, version int64, process string, during time.Duration) (bool, error) {
	if err := d.alive(); err != nil {
		return false, err
	}
	return d.Store.LeaseOAuth(ctx, connection, version, process, during)
}

func (d *dying) ReleaseOAuth(ctx context.Context, connection, process string) error {
	if err := d.alive(); err != nil {
		return err
	}
	return d.Store.ReleaseOAuth(ctx, connection, process)
}

func (d *dying) RenewOAuth(ctx context.Context, connection string, version int64, sealed []byte, lifetime *time.Duration) (bool, error) {
	if err := d.alive(); err != nil {
		return false, err
	}
	return d.Store.RenewOAuth(ctx, connection, version, sealed, lifetime)
}

func (d *dying) TakeOAuthState(ctx context.Context, sha256 []byte, within time.Duration) (store.OAuthState, error) {
	if err := d.alive(); err != nil {
		return store.OAuthState{}, err
	}
	return d.Store.TakeOAuthState(ctx, sha256, within)
}

func (d *dying) GrantOAuth(ctx context.Context, connection string, sealed []byte, lifetime *time.Duration, by string) error {
	if err := d.alive(); err != nil {
		return err
	}
	return d.Store.GrantOAuth(ctx, connection, sealed, lifetime, by)
}

// A process dies at each step of a grant: before it takes the state, and with the vendor's answer in hand. The person is
// told, or sees, that nothing came of it, and grants again; what was lost is not used, and nothing is used twice.
func TestAProcessDiesAtEachStepOfAGrant(t *testing.T) {
	t.Parallel()
	for dies := range 3 {
		t.Run(fmt.Sprintf("at step %d", dies), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.patience = time.Nanosecond
			doomed, _ := h.process(t, "doomed", &dying{Store: h.Store, dies: dies})
			at, err := doomed.Begin(t.Context(), "books", "kim")
			if err != nil {
				t.Fatal(err)
			}
			if w := h.back(doomed, state(t, at), "c0de"); (w.Code == http.StatusOK) != (dies == 2) {
				t.Errorf("the person is told %d %s", w.Code, w.Body)
			}
			k, s := h.process(t, "next", nil)
			if dies < 2 {
				mustAuth(t, s)
			}
			if w := h.back(k, state(t, at), "c0de"); (w.Code == http.StatusOK) != (dies == 0) {
				t.Errorf("what was taken already is taken: %d", w.Code)
			}
			if dies == 1 {
				h.grant(t, k)
			}
			mustToken(t, s, fmt.Sprintf("access-%d", h.v.made))
			h.expire(t)
			mustToken(t, s, fmt.Sprintf("access-%d", h.v.made+1))
		})
	}
}

// A process dies at each step of a renewal. The next one goes on: with what was stored, or with the old refresh token, which
// the vendor lets in again as long as the new one was not used; where it does not, a person is asked, and a grant helps.
func TestAProcessDiesAtEachStepOfARenewal(t *testing.T) {
	t.Parallel()
	for _, grace := range []bool{true, false} {
		for dies := range 5 {
			t.Run(fmt.Sprintf("at step %d, grace %t", dies, grace), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				h.v.grace, h.patience = grace, time.Nanosecond
				k, _ := h.process(t, "one", nil)
				h.grant(t, k)
				h.expire(t)
				// The steps: read, lease, (the vendor's answer), store, read.
				_, s := h.process(t, "doomed", &dying{Store: h.Store, dies: dies})
				_, err := s.Token(t.Context())
				if (err == nil) != (dies >= 4) {
					t.Fatalf("it had a token though it died, or none though it did not: %v", err)
				}
				if _, err := h.Pool().Exec(t.Context(), `update oauth_tokens set lease_until = least(lease_until, now())`); err != nil { // its lease ends
					t.Fatal(err)
				}
				_, next := h.process(t, "next", nil)
				if lost := dies == 2; lost && !grace {
					mustAuth(t, next)
					h.grant(t, k)
				}
				got, err := next.Token(t.Context())
				if want := fmt.Sprintf("access-%d", h.v.made); err != nil || got.Reveal() != want {
					t.Errorf("the next process has %q (%v), want %q", got.Reveal(), err, want)
				}
				h.expire(t)
				_, later := h.process(t, "later", nil)
				if _, err := later.Token(t.Context()); err != nil {
					t.Errorf("the stored refresh token is not the vendor's last: %v", err)
				}
			})
		}
	}
}

// A process that is slow loses its lease. What it got is not stored over what another one got.
func TestASlowProcessDoesNotOverwriteANewerToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.v.grace = true
	k, slow := h.process(t, "slow", nil)
	h.grant(t, k)
	h.expire(t)
	var once sync.Once
	h.v.afterAnswer = func() {
		once.Do(func() { // while its call runs, its lease ends and another one stores
			sealed, err := h.box.Seal("oauth token of books", []byte(`{"access": "access-9", "refresh": "refresh-2"}`))
			if err != nil {
				t.Error(err)
			}
			life := time.Hour
			if kept, err := h.RenewOAuth(t.Context(), "books", 1, sealed, &life); err != nil || !kept {
				t.Errorf("%v %v", kept, err)
			}
		})
	}
	mustToken(t, slow, "access-9")
}

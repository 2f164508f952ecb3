package credentials_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/credentials"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/secrets"
	"github.com/canonhub/canonhub/hub/store"
)

// signer is an adapter that knows what it was opened with.
type signer struct {
	s      adapters.Settings
	called *atomic.Pointer[string]
}

func (a signer) Probe(context.Context) error {
	key := a.s.Credentials["api_key"].Reveal()
	a.called.Store(&key)
	if strings.HasPrefix(key, "revoked") {
		return &fault.Error{Category: fault.Auth, Op: "probe", Status: 401}
	}
	return nil
}

func (a signer) Translate(adapters.Event) (adapters.Translation, error) {
	return adapters.Translation{}, nil
}
func (a signer) Split(adapters.Delivery) ([]adapters.Event, error) { return nil, nil }

func (a signer) Verify(d adapters.Delivery) (int, error) {
	i := slices.IndexFunc(a.s.WebhookSecrets, func(s adapters.Secret) bool { return s.Reveal() == string(d.Body) })
	if i < 0 {
		return 0, errors.New("nobody's")
	}
	return i, nil
}

// process is one hub process's part.
type process struct {
	*credentials.Keeper
	t       *testing.T
	open    *connection.Connection
	called  atomic.Pointer[string]
	renewed atomic.Int64
	log     *safe
	metrics *prometheus.Registry
}

// safe is a buffer that is written and read at the same time.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// house is a database, and a key.
type house struct {
	*store.Store
	t   *testing.T
	key adapters.Secret
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db, err := store.Open(t.Context(), hubtest.Database(t), store.Options{})
	must(t, err)
	t.Cleanup(db.Close)
	return &house{db, t, newKey(t)}
}

func newKey(t *testing.T) adapters.Secret {
	t.Helper()
	key, err := secrets.NewKey()
	must(t, err)
	return key
}

// shop is a connection that has a key kept, and webhook secrets from the environment and kept.
func (p *process) shop() config.Connection {
	return config.Connection{Name: "shop", Adapter: "signer",
		Factory: adapters.Factory{Name: "signer", Credentials: []string{"api_key"}, Open: func(s adapters.Settings) (*adapters.Adapter, error) {
			if s.Credentials["api_key"].Reveal() == "no key" {
				return nil, errors.New("no such form")
			}
			a := signer{s, &p.called}
			return &adapters.Adapter{Translator: a, Webhook: a, Prober: a}, nil
		}},
		Credentials: map[string]adapters.Secret{"api_key": {}}, Sources: map[string]config.Source{"api_key": {Name: "sealed"}},
		WebhookSecrets: []adapters.Secret{adapters.NewSecret("of old"), {}}, WebhookSources: []config.Source{{Name: "OLD"}, {Name: "sealed"}}}
}

// process starts one; change is what its configuration has otherwise.
func (h *house) process(change func(*config.Connection), keys ...adapters.Secret) *process {
	h.t.Helper()
	if keys == nil {
		keys = []adapters.Secret{h.key}
	}
	box, err := secrets.Open(keys)
	must(h.t, err)
	p := &process{t: h.t, log: &safe{}, metrics: prometheus.NewRegistry()}
	c := p.shop()
	if change != nil {
		change(&c)
	}
	p.Keeper, err = credentials.New(credentials.Options{Store: h.Store, Box: box, Connections: []config.Connection{c}, Log: slog.New(slog.NewTextHandler(p.log, nil)), Metrics: p.metrics,
		Renewed: func(context.Context, *connection.Connection) error { p.renewed.Add(1); return nil }})
	must(h.t, err)
	spec := connection.Spec{Name: c.Name, Factory: c.Factory, Settings: c.Settings(nil, time.Now), Receive: connection.Receive{SecretNames: c.SecretNames()}}
	p.Dress(c.Name, &spec)
	set, err := connection.Open([]connection.Spec{spec})
	must(h.t, err)
	p.Use(set)
	p.open = set["shop"]
	must(h.t, p.Refresh(h.t.Context()))
	return p
}

// run has it look by itself.
func (p *process) run() {
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { p.Run(ctx) })
	p.t.Cleanup(func() { stop(); ended.Wait() })
}

// uses is the key by which calls are made; empty where none is.
func (p *process) uses() string {
	p.t.Helper()
	p.called.Store(nil)
	err := p.open.Adapter.Prober.Probe(p.t.Context())
	if key := p.called.Load(); key != nil && err == nil {
		return *key
	}
	if fault.CategoryOf(err) != fault.Auth || !strings.Contains(err.Error(), "credentials set shop api_key") {
		p.t.Errorf("a call without a key: %v", err)
	}
	return ""
}

// verifies names what a text verifies by; empty for nothing.
func (p *process) verifies(text string) string {
	i, err := p.open.Adapter.Webhook.Verify(adapters.Delivery{Body: []byte(text)})
	if err != nil {
		return ""
	}
	return p.open.SecretName(i)
}

func (p *process) put(name, text string, overlap time.Duration) store.Credential {
	p.t.Helper()
	kept, err := p.Put(p.t.Context(), credentials.Put{CredentialKey: store.CredentialKey{Connection: "shop", Name: name}, Text: adapters.NewSecret(text), Overlap: overlap, By: "kim"})
	must(p.t, err)
	return kept
}

func (p *process) retire(name string, version int64, evenLast bool) error {
	_, err := p.Retire(p.t.Context(), credentials.Retire{CredentialKey: store.CredentialKey{Connection: "shop", Name: name}, Version: version, EvenLast: evenLast, By: "kim"})
	return err
}

func (p *process) until(what string, holds func() bool) {
	p.t.Helper()
	deadline, tick := time.NewTimer(time.Minute), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			p.t.Fatalf("waited in vain: %s\n%s", what, p.log)
		case <-tick.C:
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAVersionReachesEveryProcessWithoutARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := h.process(nil), h.process(nil)
	if one.uses() != "" || one.verifies("") != "" || one.verifies("of old") != "OLD" {
		t.Error("without a version it calls, or verifies other than by the environment's")
	}
	one.run()
	two.run()
	both := func(what string, holds func(*process) bool) {
		t.Helper()
		for _, p := range []*process{one, two} {
			p.until(what, func() bool { return holds(p) })
		}
	}
	one.put("api_key", "key-1", time.Hour)
	both("the first key is used", func(p *process) bool { return p.uses() == "key-1" })
	two.put("api_key", "key-2", time.Hour)
	one.put("webhook.secrets", "hook-1", time.Hour)
	one.put("webhook.secrets", "hook-2", time.Hour)
	both("the second key is used, and both hooks verify", func(p *process) bool {
		return p.uses() == "key-2" && p.verifies("hook-1") == "sealed v1" && p.verifies("hook-2") == "sealed v2" && p.verifies("of old") == "OLD"
	})
	must(t, one.retire("api_key", 2, false))
	both("the first key is back", func(p *process) bool { return p.uses() == "key-1" })
	two.put("webhook.secrets", "hook-3", 0)
	both("the new hook alone verifies", func(p *process) bool {
		return p.verifies("hook-1") == "" && p.verifies("hook-2") == "" && p.verifies("hook-3") == "sealed v3"
	})
	if err := one.retire("api_key", 1, false); !errors.Is(err, credentials.ErrLast) {
		t.Errorf("the last one is retired: %v", err)
	}
	must(t, one.retire("api_key", 1, true))
	both("none is left", func(p *process) bool { return p.uses() == "" })
	both("all changes of credentials were told", func(p *process) bool { return p.renewed.Load() == 4 || p.renewed.Load() == 3 })
	if n, err := testutil.GatherAndCount(one.metrics, "canonhub_credential_version"); err != nil || n != 2 {
		t.Errorf("%d versions are measured, %v", n, err)
	}
}

func TestNothingTellsATextAndEachActIsInTheAudit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.process(nil)
	for i := range 3 {
		p.put("api_key", fmt.Sprintf("sk_live_%d-Zq9", i), time.Hour)
		must(t, p.Refresh(t.Context()))
	}
	must(t, p.retire("api_key", 2, false))
	must(t, p.retire("api_key", 2, false)) // which it is
	must(t, p.Refresh(t.Context()))
	for text, want := range map[string]error{"no key": &credentials.Untaken{}, "": &credentials.Untaken{}} {
		_, err := p.Put(t.Context(), credentials.Put{CredentialKey: store.CredentialKey{Connection: "shop", Name: "api_key"}, Text: adapters.NewSecret(text)})
		if untaken := new(credentials.Untaken); !errors.As(err, &untaken) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, want %T", text, err, want)
		}
	}
	dump := hubtest.DumpOf(t, h.Store)
	for i := range 3 {
		text := fmt.Sprintf("sk_live_%d-Zq9", i)
		if found := dump.Find(text); len(found) > 0 || strings.Contains(p.log.String(), text) {
			t.Errorf("%s is told: in %v, or in the log:\n%s", text, found, p.log)
		}
	}
	rows, err := h.Pool().Query(t.Context(), `select action || ' ' || actor || ' ' || detail from audit where connection = 'shop' order by id`)
	must(t, err)
	defer rows.Close()
	var trail []string
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		trail = append(trail, line)
	}
	if len(trail) != 4 || !strings.HasPrefix(trail[0], "credential-put kim api_key v1") || trail[3] != "credential-retired kim api_key v2" {
		t.Errorf("the audit has %q", trail)
	}
	all, err := p.Versions(t.Context(), store.CredentialKey{Connection: "shop"})
	must(t, err)
	if len(all) != 3 || !all[0].Valid || all[0].Version != 3 || all[1].Valid || len(all[1].Sealed) > 0 || all[1].RetiredBy != "kim" || !all[2].Valid || all[2].ValidUntil.IsZero() {
		t.Errorf("the versions are %+v", all)
	}
}

func TestATextIsKeptOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.process(nil)
	var all sync.WaitGroup
	versions := make([]int64, 12)
	for i := range versions {
		all.Go(func() { versions[i] = p.put("api_key", fmt.Sprintf("key-%d", i%3), time.Hour).Version })
	}
	all.Wait()
	kept, err := p.Versions(t.Context(), store.CredentialKey{Connection: "shop", Name: "api_key"})
	must(t, err)
	for i, c := range kept {
		if c.Version != int64(len(kept)-i) || !c.Valid || c.ValidUntil.IsZero() != (i == 0) {
			t.Errorf("version %d of %d is %+v", i, len(kept), c)
		}
	}
	newest := p.put("api_key", "key-again", time.Hour)
	if again := p.put("api_key", "key-again", time.Hour); again.Version != newest.Version || newest.Version != int64(len(kept))+1 {
		t.Errorf("sent again it is version %d, after %d", again.Version, newest.Version)
	}
}

func TestWhatNoKeyOpensIsToldAndAnotherVersionHelps(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.process(nil).put("api_key", "key-1", time.Hour)
	other := h.process(nil, newKey(t))
	err := other.open.Adapter.Prober.Probe(t.Context())
	if fault.CategoryOf(err) != fault.Auth || !strings.Contains(err.Error(), "secrets.keys") || strings.Count(other.log.String(), "cannot be used") != 1 {
		t.Errorf("%v\n%s", err, other.log)
	}
	other.put("api_key", "key-2", time.Hour)
	must(t, other.Refresh(t.Context()))
	if got := other.uses(); got != "key-2" {
		t.Errorf("it uses %q", got)
	}
}

// A process that has not looked yet uses the credential before: that it is refused is no reason to pause where there is
// another one, and one as long as there is none.
func TestARefusalOfACredentialThatWasReplacedPassesBy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := h.process(nil), h.process(nil)
	one.put("api_key", "revoked-1", time.Hour)
	must(t, two.Refresh(t.Context()))
	probe := func() error { return two.open.Adapter.Prober.Probe(t.Context()) }
	if err := probe(); fault.CategoryOf(err) != fault.Auth {
		t.Errorf("refused: %v", err)
	}
	one.put("api_key", "key-2", 0)
	if err := probe(); fault.CategoryOf(err) != fault.Transient || fault.As(err).Status != 401 {
		t.Errorf("refused, and replaced: %v", err)
	}
	if got := two.uses(); got != "key-2" {
		t.Errorf("it uses %q", got)
	}
}

// Whoever can write to the database makes no secret of another place's, nor an old one the newest.
func TestASealedTextIsGoodForItsPlaceAndVersionAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.process(nil)
	p.put("api_key", "key-1", time.Hour)
	p.put("api_key", "key-2", time.Hour)
	_, err := h.Pool().Exec(t.Context(), `update credentials set sealed = (select sealed from credentials where version = 1) where version = 2`)
	must(t, err)
	must(t, p.Refresh(t.Context()))
	if got := p.uses(); got != "key-1" {
		t.Errorf("it uses %q", got)
	}
	if !strings.Contains(p.log.String(), "api_key v2") {
		t.Errorf("nobody is told:\n%s", p.log)
	}
}

func TestAfterAResealTheOldKeyIsNotNeeded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.process(nil).put("api_key", "key-1", time.Hour)
	h.process(nil).put("api_key", "key-2", time.Hour)
	fresh := newKey(t)
	both := h.process(nil, fresh, h.key)
	for _, want := range []int{2, 0} {
		if n, err := both.Reseal(t.Context()); err != nil || n != want {
			t.Errorf("%d were sealed anew, want %d: %v", n, want, err)
		}
	}
	must(t, both.Refresh(t.Context()))
	if one := h.process(nil, fresh); one.uses() != "key-2" || both.uses() != "key-2" {
		t.Error("without the old key it is not opened")
	}
	if _, err := h.process(nil).Reseal(t.Context()); !errors.Is(err, secrets.ErrSealed) {
		t.Errorf("without the key: %v", err)
	}
	// One whose key is lost, and which stands before the others, is named, and they are sealed anew.
	lost := newKey(t)
	h.process(nil, lost).put("api_key", "key-3", time.Hour)
	both.put("webhook.secrets", "hook-1", time.Hour)
	fresher := newKey(t)
	n, err := h.process(nil, fresher, fresh).Reseal(t.Context())
	if n != 3 || !errors.Is(err, secrets.ErrSealed) || !strings.Contains(err.Error(), "api_key v3 of connection shop") {
		t.Errorf("%d beside the lost one, %v", n, err)
	}
	if one := h.process(nil, fresher); one.verifies("hook-1") == "" {
		t.Error("without the key before, what was sealed anew is not opened")
	}
}

func TestWhatItsTimeIsOverIsForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.process(nil)
	p.put("webhook.secrets", "hook-1", time.Hour)
	p.put("webhook.secrets", "hook-2", 0)
	p.run()
	p.until("it is forgotten", func() bool {
		all, err := p.Versions(t.Context(), store.CredentialKey{Connection: "shop", Name: "webhook.secrets"})
		must(t, err)
		return len(all) == 2 && len(all[1].Sealed) == 0 && !all[1].RetiredAt.IsZero() && all[1].RetiredBy == ""
	})
}

func TestAFileThatIsReplacedIsFollowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	write("a", "key-1\n")
	link := filepath.Join(folder, "token")
	must(t, os.Symlink(filepath.Join(folder, "a"), link))
	p := h.process(func(c *config.Connection) {
		c.Credentials["api_key"], c.Sources["api_key"] = adapters.NewSecret("key-0"), config.Source{Name: "file:token", File: link}
	})
	if got := p.uses(); got != "key-1" {
		t.Errorf("at first it uses %q", got)
	}
	look := func() {
		t.Helper()
		must(t, p.Refresh(t.Context()))
	}
	write("b", "key-2")
	must(t, os.Remove(link))
	look()
	must(t, os.Symlink(filepath.Join(folder, "b"), link))
	look()
	if got := p.uses(); got != "key-1" {
		t.Errorf("read once, which may be half of it, it uses %q", got)
	}
	look()
	if got := p.uses(); got != "key-2" || p.renewed.Load() != 1 {
		t.Errorf("read twice, it uses %q; told %d times", got, p.renewed.Load())
	}
	for _, bad := range []string{"", "\n", strings.Repeat("x", 70<<10)} {
		write("b", bad)
		look()
		look()
		if got := p.uses(); got != "key-2" {
			t.Errorf("with %.3q in it, it uses %q", bad, got)
		}
	}
	write("b", "no key") // which the adapter does not take
	look()
	look()
	if n := strings.Count(p.log.String(), "does not take"); n != 1 {
		t.Errorf("it is told %d times", n)
	}
	if got := p.uses(); got != "key-2" {
		t.Errorf("with what the adapter does not take, it uses %q", got)
	}
}

// What the adapter took when it was kept it may not take any more once it is another one. The others are served, and so is
// this one when it has what it takes.
func TestWhatTheAdapterDoesNotTakeKeepsNoHubFromStarting(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.process(nil).put("api_key", "key-of-old", time.Hour)
	p := h.process(func(c *config.Connection) {
		open := c.Factory.Open
		c.Factory.Open = func(s adapters.Settings) (*adapters.Adapter, error) {
			if key := s.Credentials["api_key"].Reveal(); strings.HasSuffix(key, "of-old") {
				return nil, fmt.Errorf("%q is none", key)
			}
			return open(s)
		}
	})
	if err := p.open.Adapter.Prober.Probe(t.Context()); fault.CategoryOf(err) != fault.Auth || !strings.Contains(err.Error(), "does not take") {
		t.Errorf("a call without credentials: %v", err)
	}
	must(t, p.Refresh(t.Context()))
	if log := p.log.String(); strings.Count(log, "does not take") != 1 || strings.Contains(log, "key-of-old") {
		t.Errorf("it is told as\n%s", log)
	}
	p.put("api_key", "key-new", time.Hour)
	must(t, p.Refresh(t.Context()))
	if got := p.uses(); got != "key-new" || p.renewed.Load() != 1 {
		t.Errorf("it uses %q; told %d times", got, p.renewed.Load())
	}
}

// Uses go on while versions come and go; each has one version or another, and none has nothing.
func TestUsesGoOnWhileVersionsChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.process(nil)
	p.put("api_key", "key-0", time.Hour)
	p.put("webhook.secrets", "hook", time.Hour)
	must(t, p.Refresh(t.Context()))
	done := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := p.open.Adapter.Prober.Probe(context.Background()); err != nil {
					t.Error(err)
				}
				if got := p.verifies("hook"); got != "sealed v1" {
					t.Errorf("the hook verifies by %q", got)
				}
				_ = p.open.Fingerprint()
			}
		})
	}
	for i := range 20 {
		p.put("api_key", fmt.Sprintf("key-%d", i+1), time.Hour)
		p.put("webhook.secrets", fmt.Sprintf("hook-%d", i+1), time.Hour)
		must(t, p.Refresh(t.Context()))
	}
	close(done)
	users.Wait()
	if got := p.uses(); got != "key-20" {
		t.Errorf("at the end it uses %q", got)
	}
}

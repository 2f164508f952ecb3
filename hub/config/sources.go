package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"google.golang.org/protobuf/encoding/protojson"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/policy"
)

// config makes the result of what was decoded, and reports what the schema cannot tell.
func (l *loader) config(from *configv1.Config) *Config {
	c := &Config{Policies: from.GetPolicies(), Phases: map[string]string{}, File: l.file, Lines: l.lines(from)}
	for _, name := range []string{policy.Operator, policy.Keeper} {
		if from.GetConnections()[name] != nil || from.GetCallers()[name] != nil {
			l.failKey(l.named(from, name), "%q is the name of a source of the hub's own; choose another", name)
		}
	}
	for i, key := range from.GetSecrets().GetKeys() {
		secret, _ := l.secret(path{"secrets", "keys", strconv.Itoa(i)}, key)
		c.Keys = append(c.Keys, secret)
	}
	l.keys = len(c.Keys) > 0
	c.KMS, _ = l.expand(path{"secrets", "kms"}, from.GetSecrets().GetKms())
	for _, name := range sortedKeys(from.GetConnections()) {
		if phase := from.GetConnections()[name].GetPhase(); phase != "" && phase != string(policy.Live) {
			c.Phases[name] = phase
		}
		c.Connections = append(c.Connections, l.connection(name, from.GetConnections()[name]))
	}
	owners := map[[32]byte]string{}
	for _, name := range sortedKeys(from.GetCallers()) {
		if from.GetConnections()[name] != nil {
			l.failKey(path{"callers", name}, "a connection has the name %q, too; rename one, since both are sources", name)
		}
		caller := l.caller(name, from.GetCallers()[name])
		for i, key := range caller.KeySHA256 {
			at := path{"callers", name, "api_key_sha256"}
			if i > 0 {
				at = path{"callers", name, "further_api_key_sha256", strconv.Itoa(i - 1)}
			}
			if owner, taken := owners[key]; taken {
				l.fail(at, "the caller %q has the same key; give each its own", owner)
			}
			owners[key] = name
		}
		c.Callers = append(c.Callers, caller)
	}
	c.Retention.Changes = from.GetRetention().GetChanges().AsDuration()
	c.Policy = l.policies(from)
	return c
}

// named is where a connection or else a caller stands.
func (l *loader) named(from *configv1.Config, name string) path {
	if from.GetConnections()[name] != nil {
		return path{"connections", name}
	}
	return path{"callers", name}
}

func (l *loader) caller(name string, from *configv1.Caller) Caller {
	c := Caller{Name: name, Kinds: map[model.Kind]Access{}, Operate: from.GetOperate(), Raw: from.GetRaw(),
		Concurrency: int(from.GetConcurrency())}
	for _, text := range append([]string{from.GetApiKeySha256()}, from.GetFurtherApiKeySha256()...) {
		hash, err := hex.DecodeString(text)
		if err == nil && len(hash) == sha256.Size { // else the schema has reported it
			c.KeySHA256 = append(c.KeySHA256, [sha256.Size]byte(hash))
		}
	}
	for kind, access := range from.GetKinds() {
		c.Kinds[model.Kind(kind)] = Access(access)
	}
	return c
}

func (l *loader) connection(name string, from *configv1.Connection) Connection {
	at, mistakes := path{"connections", name}, len(l.all)
	factory, known := l.options.Factories[from.GetAdapter()]
	if !known && from.GetAdapter() != "" {
		l.fail(at.below("adapter"), "no adapter %.80q; there are %s", from.GetAdapter(), strings.Join(sortedKeys(l.options.Factories), ", "))
	}
	c := Connection{
		Name: name, Adapter: factory.Name, Factory: factory,
		BaseURL:           strings.TrimRight(factory.DefaultBaseURL, "/"),
		Credentials:       map[string]adapters.Secret{},
		Sources:           map[string]Source{},
		RequestsPerSecond: from.GetLimits().GetRequestsPerSecond(),
		Concurrency:       int(from.GetLimits().GetConcurrency()),
		RequestsPerDay:    int(from.GetLimits().GetRequestsPerDay()),
		PagesPerMinute:    int(from.GetLimits().GetPagesPerMinute()),
		Brake: Brake{Share: from.GetBrake().GetShare(), Min: int(from.GetBrake().GetMin()),
			Window: from.GetBrake().GetWindow().AsDuration()},
	}
	for name, text := range from.GetCredentials() {
		c.Credentials[name], c.Sources[name] = l.vendorSecret(at.below("credentials", name), text)
	}
	if known {
		l.checkCredentials(at, factory, from.GetCredentials(), from.GetOauth() != nil)
		c.OAuth = l.oauth(at.below("oauth"), &c, from.GetOauth())
	}
	switch {
	case known && factory.NoBaseURL && from.GetBaseUrl() != "":
		l.failKey(at.below("base_url"), "%s is at no address; remove this", factory.Name)
	case from.GetBaseUrl() != "":
		c.BaseURL = strings.TrimRight(l.url(at.below("base_url"), from.GetBaseUrl()), "/")
	case known && factory.DefaultBaseURL == "" && !factory.NoBaseURL:
		l.fail(at.below("base_url"), "every account of %s has an address of its own; give it as base_url: https://HOST", factory.Name)
	}
	if from.GetOptions() != nil {
		c.Options, _ = protojson.Marshal(from.GetOptions()) // a message that was just read
	}
	webhook := from.GetWebhook()
	for i, text := range webhook.GetSecrets() {
		place := at.below("webhook", "secrets", strconv.Itoa(i))
		if c.Kept(WebhookSecrets) && text == "${"+sealed+"}" {
			l.fail(place, "this stands in the list already; it stands for all versions that are good")
		}
		secret, source := l.vendorSecret(place, text)
		c.WebhookSecrets, c.WebhookSources = append(c.WebhookSecrets, secret), append(c.WebhookSources, source)
	}
	if webhook.GetPublicUrl() != "" {
		c.PublicURL = l.url(at.below("webhook", "public_url"), webhook.GetPublicUrl())
	} else if webhook != nil && factory.NeedsPublicURL {
		l.fail(at.below("webhook", "public_url"), "%s signs the URL that it calls; give that as public_url: https://HOST/webhooks/%s", factory.Name, name)
	}
	if known {
		l.declare(at, &c, mistakes)
		c.Pulls = l.pulls(at.below("pull"), &c, from.GetPull())
	}
	return c
}

// judged are the settings by which the adapter judges them.
func (c Connection) judged() adapters.Settings {
	settings := c.Settings(http.DefaultClient, time.Now)
	standIns(&settings)
	return settings
}

// declare has the adapter judge the connection's settings, unless something is wrong with it beyond the mistakes before.
func (l *loader) declare(at path, c *Connection, mistakes int) {
	if c.Factory.Declare == nil {
		c.Carries = c.Factory.Carries
		l.carries[c.Name] = c.Carries
	}
	if n, _, broken := l.root.find(at); broken || n.anyBroken() || len(l.all) > mistakes {
		return
	}
	settings := c.judged()
	carries, err := c.Factory.CarriesFor(settings)
	if err == nil && c.Factory.Open != nil {
		_, err = c.Factory.Open(settings)
	}
	if err != nil {
		l.untaken(at, c, err)
		return
	}
	c.Carries = carries
	l.carries[c.Name] = carries
	if c.OAuth != nil && c.OAuth.RedirectURL == "" && c.Factory.OAuth(settings).AuthorizeURL != "" {
		l.fail(at.below("oauth", "redirect_url"), "a person grants access at %s and is sent back to the hub; give its address, as it is registered there, as redirect_url: https://HOST/oauth/callback", c.Adapter)
	}
}

// untaken tells why an adapter does not take its settings, each mistake at its place in the options.
func (l *loader) untaken(at path, c *Connection, err error) {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		for _, each := range joined.Unwrap() {
			l.untaken(at, c, each)
		}
		return
	}
	var mistake *adapters.Mistake
	if errors.As(err, &mistake) {
		l.fail(at.below("options").below(mistake.At...), "%s", mistake.Reason)
		return
	}
	l.fail(at, "%s does not take these settings: %v", c.Adapter, err)
}

// pulls are what is read from a connection.
func (l *loader) pulls(at path, c *Connection, from map[string]*configv1.Pull) map[model.Kind]Pull {
	pulls := make(map[model.Kind]Pull, len(from))
	for _, name := range sortedKeys(from) {
		p, carriage := from[name], carriageOf(c.Carries, model.Kind(name))
		if model.For(model.Kind(name)) == nil {
			continue // the schema has reported it
		}
		if _, declared := l.carries[c.Name]; !declared {
			continue // why is reported
		}
		if carriage == nil || carriage.Pull.MaxPage == 0 {
			l.failKey(at.below(name), "%s cannot pull %ss; remove this", c.Adapter, name)
			continue
		}
		pulls[model.Kind(name)] = Pull{
			Every: p.GetEvery().AsDuration(), Reconcile: p.GetReconcile().AsDuration(), Overlap: p.GetOverlap().AsDuration(),
			Silence: p.GetSilence().AsDuration(), PageSize: int(p.GetPageSize()), Vanished: p.GetVanished(),
			Differences: p.GetDifferences(), MaxVanished: p.GetMaxVanished(), Share: p.GetShare(),
		}
	}
	return pulls
}

// oauth is the account by which tokens are had.
func (l *loader) oauth(at path, of *Connection, from *configv1.OAuthClient) *OAuthClient {
	switch {
	case from == nil:
		return nil
	case of.Factory.OAuth == nil:
		l.failKey(at, "%s takes no OAuth; give credentials instead", of.Factory.Name)
		return nil
	case !l.keys:
		l.failKey(at, "the hub keeps the tokens in its database, sealed: give keys under secrets as keys: [\"${NAME}\"]; `hub secrets key` makes one")
	}
	c := &OAuthClient{}
	c.Secret, of.Sources[ClientSecret] = l.vendorSecret(at.below("client_secret"), from.GetClientSecret())
	c.ID, _ = l.expand(at.below("client_id"), from.GetClientId())
	if from.GetRedirectUrl() != "" {
		c.RedirectURL = l.url(at.below("redirect_url"), from.GetRedirectUrl())
	}
	return c
}

func (l *loader) checkCredentials(at path, factory adapters.Factory, given map[string]string, tokens bool) {
	takes := slices.Concat(factory.Credentials, factory.FurtherCredentials)
	for name := range given {
		if !slices.Contains(takes, name) {
			l.failKey(at.below("credentials", name), "not a credential of %s; it takes %s", factory.Name, strings.Join(takes, ", "))
		}
	}
	for _, name := range factory.Credentials {
		if _, ok := given[name]; !ok && !tokens {
			l.fail(at.below("credentials", name), `%s needs the credential %s; give it under credentials as %[2]s: "${NAME}"`, factory.Name, name)
		}
	}
}

// url expands and checks a URL. What is wrong with it is told without quoting it, since variables may be in it.
func (l *loader) url(at path, text string) string {
	expanded, ok := l.expand(at, text)
	if !ok {
		return ""
	}
	u, err := url.Parse(expanded)
	switch {
	case err != nil || !reachable(u) || strings.ContainsAny(expanded, " \t\n"):
		l.fail(at, "no absolute URL; write it as https://HOST/PATH")
	case u.User != nil:
		l.fail(at, "a user or password is not written into a URL; give it under credentials")
	case strings.ContainsAny(expanded, "?#"):
		l.fail(at, "a query or fragment cannot be used here; end the URL before it")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		l.fail(at, "http is for loopback hosts alone, since it hides nothing on the way; use https")
	}
	return expanded
}

// reachable says whether a URL names a host that can be called.
func reachable(u *url.URL) bool {
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && err == nil && port > 0
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

package config

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
)

// String is the configuration as the hub understood it, for people to check. Of secrets it tells whether they are set.
func (c *Config) String() string {
	var out printer
	for _, connection := range c.Connections {
		out.connection(connection)
	}
	for _, caller := range c.Callers {
		out.title("caller", caller.Name)
		for _, kind := range sortedKeys(caller.Kinds) {
			out.line(string(kind), "%s", caller.Kinds[kind])
		}
		if caller.Operate {
			out.line("operate", "yes")
		}
	}
	for i, key := range c.Keys {
		out.title("key", fmt.Sprintf("%d of the sealed secrets: %s", i+1, key))
	}
	if c.KMS != "" {
		scheme, _, _ := strings.Cut(c.KMS, ":")
		out.title("kms", "of the keys: "+scheme)
	}
	if c.Retention.Changes > 0 {
		out.title("retention", "of what grows without end")
		out.line("changes", "%s", c.Retention.Changes)
	}
	for _, kind := range sortedKeys(c.Policies) {
		out.policy(kind, c.Policies[kind])
	}
	return out.String()
}

type printer struct{ strings.Builder }

func (p *printer) title(what, name string) { fmt.Fprintf(p, "%s %s\n", what, name) }

func (p *printer) line(name, format string, args ...any) {
	fmt.Fprintf(p, "  %-20s %s\n", name, fmt.Sprintf(format, args...))
}

func (p *printer) connection(c Connection) {
	p.title("connection", c.Name)
	p.line("adapter", "%s", c.Adapter)
	p.line("base_url", "%s", c.BaseURL)
	for _, name := range sortedKeys(c.Credentials) {
		p.line(name, "%s", given(c.Credentials[name], c.Sources[name]))
	}
	if c.OAuth != nil {
		p.line("oauth client", "%s, its secret %s", c.OAuth.ID, given(c.OAuth.Secret, c.Sources[ClientSecret]))
	}
	for i, secret := range c.WebhookSecrets {
		p.line(fmt.Sprintf("webhook secret %d", i+1), "%s", given(secret, c.WebhookSources[i]))
	}
	if c.PublicURL != "" {
		p.line("public_url", "%s", c.PublicURL)
	}
	if len(c.Options) > 0 {
		p.line("options", "%s", c.Options)
	}
	for _, kind := range sortedKeys(c.Pulls) {
		p.line("pull "+string(kind), "every %s", cmp.Or(c.Pulls[kind].Every, 5*time.Minute))
	}
	if c.RequestsPerSecond > 0 {
		p.line("requests_per_second", "%g", c.RequestsPerSecond)
	}
	if c.Concurrency > 0 {
		p.line("concurrency", "%d", c.Concurrency)
	}
	if c.RequestsPerDay > 0 {
		p.line("requests_per_day", "%d", c.RequestsPerDay)
	}
	if c.PagesPerMinute > 0 {
		p.line("pages_per_minute", "%d", c.PagesPerMinute)
	}
}

// given tells whether a secret is set, and where it comes from. The name is one, for what it names was found.
func given(s adapters.Secret, from Source) string {
	if from.Sealed() {
		return "kept sealed in the hub's database"
	}
	return fmt.Sprintf("%s, from %s", s, from.Name)
}

func (p *printer) policy(kind string, from *configv1.KindPolicy) {
	p.title("policy", kind)
	p.line("create", "%s", names(from.GetCreate()))
	p.line("delete", "%s", deletion(from.GetDelete()))
	p.line("match", "%s", names(from.GetMatch()))
	for _, attribute := range sortedKeys(from.GetAttributes()) {
		p.line(attribute, "%s", decision(from.GetAttributes()[attribute]))
	}
	for _, name := range sortedKeys(from.GetTargets()) {
		target := from.GetTargets()[name]
		effect := "updates there"
		if target.GetCreate() {
			effect = "creates and updates there"
		}
		condition := ""
		if target.GetWhen() != "" {
			condition = ", when " + target.GetWhen()
		}
		p.line("to "+name, "%s %s%s", effect, names(target.GetAttributes()), condition)
	}
}

func deletion(d *configv1.Delete) string {
	if len(d.GetBy()) == 0 {
		return "by none"
	}
	return fmt.Sprintf("by %s, %s", names(d.GetBy()), d.GetEffect())
}

func decision(r *configv1.Rule) string {
	if r.GetUnless() != "" {
		return mode(r) + ", unless " + r.GetUnless()
	}
	return mode(r)
}

func mode(r *configv1.Rule) string {
	switch {
	case r.GetAuthority() != "":
		return "authority " + r.GetAuthority()
	case r.GetSkew() != nil:
		return fmt.Sprintf("latest %s, skew %s", names(r.GetLatest()), r.GetSkew().AsDuration())
	case len(r.GetLatest()) > 0:
		return "latest " + names(r.GetLatest())
	case len(r.GetFirst()) > 0:
		return "first " + names(r.GetFirst())
	case len(r.GetMajority()) > 0:
		return "majority " + names(r.GetMajority())
	case len(r.GetUnion()) > 0:
		return "union " + names(r.GetUnion())
	case r.GetFollow() != "":
		return "follow " + r.GetFollow()
	default:
		return "prefer " + names(r.GetPrefer())
	}
}

func names(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

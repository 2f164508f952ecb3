package credentials

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/around"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/config"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/store"
)

// holder is one connection, and what it holds of secrets by now.
type holder struct {
	c    config.Connection
	open *connection.Connection
	// client is the secret of the connection's client of OAuth.
	client atomic.Pointer[adapters.Secret]
	// missing is why it cannot be called; empty where it can.
	missing atomic.Pointer[string]
	// renewals counts how often its secrets became others.
	renewals atomic.Int64

	// The rest is of the one who looks.
	now *held
	// untold says that Renewed has to be told.
	untold bool
	files  map[string]*file
	opened map[opening]adapters.Secret
	failed map[opening]bool
	// unwanted are secrets that the adapter did not take.
	unwanted *held
}

// opening names a version that was opened.
type opening struct {
	place   string
	version int64
}

// held is all secrets of a connection at one time.
type held struct {
	connection.Secrets
	client   adapters.Secret
	versions map[string]int64 // by place, of what is kept
	missing  string
}

func newHolder(c config.Connection) *holder {
	h := &holder{c: c, files: map[string]*file{}, opened: map[opening]adapters.Secret{}, failed: map[opening]bool{}}
	for _, s := range append(slices.Collect(maps.Values(c.Sources)), c.WebhookSources...) {
		if s.File != "" {
			h.files[s.File] = &file{}
		}
	}
	if c.OAuth != nil {
		h.client.Store(&c.OAuth.Secret)
	}
	return h
}

// places are those whose texts the hub keeps.
func (h *holder) places() []string {
	var kept []string
	for _, place := range h.c.Places() {
		if h.c.Kept(place) {
			kept = append(kept, place)
		}
	}
	return kept
}

func (h *holder) keeps() bool   { return len(h.places()) > 0 }
func (h *holder) watches() bool { return len(h.files) > 0 }

// resolve finds what every place holds now. Faults are what is to be told of it, once each.
func (h *holder) resolve(stored []store.Credential, box Box) (now *held, faults []string) {
	for name, f := range h.files {
		f.look(name)
	}
	now = &held{Secrets: connection.Secrets{Credentials: map[string]adapters.Secret{}}, versions: map[string]int64{}}
	texts := map[string][]named{}
	for _, place := range h.places() {
		now.versions[place] = 0
	}
	good := map[opening]bool{}
	for _, s := range stored {
		if !h.c.Kept(s.Name) {
			continue
		}
		at := opening{s.Name, s.Version}
		good[at] = true
		text, err := h.text(s, box)
		if err != nil {
			if !h.failed[at] {
				h.failed[at] = true
				faults = append(faults, fmt.Sprintf("%s v%d: %v", s.Name, s.Version, err))
			}
			continue
		}
		now.versions[s.Name] = max(now.versions[s.Name], s.Version)
		texts[s.Name] = append(texts[s.Name], named{text, fmt.Sprintf("sealed v%d", s.Version)})
	}
	maps.DeleteFunc(h.opened, func(at opening, _ adapters.Secret) bool { return !good[at] })
	maps.DeleteFunc(h.failed, func(at opening, _ bool) bool { return !good[at] })
	h.fill(now, texts)
	return now, faults
}

// text is a version's, which is opened once.
func (h *holder) text(s store.Credential, box Box) (adapters.Secret, error) {
	at := opening{s.Name, s.Version}
	if text, is := h.opened[at]; is {
		return text, nil
	}
	if box == nil {
		return adapters.Secret{}, ErrNoKeys
	}
	raw, err := box.Open(purpose(s.CredentialKey, s.Version), s.Sealed)
	if err != nil {
		return adapters.Secret{}, err
	}
	h.opened[at] = adapters.NewSecret(string(raw))
	return h.opened[at], nil
}

// named is a text, and where it comes from.
type named struct {
	text adapters.Secret
	name string
}

// fill puts texts where they belong: the newest into a place for one, all into the list of webhook secrets.
func (h *holder) fill(now *held, kept map[string][]named) {
	newest := func(place string, given adapters.Secret) adapters.Secret {
		source := h.c.Sources[place]
		switch {
		case source.Sealed() && len(kept[place]) > 0:
			return kept[place][0].text
		case source.Sealed():
			now.missing = h.why(place)
			return adapters.Secret{}
		case source.File != "":
			return h.files[source.File].or(given)
		}
		return given
	}
	for _, place := range slices.Sorted(maps.Keys(h.c.Credentials)) {
		now.Credentials[place] = newest(place, h.c.Credentials[place])
	}
	if h.c.OAuth != nil {
		now.client = newest(config.ClientSecret, h.c.OAuth.Secret)
	}
	for i, source := range h.c.WebhookSources {
		all := []named{{h.c.WebhookSecrets[i], source.Name}} // of a kept one that is missing: one that verifies nobody
		switch {
		case source.Sealed() && len(kept[config.WebhookSecrets]) > 0:
			all = kept[config.WebhookSecrets]
		case source.File != "":
			all[0].text = h.files[source.File].or(all[0].text)
		}
		for _, one := range all {
			now.Webhooks, now.WebhookNames = append(now.Webhooks, one.text), append(now.WebhookNames, one.name)
		}
	}
}

// why tells why there is no text in a place.
func (h *holder) why(place string) string {
	for at := range h.failed {
		if at.place == place {
			return fmt.Sprintf("the hub cannot open the %s that it keeps for it: is the key that sealed it still under secrets.keys?", place)
		}
	}
	return fmt.Sprintf("the hub keeps no %s for it; put one there: canonhub connections credentials set %s %[1]s", place, h.c.Name)
}

// same says that two are alike to whoever uses them.
func (now *held) same(other *held) bool {
	alike := func(a, b adapters.Secret) bool { return a.Reveal() == b.Reveal() }
	return other != nil && now.missing == other.missing && alike(now.client, other.client) && maps.Equal(now.versions, other.versions) &&
		maps.EqualFunc(now.Credentials, other.Credentials, alike) &&
		slices.EqualFunc(now.Webhooks, other.Webhooks, alike) && slices.Equal(now.WebhookNames, other.WebhookNames)
}

// inUse are the versions in use, by place; 0 where there is none.
func (h *holder) inUse() map[string]int64 {
	if h.now != nil {
		return h.now.versions
	}
	none := map[string]int64{}
	for _, place := range h.places() {
		none[place] = 0
	}
	return none
}

// inUse tells which versions are in use.
func (now *held) inUse() string {
	var all []string
	for _, place := range slices.Sorted(maps.Keys(now.versions)) {
		all = append(all, fmt.Sprintf("%s v%d", place, now.versions[place]))
	}
	return strings.Join(all, ", ")
}

// refused is why the adapter does not take what there is now; nil where that was told. What was in use stays so, and a
// connection that has had nothing yet is not called: the others do not wait for it.
func (h *holder) refused(now *held, err error) error {
	if now.same(h.unwanted) {
		return nil
	}
	h.unwanted = now
	if why := h.c.Adapter + " does not take the credentials that are kept for it"; h.now == nil {
		h.missing.Store(&why)
	}
	for _, text := range slices.Concat(slices.Collect(maps.Values(now.Credentials)), now.Webhooks) {
		if !text.IsZero() && strings.Contains(err.Error(), text.Reveal()) {
			return errors.New("they have another form")
		}
	}
	return err
}

// Dress has a connection refuse to be called while it lacks a credential. A call whose credential was refused, and replaced
// meanwhile, fails in passing: one that this process has used for a moment longer than others is no reason to pause.
func (k *Keeper) Dress(name string, spec *connection.Spec) {
	h, inner := k.holders[name], spec.Around.Call
	if h == nil || !h.keeps() && !h.watches() {
		return
	}
	if inner == nil {
		inner = func(ctx context.Context, _ around.Call, next func(context.Context) error) error { return next(ctx) }
	}
	spec.Around.Call = func(ctx context.Context, call around.Call, next func(context.Context) error) error {
		if why := h.missing.Load(); why != nil && *why != "" {
			return &fault.Error{Category: fault.Auth, Op: call.Op, Message: *why}
		}
		began := h.renewals.Load()
		err := inner(ctx, call, next)
		if err == nil || fault.CategoryOf(err) != fault.Auth || !k.replaced(ctx, h, began) {
			return err
		}
		refused := *fault.As(err)
		refused.Category, refused.Message = fault.Transient, "the credential was refused; there is another one now"
		return &refused
	}
}

// replaced says that a connection's secrets are others than when a call began, after a look at what they are.
func (k *Keeper) replaced(ctx context.Context, h *holder, began int64) bool {
	if h.renewals.Load() == began {
		_ = k.Refresh(ctx) // where it cannot look now, it has seen no other
	}
	return h.renewals.Load() != began
}

// ClientSecret is the secret of a connection's client of OAuth, as it is now.
func (k *Keeper) ClientSecret(connection string) adapters.Secret {
	if h := k.holders[connection]; h != nil && h.client.Load() != nil {
		return *h.client.Load()
	}
	return adapters.Secret{}
}

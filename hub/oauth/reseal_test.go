package oauth_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/oauth"
	"github.com/canonhub/canonhub/hub/secrets"
)

func newBox(t *testing.T, keys ...adapters.Secret) *secrets.Box {
	t.Helper()
	box, err := secrets.Open(keys)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newKey(t *testing.T) adapters.Secret {
	t.Helper()
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestTokensAreSealedAnewByANewKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, fresh := newKey(t), newKey(t)
	h.box = newBox(t, old)
	k, _ := h.process(t, "one", nil)
	h.grant(t, k)
	for _, want := range []int{1, 0} {
		if n, err := oauth.Reseal(t.Context(), h.Store, newBox(t, fresh, old)); err != nil || n != want {
			t.Errorf("%d were sealed anew, want %d: %v", n, want, err)
		}
	}
	h.box = newBox(t, fresh)
	_, s := h.process(t, "two", nil)
	mustToken(t, s, "access-1")
	if _, err := oauth.Reseal(t.Context(), h.Store, newBox(t, old)); !errors.Is(err, secrets.ErrSealed) {
		t.Errorf("without its key: %v", err)
	}
}

func TestAClientProvesItselfByTheSecretItHasNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.auth.AuthorizeURL = ""
	k, err := oauth.New(oauth.Options{Store: h.Store, Box: h.box, Process: "one", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	now := "of before"
	s := k.Add(oauth.Client{Connection: "books", OAuth: h.auth, ID: "client", HTTP: h.v.Client(), Renewed: func() adapters.Secret { return adapters.NewSecret(now) }})
	mustAuth(t, s)
	now = "s3cret"
	mustToken(t, s, "access-1")
}

package secrets_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/secrets"
)

func key(t *testing.T) adapters.Secret {
	t.Helper()
	k, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func box(t *testing.T, keys ...adapters.Secret) *secrets.Box {
	t.Helper()
	b, err := secrets.Open(keys)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsSealedOpensForItsPurposeAlone(t *testing.T) {
	t.Parallel()
	one, two := key(t), key(t)
	sealed, err := box(t, one).Seal("token of a", []byte("s3cret"))
	if err != nil || bytes.Contains(sealed, []byte("s3cret")) {
		t.Fatalf("%q %v", sealed, err)
	}
	for name, c := range map[string]struct {
		box     *secrets.Box
		purpose string
		sealed  []byte
		opens   bool
	}{
		"the same":                    {box(t, one), "token of a", sealed, true},
		"behind a newer key":          {box(t, two, one), "token of a", sealed, true},
		"another purpose":             {box(t, one), "token of b", sealed, false},
		"another key":                 {box(t, two), "token of a", sealed, false},
		"a changed byte":              {box(t, one), "token of a", append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1), false},
		"nothing":                     {box(t, one), "token of a", nil, false},
		"cut":                         {box(t, one), "token of a", sealed[:10], false},
		"a line's end behind the key": {box(t, adapters.NewSecret(one.Reveal()+"\n")), "token of a", sealed, true},
	} {
		text, err := c.box.Open(c.purpose, c.sealed)
		if c.opens && (err != nil || string(text) != "s3cret") || !c.opens && !errors.Is(err, secrets.ErrSealed) {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	again, err := box(t, one).Seal("token of a", []byte("s3cret"))
	if err != nil || bytes.Equal(again, sealed) {
		t.Errorf("sealed twice, it is the same (%v)", err)
	}
}

func TestAKeyThatIsNoneIsToldByItsPlace(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "nonsense", "aGVsbG8=", strings.Repeat("A", 10_000)} {
		_, err := secrets.Open([]adapters.Secret{key(t), adapters.NewSecret(bad)})
		if err == nil || !strings.Contains(err.Error(), "key 2") || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if _, err := secrets.Open(nil); err == nil {
		t.Error("no key makes a box")
	}
}

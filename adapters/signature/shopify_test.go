package signature_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

// By: printf '%s' '<body>' | openssl dgst -sha256 -hmac hush-shop -binary | base64
const (
	shopBody = `{"id":706405506930370084,"note":"Grüße"}`
	byShop   = "AVcmrQQFstl1a5cntDTBYTYV9swid6ksY6HpIirbzuc="
)

var shopSecrets = []adapters.Secret{adapters.NewSecret("old"), adapters.NewSecret("hush-shop")}

func TestShopifySignatureByOpenSSL(t *testing.T) {
	t.Parallel()
	if told, err := signature.VerifyShopify(byShop, []byte(shopBody), shopSecrets); err != nil || told != 1 {
		t.Errorf("told secret %d, %v", told, err)
	}
	if got := signature.SignShopify([]byte(shopBody), shopSecrets[1]); got != byShop {
		t.Errorf("signed %s, want %s", got, byShop)
	}
}

func TestShopifyRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, body string
		secrets      []adapters.Secret
		want         error
	}{
		"no signature":       {"", shopBody, shopSecrets, signature.ErrMissing},
		"huge":               {strings.Repeat("A", 1<<20), shopBody, shopSecrets, signature.ErrMalformed},
		"no base64":          {"***", shopBody, shopSecrets, signature.ErrMalformed},
		"base64 with a line": {byShop + "\n", shopBody, shopSecrets, signature.ErrMalformed},
		"hex":                {strings.Repeat("ab", 32), shopBody, shopSecrets, signature.ErrMismatch},
		"cut short":          {byShop[:40], shopBody, shopSecrets, signature.ErrMismatch},
		"another body":       {byShop, "{}", shopSecrets, signature.ErrMismatch},
		"no body":            {byShop, "", shopSecrets, signature.ErrMismatch},
		"a blank at its end": {byShop, shopBody + " ", shopSecrets, signature.ErrMismatch},
		"another secret":     {byShop, shopBody, []adapters.Secret{adapters.NewSecret("other")}, signature.ErrMismatch},
		"no secret":          {byShop, shopBody, nil, signature.ErrMismatch},
		"an empty secret":    {signature.SignShopify([]byte(shopBody), adapters.Secret{}), shopBody, []adapters.Secret{{}}, signature.ErrMismatch},
	} {
		if _, err := signature.VerifyShopify(c.header, []byte(c.body), c.secrets); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestShopifyRefusesEveryTamperedByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "body")
		header := signature.SignShopify(body, shopSecrets[0])
		if _, err := signature.VerifyShopify(header, body, shopSecrets); err != nil {
			t.Fatalf("refused untouched: %v", err)
		}
		if _, err := signature.VerifyShopify(header, tampered(t, body), shopSecrets); err == nil {
			t.Fatal("a changed byte is accepted")
		}
	})
}

// Only the one signature is accepted, whatever comes.
func FuzzShopifyHeader(f *testing.F) {
	for _, header := range []string{byShop, "", "***", byShop + "\n", "====", strings.Repeat("A", 43) + "="} {
		f.Add(header, []byte(shopBody))
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if _, err := signature.VerifyShopify(header, body, shopSecrets); err != nil {
			return
		}
		if header != signature.SignShopify(body, shopSecrets[0]) && header != signature.SignShopify(body, shopSecrets[1]) {
			t.Errorf("accepted %q", header)
		}
	})
}

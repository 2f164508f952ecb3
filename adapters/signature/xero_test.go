package signature_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

// xeroKey looks like base64 and is used as it stands.
const xeroKey = "0bn6Qg/Yk1mUxoQ4v4WTk3b9Zk1Fm6oU2e7cJx3rZyWm7p1sHq8tLd5vXw2aRg9uNc4yBf6hTj0kPe3zMi5QoA=="

var xeroKeys = []adapters.Secret{adapters.NewSecret("old-key"), adapters.NewSecret(xeroKey)}

// By: printf '%s' '<body>' | openssl dgst -sha256 -hmac <key> -binary | base64
const (
	xeroIntent = `{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}`
	byIntent   = "XQzXiVtHtU2+Qr/6hlMDrtSf7MVzEDpnmoMQDsURw1s="
	xeroEvent  = `{"events":[{"resourceUrl":"https://api.xero.com/api.xro/2.0/Contacts/717f2bfc-c6d4-41fd-b238-3f2f0c0cf777",` +
		`"resourceId":"717f2bfc-c6d4-41fd-b238-3f2f0c0cf777","eventDateUtc":"2024-06-21T01:15:39.902","eventType":"UPDATE","eventCategory":"CONTACT",` +
		`"tenantId":"c2cc9b6e-9458-4c7d-93cc-f02b81b0594f","tenantType":"ORGANISATION"}],"lastEventSequence":1,"firstEventSequence":1,"entropy":"Grüße"}`
	byEvent   = "c9wNEmVq5Z5mDRY0mPxLHjCoPCy5vU7Gpz8NRXGXC0w="
	byOldKey  = "O/FrD64sG2pt+SxFP9UOsL9Z3cC+d0cEH3O35WY1jrs="
	byEmpty   = "ckMGLnB7ZwB3vYKzocw5MoyLxZ52NzYna8/79E9e6+Q="
	byDecoded = "2SAYkzO4CmpFpbXOkMQf1W777HunCy746r6vizVs+8o=" // the intent, under the key's bytes decoded
)

func TestXeroSignatureByOpenSSL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, body string
		secret       int
	}{
		"an intent to receive": {byIntent, xeroIntent, 1}, "an event": {byEvent, xeroEvent, 1}, "the key before": {byOldKey, xeroEvent, 0}, "no body": {byEmpty, "", 1},
	} {
		if told, err := signature.VerifyXero(c.header, []byte(c.body), xeroKeys); err != nil || told != c.secret {
			t.Errorf("%s: told secret %d, %v", name, told, err)
		}
		if got := signature.SignXero([]byte(c.body), xeroKeys[c.secret]); got != c.header {
			t.Errorf("%s: signed %s, want %s", name, got, c.header)
		}
	}
}

func TestXeroRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, body string
		secrets      []adapters.Secret
		want         error
	}{
		"no signature":          {"", xeroEvent, xeroKeys, signature.ErrMissing},
		"huge":                  {strings.Repeat("A", 1<<20), xeroEvent, xeroKeys, signature.ErrMalformed},
		"no base64":             {"***", xeroEvent, xeroKeys, signature.ErrMalformed},
		"base64 with a line":    {byEvent + "\n", xeroEvent, xeroKeys, signature.ErrMalformed},
		"hex":                   {strings.Repeat("ab", 32), xeroEvent, xeroKeys, signature.ErrMismatch},
		"cut short":             {byEvent[:40], xeroEvent, xeroKeys, signature.ErrMismatch},
		"under the key's bytes": {byDecoded, xeroIntent, xeroKeys, signature.ErrMismatch},
		"another body":          {byEvent, xeroIntent, xeroKeys, signature.ErrMismatch},
		"no body":               {byEvent, "", xeroKeys, signature.ErrMismatch},
		"a blank at its end":    {byEvent, xeroEvent + " ", xeroKeys, signature.ErrMismatch},
		"a key taken away":      {byOldKey, xeroEvent, xeroKeys[1:], signature.ErrMismatch},
		"no secret":             {byEvent, xeroEvent, nil, signature.ErrMismatch},
		"an empty secret":       {signature.SignXero([]byte(xeroEvent), adapters.Secret{}), xeroEvent, []adapters.Secret{{}}, signature.ErrMismatch},
	} {
		if _, err := signature.VerifyXero(c.header, []byte(c.body), c.secrets); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestXeroRefusesEveryTamperedByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "body")
		header := signature.SignXero(body, xeroKeys[0])
		if _, err := signature.VerifyXero(header, body, xeroKeys); err != nil {
			t.Fatalf("refused untouched: %v", err)
		}
		if _, err := signature.VerifyXero(header, tampered(t, body), xeroKeys); err == nil {
			t.Fatal("a changed byte is accepted")
		}
	})
}

// Only the signatures of the two keys are accepted, whatever comes.
func FuzzXeroHeader(f *testing.F) {
	for _, header := range []string{byEvent, byOldKey, "", "***", byEvent + "\n", "====", strings.Repeat("A", 43) + "="} {
		f.Add(header, []byte(xeroEvent))
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if _, err := signature.VerifyXero(header, body, xeroKeys); err != nil {
			checkError(t, err, header)
			return
		}
		if header != signature.SignXero(body, xeroKeys[0]) && header != signature.SignXero(body, xeroKeys[1]) {
			t.Fatalf("accepted %q", header)
		}
	})
}

package secrets_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/secrets"
)

// vault is a Vault's transit engine: one key of AES-256-GCM, on its wire format.
type vault struct {
	*httptest.Server
	aead  cipher.AEAD
	calls int
	// broken is an answer instead; 0 for none.
	broken int
	// token is the one that is let in.
	token string
}

func newAEAD(t *testing.T) cipher.AEAD {
	t.Helper()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

const vaultToken = "hvs.s3cret"

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{aead: newAEAD(t), token: vaultToken}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/transit/{verb}/{key}", v.serve)
	mux.HandleFunc("POST /v1/transit/{verb}/{key}", v.serve)
	v.Server = httptest.NewServer(mux)
	t.Cleanup(v.Close)
	t.Setenv("VAULT_ADDR", v.URL)
	t.Setenv("VAULT_TOKEN", vaultToken)
	return v
}

func (v *vault) serve(w http.ResponseWriter, r *http.Request) {
	v.calls++
	var in struct{ Plaintext, Ciphertext string }
	fail := func(status int, message string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"errors":[%q]}`, message)
	}
	w.Header().Set("Content-Type", "application/json")
	switch err := json.NewDecoder(r.Body).Decode(&in); {
	case v.broken != 0:
		fail(v.broken, "it quotes "+in.Plaintext+in.Ciphertext)
		return
	case err != nil:
		fail(http.StatusBadRequest, "no JSON")
		return
	case r.Header.Get("X-Vault-Token") != v.token:
		fail(http.StatusForbidden, "permission denied")
		return
	case r.PathValue("key") != "canonhub":
		fail(http.StatusBadRequest, "encryption key not found")
		return
	}
	data := map[string]any{}
	switch r.PathValue("verb") {
	case "encrypt":
		plain, err := base64.StdEncoding.DecodeString(in.Plaintext)
		if err != nil {
			fail(http.StatusBadRequest, "failed to base64-decode plaintext")
			return
		}
		nonce := make([]byte, v.aead.NonceSize())
		_, _ = rand.Read(nonce)
		data["ciphertext"], data["key_version"] = "vault:v1:"+base64.StdEncoding.EncodeToString(v.aead.Seal(nonce, nonce, plain, nil)), 1
	case "decrypt":
		sealed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Ciphertext, "vault:v1:"))
		if err != nil || len(sealed) < v.aead.NonceSize() {
			fail(http.StatusBadRequest, "invalid ciphertext: could not decode base64")
			return
		}
		plain, err := v.aead.Open(nil, sealed[:v.aead.NonceSize()], sealed[v.aead.NonceSize():], nil)
		if err != nil {
			fail(http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		data["plaintext"] = base64.StdEncoding.EncodeToString(plain)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "lease_id": "", "renewable": false, "lease_duration": 0, "data": data, "warnings": nil})
}

const atVault = "hashivault://canonhub"

func keyBy(t *testing.T) adapters.Secret {
	t.Helper()
	k, err := secrets.NewKeyBy(t.Context(), atVault)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The driver reads Vault's address once in a process: there is one Vault for all.
func TestKeysThatVaultHasSealed(t *testing.T) {
	v := newVault(t)
	t.Run("open", func(t *testing.T) { opens(t, v) })
	t.Run("do not open", func(t *testing.T) { doesNotOpen(t, v) })
}

func opens(t *testing.T, v *vault) {
	sealed, plain := keyBy(t), key(t)
	if !strings.HasPrefix(sealed.Reveal(), "kms:") {
		t.Fatalf("it does not say that it is sealed: %s", sealed.Reveal())
	}
	before := v.calls
	b, err := secrets.OpenBy(t.Context(), []adapters.Secret{sealed, plain}, atVault)
	if err != nil {
		t.Fatal(err)
	}
	under, err := box(t, plain).Seal("p", []byte("of before"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := b.Open("p", under); err != nil || string(text) != "of before" {
		t.Errorf("what the plain key sealed: %q, %v", text, err)
	}
	text, err := b.Seal("p", []byte("s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box(t, plain).Open("p", text); err == nil {
		t.Error("it was not the first key that sealed")
	}
	again, err := secrets.OpenBy(t.Context(), []adapters.Secret{adapters.NewSecret(sealed.Reveal() + "\n")}, atVault)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := again.Open("p", text); err != nil || string(opened) != "s3cret" {
		t.Errorf("after a start: %q, %v", opened, err)
	}
	if v.calls != before+2 {
		t.Errorf("Vault was called %d times, want once for each start", v.calls-before)
	}
}

func doesNotOpen(t *testing.T, v *vault) {
	sealed, aead := keyBy(t), v.aead
	for name, c := range map[string]struct {
		key     adapters.Secret
		url     string
		prepare func()
		want    string
	}{
		"no URL":              {sealed, "", nil, "give its URL as kms"},
		"no KMS":              {sealed, "https://vault.example.com", nil, "hashivault://"},
		"no URL at all":       {sealed, "::", nil, "hashivault://"},
		"another key's name":  {sealed, "hashivault://other", nil, "does not do it"},
		"no base64":           {adapters.NewSecret("kms:%%%"), atVault, nil, "none that"},
		"changed":             {adapters.NewSecret("kms:" + base64.StdEncoding.EncodeToString([]byte("vault:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))), atVault, nil, "does not do it"},
		"another Vault":       {sealed, atVault, func() { v.aead = newAEAD(t) }, "does not do it"},
		"a token that is not": {sealed, atVault, func() { v.token = "hvs.other" }, "does not do it"},
	} {
		v.aead, v.token = aead, vaultToken
		if c.prepare != nil {
			c.prepare()
		}
		_, err := secrets.OpenBy(t.Context(), []adapters.Secret{key(t), c.key}, c.url)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "key 2") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	v.aead, v.token, v.broken = aead, vaultToken, http.StatusBadRequest
	_, err := secrets.NewKeyBy(t.Context(), atVault)
	if err == nil || strings.Contains(err.Error(), "quotes") || strings.Contains(err.Error(), vaultToken) {
		t.Errorf("a Vault that quotes what it was sent: %v", err)
	}
}

func TestWhatAnOlderKeySealedIsSealedAnew(t *testing.T) {
	t.Parallel()
	old, fresh := key(t), key(t)
	sealed, err := box(t, old).Seal("p", []byte("s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	both := box(t, fresh, old)
	anew, needed, err := both.Reseal("p", sealed)
	if err != nil || !needed {
		t.Fatalf("%t %v", needed, err)
	}
	if text, err := box(t, fresh).Open("p", anew); err != nil || string(text) != "s3cret" {
		t.Errorf("without the old key: %q %v", text, err)
	}
	if _, needed, err := both.Reseal("p", anew); needed || err != nil {
		t.Errorf("again: %t %v", needed, err)
	}
	for purpose, what := range map[string][]byte{"q": sealed, "p": sealed[1:]} {
		if _, _, err := both.Reseal(purpose, what); err == nil {
			t.Errorf("for %s it is sealed anew though it does not open", purpose)
		}
	}
}

// Package secrets seals what the hub keeps of vendors' secrets in its database, so that a copy of the database opens no
// vendor's door.
package secrets

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/canonhub/canonhub/adapters"
)

// Box seals and opens.
type Box struct{ keys []tink.AEAD }

// ErrSealed says that a box has not the key of what it should open.
var ErrSealed = errors.New("none of the configured keys opens it; is the key that sealed it still under secrets.keys?")

// NewKey makes a key, as it stands in the environment or a file: base64 of a Tink keyset for AES-256-GCM.
func NewKey() (adapters.Secret, error) {
	raw, err := newKeyset()
	if err != nil {
		return adapters.Secret{}, err
	}
	return adapters.NewSecret(base64.StdEncoding.EncodeToString(raw)), nil
}

func newKeyset() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&b)); err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	return b.Bytes(), nil
}

// Open makes a box of keys that are not sealed themselves; else as OpenBy.
func Open(keys []adapters.Secret) (*Box, error) { return OpenBy(context.Background(), keys, "") }

// OpenBy makes a box of keys. The first one seals, any of them opens: while keys are rotated, the new one goes first and
// the old one stays until all is sealed anew. Those that are sealed themselves are opened by the KMS at the URL, which is
// called here and not again. The error names a key by its position, and never its text.
func OpenBy(ctx context.Context, keys []adapters.Secret, kms string) (*Box, error) {
	b, opener := &Box{}, &opener{url: kms}
	defer opener.close()
	for i, key := range keys {
		one, err := opener.open(ctx, strings.TrimSpace(key.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		b.keys = append(b.keys, one)
	}
	if len(b.keys) == 0 {
		return nil, errors.New("there is no key")
	}
	return b, nil
}

// errNoKey is without the cause, which might quote.
var errNoKey = errors.New("it is none that `hub secrets key` made")

func box(raw []byte) (tink.AEAD, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, errNoKey
	}
	one, err := aead.New(handle)
	if err != nil {
		return nil, errNoKey
	}
	return one, nil
}

// Seal seals a text for a purpose: only the same purpose opens it, so that nobody who can write to the database makes one
// connection's secret another's.
func (b *Box) Seal(purpose string, text []byte) ([]byte, error) {
	sealed, err := b.keys[0].Encrypt(text, []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// Open opens what was sealed for the same purpose; ErrSealed where no key fits.
func (b *Box) Open(purpose string, sealed []byte) ([]byte, error) {
	for _, key := range b.keys {
		if text, err := key.Decrypt(sealed, []byte(purpose)); err == nil {
			return text, nil
		}
	}
	return nil, ErrSealed
}

// Reseal seals anew what another key than the first has sealed; false where the first has. ErrSealed where no key fits.
func (b *Box) Reseal(purpose string, sealed []byte) (anew []byte, needed bool, err error) {
	if _, err := b.keys[0].Decrypt(sealed, []byte(purpose)); err == nil {
		return nil, false, nil
	}
	text, err := b.Open(purpose, sealed)
	if err != nil {
		return nil, false, err
	}
	anew, err = b.Seal(purpose, text)
	return anew, true, err
}

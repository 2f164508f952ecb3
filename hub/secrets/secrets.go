// Package secrets seals what the hub keeps of vendors' secrets in its database, so that a copy of the database opens no
// vendor's door.
package secrets

import (
	"bytes"
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
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return adapters.Secret{}, fmt.Errorf("make a key: %w", err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&b)); err != nil {
		return adapters.Secret{}, fmt.Errorf("write a key: %w", err)
	}
	return adapters.NewSecret(base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

// Open makes a box of keys. The first one seals, any of them opens: while keys are rotated, the new one goes first and
// the old one stays until all is sealed anew. The error names a key by its position, and never its text.
func Open(keys []adapters.Secret) (*Box, error) {
	b := &Box{}
	for i, key := range keys {
		one, err := open(key)
		if err != nil {
			return nil, fmt.Errorf("key %d: it is none that `hub secrets key` made", i+1) // without the cause, which might quote
		}
		b.keys = append(b.keys, one)
	}
	if len(b.keys) == 0 {
		return nil, errors.New("there is no key")
	}
	return b, nil
}

func open(key adapters.Secret) (tink.AEAD, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key.Reveal()))
	if err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, err
	}
	return aead.New(handle)
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

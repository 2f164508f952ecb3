// Package signature verifies what vendors sign of their webhooks: over the raw bytes, in constant time, with any of
// several secrets, before anything is parsed.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
)

// Why a signature does not hold. What is wrapped around them tells nothing of the request.
var (
	ErrMissing   = errors.New("there is no signature")
	ErrMalformed = errors.New("the signature is malformed")
	ErrExpired   = errors.New("the signature's time is too far from now")
	ErrMismatch  = errors.New("no secret matches the signature")
)

// maxHeader bounds a signature header; several secrets make several signatures.
const maxHeader = 4096

// within checks a signature's time. Both directions are bound: a time in the future would keep a captured request valid.
func within(at, now time.Time, tolerance time.Duration) error {
	if age := now.Sub(at); age > tolerance || age < -tolerance {
		return fmt.Errorf("%w (%s)", ErrExpired, age.Round(time.Second))
	}
	return nil
}

// stamp reads a time stamp, which is digits and nothing else.
func stamp(text string) (int64, error) {
	for _, c := range []byte(text) {
		if c < '0' || '9' < c {
			return 0, fmt.Errorf("%w: the time stamp is no number", ErrMalformed)
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: the time stamp is missing or out of range", ErrMalformed)
	}
	return n, nil
}

// ofBody checks a header that is base64 over the raw body and nothing else.
func ofBody(header string, body []byte, secrets []adapters.Secret) (int, error) {
	switch {
	case header == "":
		return none, ErrMissing
	case len(header) > maxHeader:
		return none, fmt.Errorf("%w: it is over %d bytes", ErrMalformed, maxHeader)
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(header)
	if err != nil || strings.ContainsAny(header, "\r\n") { // the decoder passes over line ends
		return none, fmt.Errorf("%w: it is no base64", ErrMalformed)
	}
	return anyMatches([][]byte{decoded}, secrets, body)
}

// none is the position of no secret.
const none = -1

// anyMatches says under which of the secrets one of the signatures is the HMAC-SHA256 of the parts, by position. It
// tries all of them whatever it finds.
func anyMatches(signatures [][]byte, secrets []adapters.Secret, parts ...[]byte) (int, error) {
	found := none
	for i, secret := range secrets {
		if secret.IsZero() {
			continue
		}
		mac := sum(secret, parts...)
		for _, signature := range signatures {
			if hmac.Equal(mac, signature) && found == none {
				found = i
			}
		}
	}
	if found == none {
		return none, ErrMismatch
	}
	return found, nil
}

func sum(secret adapters.Secret, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

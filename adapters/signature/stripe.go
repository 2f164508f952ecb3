package signature

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
)

// VerifyStripe checks a Stripe-Signature header: `t=…,v1=…`, signed over time stamp, dot, body
// (https://docs.stripe.com/webhooks#verify-manually). Unknown schemes and undecodable signatures are skipped. Stripe's
// own library lets any time in the future pass; this does not. It tells which secret it was signed with, by position.
func VerifyStripe(header string, body []byte, secrets []adapters.Secret, now time.Time, tolerance time.Duration) (int, error) {
	if header == "" {
		return none, ErrMissing
	}
	if len(header) > maxHeader {
		return none, fmt.Errorf("%w: it is over %d bytes", ErrMalformed, maxHeader)
	}
	at := ""
	var signatures [][]byte
	for pair := range strings.SplitSeq(header, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || strings.Contains(value, "=") {
			return none, fmt.Errorf("%w: a part is no name=value", ErrMalformed)
		}
		switch name {
		case "t":
			at = value
		case "v1":
			if decoded, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, decoded)
			}
		}
	}
	seconds, err := stamp(at)
	if err != nil {
		return none, err
	}
	if len(signatures) == 0 {
		return none, ErrMissing
	}
	secret, err := anyMatches(signatures, secrets, []byte(at), []byte("."), body)
	if err != nil {
		return none, err
	}
	return secret, within(time.Unix(seconds, 0), now, tolerance)
}

// SignStripe makes the header, for sandboxes and tests.
func SignStripe(body []byte, secret adapters.Secret, at time.Time) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(sum(secret, []byte(stamp), []byte("."), body))
}

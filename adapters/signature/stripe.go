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
// own library lets any time in the future pass; this does not.
func VerifyStripe(header string, body []byte, secrets []adapters.Secret, now time.Time, tolerance time.Duration) error {
	if header == "" {
		return ErrMissing
	}
	if len(header) > maxHeader {
		return fmt.Errorf("%w: it is over %d bytes", ErrMalformed, maxHeader)
	}
	at := ""
	var signatures [][]byte
	for pair := range strings.SplitSeq(header, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || strings.Contains(value, "=") {
			return fmt.Errorf("%w: a part is no name=value", ErrMalformed)
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
		return err
	}
	if len(signatures) == 0 {
		return ErrMissing
	}
	if err := anyMatches(signatures, secrets, []byte(at), []byte("."), body); err != nil {
		return err
	}
	return within(time.Unix(seconds, 0), now, tolerance)
}

// SignStripe makes the header, for sandboxes and tests.
func SignStripe(body []byte, secret adapters.Secret, at time.Time) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(sum(secret, []byte(stamp), []byte("."), body))
}

package signature

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
)

// ZendeskRequest is what Zendesk signs, and the signature.
type ZendeskRequest struct {
	Body []byte
	// Timestamp is X-Zendesk-Webhook-Signature-Timestamp, ISO 8601; Signature is X-Zendesk-Webhook-Signature, base64.
	Timestamp, Signature string
}

// VerifyZendesk checks time stamp and body, signed one after the other with nothing between
// (https://developer.zendesk.com/documentation/webhooks/verifying/). The secret is used as the text that it is, though it
// looks like base64. It tells which secret it was signed with, by position.
//
// Zendesk states no tolerance; the one given holds in both directions.
func VerifyZendesk(r ZendeskRequest, secrets []adapters.Secret, now time.Time, tolerance time.Duration) (int, error) {
	switch {
	case r.Signature == "" || r.Timestamp == "":
		return none, ErrMissing
	case len(r.Signature) > maxHeader || len(r.Timestamp) > maxHeader:
		return none, fmt.Errorf("%w: it is over %d bytes", ErrMalformed, maxHeader)
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(r.Signature)
	if err != nil || strings.ContainsAny(r.Signature, "\r\n") { // the decoder passes over line ends
		return none, fmt.Errorf("%w: it is no base64", ErrMalformed)
	}
	at, err := time.Parse(time.RFC3339Nano, r.Timestamp)
	if err != nil {
		return none, fmt.Errorf("%w: the time stamp is no time", ErrMalformed) // without the cause, which quotes it
	}
	secret, err := anyMatches([][]byte{decoded}, secrets, []byte(r.Timestamp), r.Body)
	if err != nil {
		return none, err
	}
	return secret, within(at, now, tolerance)
}

// SignZendesk makes the signature, for tests.
func SignZendesk(body []byte, timestamp string, secret adapters.Secret) string {
	return base64.StdEncoding.EncodeToString(sum(secret, []byte(timestamp), body))
}

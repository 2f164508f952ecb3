package signature

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
)

// HubSpotRequest is what HubSpot's signature of version 3 covers, and the signature.
type HubSpotRequest struct {
	Method string
	// URL as HubSpot called it: public, with its query.
	URL  string
	Body []byte
	// Timestamp is X-HubSpot-Request-Timestamp, milliseconds; Signature is X-HubSpot-Signature-v3, base64.
	Timestamp, Signature string
}

// hubSpotDecoded are the escapes that HubSpot decodes in the URL before it signs; all others, %20 and %26 among them,
// stay as they are (https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation).
var hubSpotDecoded = strings.NewReplacer(
	"%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";",
	"%3a", ":", "%2f", "/", "%3f", "?", "%2a", "*", "%2c", ",", "%3b", ";",
)

// VerifyHubSpotV3 checks method, URL, body and time stamp, signed one after the other with nothing between. HubSpot's
// page says to decode some escapes in the URL, its own libraries decode none: either is right, since the URL is not the
// sender's word but what our configuration says. It tells which secret it was signed with, by position.
func VerifyHubSpotV3(r HubSpotRequest, secrets []adapters.Secret, now time.Time, tolerance time.Duration) (int, error) {
	if r.Signature == "" || r.Timestamp == "" {
		return none, ErrMissing
	}
	if len(r.Signature) > maxHeader {
		return none, fmt.Errorf("%w: it is over %d bytes", ErrMalformed, maxHeader)
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(r.Signature)
	if err != nil || strings.ContainsAny(r.Signature, "\r\n") { // the decoder passes over line ends
		return none, fmt.Errorf("%w: it is no base64", ErrMalformed)
	}
	millis, err := stamp(r.Timestamp)
	if err != nil {
		return none, err
	}
	secret, err := anyMatches([][]byte{decoded}, secrets, hubSpotParts(r.Method, hubSpotDecoded.Replace(r.URL), r.Body, r.Timestamp)...)
	if err != nil {
		secret, err = anyMatches([][]byte{decoded}, secrets, hubSpotParts(r.Method, r.URL, r.Body, r.Timestamp)...)
	}
	if err != nil {
		return none, err
	}
	return secret, within(time.UnixMilli(millis), now, tolerance)
}

// SignHubSpotV3 makes the signature, for sandboxes and tests.
func SignHubSpotV3(method, url string, body []byte, timestamp string, secret adapters.Secret) string {
	return base64.StdEncoding.EncodeToString(sum(secret, hubSpotParts(method, hubSpotDecoded.Replace(url), body, timestamp)...))
}

func hubSpotParts(method, url string, body []byte, timestamp string) [][]byte {
	return [][]byte{[]byte(method), []byte(url), body, []byte(timestamp)}
}

package signature

import (
	"encoding/base64"
	"fmt"
	"strconv"
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

// hubSpotDecoded are the escapes that HubSpot decodes in the URL before it signs
// (https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation).
var hubSpotDecoded = strings.NewReplacer(
	"%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";",
	"%3a", ":", "%2f", "/", "%3f", "?", "%2a", "*", "%2c", ",", "%3b", ";",
)

// VerifyHubSpotV3 checks method, URL, body and time stamp, signed one after the other with nothing between.
func VerifyHubSpotV3(r HubSpotRequest, secrets []adapters.Secret, now time.Time, tolerance time.Duration) error {
	if r.Signature == "" || r.Timestamp == "" {
		return ErrMissing
	}
	if len(r.Signature) > maxHeader || len(r.Timestamp) > 20 {
		return fmt.Errorf("%w: it is too long", ErrMalformed)
	}
	decoded, err := base64.StdEncoding.DecodeString(r.Signature)
	if err != nil {
		return fmt.Errorf("%w: it is no base64", ErrMalformed)
	}
	millis, err := strconv.ParseInt(r.Timestamp, 10, 64)
	if err != nil || millis < 0 {
		return fmt.Errorf("%w: the time stamp is no number", ErrMalformed)
	}
	if err := anyMatches([][]byte{decoded}, secrets, hubSpotParts(r.Method, r.URL, r.Body, r.Timestamp)...); err != nil {
		return err
	}
	return within(time.UnixMilli(millis), now, tolerance)
}

// SignHubSpotV3 makes the signature, for sandboxes and tests.
func SignHubSpotV3(method, url string, body []byte, timestamp string, secret adapters.Secret) string {
	return base64.StdEncoding.EncodeToString(sum(secret, hubSpotParts(method, url, body, timestamp)...))
}

func hubSpotParts(method, url string, body []byte, timestamp string) [][]byte {
	return [][]byte{[]byte(method), []byte(hubSpotDecoded.Replace(url)), body, []byte(timestamp)}
}

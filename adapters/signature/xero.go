package signature

import (
	"encoding/base64"

	"github.com/canonhub/canonhub/adapters"
)

// VerifyXero checks an x-xero-signature header: base64 over the raw body and nothing else, under the webhook's signing key
// as the text that it is, though it looks like base64 (https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/).
// There is no time in it: a captured request stays valid, and only its events' keys tell that they came before. It tells
// which secret it was signed with, by position.
func VerifyXero(header string, body []byte, secrets []adapters.Secret) (int, error) {
	return ofBody(header, body, secrets)
}

// SignXero makes the header, for tests.
func SignXero(body []byte, secret adapters.Secret) string {
	return base64.StdEncoding.EncodeToString(sum(secret, body))
}

package signature

import (
	"encoding/base64"

	"github.com/canonhub/canonhub/adapters"
)

// VerifyShopify checks an X-Shopify-Hmac-Sha256 header: base64 over the raw body and nothing else
// (https://shopify.dev/docs/apps/build/webhooks/verify-deliveries). There is no time in it, and no other header is signed:
// a captured request stays valid under any topic. It tells which secret it was signed with, by position.
func VerifyShopify(header string, body []byte, secrets []adapters.Secret) (int, error) {
	return ofBody(header, body, secrets)
}

// SignShopify makes the header, for sandboxes and tests.
func SignShopify(body []byte, secret adapters.Secret) string {
	return base64.StdEncoding.EncodeToString(sum(secret, body))
}

package shopify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/signature"
)

// webhook verifies and reads Shopify's requests, of one event each.
type webhook struct{ secrets []adapters.Secret }

// Verify checks the body. No time is signed, so that a captured request never gets too old: that it does no harm is the
// translator's matter.
func (w *webhook) Verify(d adapters.Delivery) (int, error) {
	return signature.VerifyShopify(d.Header.Get("X-Shopify-Hmac-Sha256"), d.Body, w.secrets)
}

var errBody = errors.New("the body is no JSON object")

// Split takes the body as one event.
func (w *webhook) Split(d adapters.Delivery) ([]adapters.Event, error) {
	var body news
	if json.Unmarshal(d.Body, &body) != nil || body == nil {
		return nil, errBody
	}
	shop := body.text("shop_domain") // it is signed, where it is there
	if shop == "" {
		shop = d.Header.Get("X-Shopify-Shop-Domain")
	}
	topic := strings.ToLower(d.Header.Get("X-Shopify-Topic"))
	if !isTopic.MatchString(topic) {
		topic = ""
	}
	e := adapters.Event{Key: key(d, topic), Type: topic, Account: strings.ToLower(shop), Body: bytes.Clone(d.Body)}
	if at, err := time.Parse(time.RFC3339Nano, d.Header.Get("X-Shopify-Triggered-At")); err == nil {
		e.OccurredAt = at.UTC()
	}
	return []adapters.Event{e}, nil
}

var (
	// isTopic is what topics look like: "orders/create", "customer.tags_added".
	isTopic = regexp.MustCompile(`^[a-z0-9_./-]{1,100}$`)
	// isEventID is what Shopify's ids of events and deliveries look like.
	isEventID = regexp.MustCompile(`^[0-9A-Za-z-]{8,100}$`)
)

// key is the event's id, which all deliveries of one action in the shop share, with what tells those apart: the topic
// and the body. A retry has all three. Without an id, the delivery's own and its time stand in.
func key(d adapters.Delivery, topic string) string {
	h := sha256.New()
	id := d.Header.Get("X-Shopify-Event-Id")
	parts := []string{topic, string(d.Body)}
	if !isEventID.MatchString(id) {
		id = "event"
		parts = append(parts, d.Header.Get("X-Shopify-Webhook-Id"), d.Header.Get("X-Shopify-Triggered-At"))
	}
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return id + "." + hex.EncodeToString(h.Sum(nil)[:16])
}

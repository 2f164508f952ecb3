package receive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/connection"
	"github.com/canonhub/canonhub/hub/store"
)

const (
	// maxHeaders bounds what is kept of a request's head.
	maxHeaders = 8 << 10
	// maxReason bounds an adapter's words.
	maxReason = 500
)

// keep stores a request of which something could not be cut into events, with the reason, as a dead letter: redriven, it
// is given to the adapter again. The same request that comes twice is kept once.
func (r *Receiver) keep(ctx context.Context, d *door, delivery adapters.Delivery, from origin, why error) error {
	body, err := encodeRequest(delivery)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(append([]byte(d.c.Name+"\x00"+delivery.Query+"\x00"), delivery.Body...))
	id := hex.EncodeToString(sum[:16])
	receipt := &store.Receipt{ID: "r_" + id, Connection: d.c.Name, Origin: store.OriginRequest, EventKey: "request-" + id, Type: "request",
		Body: body, CorrelationID: from.correlation, TraceParent: from.trace}
	reason := plain(why.Error())
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "..."
	}
	return r.store.InTx(ctx, func(tx *store.Tx) error {
		tx.KeepReceipt(receipt, store.Kept{State: "dead", Outcome: "permanent", Reason: "the request holds what is no event: " + reason})
		return nil
	})
}

func encodeRequest(d adapters.Delivery) ([]byte, error) {
	kept := &storev1.WebhookRequest{Method: plain(d.Method), Query: plain(d.Query), Body: d.Body, ReceiveTime: timestamppb.New(d.ReceivedAt)}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		for _, value := range d.Header[name] {
			if size += len(name) + len(value); keepable(name) && size <= maxHeaders {
				kept.Headers = append(kept.Headers, &storev1.WebhookRequest_Header{Name: plain(name), Value: plain(value)})
			}
		}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(kept)
}

// keepable says that a header may tell an adapter something and holds no credential: vendors' own begin with X-, and say
// so where they hold one. What went before us adds others of that form.
func keepable(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"auth", "token", "key", "secret", "cookie", "password", "forwarded", "real-ip"} {
		if strings.Contains(name, word) {
			return false
		}
	}
	return name == "content-type" || strings.HasPrefix(name, "x-")
}

// Split cuts a request that was kept into its events' receipts.
func Split(c *connection.Connection, kept *store.Receipt) ([]*store.Receipt, error) {
	in := &storev1.WebhookRequest{}
	if err := proto.Unmarshal(kept.Body, in); err != nil {
		return nil, fmt.Errorf("receipt %s is no request: %w", kept.ID, err)
	}
	delivery := adapters.Delivery{Method: in.GetMethod(), Query: in.GetQuery(), Header: http.Header{}, Body: in.GetBody(), ReceivedAt: in.GetReceiveTime().AsTime()}
	for _, h := range in.GetHeaders() {
		delivery.Header.Add(h.GetName(), h.GetValue())
	}
	if c.Adapter.Webhook == nil {
		return nil, fmt.Errorf("connection %s takes no webhooks any more", c.Name)
	}
	events, err := c.Adapter.Webhook.Split(delivery)
	if err != nil {
		return nil, err
	}
	return receipts(c, ours(c, events), origin{kept.CorrelationID, kept.TraceParent}, ""), nil
}

package shopify

import (
	"encoding/json"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// news is a body of any topic. Which objects it is about is told by parts that differ from one to the other.
type news map[string]json.RawMessage

func (n news) text(path string) string {
	raw, _ := dig(n, path) // none is empty
	return mapping.Text(raw)
}

// translator says which objects an event is about.
type translator struct{}

// Translate reads the body, which is signed, and believes the topic, which is not, only where it can do no harm: a
// delete is fetched, and Shopify says by itself that the object is gone.
func (translator) Translate(e adapters.Event) (adapters.Translation, error) {
	var n news
	if err := json.Unmarshal(e.Body, &n); err != nil {
		return adapters.Translation{}, unreadable("it is no JSON object")
	}
	switch {
	case n.text(keptID) != "" || n.text(deletedID) != "":
		return merged(e, n)
	case n.text("shop_domain") != "" && n.text("shop_id") != "":
		return private(e, n)
	}
	if o, ok := n.object(e.Type); ok {
		return adapters.Translation{Fetch: []adapters.Object{o}}, nil
	}
	if topicKind(e.Type) != nil {
		return adapters.Translation{}, unreadable("it names no object")
	}
	return adapters.Translation{Ignored: "only customers and orders are carried"}, nil
}

// object is the one that the event is about.
func (n news) object(topic string) (adapters.Object, bool) {
	for _, k := range []*kind{customers, orders} {
		for _, field := range []string{"admin_graphql_api_id", "customerId"} { // the latter of tags, and of a purchasing summary
			if id, ok := k.numberOf(n.text(field)); ok {
				return k.object(id), true
			}
		}
	}
	for _, part := range []struct {
		kind *kind
		path string
	}{
		{orders, "order_id"}, // of refunds, fulfilments, transactions
		{orders, "order_edit.order_id"},
		{customers, "customer_id"}, // of consents
	} {
		if id := n.text(part.path); isNumber(id) {
			return part.kind.object(id), true
		}
	}
	// A deleted order's body is its id.
	if k, id := topicKind(topic), n.text("id"); k != nil && n.text("admin_graphql_api_id") == "" && isNumber(id) {
		return k.object(id), true
	}
	return adapters.Object{}, false
}

// topicKind is the kind that a topic's objects are of.
func topicKind(topic string) *kind {
	subject, _, _ := strings.Cut(topic, "/")
	return map[string]*kind{"customers": customers, "orders": orders}[subject]
}

// Whom a merge is about.
const (
	keptID    = "admin_graphql_api_customer_kept_id"
	deletedID = "admin_graphql_api_customer_deleted_id"
)

// merged says which customer lives on. Merges are told when they are asked for, when they fail and when they are done.
func merged(e adapters.Event, n news) (adapters.Translation, error) {
	kept, ok := customers.numberOf(n.text(keptID))
	lost, also := customers.numberOf(n.text(deletedID))
	if !ok || !also || kept == lost {
		return adapters.Translation{}, unreadable("it does not name two customers")
	}
	t := adapters.Translation{Fetch: []adapters.Object{customers.object(kept)}}
	switch status := strings.ToLower(n.text("status")); {
	case status == "failed" || status == "requested" || status == "in_progress":
		return adapters.Translation{Ignored: "the merge is not done"}, nil
	case status == "completed" && !e.OccurredAt.IsZero():
		o := gone(e, customers.object(lost))
		o.MergedInto = adapters.ExternalID(kept)
		t.Observations = []adapters.Observation{o}
	default: // Shopify says whether it is still there
		t.Fetch = append(t.Fetch, customers.object(lost))
	}
	return t, nil
}

func gone(e adapters.Event, o adapters.Object) adapters.Observation {
	return adapters.Observation{Object: o, At: e.OccurredAt, Gone: true, Raw: e.Body}
}

func unreadable(why string) error {
	return &fault.Error{Category: fault.Permanent, Op: "translate", Message: "the event cannot be used: " + why}
}

package shopify

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// value is a text or a number, as text; anything else, null too, is empty.
type value string

// UnmarshalJSON takes whatever there is.
func (v *value) UnmarshalJSON(b []byte) error {
	var text string
	switch {
	case bytes.HasPrefix(b, []byte(`"`)) && json.Unmarshal(b, &text) == nil:
		*v = value(text)
	case len(b) > 0 && (b[0] == '-' || '0' <= b[0] && b[0] <= '9'):
		*v = value(b)
	default:
		*v = ""
	}
	return nil
}

// news is what the bodies of all topics tell of which objects they are about.
type news struct {
	ID          value           `json:"id"`
	GID         value           `json:"admin_graphql_api_id"`
	CustomerID  value           `json:"customer_id"` // consents
	CustomerGID value           `json:"customerId"`  // tags, purchasing summary
	OrderID     value           `json:"order_id"`    // refunds, fulfilments, transactions
	OrderEdit   json.RawMessage `json:"order_edit"`
	Kept        value           `json:"admin_graphql_api_customer_kept_id"`
	Deleted     value           `json:"admin_graphql_api_customer_deleted_id"`
	Status      value           `json:"status"` // of a merge
	ShopID      value           `json:"shop_id"`
	ShopDomain  value           `json:"shop_domain"`
	Customer    json.RawMessage `json:"customer"`
	DataRequest json.RawMessage `json:"data_request"`
	ToRedact    json.RawMessage `json:"orders_to_redact"`
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
	case n.Kept != "" || n.Deleted != "":
		return merged(e, n)
	case n.ShopDomain != "" && n.ShopID != "":
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
		for _, gid := range []value{n.GID, n.CustomerGID} {
			if id, ok := k.numberOf(string(gid)); ok {
				return k.object(id), true
			}
		}
	}
	var edit struct {
		OrderID value `json:"order_id"`
	}
	_ = json.Unmarshal(n.OrderEdit, &edit) // most have none
	for _, part := range []struct {
		kind *kind
		id   value
	}{{orders, n.OrderID}, {orders, edit.OrderID}, {customers, n.CustomerID}} {
		if isNumber(string(part.id)) {
			return part.kind.object(string(part.id)), true
		}
	}
	if k := topicKind(topic); k != nil && n.GID == "" && isNumber(string(n.ID)) { // a deleted order's body is its id
		return k.object(string(n.ID)), true
	}
	return adapters.Object{}, false
}

// topicKind is the kind that a topic's objects are of.
func topicKind(topic string) *kind {
	subject, _, _ := strings.Cut(topic, "/")
	switch subject {
	case "customers":
		return customers
	case "orders":
		return orders
	}
	return nil
}

// merged says which customer lives on. Merges are told when they are asked for, when they fail and when they are done.
func merged(e adapters.Event, n news) (adapters.Translation, error) {
	kept, ok := customers.numberOf(string(n.Kept))
	lost, also := customers.numberOf(string(n.Deleted))
	if !ok || !also || kept == lost {
		return adapters.Translation{}, unreadable("it does not name two customers")
	}
	t := adapters.Translation{Fetch: []adapters.Object{customers.object(kept)}}
	switch status := strings.ToLower(string(n.Status)); {
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

package shopify

import (
	"encoding/json"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// private is one of the three topics that the law asks for: customers/redact, customers/data_request, shop/redact. What
// a person must do about becomes a dead letter that says what, and is discarded, with a reason, when it is done: it must
// not pass by as an event that means nothing.
func private(e adapters.Event, n news) (adapters.Translation, error) {
	customer := n.text("customer.id") // a redaction of the whole shop has none
	switch {
	case n["data_request"] != nil || e.Type == "customers/data_request":
		return adapters.Translation{}, forAPerson("a customer asks what is held of them: show their record and orders, and " +
			"answer the shop within 30 days")
	case n["customer"] == nil && n["orders_to_redact"] == nil:
		return adapters.Translation{}, forAPerson("the app was uninstalled 48 hours ago and the shop asks to be forgotten: " +
			"remove the connection, and erase what came from it alone")
	case e.OccurredAt.IsZero():
		return adapters.Translation{}, forAPerson("a customer is to be forgotten, and the event does not tell since when: erase their record")
	case !isNumber(customer) && customer != "":
		return adapters.Translation{}, unreadable("it names no customer")
	}
	var t adapters.Translation
	if customer != "" {
		t.Observations = append(t.Observations, erased(e, customers.object(customer)))
	}
	var listed []json.RawMessage
	if raw := n["orders_to_redact"]; raw != nil && json.Unmarshal(raw, &listed) != nil {
		return adapters.Translation{}, unreadable("its orders to redact are no list")
	}
	for _, raw := range listed {
		order := mapping.Text(raw)
		if !isNumber(order) {
			return adapters.Translation{}, unreadable("it lists an order without an id")
		}
		t.Observations = append(t.Observations, erased(e, orders.object(order)))
	}
	if len(t.Observations) == 0 {
		return adapters.Translation{}, forAPerson("a customer is to be forgotten of whom the event tells no id: find their record and erase it")
	}
	return t, nil
}

// erased is an object of which nothing may be kept. Shopify keeps an order without what was personal; here all goes, since
// nothing in it tells which of it was.
func erased(e adapters.Event, o adapters.Object) adapters.Observation {
	out := gone(e, o)
	out.Erase = true
	return out
}

func forAPerson(what string) error {
	return &fault.Error{Category: fault.Permanent, Op: "translate", Message: what}
}

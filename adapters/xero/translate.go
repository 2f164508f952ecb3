package xero

import (
	"encoding/json"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// translator says which objects an event is about.
type translator struct{}

// categories are what events may be about.
var categories = map[string]adapters.Kind{"CONTACT": customer, "INVOICE": invoice}

// silent are the categories that are not carried.
var silent = map[string]string{
	"CREDITNOTE": "credit notes are not carried", "PREPAYMENT": "prepayments are not carried", "OVERPAYMENT": "overpayments are not carried",
	"SUBSCRIPTION": "subscriptions to the app are not carried",
}

// Translate names the object to read. Archiving, voiding and deleting are updates, and a type that we do not know is a
// hint that something changed: reading can do no harm.
func (translator) Translate(e adapters.Event) (adapters.Translation, error) {
	var in event
	if err := json.Unmarshal(e.Body, &in); err != nil {
		return adapters.Translation{}, unreadable("it is no event")
	}
	category := mapping.Text(in.EventCategory)
	kind, id := categories[category], mapping.Text(in.ResourceID)
	switch {
	case silent[category] != "":
		return adapters.Translation{Ignored: silent[category]}, nil
	case kind == "":
		return adapters.Translation{Ignored: "only contacts and invoices are carried"}, nil
	case !isID(id):
		return adapters.Translation{}, unreadable("it names no object")
	}
	return adapters.Translation{Fetch: []adapters.Object{{Kind: kind, ExternalID: adapters.ExternalID(id)}}}, nil
}

func unreadable(why string) error {
	return &fault.Error{Category: fault.Permanent, Op: "translate", Message: "the event cannot be used: " + why}
}

package stripe

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// translator turns events into observations.
type translator struct{}

// objects are Stripe's names of the objects that we carry.
var objects = map[string]adapters.Kind{"customer": customer, "invoice": invoice}

// Translate reads an event. A snapshot event holds the whole object as it was; one of an invoice with more lines than
// fit in, and a thin event, must be fetched.
func (translator) Translate(in adapters.Event) (adapters.Translation, error) {
	e, err := readEvent(in.Body)
	if err != nil {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Err: err}
	}
	if e.Object == thinEvent {
		kind, ok := objects[strings.TrimPrefix(e.RelatedObject.Type, "v2.core.")]
		if !ok || e.RelatedObject.ID == "" {
			return ignored("it concerns no customer and no invoice"), nil
		}
		return adapters.Translation{Fetch: []adapters.Object{{Kind: kind, ExternalID: adapters.ExternalID(e.RelatedObject.ID)}}}, nil
	}
	var head struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	if err := json.Unmarshal(e.Data.Object, &head); err != nil {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Message: "the event has no object"}
	}
	kind, ok := objects[head.Object]
	switch {
	case !ok:
		return ignored(fmt.Sprintf("no kind is made of %q objects", head.Object)), nil
	case head.ID == "":
		return ignored("the object has no id yet, as in invoice.upcoming"), nil
	}
	object := adapters.Object{Kind: kind, ExternalID: adapters.ExternalID(head.ID)}
	if strings.HasSuffix(e.Type, ".deleted") && strings.Count(e.Type, ".") == 1 {
		return adapters.Translation{Observations: []adapters.Observation{{Object: object, Gone: true, At: e.at(), Raw: e.Data.Object}}}, nil
	}
	o, more, err := observe(kind, e.Data.Object)
	if err != nil {
		return adapters.Translation{}, err
	}
	if more {
		return adapters.Translation{Fetch: []adapters.Object{object}}, nil
	}
	o.At = e.at()
	return adapters.Translation{Observations: []adapters.Observation{o}}, nil
}

func ignored(why string) adapters.Translation { return adapters.Translation{Ignored: why} }

// observe reads an object. more says that not all of an invoice's lines are in it.
func observe(kind adapters.Kind, raw json.RawMessage) (o adapters.Observation, more bool, err error) {
	r := &reading{known: knownFields[kind]}
	if kind == customer {
		o, err = r.customer(raw)
	} else {
		o, more, err = r.invoice(raw)
	}
	if err != nil {
		return o, more, &fault.Error{Category: fault.Permanent, Op: "read " + string(kind), Message: "the object does not have Stripe's shape"}
	}
	return r.finish(o, kind, raw), more, nil
}

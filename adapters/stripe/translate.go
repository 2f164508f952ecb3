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

// Translate reads an event. A snapshot event holds the whole object as it was; one of an invoice with more lines than
// fit in, and a thin event, must be fetched.
func (translator) Translate(in adapters.Event) (adapters.Translation, error) {
	e, err := readEvent(in.Body)
	if err != nil {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Err: err}
	}
	if e.Object == thinEvent {
		k := kinds[adapters.Kind(strings.TrimPrefix(e.RelatedObject.Type, "v2.core."))]
		if k == nil || e.RelatedObject.ID == "" {
			return ignored("it concerns no customer and no invoice"), nil
		}
		return adapters.Translation{Fetch: []adapters.Object{{Kind: k.Name, ExternalID: adapters.ExternalID(e.RelatedObject.ID)}}}, nil
	}
	var head struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	if err := json.Unmarshal(e.Data.Object, &head); err != nil {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Message: "the event has no object"}
	}
	k := kinds[adapters.Kind(head.Object)]
	switch {
	case k == nil:
		return ignored(fmt.Sprintf("no kind is made of %q objects", head.Object)), nil
	case head.ID == "":
		return ignored("the object has no id yet, as in invoice.upcoming"), nil
	}
	object := adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(head.ID)}
	if strings.HasSuffix(e.Type, ".deleted") && strings.Count(e.Type, ".") == 1 {
		return adapters.Translation{Observations: []adapters.Observation{{Object: object, Gone: true, At: e.at(), Raw: e.Data.Object}}}, nil
	}
	o, more, err := k.observe(e.Data.Object)
	if err != nil {
		return adapters.Translation{}, &fault.Error{Category: fault.Permanent, Op: "translate", Err: err}
	}
	if more {
		return adapters.Translation{Fetch: []adapters.Object{object}}, nil
	}
	o.At = e.at()
	return adapters.Translation{Observations: []adapters.Observation{o}}, nil
}

func ignored(why string) adapters.Translation { return adapters.Translation{Ignored: why} }

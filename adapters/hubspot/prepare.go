package hubspot

import (
	"encoding/json"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// frozen is one attempt: what is written, and which attributes that is.
type frozen struct {
	Paths      []string          `json:"paths"`
	Properties map[string]string `json:"properties"` // in the order of their names: encoding/json's promise
}

// Prepare writes a patch as properties. Clearing is an empty text; a create leaves empty ones out.
func (c *contacts) Prepare(p adapters.Patch) (adapters.Request, error) {
	f := &fault.Error{Category: fault.Permanent, Op: operation(p.ExternalID)}
	record, ok := p.Message.(*canonicalv1.Customer)
	switch {
	case p.Kind != customer || !ok || record == nil:
		f.Message = "only customers are carried"
		return adapters.Request{}, f
	case p.ExternalID != "" && !isID(string(p.ExternalID)):
		f.Message = "it is no contact's id"
		return adapters.Request{}, f
	case len(p.Paths) == 0:
		f.Message = "there is nothing to write"
		return adapters.Request{}, f
	}
	out := frozen{Paths: slices.Sorted(slices.Values(p.Paths)), Properties: map[string]string{}}
	for _, path := range out.Paths {
		if why := out.set(path, record); why != "" {
			refused(f, path, why)
		}
	}
	if f.Refused != nil {
		f.Message = "HubSpot cannot hold all of it"
		return adapters.Request{}, f
	}
	if p.ExternalID == "" {
		for property, text := range out.Properties {
			if text == "" {
				delete(out.Properties, property)
			}
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		f.Message = "the patch cannot be written"
		return adapters.Request{}, f
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

// set writes one attribute into the properties, or says why HubSpot cannot hold it.
func (f *frozen) set(path string, record *canonicalv1.Customer) string {
	for _, r := range mapping {
		if r.path != path || r.write == nil {
			continue
		}
		values, why := r.write(record)
		if why != "" {
			return why
		}
		for i, property := range r.properties {
			f.Properties[property] = values[i]
		}
		return ""
	}
	return "HubSpot does not hold it, or sets it alone"
}

func operation(id adapters.ExternalID) string {
	if id == "" {
		return "create contact"
	}
	return "update contact"
}

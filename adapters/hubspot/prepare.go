package hubspot

import (
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// frozen is one attempt: what is written, and which attributes that is.
type frozen struct {
	Paths      []string          `json:"paths"`
	Properties map[string]string `json:"properties"` // in the order of their names: encoding/json's promise
}

// Prepare writes a patch as properties. Clearing is an empty text; a create leaves empty ones out.
func (a *account) Prepare(p adapters.Patch) (adapters.Request, error) {
	k := a.kinds.named(p.Kind)
	f := &fault.Error{Category: fault.Permanent, Op: k.operation(p.ExternalID)}
	switch {
	case k == nil || !k.is(p.Message):
		f.Message = "this kind is not carried"
		return adapters.Request{}, f
	case p.ExternalID != "" && !isID(string(p.ExternalID)):
		f.Message = "it is no id of HubSpot's"
		return adapters.Request{}, f
	case len(p.Paths) == 0:
		f.Message = "there is nothing to write"
		return adapters.Request{}, f
	}
	out := frozen{Paths: slices.Sorted(slices.Values(p.Paths)), Properties: map[string]string{}}
	for _, path := range out.Paths {
		if why := k.write(path, p.Message, out.Properties); why != "" {
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
		if k.complete != nil {
			f.Message = k.complete(out.Properties)
		}
	}
	if f.Message != "" {
		return adapters.Request{}, f
	}
	body, err := json.Marshal(out)
	if err != nil {
		f.Message = "the patch cannot be written"
		return adapters.Request{}, f
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

// is says that a message is one of the kind's.
func (k *kind) is(m proto.Message) bool {
	return m != nil && m.ProtoReflect().IsValid() && m.ProtoReflect().Descriptor() == k.message().ProtoReflect().Descriptor()
}

// write sets the properties of one attribute, or says why HubSpot cannot hold it.
func (k *kind) write(path string, record proto.Message, properties map[string]string) string {
	r := k.row(path)
	if r == nil {
		return "HubSpot does not hold it, or sets it alone"
	}
	values, why := r.write(record)
	if why != "" {
		return why
	}
	for i, property := range r.properties {
		properties[property] = values[i]
	}
	return ""
}

// operation says what is done to the object with an id; nil is a kind that is not carried.
func (k *kind) operation(id adapters.ExternalID) string {
	switch {
	case k == nil:
		return "prepare"
	case id == "":
		return "create " + k.one
	}
	return "update " + k.one
}

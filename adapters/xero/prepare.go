package xero

import (
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// frozen is one attempt: what is written of each attribute, and what of it was held.
type frozen struct {
	Writes map[string]fields `json:"writes"` // in the order of their names: encoding/json's promise
	Held   map[string]fields `json:"held,omitempty"`
	// Empty are attributes that were known to have no value, which Xero does not let be written.
	Empty []string `json:"empty,omitempty"`
}

// Prepare writes a patch as fields. Empty texts clear; a create leaves them out.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	f := &fault.Error{Category: fault.Permanent, Op: operation(p.Kind, p.ExternalID)}
	k := kinds[p.Kind]
	switch {
	case k == nil || p.Message == nil || p.Message.ProtoReflect().Descriptor() != k.message().ProtoReflect().Descriptor():
		f.Message = "only customers and invoices are carried"
	case p.ExternalID != "" && !isID(string(p.ExternalID)):
		f.Message = "it is no id of Xero's"
	case len(p.Paths) == 0:
		f.Message = "there is nothing to write"
	}
	if f.Message != "" {
		return adapters.Request{}, f
	}
	out := frozen{Writes: map[string]fields{}, Held: map[string]fields{}}
	for _, path := range slices.Sorted(slices.Values(p.Paths)) {
		w, why := k.write(path, p.ExternalID == "", p.Message)
		if out.Writes[path] = w; why != "" {
			refused(f, path, why)
		}
		empty := slices.Contains(p.HeldEmpty, path)
		switch held, why := k.write(path, false, p.Held); {
		case p.ExternalID == "":
		case why == "" && (empty || !blank(held)):
			out.Held[path] = held
		case empty:
			out.Empty = append(out.Empty, path)
		}
	}
	if f.Refused != nil {
		f.Message = "Xero cannot hold all of it"
		return adapters.Request{}, f
	}
	if p.ExternalID == "" {
		if f.Message = k.create(a, p.RecordID, joined(out.Writes)); f.Message != "" {
			return adapters.Request{}, f
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		f.Message = "the patch cannot be written"
		return adapters.Request{}, f
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

// write sets the fields of one attribute, or says why Xero cannot hold it.
func (k *kind) write(path string, creates bool, record proto.Message) (fields, string) {
	w := fields{}
	if record == nil {
		return w, "there is no record"
	}
	for _, r := range k.rows {
		if r.path == path && r.write != nil && (creates || !r.onCreate) {
			return w, r.write(record, w)
		}
	}
	return w, "Xero does not hold it, sets it alone, or never changes it"
}

// joined are the fields of several attributes.
func joined(writes map[string]fields) fields {
	out := fields{}
	for _, w := range writes {
		join(out, w)
	}
	return out
}

func join(into, w fields) {
	for name, value := range w {
		part, isPart := value.(fields)
		if !isPart {
			into[name] = value
			continue
		}
		all, ok := into[name].(fields)
		if !ok {
			all = fields{}
			into[name] = all
		}
		join(all, part)
	}
}

func operation(kind adapters.Kind, id adapters.ExternalID) string {
	if id == "" {
		return "create " + string(kind)
	}
	return "update " + string(kind)
}

func refused(f *fault.Error, path, why string) {
	if f.Refused == nil {
		f.Refused = map[string]string{}
	}
	f.Refused[path] = why
}

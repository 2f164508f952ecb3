package salesforce

import (
	"encoding/json"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// frozen is one attempt: which attributes are written, as what, and what they were held to be.
type frozen struct {
	Paths  []string       `json:"paths"`
	Fields map[string]any `json:"fields"` // in the order of their names: encoding/json's promise
	Held   map[string]any `json:"held,omitempty"`
}

// Prepare writes a patch as fields. Null clears; a create leaves it out.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	f := &fault.Error{Category: fault.Permanent, Op: operation(p.Kind, p.ExternalID)}
	k := a.kind(p.Kind)
	switch {
	case k == nil || p.Message == nil || p.Message.ProtoReflect().Descriptor() != k.message().ProtoReflect().Descriptor():
		f.Message = "only customers, tickets and orders are carried"
	case p.ExternalID != "" && !isWord(string(p.ExternalID)):
		f.Message = "it is no id of Salesforce's"
	case p.ExternalID == "" && adapters.ReadRecordID(p.RecordID) == "":
		f.Message = "a create needs the id of its record"
	case len(p.Paths) == 0:
		f.Message = "there is nothing to write"
	}
	if f.Message != "" {
		return adapters.Request{}, f
	}
	out := frozen{Paths: slices.Sorted(slices.Values(p.Paths)), Fields: map[string]any{}}
	for _, path := range out.Paths {
		if why := k.write(path, p.ExternalID == "", p.Message, out.Fields); why != "" {
			refused(f, path, why)
		}
	}
	if f.Refused != nil {
		f.Message = "Salesforce cannot hold all of it"
		return adapters.Request{}, f
	}
	if p.ExternalID != "" {
		out.Held = k.held(out.Paths, p)
	} else {
		maps.DeleteFunc(out.Fields, func(_ string, value any) bool { return value == nil })
		if f.Message = k.complete(out.Fields); f.Message != "" {
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

// write sets the fields of one attribute, or says why Salesforce cannot hold it.
func (k *kind) write(path string, creates bool, record proto.Message, fields map[string]any) string {
	for _, r := range k.rows {
		if r.path == path && r.write != nil && (creates || !r.onCreate) {
			return r.write(record, fields)
		}
	}
	return "Salesforce does not hold it, sets it alone, or never changes it"
}

// held are the fields of the attributes as the hub last saw them, as far as it did. Those that it saw empty are null.
func (k *kind) held(paths []string, p adapters.Patch) map[string]any {
	out := map[string]any{}
	if p.Held == nil {
		return out
	}
	for _, path := range paths {
		fields := map[string]any{}
		if k.write(path, false, p.Held, fields) == "" && (slices.Contains(p.HeldEmpty, path) || !none(fields)) {
			maps.Copy(out, fields)
		}
	}
	return out
}

// none says that all fields are cleared.
func none(fields map[string]any) bool {
	for _, value := range fields {
		if value != nil {
			return false
		}
	}
	return true
}

func operation(kind adapters.Kind, id adapters.ExternalID) string {
	if id == "" {
		return "create " + string(kind)
	}
	return "update " + string(kind)
}

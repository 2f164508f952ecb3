package zendesk

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
	// Empty are attributes that were known to have no value, which Zendesk does not let be written.
	Empty []string `json:"empty,omitempty"`
}

// Prepare writes a patch as fields. Null and empty texts clear; a create leaves them out.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	f := &fault.Error{Category: fault.Permanent, Op: operation(p.Kind, p.ExternalID)}
	k := kinds[p.Kind]
	switch {
	case k == nil || p.Message == nil || p.Message.ProtoReflect().Descriptor() != k.message().ProtoReflect().Descriptor():
		f.Message = "only tickets and customers are carried"
	case p.ExternalID != "" && !isID(string(p.ExternalID)):
		f.Message = "it is no id of Zendesk's"
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
		f.Message = "Zendesk cannot hold all of it"
		return adapters.Request{}, f
	}
	if p.ExternalID != "" {
		out.Held, out.Empty = k.held(out.Paths, p)
	} else if f.Message = k.begin(out.Fields); f.Message != "" {
		return adapters.Request{}, f
	}
	body, err := json.Marshal(out)
	if err != nil {
		f.Message = "the patch cannot be written"
		return adapters.Request{}, f
	}
	return adapters.Request{Kind: p.Kind, RecordID: p.RecordID, ExternalID: p.ExternalID, Key: p.Key, Body: body}, nil
}

// write sets the fields of one attribute, or says why Zendesk cannot hold it.
func (k *kind) write(path string, creates bool, record proto.Message, fields map[string]any) string {
	for _, r := range k.rows {
		if r.path == path && r.write != nil && (creates || !r.onCreate) {
			return r.write(record, fields)
		}
	}
	return "Zendesk does not hold it, sets it alone, or never changes it"
}

// held are the fields of the attributes as the hub last saw them, as far as it did, and the attributes that it saw empty
// where that is no value that can be written.
func (k *kind) held(paths []string, p adapters.Patch) (held map[string]any, emptied []string) {
	held = map[string]any{}
	if p.Held == nil {
		return held, nil
	}
	for _, path := range paths {
		fields, empty := map[string]any{}, slices.Contains(p.HeldEmpty, path)
		if k.write(path, false, p.Held, fields) != "" {
			if empty {
				emptied = append(emptied, path)
			}
			continue
		}
		if empty || !none(fields) {
			maps.Copy(held, fields)
		}
	}
	return held, emptied
}

// begin makes the fields those of a create, or says why there can be none.
func (k *kind) begin(fields map[string]any) string {
	for field, value := range fields {
		if blank(value) {
			delete(fields, field)
		}
	}
	return k.complete(fields)
}

// blank says that a field's value is none.
func blank(value any) bool {
	tags, isTags := value.([]string)
	return value == nil || value == "" || isTags && len(tags) == 0
}

// none says that all fields are blank.
func none(fields map[string]any) bool {
	for _, value := range fields {
		if !blank(value) {
			return false
		}
	}
	return true
}

// number is an id as a number, which may be beyond what a float holds; null for none.
func number(id string) any {
	if id == "" {
		return nil
	}
	return json.Number(id)
}

func operation(kind adapters.Kind, id adapters.ExternalID) string {
	if id == "" {
		return "create " + string(kind)
	}
	return "update " + string(kind)
}

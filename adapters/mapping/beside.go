package mapping

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// With has a row read further fields beside its first.
func (r Row) With(fields ...string) Row {
	r.Fields = slices.Concat(r.Fields, fields)
	return r
}

// From changes the text of a row's first field before it is read.
func (r Row) From(change func(string) string) Row {
	read, field := r.Read, r.Fields[0]
	r.Read = func(in *Reading, m proto.Message) {
		fields := maps.Clone(in.Fields)
		fields[field], _ = json.Marshal(change(in.Text(field))) // a text can always be written
		in.Instead(fields, func() { read(in, m) })
	}
	return r
}

// Named has an agent's name read from a field beside the id.
func (r Row) Named(field string) Row {
	read := r.Read
	r.Read = func(in *Reading, m proto.Message) {
		read(in, m)
		if has, agent := at(m, r.Path, false); has.Has(agent) {
			has.Mutable(agent).Message().Interface().(*canonicalv1.Agent).Name = in.Text(field)
		}
	}
	return r.With(field)
}

// Instead reads other fields in the place of the object's: those of a part of it.
func (r *Reading) Instead(fields map[string]json.RawMessage, read func()) {
	whole := r.Fields
	r.Fields = fields
	read()
	r.Fields = whole
}

// Flat adds to an object's fields, as they came, those of the objects in it that some names have: "account.name". Such a
// field is there, and says nothing, where the object that would have it is null.
func Flat(fields map[string]json.RawMessage, names []string) map[string]json.RawMessage {
	flat := maps.Clone(fields)
	for _, name := range names {
		parent, below, of := strings.Cut(name, ".")
		raw, told := fields[parent]
		if !of || !told {
			continue
		}
		var other map[string]json.RawMessage
		_ = json.Unmarshal(raw, &other) // what is no object says nothing
		flat[name] = other[below]
	}
	return flat
}

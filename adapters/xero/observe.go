package xero

import (
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
)

// reading is an object on its way into canonical form.
type reading struct {
	object  *object
	options options
	bad     []adapters.Unusable
	strange []string
}

func (r *reading) text(field string) string { return r.object.text(field) }

// unusable notes a value that does not fit the canonical form; the observation then does not speak of the attribute.
func (r *reading) unusable(path, raw, reason string) {
	r.bad = append(r.bad, adapters.Unusable{Path: path, Raw: raw, Reason: reason})
}

func (r *reading) unknown(what string) { r.strange = append(r.strange, what) }

// nested reads a field that is an object; nothing where it has none.
func (r *reading) nested(path, field string) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if raw := r.object.fields[field]; text(raw) != "" && json.Unmarshal(raw, &out) != nil {
		r.unusable(path, r.text(field), "it is no object")
	}
	return out
}

// slot reads what one of Xero's lists has for a type; false where it is no list.
func (r *reading) slot(path string, of list, name string) (map[string]string, bool) {
	is, ok := r.object.slot(of, name)
	if !ok {
		r.unusable(path, r.text(of.field), "it is no list")
	}
	return is, ok
}

// observe is what an object says. It is a snapshot unless a value is of no use: of such an attribute it does not speak.
func (a *api) observe(k *kind, o *object) adapters.Observation {
	out := adapters.Observation{
		Object: adapters.Object{Kind: k.name, ExternalID: adapters.ExternalID(o.id)}, At: o.at(), Raw: o.raw,
		RecordID: adapters.ReadRecordID(k.recordID(o)),
	}
	if end := k.gone(o); end.gone {
		out.Gone, out.Erase = true, end.erased
		if isID(end.into) && end.into != o.id {
			out.MergedInto = adapters.ExternalID(end.into)
		}
		return out
	}
	r, message := &reading{object: o, options: a.options}, k.message()
	spoken := make([]string, 0, len(k.rows))
	for _, row := range k.rows {
		if r.take(k, row, message) {
			spoken = append(spoken, row.path)
		}
	}
	if len(spoken) < len(k.rows) {
		out.Paths = spoken
	}
	r.unknownFields(k)
	out.Message, out.Unusable, out.Unknown = message, r.bad, r.strange
	return out
}

// take reads one attribute; false where its value is of no use.
func (r *reading) take(k *kind, row row, into proto.Message) bool {
	one, message := &reading{object: r.object, options: r.options}, k.message()
	row.read(one, message)
	r.bad, r.strange = append(r.bad, one.bad...), append(r.strange, one.strange...)
	if len(one.bad) > 0 {
		return false
	}
	proto.Merge(into, message)
	return true
}

// unknownFields notes the names that this adapter does not know.
func (r *reading) unknownFields(k *kind) {
	for name := range r.object.fields {
		mapped := slices.ContainsFunc(k.rows, func(row row) bool { return row.field == name })
		if !mapped && !slices.Contains(k.own, name) {
			r.unknown(name)
		}
	}
	slices.Sort(r.strange)
}

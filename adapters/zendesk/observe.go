package zendesk

import (
	"encoding/json"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
)

// reading is an object on its way into canonical form.
type reading struct {
	object     *object
	connection string
	bad        []adapters.Unusable
	strange    []string
}

func (r *reading) text(field string) string { return r.object.text(field) }

// unusable notes a value that does not fit the canonical form; the observation then does not speak of the attribute.
func (r *reading) unusable(path, raw, reason string) {
	r.bad = append(r.bad, adapters.Unusable{Path: path, Raw: raw, Reason: reason})
}

func (r *reading) unknown(what string) { r.strange = append(r.strange, what) }

// id reads the id of another object; empty where there is none.
func (r *reading) id(path, field string) string {
	raw := r.text(field)
	if raw != "" && !isID(raw) {
		r.unusable(path, raw, "it is no id")
		return ""
	}
	return raw
}

// moment reads a time; false where there is none.
func (r *reading) moment(path, field string) (time.Time, bool) {
	raw := r.text(field)
	if raw == "" {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, raw)
	if err != nil {
		r.unusable(path, raw, "it is no time")
		return time.Time{}, false
	}
	return at.UTC(), true
}

// list reads texts; false where it is none.
func (r *reading) list(field string) ([]string, bool) {
	var out []string
	if err := json.Unmarshal(r.object.fields[field], &out); err != nil {
		r.unusable(field, r.text(field), "it is no list of texts")
		return nil, false
	}
	return out, true
}

// observe is what an object says. It is a snapshot unless the object lacks a field or has a value that is of no use: of
// such an attribute it does not speak, rather than say that it is empty.
func (k *kind) observe(o *object, connection string) adapters.Observation {
	out := adapters.Observation{
		Object: adapters.Object{Kind: k.name, ExternalID: adapters.ExternalID(o.text("id"))}, At: o.at(), Raw: o.raw,
		RecordID: adapters.ReadRecordID(o.text("external_id")),
	}
	if out.Gone, out.Erase = k.gone(o); out.Gone {
		return out
	}
	out.Erase = false
	r, message := &reading{object: o, connection: connection}, k.message()
	spoken := make([]string, 0, len(k.rows))
	for _, row := range k.rows {
		if _, told := o.fields[row.field]; told && r.take(k, row, message) {
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
	one, message := &reading{object: r.object, connection: r.connection}, k.message()
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

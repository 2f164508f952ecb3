package hubspot

import (
	"encoding/json"
	"slices"

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

func (r *reading) value(property string) string { return string(r.object.Properties[property]) }

// unusable notes a value that does not fit the canonical form; the observation then does not speak of the attribute.
func (r *reading) unusable(path, raw, reason string) {
	r.bad = append(r.bad, adapters.Unusable{Path: path, Raw: raw, Reason: reason})
}

func (r *reading) unknown(what string) { r.strange = append(r.strange, what) }

// has says that the object tells of all these properties, be it that they are empty.
func (r *reading) has(properties []string) bool {
	for _, property := range properties {
		if _, ok := r.object.Properties[property]; !ok {
			return false
		}
	}
	return true
}

// observe is what an object says. It is a snapshot unless the object lacks a property, as one that the account does not
// have, or has a value that is of no use: of such an attribute it does not speak, rather than say that it is empty.
func (o *object) observe(connection string) adapters.Observation {
	k := o.kind
	observation := adapters.Observation{
		Object: k.object(o.ID), At: o.at(), Raw: o.raw, RecordID: adapters.ReadRecordID(string(o.Properties[recordIDProperty])),
	}
	if o.Archived {
		observation.Gone = true
		return observation
	}
	r, message := &reading{object: o, connection: connection}, k.message()
	spoken := make([]string, 0, len(k.rows))
	for _, row := range k.rows {
		if r.has(row.properties) && r.take(row, message) {
			spoken = append(spoken, row.path)
		}
	}
	if len(spoken) < len(k.rows) {
		observation.Paths = spoken
	}
	r.unknownFields()
	observation.Message, observation.Unusable, observation.Unknown = message, r.bad, r.strange
	return observation
}

// take reads one attribute; false where its value is of no use.
func (r *reading) take(row row, into proto.Message) bool {
	one, message := &reading{object: r.object, connection: r.connection}, r.object.kind.message()
	row.read(one, message)
	r.bad, r.strange = append(r.bad, one.bad...), append(r.strange, one.strange...)
	if len(one.bad) > 0 {
		return false
	}
	proto.Merge(into, message)
	return true
}

// These say nothing of the record.
var (
	ownFields = []string{"id", "properties", "createdAt", "updatedAt", "archived", "archivedAt", "url", "new",
		"objectWriteTraceId", "associations", "propertiesWithHistory"}
	ownProperties = []string{recordIDProperty, "lastmodifieddate", "hs_lastmodifieddate", "createdate", "hs_createdate", "hs_object_id"}
)

// unknownFields notes the names that this adapter does not know.
func (r *reading) unknownFields() {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(r.object.raw, &fields) // it was read before
	for name := range fields {
		if !slices.Contains(ownFields, name) {
			r.unknown(name)
		}
	}
	for name := range r.object.Properties {
		if r.object.kind.holders[name] == nil && !slices.Contains(ownProperties, name) && !slices.Contains(r.object.kind.further, name) {
			r.unknown(name)
		}
	}
	slices.Sort(r.strange)
}

package hubspot

import (
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// reading is a contact on its way into canonical form.
type reading struct {
	object     *object
	connection string
	customer   *canonicalv1.Customer
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

// observe is what a contact says. It is a snapshot unless the object lacks a property, as one that the account does not
// have, or has a value that is of no use: of such an attribute it does not speak, rather than say that it is empty.
func observe(o *object, connection string) adapters.Observation {
	observation := adapters.Observation{
		Object: adapters.Object{Kind: customer, ExternalID: adapters.ExternalID(o.ID)}, At: o.at(), Raw: o.raw,
		RecordID: adapters.ReadRecordID(string(o.Properties[recordIDProperty])),
	}
	if o.Archived {
		observation.Gone = true
		return observation
	}
	r := &reading{object: o, connection: connection, customer: &canonicalv1.Customer{}}
	spoken := make([]string, 0, len(mapping))
	for _, row := range mapping {
		if r.has(row.properties) && r.take(row) {
			spoken = append(spoken, row.path)
		}
	}
	if len(spoken) < len(mapping) {
		observation.Paths = spoken
	}
	r.unknownFields()
	observation.Message, observation.Unusable, observation.Unknown = r.customer, r.bad, r.strange
	return observation
}

// take reads one attribute; false where its value is of no use.
func (r *reading) take(row row) bool {
	one := &reading{object: r.object, connection: r.connection, customer: &canonicalv1.Customer{}}
	row.read(one)
	r.bad, r.strange = append(r.bad, one.bad...), append(r.strange, one.strange...)
	if len(one.bad) > 0 {
		return false
	}
	proto.Merge(r.customer, one.customer)
	return true
}

// These say nothing of the customer.
var (
	ownFields = []string{"id", "properties", "createdAt", "updatedAt", "archived", "archivedAt", "url", "new",
		"objectWriteTraceId", "associations", "propertiesWithHistory"}
	ownProperties = []string{recordIDProperty, modifiedProperty, "hs_lastmodifieddate", "createdate", "hs_createdate", "hs_object_id"}
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
		if holders[name] == nil && !slices.Contains(ownProperties, name) {
			r.unknown(name)
		}
	}
	slices.Sort(r.strange)
}

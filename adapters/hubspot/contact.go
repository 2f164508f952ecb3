package hubspot

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// modifiedProperty tells when a contact's properties last changed.
const modifiedProperty = "lastmodifieddate"

// own are the properties that every answer holds and that say nothing of the customer.
var own = []string{recordIDProperty, modifiedProperty, "hs_lastmodifieddate", "createdate", "hs_createdate", "hs_object_id"}

// value is a property's value: text, even where JSON has another type. Null is empty.
type value string

// UnmarshalJSON takes whatever there is.
func (v *value) UnmarshalJSON(b []byte) error {
	var text string
	switch {
	case bytes.Equal(b, []byte("null")):
		*v = ""
	case json.Unmarshal(b, &text) == nil:
		*v = value(text)
	default:
		*v = value(b)
	}
	return nil
}

// object is a contact on the wire.
type object struct {
	ID         value            `json:"id"`
	Properties map[string]value `json:"properties"`
	UpdatedAt  value            `json:"updatedAt"`
	Archived   bool             `json:"archived"`
	ArchivedAt value            `json:"archivedAt"`

	raw []byte
}

var errObject = errors.New("it is no contact: an id, properties or a time is missing")

// decode reads a contact.
func decode(raw []byte) (*object, error) {
	o := &object{raw: bytes.Clone(raw)}
	if err := json.Unmarshal(raw, o); err != nil || !isID(string(o.ID)) || o.Properties == nil || o.at().IsZero() {
		return nil, errObject // without the cause, which quotes values
	}
	return o, nil
}

// isID says that text is a HubSpot object id.
func isID(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || '9' < c {
			return false
		}
	}
	return text != "" && len(text) <= 20
}

// at is HubSpot's time of what the object says.
func (o *object) at() time.Time {
	candidates := []value{o.Properties[modifiedProperty], o.UpdatedAt}
	if o.Archived {
		candidates = []value{o.ArchivedAt, o.UpdatedAt}
	}
	for _, candidate := range candidates {
		if t, err := time.Parse(time.RFC3339Nano, string(candidate)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// reading is a contact on its way into canonical form.
type reading struct {
	customer   *canonicalv1.Customer
	connection string
	object     *object
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
		RecordID: string(o.Properties[recordIDProperty]),
	}
	if o.Archived {
		observation.Gone = true
		return observation
	}
	r := &reading{customer: &canonicalv1.Customer{}, connection: connection, object: o}
	spoken := make([]string, 0, len(mapping))
	for _, row := range mapping {
		before := len(r.bad)
		if !r.has(row.properties) {
			continue
		}
		if row.read(r); len(r.bad) == before {
			spoken = append(spoken, row.path)
		}
	}
	if len(spoken) < len(mapping) {
		observation.Paths = spoken
	}
	for name := range o.Properties {
		if holders[name] == nil && !slices.Contains(own, name) {
			r.unknown(name)
		}
	}
	slices.Sort(r.strange)
	observation.Message, observation.Unusable, observation.Unknown = r.customer, r.bad, r.strange
	return observation
}

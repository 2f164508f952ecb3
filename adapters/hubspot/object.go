package hubspot

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// value is text, even where JSON has another type. Null is empty.
type value string

// UnmarshalJSON takes whatever there is.
func (v *value) UnmarshalJSON(b []byte) error {
	*v = value(mapping.Text(b))
	return nil
}

// object is a contact or a ticket on the wire.
type object struct {
	ID         value                      `json:"id"`
	Properties map[string]json.RawMessage `json:"properties"`
	UpdatedAt  value                      `json:"updatedAt"`
	Archived   bool                       `json:"archived"`
	ArchivedAt value                      `json:"archivedAt"`
	// Associations have a form of their own; told reads them.
	Associations json.RawMessage `json:"associations"`

	kind *kind
	raw  []byte
}

var errObject = errors.New("it is no object: an id, properties or a time is missing")

// decode reads an object.
func (k *kind) decode(raw []byte) (*object, error) {
	o := &object{kind: k, raw: bytes.Clone(raw)}
	if err := json.Unmarshal(raw, o); err != nil || !isID(o.ID) || o.Properties == nil || o.at().IsZero() {
		return nil, errObject // without the cause, which quotes values
	}
	return o, nil
}

// isID says that text is the id of an object of HubSpot's.
func isID[T ~string](id T) bool { return mapping.IsNumber(string(id)) }

// anyID takes an id of the account's staff or teams as it is.
func anyID(string) bool { return true }

// text is a property's value.
func (o *object) text(property string) string { return mapping.Text(o.Properties[property]) }

// at is HubSpot's time of what the object says.
func (o *object) at() time.Time {
	candidates := []string{o.text(o.kind.modified), string(o.UpdatedAt)}
	if o.Archived {
		candidates[0] = string(o.ArchivedAt)
	}
	for _, candidate := range candidates {
		if at, ok := mapping.RFC3339(candidate); ok {
			return at
		}
	}
	return time.Time{}
}

// observe is what an object says.
func (o *object) observe(connection string) adapters.Observation {
	out := adapters.Observation{
		Object: o.kind.object(o.ID), At: o.at(), Raw: o.raw, Gone: o.Archived, RecordID: adapters.ReadRecordID(o.text(recordIDProperty)),
	}
	if out.Gone {
		return out
	}
	o.kind.Observe(connection, o.Properties, &out)
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(o.raw, &fields) // it was read before
	for name := range fields {
		if !slices.Contains(ownFields, name) {
			out.Unknown = append(out.Unknown, name)
		}
	}
	slices.Sort(out.Unknown)
	return out
}

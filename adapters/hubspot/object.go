package hubspot

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

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

// object is a contact or a ticket on the wire.
type object struct {
	ID         value            `json:"id"`
	Properties map[string]value `json:"properties"`
	UpdatedAt  value            `json:"updatedAt"`
	Archived   bool             `json:"archived"`
	ArchivedAt value            `json:"archivedAt"`
	// Associations have a form of their own; told reads them.
	Associations json.RawMessage `json:"associations"`

	kind *kind
	raw  []byte
}

var errObject = errors.New("it is no object: an id, properties or a time is missing")

// decode reads an object.
func (k *kind) decode(raw []byte) (*object, error) {
	o := &object{kind: k, raw: bytes.Clone(raw)}
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
	candidates := []value{o.Properties[o.kind.modified], o.UpdatedAt}
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

package zendesk

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/canonhub/canonhub/adapters/mapping"
)

// object is a ticket or a user on the wire.
type object struct {
	fields map[string]json.RawMessage
	raw    []byte
}

var errObject = errors.New("it is no object: an id or a time is missing")

// decode reads an object.
func decode(raw []byte) (*object, error) {
	o := &object{raw: bytes.Clone(raw)}
	if err := json.Unmarshal(raw, &o.fields); err != nil || !mapping.IsNumber(o.text("id")) || o.at().IsZero() {
		return nil, errObject // without the cause, which quotes values
	}
	return o, nil
}

// text is a field as text: a text as it is, nothing for null, anything else as it stands.
func (o *object) text(field string) string { return mapping.Text(o.fields[field]) }

// at is Zendesk's time of what the object says.
func (o *object) at() time.Time {
	at, err := time.Parse(time.RFC3339Nano, o.text("updated_at"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

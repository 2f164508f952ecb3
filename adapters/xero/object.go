package xero

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/canonhub/canonhub/adapters/mapping"
)

// object is a contact or an invoice on the wire. A field that it lacks is empty: Xero leaves out what has no value.
type object struct {
	id     string
	fields map[string]json.RawMessage
	raw    []byte
}

var errObject = errors.New("it is no object of that kind: an id, a time or a type is missing")

// decode reads an object.
func (k *kind) decode(raw []byte) (*object, error) {
	o := &object{raw: bytes.Clone(raw)}
	if err := json.Unmarshal(raw, &o.fields); err != nil {
		return nil, errObject // without the cause, which quotes values
	}
	if o.id = o.text(k.id); !isID(o.id) || o.at().IsZero() || k.sort != "" && o.text(k.sort) == "" {
		return nil, errObject
	}
	return o, nil
}

// text is a field as text: a text as it is, nothing for null, anything else as it stands.
func (o *object) text(field string) string { return mapping.Text(o.fields[field]) }

// isNew says that there is no object yet: it is being made.
func (o *object) isNew() bool { return o.id == "" }

// at is Xero's time of what the object says.
func (o *object) at() time.Time {
	at, _ := moment(o.text("UpdatedDateUTC"))
	return at.UTC()
}

// id is what an id may look like: Xero's are UUIDs, and are taken as they come.
var id = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func isID(text string) bool { return id.MatchString(text) }

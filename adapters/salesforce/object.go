package salesforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// object is a row on the wire.
type object struct {
	id     string // of 18 characters
	at     time.Time
	fields map[string]json.RawMessage
	raw    []byte
}

var errObject = errors.New("it is no row: an id or a time is missing")

// decode reads a row.
func decode(raw []byte) (*object, error) {
	o := &object{raw: bytes.Clone(raw)}
	if json.Unmarshal(raw, &o.fields) != nil {
		return nil, errObject // without the cause, which quotes values
	}
	var is bool
	if o.id, is = longID(o.text("Id")); !is {
		return nil, errObject
	}
	if o.at, is = moment(o.text("SystemModstamp")); !is {
		return nil, errObject
	}
	return o, nil
}

// get is a field as it came; "Account.Name" is that of another object. Nil where it is not told.
func (o *object) get(field string) json.RawMessage {
	parent, name, of := strings.Cut(field, ".")
	if !of {
		return o.fields[field]
	}
	var other map[string]json.RawMessage
	_ = json.Unmarshal(o.fields[parent], &other) // what is no object says nothing
	return other[name]
}

// told says that the row speaks of a field, be it that it is null, or that the object that would have it is.
func (o *object) told(field string) bool {
	parent, _, _ := strings.Cut(field, ".")
	_, ok := o.fields[parent]
	return ok
}

// text is a field as text: a text as it is, nothing for null, anything else as it stands.
func (o *object) text(field string) string { return text(o.get(field)) }

func text(raw json.RawMessage) string {
	var out string
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return ""
	}
	if json.Unmarshal(raw, &out) == nil {
		return out
	}
	return string(raw)
}

// with puts another value in a field's place, as if it had come so.
func (o *object) with(field string, value any) (err error) {
	if o.fields[field], err = json.Marshal(value); err == nil {
		o.raw, err = json.Marshal(o.fields)
	}
	return err
}

// wire is how Salesforce writes a time, with an offset that RFC 3339 does not have.
const wire = "2006-01-02T15:04:05.000-0700"

// moment reads a time.
func moment(text string) (time.Time, bool) {
	for _, layout := range []string{wire, time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// isWord says that text is of letters and digits alone, as ids are.
func isWord(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || '9' < c) && (c < 'A' || 'Z' < c) && (c < 'a' || 'z' < c) {
			return false
		}
	}
	return text != "" && len(text) <= 40
}

// longID is an id in its form of 18 characters. Salesforce takes 15 as well, which differ in letter case.
func longID(id string) (string, bool) {
	switch {
	case !isWord(id):
		return "", false
	case len(id) == 15:
		return id + suffix(id), true
	}
	return id, len(id) == 18
}

// suffix is the three characters by which an id of 15 can be told where letter case is lost: of each five characters, a
// bit says which are capitals, the first one's the lowest.
func suffix(id string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	out := make([]byte, 3)
	for part := range out {
		n := 0
		for bit := range 5 {
			if c := id[part*5+bit]; 'A' <= c && c <= 'Z' {
				n |= 1 << bit
			}
		}
		out[part] = digits[n]
	}
	return string(out)
}

package salesforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/canonhub/canonhub/adapters/mapping"
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
	var known bool
	o.at, known = moment(o.text("SystemModstamp"))
	if o.id = long(o.text("Id")); !known || !isID(o.id) {
		return nil, errObject
	}
	return o, nil
}

// text is a field as text: a text as it is, nothing for null, anything else as it stands.
func (o *object) text(field string) string { return mapping.Text(o.fields[field]) }

// with puts another value in a field's place, as if it had come so.
func (o *object) with(field string, value any) (err error) {
	if o.fields[field], err = json.Marshal(value); err == nil {
		o.raw, err = json.Marshal(o.fields)
	}
	return err
}

// field is one of a row's that may be none.
func field(raw json.RawMessage, name string) string {
	o := &object{}
	_ = json.Unmarshal(raw, &o.fields) // what is no row has no fields
	return o.text(name)
}

// wire is how Salesforce writes a time, with an offset that RFC 3339 does not have.
const wire = "2006-01-02T15:04:05.000-0700"

// moment reads a time.
func moment(text string) (time.Time, bool) {
	if at, err := time.Parse(wire, text); err == nil {
		return at.UTC(), true
	}
	return mapping.RFC3339(text)
}

var (
	// isWord says that text is of letters and digits alone, as ids are.
	isWord = regexp.MustCompile(`^[0-9A-Za-z]{1,40}$`).MatchString
	// isID says that text is an id in one of its forms.
	isID = regexp.MustCompile(`^[0-9A-Za-z]{15}([0-9A-Za-z]{3})?$`).MatchString
)

// long is an id in its form of 18 characters. Salesforce takes 15 as well, which differ in letter case: by three more they
// can be told where that is lost. Of each five characters, a bit says which are capitals, the first one's the lowest. What
// is no id of 15 stays.
func long(id string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	if !isID(id) || len(id) == 18 {
		return id
	}
	out := []byte(id)
	for part := range 3 {
		n := 0
		for bit := range 5 {
			if c := id[part*5+bit]; 'A' <= c && c <= 'Z' {
				n |= 1 << bit
			}
		}
		out = append(out, digits[n])
	}
	return string(out)
}

package shopify

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// object is one of Shopify's, on the wire.
type object struct {
	number string
	at     time.Time
	fields map[string]json.RawMessage
	raw    []byte
}

var errObject = errors.New("it is no such object: its id or its time is missing")

// decode reads an object of a kind.
func (k *kind) decode(raw []byte) (*object, error) {
	o := &object{raw: bytes.Clone(raw)}
	if json.Unmarshal(raw, &o.fields) != nil {
		return nil, errObject // without the cause, which quotes values
	}
	number, is := k.numberOf(mapping.Text(o.fields["id"]))
	at, timed := mapping.RFC3339(mapping.Text(o.fields["updatedAt"]))
	if !is || !timed {
		return nil, errObject
	}
	o.number, o.at = number, at
	return o, nil
}

// with puts another value in a field's place, as if it had come so.
func (o *object) with(field string, value any) (err error) {
	if o.fields[field], err = json.Marshal(value); err == nil {
		o.raw, err = json.Marshal(o.fields)
	}
	return err
}

// observe is what an object says.
func (k *kind) observe(o *object) adapters.Observation {
	out := adapters.Observation{Object: k.object(o.number), At: o.at, Raw: o.raw}
	if id, told := dig(o.fields, "metafield.value"); told { // where a create left it
		out.RecordID = adapters.ReadRecordID(mapping.Text(id))
	}
	k.Observe("", o.flat(k.Asked()), &out)
	return out
}

// flat has the fields at paths by their paths. What is told of none stays as it is.
func (o *object) flat(paths []string) map[string]json.RawMessage {
	out := maps.Clone(o.fields)
	for _, path := range paths {
		holder, _, nested := strings.Cut(path, ".")
		if raw, told := dig(o.fields, path); nested && told {
			delete(out, holder)
			out[path] = raw
		}
	}
	return out
}

// dig is the field at a path; null where what should hold it is.
func dig(fields map[string]json.RawMessage, path string) (raw json.RawMessage, told bool) {
	field, rest, nested := strings.Cut(path, ".")
	raw, told = fields[field]
	if !nested || !told || string(raw) == "null" {
		return raw, told
	}
	var inside map[string]json.RawMessage
	_ = json.Unmarshal(raw, &inside) // what is no object holds nothing
	return dig(inside, rest)
}

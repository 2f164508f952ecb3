package mapping

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Reading is an object on its way into canonical form.
type Reading struct {
	// Fields are the object's, as they came.
	Fields map[string]json.RawMessage
	// Connection is that of the object.
	Connection string

	path    string // of the attribute that is being read
	bad     []adapters.Unusable
	strange []string
}

// Text is a field as text: nothing for none and for null, anything that is no text as it stands.
func (r *Reading) Text(field string) string { return Text(r.Fields[field]) }

// maxRaw is how many bytes are kept of a value that cannot be used.
const maxRaw = 1000

// scalar is Text for fields that are texts, numbers or flags; anything else is of no use.
func (r *Reading) scalar(field string) string {
	text := r.Text(field)
	if raw := r.Fields[field]; len(raw) > 0 && (raw[0] == '{' || raw[0] == '[') {
		r.Unusable(text, "it is no text")
		return ""
	}
	return text
}

// Unusable notes a value that does not fit the canonical form; the observation then does not speak of the attribute.
func (r *Reading) Unusable(raw, reason string) {
	if len(raw) > maxRaw {
		raw = strings.ToValidUTF8(raw[:maxRaw], "") // a character may be cut
	}
	r.bad = append(r.bad, adapters.Unusable{Path: r.path, Raw: raw, Reason: reason})
}

// Unknown notes a field, or a "field=value", that the adapter does not know.
func (r *Reading) Unknown(what string) { r.strange = append(r.strange, what) }

// RFC3339 reads a time in the form that most vendors have.
func RFC3339(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, text)
	return at.UTC(), err == nil
}

// Time reads a field that is a time, in the vendor's form; nil where there is none, or where it is parsed as the zero time.
func (r *Reading) Time(field string, parse func(string) (time.Time, bool)) *timestamppb.Timestamp {
	raw := r.Text(field)
	if raw == "" {
		return nil
	}
	at, ok := parse(raw)
	if !ok {
		r.Unusable(raw, "it is no time")
		return nil
	}
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}

// ID reads a field that is another object's id; empty where there is none.
func (r *Reading) ID(field string, is func(string) bool) string {
	raw := r.Text(field)
	if raw != "" && !is(raw) {
		r.Unusable(raw, "it is no id")
		return ""
	}
	return raw
}

// Reference names another object of the same connection; nil for no id.
func Reference(id string) *canonicalv1.Reference {
	if id == "" {
		return nil
	}
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}

// Agent names a member of the connection's staff, or a team; nil for no id.
func (r *Reading) Agent(id string) *canonicalv1.Agent {
	if id == "" {
		return nil
	}
	return &canonicalv1.Agent{Connection: r.Connection, ExternalId: id}
}

// Observe adds to an observation what the fields of an object say. It is a snapshot unless the object lacks a field or has
// a value that is of no use: of such an attribute it does not speak, rather than say that it is empty.
func (k *Kind) Observe(connection string, fields map[string]json.RawMessage, o *adapters.Observation) {
	message, strange := k.Message(), []string(nil)
	spoken := make([]string, 0, len(k.Rows))
	for _, row := range k.Rows {
		if !k.tells(row, fields) {
			continue
		}
		r, one := &Reading{Fields: fields, Connection: connection, path: row.Path}, k.Message()
		row.Read(r, one)
		o.Unusable, strange = append(o.Unusable, r.bad...), append(strange, r.strange...)
		if len(r.bad) > 0 {
			continue
		}
		proto.Merge(message, one)
		spoken = append(spoken, row.Path)
	}
	if len(spoken) < len(k.Rows) {
		o.Paths = spoken
	}
	o.Message, o.Unknown = message, k.unknown(strange, fields)
}

// tells says that an object speaks of an attribute, be it that it is empty.
func (k *Kind) tells(row Row, fields map[string]json.RawMessage) bool {
	if k.Sparse {
		return true
	}
	for _, field := range row.Fields {
		if _, ok := fields[field]; !ok {
			return false
		}
	}
	return true
}

// unknown adds the names of fields that nothing here knows.
func (k *Kind) unknown(strange []string, fields map[string]json.RawMessage) []string {
	for name := range fields {
		mapped := slices.ContainsFunc(k.Rows, func(row Row) bool { return slices.Contains(row.Fields, name) })
		if !mapped && !slices.Contains(k.Own, name) {
			strange = append(strange, name)
		}
	}
	slices.Sort(strange)
	return strange
}

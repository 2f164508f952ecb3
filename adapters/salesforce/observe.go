package salesforce

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// reading is a row on its way into canonical form.
type reading struct {
	object     *object
	connection string
	// path is the attribute that is being read.
	path    string
	bad     []adapters.Unusable
	strange []string
}

func (r *reading) text(field string) string { return r.object.text(field) }

// unusable notes a value that does not fit the canonical form; the observation then does not speak of the attribute.
func (r *reading) unusable(raw, reason string) {
	r.bad = append(r.bad, adapters.Unusable{Path: r.path, Raw: raw, Reason: reason})
}

func (r *reading) unknown(what string) { r.strange = append(r.strange, what) }

// id reads the id of another object; empty where there is none.
func (r *reading) id(field string) string {
	raw := r.text(field)
	if raw == "" {
		return ""
	}
	id, ok := longID(raw)
	if !ok {
		r.unusable(raw, "it is no id")
	}
	return id
}

// reference reads an id as a reference.
func (r *reading) reference(field string) *canonicalv1.Reference { return reference(r.id(field)) }

// reference names an object of this org; nil where there is none.
func reference(id string) *canonicalv1.Reference {
	if id == "" {
		return nil
	}
	return &canonicalv1.Reference{Target: &canonicalv1.Reference_External{External: &canonicalv1.ExternalReference{ExternalId: id}}}
}

// agent reads a user or a queue, with the name that is beside the id.
func (r *reading) agent(field, name string) *canonicalv1.Agent {
	id := r.id(field)
	if id == "" {
		return nil
	}
	return &canonicalv1.Agent{Connection: r.connection, ExternalId: id, Name: r.text(name)}
}

// time reads a moment; nil where there is none.
func (r *reading) time(field string) *timestamppb.Timestamp {
	raw := r.text(field)
	if raw == "" {
		return nil
	}
	at, ok := moment(raw)
	if !ok {
		r.unusable(raw, "it is no time")
		return nil
	}
	return timestamppb.New(at)
}

// day reads a date as its first moment; nil where there is none.
func (r *reading) day(raw string) *timestamppb.Timestamp {
	if raw == "" {
		return nil
	}
	at, err := time.Parse(time.DateOnly, raw)
	if err != nil {
		r.unusable(raw, "it is no date")
		return nil
	}
	return timestamppb.New(at)
}

// money reads an amount; nil for none.
func (r *reading) money(raw json.RawMessage, currency string) *canonicalv1.Money {
	if text(raw) == "" {
		return nil
	}
	amount, ok := plainNumber(text(raw))
	if !ok {
		r.unusable(text(raw), "it is no number")
		return nil
	}
	m, err := money.FromDecimal(amount, currency)
	if err != nil {
		r.unusable(amount+" "+currency, err.Error())
		return nil
	}
	return m
}

// observe is what a row says. It is a snapshot unless the row lacks a field or has a value that is of no use: of such an
// attribute it does not speak, rather than say that it is empty.
func (a *api) observe(k *kind, o *object) adapters.Observation {
	out := adapters.Observation{
		Object: adapters.Object{Kind: k.name, ExternalID: adapters.ExternalID(o.id)}, At: o.at, Raw: o.raw,
		RecordID: adapters.ReadRecordID(o.text(a.org.external)),
	}
	if out.Gone = o.text("IsDeleted") == "true"; out.Gone {
		if winner, ok := longID(o.text("MasterRecordId")); ok && k.merges {
			out.MergedInto = adapters.ExternalID(winner)
		}
		return out
	}
	r, message := &reading{object: o, connection: a.connection}, k.message()
	spoken := make([]string, 0, len(k.rows))
	for _, row := range k.rows {
		if !slices.ContainsFunc(row.fields, func(field string) bool { return !o.told(field) }) && r.take(k, row, message) {
			spoken = append(spoken, row.path)
		}
	}
	if len(spoken) < len(k.rows) {
		out.Paths = spoken
	}
	r.unknownFields(k.asked(a.org.external))
	out.Message, out.Unusable, out.Unknown = message, r.bad, r.strange
	return out
}

// take reads one attribute; false where its value is of no use.
func (r *reading) take(k *kind, row row, into proto.Message) bool {
	one, message := &reading{object: r.object, connection: r.connection, path: row.path}, k.message()
	row.read(one, message)
	r.bad, r.strange = append(r.bad, one.bad...), append(r.strange, one.strange...)
	if len(one.bad) > 0 {
		return false
	}
	proto.Merge(into, message)
	return true
}

// unknownFields notes the names that nobody asked for.
func (r *reading) unknownFields(asked []string) {
	known := map[string]bool{"attributes": true, childrenField: true}
	for _, field := range asked {
		parent, _, _ := strings.Cut(field, ".")
		known[parent] = true
	}
	for name := range r.object.fields {
		if !known[name] {
			r.unknown(name)
		}
	}
	slices.Sort(r.strange)
}

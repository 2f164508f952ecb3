package shopify

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/money"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
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
	var head struct {
		ID        value `json:"id"`
		UpdatedAt value `json:"updatedAt"`
	}
	if json.Unmarshal(raw, &head) != nil || json.Unmarshal(raw, &o.fields) != nil {
		return nil, errObject // without the cause, which quotes values
	}
	var ok bool
	if o.number, ok = k.numberOf(string(head.ID)); !ok {
		return nil, errObject
	}
	at, err := time.Parse(time.RFC3339Nano, string(head.UpdatedAt))
	if err != nil {
		return nil, errObject
	}
	o.at = at.UTC()
	return o, nil
}

// reading is an object on its way into canonical form.
type reading struct {
	object *object
	// path is the attribute that is being read.
	path    string
	bad     []adapters.Unusable
	strange []string
}

// observe is what an object says: a snapshot, unless a part is missing or of no use.
func (k *kind) observe(o *object) adapters.Observation {
	r := &reading{object: o}
	out := adapters.Observation{Object: k.object(o.number), At: o.at, Raw: o.raw, RecordID: o.recordID()}
	m, spoken, all := k.take(r)
	if !all {
		out.Paths = spoken
	}
	for name := range o.fields {
		if !slices.Contains(k.fields, name) && !slices.Contains([]string{"id", "updatedAt", "metafield"}, name) {
			r.unknown(name)
		}
	}
	slices.Sort(r.strange)
	out.Message, out.Unusable, out.Unknown = m, r.bad, slices.Compact(r.strange)
	return out
}

// recordID is our id, where a create left it.
func (o *object) recordID() string {
	var field *struct {
		Value value `json:"value"`
	}
	if json.Unmarshal(o.fields["metafield"], &field) != nil || field == nil {
		return ""
	}
	return adapters.ReadRecordID(string(field.Value))
}

// has says that the object tells of all these fields, be it that they are null.
func (r *reading) has(fields []string) bool {
	for _, field := range fields {
		if _, ok := r.object.fields[field]; !ok {
			return false
		}
	}
	return true
}

// get decodes a field; null leaves into as it is.
func (r *reading) get(field string, into any) {
	if err := json.Unmarshal(r.object.fields[field], into); err != nil {
		r.unusable(string(r.object.fields[field]), "it has another form than Shopify documents")
	}
}

// text is a field that is a text; empty for null.
func (r *reading) text(field string) string {
	var v string
	r.get(field, &v)
	return v
}

// unusable notes a value that does not fit the canonical form; the observation then does not speak of the attribute.
func (r *reading) unusable(raw, reason string) {
	r.bad = append(r.bad, adapters.Unusable{Path: r.path, Raw: raw, Reason: reason})
}

func (r *reading) unknown(what string) { r.strange = append(r.strange, what) }

// moment is a field that is a time; nil for null.
func (r *reading) moment(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		r.unusable(text, "it is no time of RFC 3339")
	}
	return at.UTC()
}

// bag is an amount in the shop's currency and in the one that the buyer saw.
type bag struct {
	Shop        *amount `json:"shopMoney"`
	Presentment *amount `json:"presentmentMoney"`
}

type amount struct {
	Amount   string `json:"amount"`
	Currency string `json:"currencyCode"`
}

// money reads an amount; nil for none.
func (r *reading) money(a *amount) *canonicalv1.Money {
	if a == nil {
		return nil
	}
	m, err := money.FromDecimal(a.Amount, a.Currency)
	if err != nil {
		r.unusable(a.Amount+" "+a.Currency, err.Error())
		return nil
	}
	return m
}

// enum is the canonical value of one of Shopify's, and its text where there is none.
func enum[E any](r *reading, field, text string, known map[string]E) (e E, raw *string) {
	e, ok := known[text]
	if !ok {
		r.unknown(field + "=" + text)
		raw = &text
	}
	return e, raw
}

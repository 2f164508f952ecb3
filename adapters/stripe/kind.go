package stripe

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
	"github.com/canonhub/canonhub/adapters/money"
	"github.com/canonhub/canonhub/adapters/normal"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// kind is one kind of object: its names on the wire and its mapping. Fields of parts have the names of Stripe's forms, in
// the mapping of what is read as of what is written: address[line1].
type kind struct {
	mapping.Kind
	// list is where such objects are.
	list string
	// changes are the events that tell of them.
	changes map[string][]string
	// creates says that the hub can create them.
	creates bool
	lacks   map[adapters.Ability]string
}

// kinds are those that are carried, by Stripe's names, which are ours.
var kinds = map[adapters.Kind]*kind{customer: customers, invoice: invoices}

func (k *kind) carriage() adapters.Carriage {
	c := k.Carriage()
	c.Create, c.Pull, c.Lacks = k.creates, pull, k.lacks
	return c
}

var errShape = errors.New("the object does not have Stripe's shape")

// observe reads an object. more says that not all of an invoice's lines are in it.
func (k *kind) observe(raw json.RawMessage) (o adapters.Observation, more bool, err error) {
	var fields map[string]json.RawMessage
	var id string
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields["id"], &id) != nil || !isID(id) {
		return o, false, errShape
	}
	o = adapters.Observation{Object: adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(id)}, Raw: bytes.Clone(raw),
		RecordID: adapters.ReadRecordID(mapping.Text(part(fields, "metadata["+recordIDKey+"]")))}
	if o.Gone = mapping.Text(fields["deleted"]) == "true"; o.Gone {
		return o, false, nil
	}
	told := maps.Clone(fields)
	for _, name := range k.Asked() {
		if value := part(fields, name); value != nil {
			told[name] = value
		}
	}
	k.Observe("", told, &o)
	return o, mapping.Text(part(fields, "lines[has_more]")) == "true", nil
}

// part is a field of an object by the name that Stripe's forms have for it; nil where there is none. Where what should have it
// is of another form, a list with that stands for it, which no attribute can be read from.
func part(fields map[string]json.RawMessage, name string) json.RawMessage {
	name, rest, nested := strings.Cut(name, "[")
	raw := fields[name]
	for nested {
		name, rest, _ = strings.Cut(rest, "]")
		rest, nested = strings.CutPrefix(rest, "[")
		var list []json.RawMessage
		var object map[string]json.RawMessage
		i, err := strconv.Atoi(name)
		switch {
		case raw == nil:
		case err == nil && json.Unmarshal(raw, &list) == nil:
			raw = slices.Concat(list, make([]json.RawMessage, i+1))[i]
		case err != nil && json.Unmarshal(raw, &object) == nil:
			raw = object[name]
		default:
			return slices.Concat(json.RawMessage("["), raw, json.RawMessage("]"))
		}
	}
	return raw
}

// fieldsOf are those of Stripe's current Go types, and those that other versions have.
func fieldsOf(object any, older ...string) []string {
	known := older
	for _, field := range reflect.VisibleFields(reflect.TypeOf(object)) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			known = append(known, name)
		}
	}
	return known
}

// isID says that a text may be an id. Old customers have what their merchants called them.
var isID = regexp.MustCompile(`^[!-~]{1,255}$`).MatchString

// idOf reads a field that holds an id, or the whole object where it is expanded; empty where it holds neither.
func idOf(raw json.RawMessage) string {
	var object struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &object) != nil {
		_ = json.Unmarshal(raw, &object.ID)
	}
	return object.ID
}

// link maps a reference that Stripe sets, in the first of some fields that is there.
func link(path string, fields ...string) mapping.Row {
	return mapping.ValueOf(path, fields, func(r *mapping.Reading) *canonicalv1.Reference {
		raw := either(r, fields...)
		id := idOf(raw)
		if raw != nil && !isID(id) {
			r.Unusable(mapping.Text(raw), "it is no id")
			return nil
		}
		return mapping.Reference(id)
	})
}

// seconds reads unix seconds. 0 is no time.
func seconds(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if n == 0 {
		return time.Time{}, err == nil
	}
	return time.Unix(n, 0), err == nil
}

// amount maps an integer amount that Stripe sets.
func amount(path, field string) mapping.Row {
	return amountOf(path, []string{field}, func(r *mapping.Reading) json.RawMessage { return r.Fields[field] })
}

func amountOf(path string, fields []string, find func(*mapping.Reading) json.RawMessage) mapping.Row {
	return mapping.Row{Path: path, Fields: append(fields, "currency"), Read: func(r *mapping.Reading, m proto.Message) {
		mapping.Put(m, path, minor(r, find(r), strings.ToUpper(r.Text("currency"))))
	}}
}

// minor reads an amount in the currency's smallest unit; nil where there is none.
func minor(r *mapping.Reading, raw json.RawMessage, currency string) *canonicalv1.Money {
	text := mapping.Text(raw)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.Unusable(text, "it is no amount in the smallest unit")
		return nil
	}
	m, err := money.FromStripe(n, currency)
	if err != nil {
		r.Unusable(currency, err.Error())
		return nil
	}
	return m
}

// address maps an address, a row each part, to the parts of a field.
func address(path, field string) []mapping.Row {
	return []mapping.Row{
		mapping.Plain(path+".line1", field+"[line1]"),
		mapping.Plain(path+".line2", field+"[line2]"),
		mapping.Plain(path+".city", field+"[city]"),
		mapping.Plain(path+".region", field+"[state]"),
		mapping.Plain(path+".postal_code", field+"[postal_code]"),
		country(path+".country_code", field+"[country]"),
	}
}

func country(path, field string) mapping.Row {
	row := mapping.Plain(path, field)
	row.Read = func(r *mapping.Reading, m proto.Message) {
		code, ok := normal.Country(r.Text(field))
		switch {
		case ok:
			mapping.Set(m, path, code)
		case r.Text(field) != "":
			r.Unusable(r.Text(field), "it is no country's code or name")
		}
	}
	return row
}

// currency maps the currency's code, which Stripe writes in lower case, and sets.
func currency() mapping.Row {
	row := mapping.Plain("currency_code", "currency").ReadOnly()
	row.Read = func(r *mapping.Reading, m proto.Message) {
		if code := strings.ToUpper(r.Text("currency")); code != "" {
			mapping.Set(m, "currency_code", code)
		}
	}
	return row
}

// losing says what is lost of one of several attributes.
func losing(path, what string, rows []mapping.Row) []mapping.Row {
	for i, row := range rows {
		if row.Path == path {
			rows[i] = row.Losing(what)
		}
	}
	return rows
}

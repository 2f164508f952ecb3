package hubspot

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
)

// recordIDProperty is the unique property that keeps our record id.
const recordIDProperty = "canonhub_id"

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	name      adapters.Kind
	one, many string // "contact", "contacts"
	typeID    string // in events of the generic kind: "0-1"
	// modified is the property that tells when the properties last changed.
	modified string
	message  func() proto.Message
	rows     []row
	// create makes an object that carries our record's id, or finds the one that is in its way.
	create func(*account, context.Context, task, string, frozen) (adapters.Ack, error)
	// complete makes properties those of a create, or says why there can be none. May be nil.
	complete func(properties map[string]string) (refusal string)
	// unfit is the attribute that the object, as it is now, cannot take, and why. Nil where an update need not read before
	// it writes.
	unfit func(now *object, properties map[string]string) (path, why string)
	// further are properties that are read, too, and say nothing by themselves.
	further []string

	// holders are the attributes that each mapped property holds.
	holders map[string][]string
	// asked are the properties that every read asks for.
	asked []string
}

// row maps one attribute to the properties that hold it.
type row struct {
	path       string
	properties []string
	// read takes the attribute from the properties.
	read func(*reading, proto.Message)
	// write gives the properties' values, in their order; "" clears. A refusal is why HubSpot cannot hold the value. Nil
	// where HubSpot alone sets the attribute.
	write func(proto.Message) (values []string, refusal string)
	// loss is what is lost where HubSpot holds the attribute less exactly.
	loss string
}

// mapped makes a row of functions on the kind's own message.
func mapped[M proto.Message](path string, properties []string, read func(*reading, M), write func(M) ([]string, string)) row {
	r := row{path: path, properties: properties, read: func(r *reading, m proto.Message) { read(r, m.(M)) }}
	if write != nil {
		r.write = func(m proto.Message) ([]string, string) { return write(m.(M)) }
	}
	return r
}

// plain maps a text to a property as it is.
func plain[M proto.Message](path, property string, get func(M) string, set func(M, string)) row {
	return mapped(path, []string{property},
		func(r *reading, m M) {
			if v := r.value(property); v != "" {
				set(m, v)
			}
		},
		func(m M) ([]string, string) { return []string{get(m)}, "" })
}

func (r row) losing(what string) row {
	r.loss = what
	return r
}

// with sorts out what follows from the rows.
func (k kind) with(rows ...row) *kind {
	k.rows, k.holders = rows, map[string][]string{}
	for _, r := range rows {
		for _, property := range r.properties {
			k.holders[property] = append(k.holders[property], r.path)
		}
	}
	k.asked = append(slices.Sorted(maps.Keys(k.holders)), append(k.further, recordIDProperty, k.modified)...)
	k.asked = slices.DeleteFunc(k.asked, func(property string) bool { return property == contactsProperty })
	return &k
}

// base is the objects' API, in a version that HubSpot keeps until September 2027.
func (k *kind) base() string { return "/crm/objects/2026-03/" + k.many }

// query asks for what every read tells.
func (k *kind) query() url.Values {
	q := url.Values{"properties": {strings.Join(k.asked, ",")}}
	if k.associates() {
		q.Set("associations", "contacts")
	}
	return q
}

func (k *kind) path(id string) string { return k.base() + "/" + id }

func (k *kind) object(id value) adapters.Object {
	return adapters.Object{Kind: k.name, ExternalID: adapters.ExternalID(id)}
}

// row is the one of an attribute that can be written; nil where there is none.
func (k *kind) row(path string) *row {
	for i, r := range k.rows {
		if r.path == path && r.write != nil {
			return &k.rows[i]
		}
	}
	return nil
}

// carriage is the mapping as the contract tells it.
func (k *kind) carriage() adapters.Carriage {
	c := adapters.Carriage{Kind: k.name, Create: true, Archive: true, Pull: pulls, Losses: map[string]string{}, Lacks: map[adapters.Ability]string{
		adapters.PullsDeletes: "HubSpot's search passes over archived " + k.many + ".",
	}}
	for _, r := range k.rows {
		c.In = append(c.In, r.path)
		if r.write != nil {
			c.Out = append(c.Out, r.path)
		}
		if r.loss != "" {
			c.Losses[r.path] = r.loss
		}
	}
	return c
}

// kinds are those that a connection carries.
type kinds []*kind

// named is the kind of that name; nil where it is not carried.
func (all kinds) named(name adapters.Kind) *kind {
	return all.find(func(k *kind) bool { return k.name == name })
}

// called is the kind that events call so, by its word or by its type; nil where it is not carried.
func (all kinds) called(subject string) *kind {
	return all.find(func(k *kind) bool { return subject == k.one || subject == k.typeID })
}

func (all kinds) find(is func(*kind) bool) *kind {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i]
	}
	return nil
}

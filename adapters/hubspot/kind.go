package hubspot

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/mapping"
)

const (
	vendor = "HubSpot"
	// recordIDProperty is the unique property that keeps our record id.
	recordIDProperty = "canonhub_id"
	// idProperty is HubSpot's id as a property.
	idProperty = "hs_object_id"
)

// kind is one kind of object: its names on the wire and its mapping.
type kind struct {
	mapping.Kind
	one, many string // "contact", "contacts"
	typeID    string // in events of the generic kind: "0-1"
	// modified is the property that tells when the properties last changed.
	modified string
	// further are properties that are read, too, and say nothing by themselves.
	further []string
	// associates says that the kind has contacts.
	associates bool
	// create makes an object that carries our record's id, or finds the one that is in its way.
	create func(*account, context.Context, task, string) (adapters.Ack, error)
	// unfit is the attribute that the object, as it is now, cannot take, and why. Nil where an update need not read before
	// it writes.
	unfit func(now *object, t task) (path, why string)
}

// Fields and properties that say nothing of the record.
var (
	ownFields = []string{"id", "properties", "createdAt", "updatedAt", "archived", "archivedAt", "url", "new",
		"objectWriteTraceId", "associations", "propertiesWithHistory"}
	ownProperties = []string{recordIDProperty, "lastmodifieddate", "hs_lastmodifieddate", "createdate", "hs_createdate", idProperty, pipelineProperty}
)

// asked are the properties that every read asks for.
func (k *kind) asked() []string {
	all := slices.Concat(k.Asked(), k.further, []string{recordIDProperty, k.modified})
	return slices.DeleteFunc(all, func(property string) bool { return property == contactsProperty })
}

// base is the objects' API, in a version that HubSpot keeps until September 2027.
func (k *kind) base() string { return "/crm/objects/2026-03/" + k.many }

func (k *kind) path(id string) string { return k.base() + "/" + id }

// query asks for what every read tells.
func (k *kind) query() url.Values {
	q := url.Values{"properties": {strings.Join(k.asked(), ",")}}
	if k.associates {
		q.Set("associations", "contacts")
	}
	return q
}

func (k *kind) object(id value) adapters.Object {
	return adapters.Object{Kind: k.Name, ExternalID: adapters.ExternalID(id)}
}

// carriage is the mapping as the contract tells it.
func (k *kind) carriage() adapters.Carriage {
	c := k.Carriage()
	c.Create, c.Archive, c.Pull = true, true, pulls
	c.Lacks = map[adapters.Ability]string{adapters.PullsDeletes: "HubSpot's search passes over archived " + k.many + "."}
	return c
}

// kinds are those that a connection carries.
type kinds []*kind

// named is the kind of that name; nil where it is not carried.
func (all kinds) named(name adapters.Kind) *kind {
	return all.find(func(k *kind) bool { return k.Name == name })
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

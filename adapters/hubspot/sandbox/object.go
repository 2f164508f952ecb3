package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Object is a contact or a ticket as HubSpot keeps it. Properties without a value are not in the map.
type Object struct {
	ID                   string
	Properties           map[string]string
	CreatedAt, UpdatedAt time.Time
	Archived             bool
	ArchivedAt           time.Time
}

func (c *Object) clone() Object {
	copied := *c
	copied.Properties = maps.Clone(c.Properties)
	return copied
}

func (c *Object) number() int64 {
	n, _ := strconv.ParseInt(c.ID, 10, 64) // ids are made from numbers
	return n
}

// table is all objects of one type. Ids of different types may coincide, as HubSpot's may.
type table struct {
	*Server
	shape
	objects    map[int64]*Object
	merged     map[int64]int64 // ids that lead to another object
	properties map[string]property
	lastID     int64
}

// shape is what sets a type of objects apart.
type shape struct {
	one, many, typeID string // "contact", "contacts", "0-1"
	// modified is the property with the time of the last change.
	modified string
	// shown are the properties of an answer where none are asked for.
	shown []string
	// lacks is what is wrong with a create as a whole; empty where nothing is.
	lacks func(values map[string]string) string
	// follow adds to a change what HubSpot changes by itself.
	follow func(c *Object, changed map[string]string, at time.Time)
}

func newTable(s *Server, of shape, properties map[string]property) *table {
	return &table{Server: s, shape: of, objects: map[int64]*Object{}, merged: map[int64]int64{}, properties: properties, lastID: firstID}
}

// all are the objects that are not archived, oldest first.
func (s *table) all() []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Object
	for _, id := range sortedKeys(s.objects) {
		if c := s.objects[id]; !c.Archived {
			all = append(all, c.clone())
		}
	}
	return all
}

// object is one of them, archived ones too.
func (s *table) object(id string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(id); c != nil {
		return c.clone(), true
	}
	return Object{}, false
}

// find is the object with an id, or the one that it was merged into; nil where there is none.
func (s *table) find(id string) *Object {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	for {
		winner, ok := s.merged[n]
		if !ok {
			return s.objects[n]
		}
		n = winner
	}
}

// by is the live object that has a value in a unique property; nil where there is none.
func (s *table) by(name, value string) *Object {
	for _, id := range sortedKeys(s.objects) {
		c := s.objects[id]
		if c.Archived || value == "" {
			continue
		}
		if name == "email" && c.hasEmail(value) || name != "email" && c.Properties[name] == value {
			return c
		}
	}
	return nil
}

func (c *Object) hasEmail(email string) bool {
	all := append(strings.Split(c.Properties["hs_additional_emails"], ";"), c.Properties["email"])
	return slices.ContainsFunc(all, func(other string) bool {
		return strings.EqualFold(strings.TrimSpace(other), strings.TrimSpace(email))
	})
}

// add stores a new object, without any property but HubSpot's own.
func (s *table) add() *Object {
	s.lastID++
	at := s.now()
	c := &Object{ID: strconv.FormatInt(s.lastID, 10), CreatedAt: at, UpdatedAt: at}
	c.Properties = map[string]string{"hs_object_id": c.ID, "createdate": stamp(at), s.modified: stamp(at)}
	s.objects[s.lastID] = c
	return c
}

// origin says who writes: HubSpot's changeSource.
type origin string

const (
	api origin = "INTEGRATION"
	ui  origin = "CRM_UI"
)

// set changes properties and returns an event for each that became another one. A write that changes nothing leaves no
// trace.
func (s *table) set(c *Object, values map[string]string, by origin) []event {
	changed := map[string]string{}
	for name, value := range values {
		value = s.normalise(name, value)
		ignored := name == "lifecyclestage" && by == api && s.back(c.Properties[name], value)
		if value != c.Properties[name] && !ignored {
			changed[name] = value
		}
	}
	if len(changed) == 0 {
		return nil
	}
	c.UpdatedAt = s.now()
	c.Properties[s.modified] = stamp(c.UpdatedAt)
	if s.follow != nil {
		s.follow(c, changed, c.UpdatedAt)
	}
	var events []event
	for _, name := range sortedKeys(changed) {
		c.Properties[name] = changed[name]
		if changed[name] == "" {
			delete(c.Properties, name)
		}
		events = append(events, s.event(c, "propertyChange", by).property(name, changed[name]))
	}
	return events
}

// stamp is HubSpot's way to write a time.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func sortedKeys[K int64 | string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// String tells what is there, for failures.
func (s *Server) String() string {
	var b strings.Builder
	for _, c := range s.Contacts() {
		fmt.Fprintf(&b, "%s=%v ", c.ID, c.Properties)
	}
	return b.String()
}

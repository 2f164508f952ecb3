package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Contact is a contact as HubSpot keeps it. Properties without a value are not in the map.
type Contact struct {
	ID                   string
	Properties           map[string]string
	CreatedAt, UpdatedAt time.Time
	Archived             bool
	ArchivedAt           time.Time
}

func (c *Contact) clone() Contact {
	copied := *c
	copied.Properties = maps.Clone(c.Properties)
	return copied
}

func (c *Contact) number() int64 {
	n, _ := strconv.ParseInt(c.ID, 10, 64) // ids are made from numbers
	return n
}

// Contacts are all contacts that are not archived, oldest first.
func (s *Server) Contacts() []Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Contact
	for _, id := range sortedKeys(s.contacts) {
		if c := s.contacts[id]; !c.Archived {
			all = append(all, c.clone())
		}
	}
	return all
}

// Contact is one contact, archived ones too.
func (s *Server) Contact(id string) (Contact, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(id); c != nil {
		return c.clone(), true
	}
	return Contact{}, false
}

// ByEmail is the contact with that e-mail address, its primary or another one.
func (s *Server) ByEmail(email string) (Contact, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.by("email", email); c != nil {
		return c.clone(), true
	}
	return Contact{}, false
}

// find is the contact with an id, or the one that it was merged into; nil where there is none.
func (s *Server) find(id string) *Contact {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	for {
		winner, ok := s.merged[n]
		if !ok {
			return s.contacts[n]
		}
		n = winner
	}
}

// by is the live contact that has a value in a unique property; nil where there is none.
func (s *Server) by(name, value string) *Contact {
	for _, id := range sortedKeys(s.contacts) {
		c := s.contacts[id]
		if c.Archived || value == "" {
			continue
		}
		if name == "email" && c.hasEmail(value) || name != "email" && c.Properties[name] == value {
			return c
		}
	}
	return nil
}

func (c *Contact) hasEmail(email string) bool {
	all := append(strings.Split(c.Properties["hs_additional_emails"], ";"), c.Properties["email"])
	return slices.ContainsFunc(all, func(other string) bool {
		return strings.EqualFold(strings.TrimSpace(other), strings.TrimSpace(email))
	})
}

// add stores a new contact, without any property but HubSpot's own.
func (s *Server) add() *Contact {
	s.lastID++
	at := s.now()
	c := &Contact{ID: strconv.FormatInt(s.lastID, 10), CreatedAt: at, UpdatedAt: at}
	c.Properties = map[string]string{"hs_object_id": c.ID, "createdate": stamp(at), "lastmodifieddate": stamp(at)}
	s.contacts[s.lastID] = c
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
func (s *Server) set(c *Contact, values map[string]string, by origin) []event {
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
	c.Properties["lastmodifieddate"] = stamp(c.UpdatedAt)
	var events []event
	for _, name := range sortedKeys(changed) {
		c.Properties[name] = changed[name]
		if changed[name] == "" {
			delete(c.Properties, name)
		}
		events = append(events, s.event(c, "contact.propertyChange", by).property(name, changed[name]))
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

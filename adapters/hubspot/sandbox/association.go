package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// link is an association of a ticket with a contact, without a label.
type link struct{ ticket, contact int64 }

// HubSpot's types of it, in either direction.
const (
	contactToTicket = 15
	ticketToContact = 16
)

// number is an id that may be written as a number or as text.
type number string

// UnmarshalJSON takes either.
func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(bytes.Trim(b, `"`))
	return nil
}

// association is one that a create asks for.
type association struct {
	To struct {
		ID number `json:"id"`
	} `json:"to"`
	Types []struct {
		Category string `json:"associationCategory"`
		TypeID   int    `json:"associationTypeId"`
	} `json:"types"`
}

// associated is a list of objects of one type that an object is associated with.
type associated struct {
	Results []related `json:"results"`
}

type related struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Associate joins a ticket and a contact, as a HubSpot user does.
func (s *Server) Associate(ticket, contact string) error {
	return s.relate(ticket, contact, (*Server).link)
}

// Dissociate takes a contact from a ticket.
func (s *Server) Dissociate(ticket, contact string) error {
	return s.relate(ticket, contact, (*Server).unlink)
}

func (s *Server) relate(ticket, contact string, change func(*Server, *Object, *Object, origin)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tickets.live(ticket)
	if err != nil {
		return err
	}
	c, err := s.contacts.live(contact)
	if err != nil {
		return err
	}
	change(s, t, c, ui)
	return nil
}

// ContactsOf are the ids of the contacts that a ticket is associated with.
func (s *Server) ContactsOf(ticket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tickets.find(ticket); t != nil {
		return s.contactsOf(t)
	}
	return nil
}

// contactsOf leaves out those in the recycling bin.
func (s *Server) contactsOf(t *Object) []string {
	var ids []string
	for _, l := range s.links {
		if c := s.contacts.objects[l.contact]; l.ticket == t.number() && c != nil && !c.Archived {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// link joins a ticket and a contact, and tells both sides. Time stamps stay.
func (s *Server) link(t, c *Object, by origin) {
	l := link{t.number(), c.number()}
	if slices.Contains(s.links, l) {
		return
	}
	s.links = append(s.links, l)
	s.tell(t, c, false, by)
}

func (s *Server) unlink(t, c *Object, by origin) {
	i := slices.Index(s.links, link{t.number(), c.number()})
	if i < 0 {
		return
	}
	s.links = slices.Delete(s.links, i, i+1)
	s.tell(t, c, true, by)
}

func (s *Server) tell(t, c *Object, removed bool, by origin) {
	s.now()
	ends := [2]*table{s.tickets, s.contacts}
	objects := [2]*Object{t, c}
	for i, from := range ends {
		to := ends[1-i]
		primary := false
		e := from.event(objects[i], "associationChange", by)
		e.FromObjectID, e.ToObjectID, e.ObjectID = objects[i].number(), objects[1-i].number(), 0
		e.AssociationType = strings.ToUpper(from.one + "_to_" + to.one)
		e.AssociationRemoved, e.IsPrimaryAssociation = &removed, &primary
		if e.ObjectTypeID != "" {
			e.ObjectTypeID, e.FromObjectTypeID, e.ToObjectTypeID = "", from.typeID, to.typeID
		}
		s.hooks.emit(e)
	}
}

// follows moves the associations of a merged object to the one that lives on.
func (s *Server) follows(of *table, loser, winner int64) {
	for i, l := range s.links {
		switch {
		case of == s.tickets && l.ticket == loser:
			s.links[i].ticket = winner
		case of == s.contacts && l.contact == loser:
			s.links[i].contact = winner
		}
	}
	var all []link
	for _, l := range s.links {
		if !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	s.links = all
}

// associated adds the contacts where a request asks for them.
func (s *table) associated(o wire, r *http.Request) wire {
	if s != s.tickets || !strings.Contains(strings.Join(r.URL.Query()["associations"], ","), "contact") {
		return o
	}
	var list associated
	for _, id := range s.contactsOf(s.find(o.ID)) {
		list.Results = append(list.Results, related{id, "ticket_to_contact"})
	}
	if len(list.Results) > 0 {
		o.Associations = map[string]associated{"contacts": list}
	}
	return o
}

// strangers says which associations of a create cannot be made; nil where all can.
func (s *table) strangers(all []association) *reply {
	for _, a := range all {
		c := s.contacts.find(string(a.To.ID))
		known := s == s.tickets && len(a.Types) == 1 && a.Types[0].Category == "HUBSPOT_DEFINED" && a.Types[0].TypeID == ticketToContact
		if c == nil || c.Archived || !known {
			r := s.problem(http.StatusBadRequest, "VALIDATION_ERROR", fmt.Sprintf("Invalid association to %s", a.To.ID))
			return &r
		}
	}
	return nil
}

// ends are the two objects that a request's path names; nil where one is not there.
func (s *table) ends(r *http.Request) (t, c *Object) {
	t, c = s.find(r.PathValue("id")), s.contacts.find(r.PathValue("to"))
	if t == nil || t.Archived || c == nil || c.Archived {
		return nil, nil
	}
	return t, c
}

// putAssociation joins two objects by the association without a label.
func (s *table) putAssociation(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, c := s.ends(r)
	if t == nil {
		return s.notFound()
	}
	s.link(t, c, api)
	type end struct {
		ID string `json:"id"`
	}
	type made struct {
		From end            `json:"from"`
		To   end            `json:"to"`
		Spec map[string]any `json:"associationSpec"`
	}
	spec := func(id int) map[string]any {
		return map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id}
	}
	return reply{http.StatusOK, map[string]any{"status": "COMPLETE", "results": []made{
		{end{t.ID}, end{c.ID}, spec(ticketToContact)}, {end{c.ID}, end{t.ID}, spec(contactToTicket)},
	}}}
}

func (s *table) deleteAssociation(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, c := s.ends(r); t != nil {
		s.unlink(t, c, api)
	}
	return reply{status: http.StatusNoContent} // whether there was one or not
}

// labelled are the contacts of a ticket, each with the types of its association.
func (s *table) labelled(t *Object) (to []any) {
	for _, id := range s.contactsOf(t) {
		n, _ := strconv.ParseInt(id, 10, 64) // made from a number
		to = append(to, map[string]any{"toObjectId": n, "associationTypes": []any{map[string]any{"category": "HUBSPOT_DEFINED", "typeId": ticketToContact, "label": nil}}})
	}
	return to
}

// listAssociations lists the contacts of one ticket, which may be none.
func (s *table) listAssociations(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.find(r.PathValue("id"))
	if t == nil || t.Archived {
		return s.notFound()
	}
	return reply{http.StatusOK, map[string]any{"results": append([]any{}, s.labelled(t)...)}}
}

// readAssociations lists the contacts of many tickets. A ticket without any is an error in a 207.
func (s *table) readAssociations(r *http.Request) reply {
	var in struct {
		Inputs []batchInput `json:"inputs"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Inputs) == 0 || len(in.Inputs) > 1000 {
		return s.malformed()
	}
	results, errs := []any{}, []problem{}
	for _, one := range in.Inputs {
		var to []any
		if t := s.find(one.ID); t != nil {
			to = s.labelled(t)
		}
		if len(to) == 0 {
			errs = append(errs, problem{Status: "error", Category: "OBJECT_NOT_FOUND", Message: "No contact is associated with ticket " + one.ID + ".",
				Context: map[string][]string{"fromObjectId": {one.ID}, "fromObjectType": {"ticket"}, "toObjectType": {"contact"}}})
			continue
		}
		results = append(results, map[string]any{"from": map[string]string{"id": one.ID}, "to": to})
	}
	if len(errs) > 0 {
		return reply{http.StatusMultiStatus, map[string]any{"status": "COMPLETE", "results": results, "numErrors": len(errs), "errors": errs}}
	}
	return reply{http.StatusOK, map[string]any{"status": "COMPLETE", "results": results}}
}

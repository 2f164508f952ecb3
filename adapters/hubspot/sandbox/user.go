package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// Create is what a HubSpot user does on "Create contact". It returns the new contact's id.
func (s *Server) Create(values map[string]string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(&Contact{}, values); err != nil {
		return "", err
	}
	c := s.add()
	s.hooks.emit(append(s.set(c, values, ui), s.event(c, "contact.creation", ui).flag("CREATED"))...)
	return c.ID, nil
}

// Import makes contacts as HubSpot's import does: all at one time. It returns their ids.
func (s *Server) Import(all []map[string]string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now()
	s.stopped = true
	defer func() { s.stopped = false }()
	var ids []string
	for _, values := range all {
		if err := s.check(&Contact{}, values); err != nil {
			return nil, err
		}
		c := s.add()
		s.hooks.emit(append(s.set(c, values, ui), s.event(c, "contact.creation", ui).flag("CREATED"))...)
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// Edit is what a HubSpot user does on a contact's page; an empty value clears. Unlike the API, it can move a lifecycle
// stage back.
func (s *Server) Edit(id string, values map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.live(id)
	if err != nil {
		return err
	}
	if err := s.check(c, values); err != nil {
		return err
	}
	s.hooks.emit(s.set(c, values, ui)...)
	return nil
}

// Delete moves a contact to the recycling bin.
func (s *Server) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.live(id)
	if err != nil {
		return err
	}
	s.bin(c, ui)
	return nil
}

// Restore takes a contact out of the recycling bin.
func (s *Server) Restore(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	if c == nil || !c.Archived {
		return fmt.Errorf("contact %s is not in the recycling bin", id)
	}
	c.Archived, c.UpdatedAt = false, s.now()
	c.Properties["lastmodifieddate"] = stamp(c.UpdatedAt)
	s.hooks.emit(s.event(c, "contact.restore", ui))
	return nil
}

// Erase deletes a contact for good, as the GDPR asks for. HubSpot tells of it twice.
func (s *Server) Erase(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.live(id)
	if err != nil {
		return err
	}
	s.bin(c, ui)
	delete(s.contacts, c.number())
	s.hooks.emit(s.event(c, "contact.privacyDeletion", ui))
	return nil
}

// Merge joins two contacts into a third with an id of its own, as HubSpot does, and returns that id. The primary's
// values win; the other's e-mail address stays as an additional one. Both old ids lead to the new contact.
func (s *Server) Merge(primary, other string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, err := s.live(primary)
	if err != nil {
		return "", err
	}
	second, err := s.live(other)
	if err != nil {
		return "", err
	}
	values, moved := joined(first.Properties, second.Properties)
	for _, loser := range []*Contact{first, second} {
		delete(s.contacts, loser.number())
	}
	winner := s.add()
	s.set(winner, values, ui)
	s.merged[first.number()], s.merged[second.number()] = winner.number(), winner.number()
	e := s.event(winner, "contact.merge", ui)
	e.PrimaryObjectID, e.MergedObjectIDs, e.NewObjectID = first.number(), []int64{second.number()}, winner.number()
	e.NumberOfPropertiesMoved = moved
	s.hooks.emit(e)
	return winner.ID, nil
}

// joined are the values of a merged contact, and how many of them come from the second one.
func joined(first, second map[string]string) (map[string]string, int) {
	values, moved := map[string]string{}, 0
	for name, value := range first {
		values[name] = value
	}
	for name, value := range second {
		if values[name] == "" {
			values[name] = value
			moved++
		}
	}
	if email := second["email"]; email != "" && email != values["email"] {
		values["hs_additional_emails"] = strings.TrimPrefix(values["hs_additional_emails"]+";"+email, ";")
	}
	for _, own := range []string{"hs_object_id", "createdate", "lastmodifieddate"} {
		delete(values, own)
	}
	return values, moved
}

func (s *Server) bin(c *Contact, by origin) {
	c.Archived, c.ArchivedAt = true, s.now()
	s.hooks.emit(s.event(c, "contact.deletion", by).flag("DELETED"))
}

func (s *Server) live(id string) (*Contact, error) {
	c := s.find(id)
	if c == nil || c.Archived {
		return nil, fmt.Errorf("there is no contact %s", id)
	}
	return c, nil
}

// check is the validation that a form does.
func (s *Server) check(c *Contact, values map[string]string) error {
	for _, r := range s.validate(c, values) {
		return errors.New(r.Message)
	}
	if owner := s.by("email", values["email"]); owner != nil && owner.ID != c.ID {
		return fmt.Errorf("contact %s has this e-mail address", owner.ID)
	}
	return nil
}

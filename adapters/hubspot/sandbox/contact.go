package sandbox

// Contact is an Object among the contacts.
type Contact = Object

var contactShape = shape{
	one: "contact", many: "contacts", typeID: "0-1", modified: "lastmodifieddate", shown: []string{"email", "firstname", "lastname"},
	lacks: func(values map[string]string) string {
		if values["email"] == "" && values["firstname"] == "" && values["lastname"] == "" {
			return "At least one of email, firstname or lastname must be given."
		}
		return ""
	},
}

// Contacts are all contacts that are not archived, oldest first.
func (s *Server) Contacts() []Contact { return s.contacts.all() }

// Contact is one contact, archived ones too.
func (s *Server) Contact(id string) (Contact, bool) { return s.contacts.object(id) }

// ByEmail is the contact with that e-mail address, its primary or another one.
func (s *Server) ByEmail(email string) (Contact, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.contacts.by("email", email); c != nil {
		return c.clone(), true
	}
	return Contact{}, false
}

// Create is what a HubSpot user does on "Create contact". It returns the new contact's id.
func (s *Server) Create(values map[string]string) (string, error) { return s.contacts.make(values) }

// Import makes contacts as HubSpot's import does: all at one time. It returns their ids.
func (s *Server) Import(all []map[string]string) ([]string, error) { return s.contacts.makeAll(all) }

// Edit is what a HubSpot user does on a contact's page; an empty value clears. Unlike the API, it can move a lifecycle
// stage back.
func (s *Server) Edit(id string, values map[string]string) error { return s.contacts.edit(id, values) }

// Delete moves a contact to the recycling bin.
func (s *Server) Delete(id string) error { return s.contacts.delete(id) }

// Restore takes a contact out of the recycling bin.
func (s *Server) Restore(id string) error { return s.contacts.restore(id) }

// Merge joins two contacts into a third with an id of its own, as HubSpot does, and returns that id. The primary's
// values win; the other's e-mail address stays as an additional one. Both old ids lead to the new contact, and so do
// their associations.
func (s *Server) Merge(primary, other string) (string, error) {
	return s.contacts.merge(primary, other)
}

// Erase deletes a contact for good, as the GDPR asks for. HubSpot tells of it twice.
func (s *Server) Erase(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.contacts.live(id)
	if err != nil {
		return err
	}
	s.contacts.bin(c, ui)
	delete(s.contacts.objects, c.number())
	s.hooks.emit(s.contacts.event(c, "privacyDeletion", ui))
	return nil
}

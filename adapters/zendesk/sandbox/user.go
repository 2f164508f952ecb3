package sandbox

import (
	"errors"
	"fmt"
	"maps"
)

// The functions here are what people do in Zendesk's own pages.

// Make is what an agent does on "Add user" or "Add ticket"; `description` is a ticket's first comment.
func (s *Server) Make(many string, fields map[string]any) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fields = maps.Clone(fields)
	if text, ok := fields["description"]; ok {
		fields["comment"] = map[string]any{"body": text}
	}
	fields = tidy(fields)
	o, refusals := s.new(many, fields)
	return id(o), refused(refusals)
}

// Import makes objects as an import does: all at one time.
func (s *Server) Import(many string, all []map[string]any) ([]int64, error) {
	s.mu.Lock()
	s.now()
	s.stopped = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.stopped = false
		s.mu.Unlock()
	}()
	var ids []int64
	for _, fields := range all {
		made, err := s.Make(many, fields)
		if err != nil {
			return nil, err
		}
		ids = append(ids, made)
	}
	return ids, nil
}

// Edit changes fields; of a user's `email` it makes the primary address.
func (s *Server) Edit(many string, id int64, fields map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.live(many, id)
	if err != nil {
		return err
	}
	if err := refused(s.change(many, o, tidy(maps.Clone(fields)))); err != nil {
		return err
	}
	if email, ok := fields["email"].(string); ok {
		o.identities = append([]identity{s.identity(email)}, o.identities...)
		s.settleEmail(o)
	}
	return nil
}

// Comment adds a comment to a ticket, which is all that happens to it.
func (s *Server) Comment(id int64, body string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.live("tickets", id)
	if err != nil {
		return err
	}
	o.Changed = s.now()
	s.tell("tickets", o, "comment_added", map[string]any{"comment": map[string]any{"body": body, "is_public": true}})
	return nil
}

// Delete deletes a ticket or a user, softly.
func (s *Server) Delete(many string, id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.live(many, id)
	if err != nil {
		return err
	}
	s.bin(many, o)
	return nil
}

// Restore takes a ticket back.
func (s *Server) Restore(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.tables["tickets"].objects[id]
	if o == nil || !o.Gone {
		return fmt.Errorf("ticket %d is not deleted", id)
	}
	o.Gone, o.Changed = false, s.now()
	s.tell("tickets", o, "undeleted", map[string]any{})
	return nil
}

// Erase deletes a deleted user for good.
func (s *Server) Erase(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.tables["users"].objects[id]
	if o == nil || !o.Gone {
		return fmt.Errorf("user %d is not deleted", id)
	}
	maps.Copy(o.Fields, map[string]any{"name": "Permanently Deleted User", "email": nil, "phone": nil, "notes": "", "external_id": nil, "permanently_deleted": true})
	o.identities, o.Changed = nil, s.now()
	return nil
}

// MergeUsers merges one user into another: addresses and tickets go over, and the one is deleted.
func (s *Server) MergeUsers(loser, winner int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, err := s.live("users", loser)
	if err != nil {
		return err
	}
	to, err := s.live("users", winner)
	if err != nil {
		return err
	}
	to.identities = append(to.identities, from.identities...)
	to.Changed = s.now()
	from.identities, from.Gone, from.Changed = nil, true, s.now()
	maps.Copy(from.Fields, map[string]any{"email": nil, "active": false})
	for _, id := range sortedKeys(s.tables["tickets"].objects) {
		if o := s.tables["tickets"].objects[id]; !o.Gone && o.Fields["requester_id"] == loser {
			s.set(o, map[string]any{"requester_id": winner})
			s.tellChange("tickets", o, "requester_id", loser)
		}
	}
	s.tell("users", from, "merged", map[string]any{"user": map[string]any{"id": fmt.Sprint(winner)}})
	return nil
}

// MergeTickets merges one ticket into another: the one is closed.
func (s *Server) MergeTickets(loser, winner int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, err := s.live("tickets", loser)
	if err != nil {
		return err
	}
	if _, err := s.live("tickets", winner); err != nil {
		return err
	}
	tags, _ := from.Fields["tags"].([]string)
	s.set(from, map[string]any{"status": "closed", "tags": tidyTags(append([]string{"closed_by_merge"}, tags...))})
	s.tell("tickets", from, "merged", map[string]any{"target_ticket_id": fmt.Sprint(winner)})
	return nil
}

func (s *Server) live(many string, id int64) (*Object, error) {
	if o := s.tables[many].objects[id]; o != nil && !o.Gone {
		return o, nil
	}
	return nil, fmt.Errorf("there is no %s %d", s.tables[many].one, id)
}

func tidy(fields map[string]any) map[string]any {
	if tags, ok := fields["tags"].([]string); ok {
		fields["tags"] = tidyTags(tags)
	}
	if name, ok := fields["via"].(string); ok {
		fields["via"] = channel(name)
	}
	return fields
}

func id(o *Object) int64 {
	if o == nil {
		return 0
	}
	return o.ID
}

func refused(refusals []refusal) error {
	if len(refusals) > 0 {
		return errors.New(refusals[0].text)
	}
	return nil
}

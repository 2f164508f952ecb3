package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// make is what a HubSpot user does on "Create".
func (s *table) make(values map[string]string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made(values)
}

// makeAll makes objects as an import does: all at one time.
func (s *table) makeAll(all []map[string]string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now()
	s.stopped = true
	defer func() { s.stopped = false }()
	var ids []string
	for _, values := range all {
		id, err := s.made(values)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (s *table) made(values map[string]string) (string, error) {
	if err := s.check(&Object{}, values); err != nil {
		return "", err
	}
	c := s.add()
	s.hooks.emit(append(s.set(c, values, ui), s.event(c, "creation", ui).flag("CREATED"))...)
	return c.ID, nil
}

func (s *table) edit(id string, values map[string]string) error {
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

func (s *table) delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.live(id)
	if err != nil {
		return err
	}
	s.bin(c, ui)
	return nil
}

func (s *table) restore(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	if c == nil || !c.Archived {
		return fmt.Errorf("%s %s is not in the recycling bin", s.one, id)
	}
	c.Archived, c.UpdatedAt = false, s.now()
	c.Properties[s.modified] = stamp(c.UpdatedAt)
	s.hooks.emit(s.event(c, "restore", ui))
	return nil
}

// merge joins two objects into a third with an id of its own.
func (s *table) merge(primary, other string) (string, error) {
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
	for _, loser := range []*Object{first, second} {
		delete(s.objects, loser.number())
	}
	winner := s.add()
	s.set(winner, values, ui)
	for _, loser := range []*Object{first, second} {
		s.merged[loser.number()] = winner.number()
		s.follows(s, loser.number(), winner.number())
	}
	e := s.event(winner, "merge", ui)
	e.PrimaryObjectID, e.MergedObjectIDs, e.NewObjectID = first.number(), []int64{second.number()}, winner.number()
	e.NumberOfPropertiesMoved = moved
	s.hooks.emit(e)
	return winner.ID, nil
}

// joined are the values of a merged object, and how many of them come from the second one.
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
	for _, own := range []string{"hs_object_id", "createdate", "lastmodifieddate", "hs_lastmodifieddate"} {
		delete(values, own)
	}
	return values, moved
}

func (s *table) bin(c *Object, by origin) {
	c.Archived, c.ArchivedAt = true, s.now()
	s.hooks.emit(s.event(c, "deletion", by).flag("DELETED"))
}

func (s *table) live(id string) (*Object, error) {
	c := s.find(id)
	if c == nil || c.Archived {
		return nil, fmt.Errorf("there is no %s %s", s.one, id)
	}
	return c, nil
}

// check is the validation that a form does.
func (s *table) check(c *Object, values map[string]string) error {
	for _, r := range s.validate(c, values) {
		return errors.New(r.Message)
	}
	if owner := s.by("email", values["email"]); owner != nil && owner.ID != c.ID {
		return fmt.Errorf("contact %s has this e-mail address", owner.ID)
	}
	return nil
}

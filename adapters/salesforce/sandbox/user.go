package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The functions here are what people do in Salesforce's own pages.

// Make is what a user does on "New". Values are texts, bools and, for numbers, plain decimal text. An order may be made
// active at once, as an import does it.
func (s *Server) Make(name string, fields map[string]any) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = nil
	return s.new(name, fields)
}

func (s *Server) new(name string, fields map[string]any) (string, error) {
	t := s.tables[name]
	if t == nil {
		return "", fmt.Errorf("there is no object %s", name)
	}
	kept, refusal := s.tidy(t, fields)
	if refusal == nil {
		refusal = s.judge(t, nil, kept)
	}
	if refusal != nil {
		return "", told(refusal)
	}
	return s.insert(name, kept).ID, nil
}

// Import makes rows as an import does: all have one stamp.
func (s *Server) Import(name string, all []map[string]any) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = s.now()
	defer func() { s.stopped = time.Time{} }()
	var ids []string
	for _, fields := range all {
		s.journal = nil
		id, err := s.new(name, fields)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Edit changes fields. What must be unique is not looked at: an administrator can make the field another way.
func (s *Server) Edit(name, id string, fields map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.live(name, id)
	if err != nil {
		return err
	}
	kept, refusal := s.tidy(s.tables[name], fields)
	if refusal != nil {
		return told(refusal)
	}
	s.journal = nil
	s.set(name, o, kept)
	return nil
}

// Delete moves a row to the bin.
func (s *Server) Delete(name, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.live(name, id)
	if err != nil {
		return err
	}
	if why := s.needed(s.tables[name], o); why != "" {
		return errors.New(why)
	}
	s.bin(name, o, true)
	return nil
}

// Undelete takes a row back from the bin.
func (s *Server) Undelete(name, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.tables[name].row(id)
	if o == nil || !o.Deleted {
		return fmt.Errorf("%s %s is not in the bin", name, id)
	}
	o.Fields["MasterRecordId"] = nil
	s.bin(name, o, false)
	return nil
}

// Empty empties the bin: what was deleted is not there any more.
func (s *Server) Empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tables {
		for id, o := range t.rows {
			if o.Deleted {
				delete(t.rows, id)
			}
		}
	}
}

// Merge merges one row into another: what belongs to it goes over, fields that the other lacks as well, and it is deleted.
func (s *Server) Merge(name, loser, winner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, err := s.live(name, loser)
	if err != nil {
		return err
	}
	to, err := s.live(name, winner)
	if err != nil {
		return err
	}
	fields := map[string]any{}
	for field, value := range from.Fields {
		if to.Fields[field] == nil && field != s.options.ExternalID && field != "MasterRecordId" {
			fields[field] = value
		}
	}
	s.journal = nil
	s.set(name, to, fields)
	for _, other := range sortedKeys(s.tables) {
		t := s.tables[other]
		for _, o := range t.sorted() {
			for by, f := range t.fields {
				if f.parent != "" && o.Fields[by] == from.ID && !o.Deleted {
					s.set(other, o, map[string]any{by: to.ID})
				}
			}
		}
	}
	from.Fields["MasterRecordId"] = to.ID
	s.bin(name, from, true)
	return nil
}

// Objects are all rows of an object that are there, oldest first.
func (s *Server) Objects(name string) []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Object
	for _, o := range s.tables[name].sorted() {
		if !o.Deleted {
			all = append(all, o.clone())
		}
	}
	return all
}

// Object is one row, be it in the bin.
func (s *Server) Object(name, id string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.tables[name].row(id); o != nil {
		return o.clone(), true
	}
	return Object{}, false
}

func (s *Server) live(name, id string) (*Object, error) {
	if t := s.tables[name]; t != nil {
		if o := t.row(id); o != nil && !o.Deleted {
			return o, nil
		}
	}
	return nil, fmt.Errorf("there is no %s %s", name, id)
}

// tidy are a user's values as they are kept.
func (s *Server) tidy(t *table, fields map[string]any) (map[string]any, *reply) {
	raw, err := json.Marshal(fields)
	if err != nil {
		out := problem(0, "JSON_PARSER_ERROR", err.Error())
		return nil, &out
	}
	return s.body(t, raw)
}

func told(refusal *reply) error {
	raw, err := json.Marshal(refusal.body)
	if err != nil {
		return err
	}
	return errors.New(string(raw))
}

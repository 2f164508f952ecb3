package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// maxBatch is how many inputs HubSpot takes in one call.
const maxBatch = 100

// batchInput is one input of a batch call.
type batchInput struct {
	ID         string            `json:"id"`
	IDProperty string            `json:"idProperty"`
	Properties map[string]string `json:"properties"`
}

// batchUpsert updates the contacts that have the id given, in a unique property, and makes the others.
func (s *Server) batchUpsert(r *http.Request) reply {
	var in struct {
		Inputs []batchInput `json:"inputs"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Inputs) == 0 || len(in.Inputs) > maxBatch {
		return s.malformed()
	}
	for _, one := range in.Inputs {
		if refused := s.byUnique(one.IDProperty); refused != nil {
			return *refused
		}
	}
	out := batch{Results: []object{}}
	for _, one := range in.Inputs {
		o, refused := s.upsert(one)
		if refused == nil {
			out.Results = append(out.Results, o)
			continue
		}
		if len(in.Inputs) == 1 && refused.status != http.StatusConflict {
			return *refused
		}
		out.Errors = append(out.Errors, *refused.body.(*problem))
	}
	return out.reply(s)
}

// byUnique says why objects cannot be told apart by a property; nil where they can.
func (s *Server) byUnique(name string) *reply {
	definition, ok := s.properties[name]
	switch {
	case name == "email" || definition.unique:
		return nil
	case !ok:
		r := s.invalid([]refusal{{Message: "Property \"" + name + "\" does not exist", Error: "PROPERTY_DOESNT_EXIST", Name: name}})
		return &r
	}
	r := s.problem(http.StatusBadRequest, "VALIDATION_ERROR", "Unable to perform update/upsert by non-unique 0-1 property "+name)
	return &r
}

func (s *Server) upsert(in batchInput) (object, *reply) {
	values := map[string]string{in.IDProperty: in.ID}
	maps.Copy(values, in.Properties)
	names := sortedKeys(values)
	c := s.by(in.IDProperty, in.ID)
	fresh := c == nil
	if !fresh {
		if refused := s.refuse(c, values); refused != nil {
			return object{}, refused
		}
		s.hooks.emit(s.set(c, values, api)...)
	} else {
		made, refused := s.insert(values)
		if refused != nil {
			return object{}, refused
		}
		c = made
	}
	o := s.object(c, names)
	o.New = &fresh
	return o, nil
}

// batchRead reads contacts by id or by a unique property. What is not there is an error in a 207.
func (s *Server) batchRead(r *http.Request) reply {
	var in struct {
		Inputs     []batchInput `json:"inputs"`
		IDProperty string       `json:"idProperty"`
		Properties []string     `json:"properties"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Inputs) == 0 || len(in.Inputs) > maxBatch {
		return s.malformed()
	}
	if in.IDProperty != "" {
		if refused := s.byUnique(in.IDProperty); refused != nil {
			return *refused
		}
	}
	out := batch{Results: []object{}}
	var missing []string
	for _, one := range in.Inputs {
		c := s.find(one.ID)
		if in.IDProperty != "" {
			c = s.by(in.IDProperty, one.ID)
		}
		if c == nil || c.Archived {
			missing = append(missing, one.ID)
			continue
		}
		out.Results = append(out.Results, s.object(c, in.Properties))
	}
	if len(missing) > 0 {
		out.Errors = []problem{{Status: "error", Category: "OBJECT_NOT_FOUND", Context: map[string][]string{"ids": missing},
			Message: "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."}}
	}
	return out.reply(s)
}

// search answers the little of HubSpot's search that an incremental sync needs: filters in one group, by EQ and GTE,
// ascending by the last change.
func (s *Server) search(r *http.Request) reply {
	var in struct {
		FilterGroups []struct {
			Filters []struct{ PropertyName, Operator, Value string }
		}
		Properties []string
		Limit      int
		After      string
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return s.malformed()
	}
	var found []*Contact
	for _, id := range sortedKeys(s.contacts) {
		matches := !s.contacts[id].Archived
		for _, group := range in.FilterGroups {
			for _, f := range group.Filters {
				value := s.contacts[id].Properties[f.PropertyName]
				matches = matches && (f.Operator == "EQ" && value == f.Value || f.Operator == "GTE" && value >= f.Value)
			}
		}
		if matches {
			found = append(found, s.contacts[id])
		}
	}
	slices.SortStableFunc(found, func(a, b *Contact) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	return s.page(found, in.Properties, in.Limit, in.After)
}

// page cuts a search's result.
func (s *Server) page(found []*Contact, names []string, size int, after string) reply {
	if size < 1 || size > 200 {
		size = 10
	}
	out := struct {
		Total   int      `json:"total"`
		Results []object `json:"results"`
		Paging  *paging  `json:"paging,omitempty"`
	}{Total: len(found), Results: []object{}}
	begin := after == ""
	for _, c := range found {
		begin = begin || c.ID == strings.TrimSpace(after)
		switch {
		case !begin:
		case len(out.Results) == size:
			out.Paging = next(c.ID)
			return reply{http.StatusOK, out}
		default:
			out.Results = append(out.Results, s.object(c, names))
		}
	}
	return reply{http.StatusOK, out}
}

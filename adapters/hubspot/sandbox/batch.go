package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
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

// batchUpsert updates the objects that have the id given, in a unique property, and makes the others.
func (s *table) batchUpsert(r *http.Request) reply {
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
	out := batch{Results: []wire{}}
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
	return out.reply(s.Server)
}

// byUnique says why objects cannot be told apart by a property; nil where they can.
func (s *table) byUnique(name string) *reply {
	definition, ok := s.properties[name]
	switch {
	case name == "email" || definition.unique:
		return nil
	case !ok:
		r := s.invalid([]refusal{{Message: "Property \"" + name + "\" does not exist", Error: "PROPERTY_DOESNT_EXIST", Name: name}})
		return &r
	}
	r := s.problem(http.StatusBadRequest, "VALIDATION_ERROR", "Unable to perform update/upsert by non-unique "+s.typeID+" property "+name)
	return &r
}

func (s *table) upsert(in batchInput) (wire, *reply) {
	values := map[string]string{in.IDProperty: in.ID}
	maps.Copy(values, in.Properties)
	names := sortedKeys(values)
	c := s.by(in.IDProperty, in.ID)
	fresh := c == nil
	if !fresh {
		if refused := s.refuse(c, values); refused != nil {
			return wire{}, refused
		}
		s.hooks.emit(s.set(c, values, api)...)
	} else {
		made, refused := s.insert(values)
		if refused != nil {
			return wire{}, refused
		}
		c = made
	}
	o := s.render(c, names)
	o.New = &fresh
	return o, nil
}

// batchRead reads objects by id or by a unique property. What is not there is an error in a 207.
func (s *table) batchRead(r *http.Request) reply {
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
	out := batch{Results: []wire{}}
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
		out.Results = append(out.Results, s.render(c, in.Properties))
	}
	if len(missing) > 0 {
		out.Errors = []problem{{Status: "error", Category: "OBJECT_NOT_FOUND", Context: map[string][]string{"ids": missing},
			Message: "Could not get some " + strings.ToUpper(s.one) + " objects, they may be deleted or not exist. Check that ids are valid."}}
	}
	return out.reply(s.Server)
}

package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// object is a contact on the wire. A property that was asked for and has no value is null.
type object struct {
	ID         string             `json:"id"`
	Properties map[string]*string `json:"properties"`
	CreatedAt  string             `json:"createdAt"`
	UpdatedAt  string             `json:"updatedAt"`
	Archived   bool               `json:"archived"`
	ArchivedAt string             `json:"archivedAt,omitempty"`
	New        *bool              `json:"new,omitempty"`
}

// always are the properties that every answer holds.
var always = []string{"createdate", "hs_object_id", "lastmodifieddate"}

// object renders a contact with the named properties that exist.
func (s *Server) object(c *Contact, names []string) object {
	o := object{ID: c.ID, Properties: map[string]*string{}, CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt), Archived: c.Archived}
	if c.Archived {
		o.ArchivedAt = stamp(c.ArchivedAt)
	}
	for _, name := range append(names, always...) {
		if _, ok := s.properties[name]; !ok {
			continue
		}
		o.Properties[name] = nil
		if value, ok := c.Properties[name]; ok {
			o.Properties[name] = &value
		}
	}
	return o
}

// asked are the properties that a request asks for.
func asked(r *http.Request) []string {
	var names []string
	for _, part := range r.URL.Query()["properties"] {
		names = append(names, strings.Split(part, ",")...)
	}
	if len(names) == 0 {
		return []string{"email", "firstname", "lastname"}
	}
	return names
}

// named is the contact that a request's path names, by id or by a unique property.
func (s *Server) named(r *http.Request) *Contact {
	id, property := r.PathValue("id"), r.URL.Query().Get("idProperty")
	if property == "" {
		return s.find(id)
	}
	return s.by(property, id)
}

func (s *Server) get(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.named(r)
	if c == nil || c.Archived != (r.URL.Query().Get("archived") == "true") {
		return s.notFound()
	}
	return reply{http.StatusOK, s.object(c, asked(r))}
}

func (s *Server) list(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	size, err := strconv.Atoi(query.Get("limit"))
	if err != nil || size < 1 || size > 100 {
		size = 10
	}
	after, _ := strconv.ParseInt(query.Get("after"), 10, 64) // malformed: from the beginning
	page := struct {
		Results []object `json:"results"`
		Paging  *paging  `json:"paging,omitempty"`
	}{Results: []object{}}
	for _, id := range sortedKeys(s.contacts) {
		c := s.contacts[id]
		if id < after || c.Archived != (query.Get("archived") == "true") {
			continue
		}
		if len(page.Results) == size {
			page.Paging = next(strconv.FormatInt(id, 10))
			break
		}
		page.Results = append(page.Results, s.object(c, asked(r)))
	}
	return reply{http.StatusOK, page}
}

// paging leads to the next page.
type paging struct {
	Next struct {
		After string `json:"after"`
	} `json:"next"`
}

func next(after string) *paging {
	p := &paging{}
	p.Next.After = after
	return p
}

// input is the body of a write.
type input struct {
	Properties map[string]string `json:"properties"`
}

func (s *Server) create(r *http.Request) reply {
	var in input
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return s.malformed()
	}
	c, refused := s.insert(in.Properties)
	if refused != nil {
		return *refused
	}
	return reply{http.StatusCreated, s.object(c, sortedKeys(in.Properties))}
}

// insert makes a contact, or says why not.
func (s *Server) insert(values map[string]string) (*Contact, *reply) {
	if refused := s.refuse(&Contact{}, values); refused != nil {
		return nil, refused
	}
	if values["email"] == "" && values["firstname"] == "" && values["lastname"] == "" {
		r := s.problem(http.StatusBadRequest, "VALIDATION_ERROR", "At least one of email, firstname or lastname must be given.")
		return nil, &r
	}
	c := s.add()
	s.hooks.emit(append(s.set(c, values, api), s.event(c, "contact.creation", api).flag("CREATED"))...)
	return c, nil
}

// refuse is what is wrong with the values of a write; nil where nothing is.
func (s *Server) refuse(c *Contact, values map[string]string) *reply {
	if refusals := s.validate(c, values); len(refusals) > 0 {
		r := s.invalid(refusals)
		return &r
	}
	if owner := s.by("email", values["email"]); owner != nil && owner.ID != c.ID {
		r := s.exists(owner, values["email"])
		return &r
	}
	return nil
}

func (s *Server) update(r *http.Request) reply {
	var in input
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.named(r)
	if c == nil || c.Archived {
		return s.notFound()
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return s.malformed()
	}
	if refused := s.refuse(c, in.Properties); refused != nil {
		return *refused
	}
	s.hooks.emit(s.set(c, in.Properties, api)...)
	return reply{http.StatusOK, s.object(c, sortedKeys(in.Properties))}
}

func (s *Server) archive(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.named(r); c != nil && !c.Archived {
		s.bin(c, api)
	}
	return reply{status: http.StatusNoContent} // HubSpot says so whether it was there or not
}

// batch is the answer of a batch call.
type batch struct {
	Status      string    `json:"status"`
	Results     []object  `json:"results"`
	NumErrors   int       `json:"numErrors,omitempty"`
	Errors      []problem `json:"errors,omitempty"`
	StartedAt   time.Time `json:"startedAt"`
	CompletedAt time.Time `json:"completedAt"`
}

// reply is 200, or 207 where some of the batch failed.
func (b batch) reply(s *Server) reply {
	b.Status, b.NumErrors = "COMPLETE", len(b.Errors)
	b.StartedAt = s.options.Now().UTC()
	b.CompletedAt = b.StartedAt
	if len(b.Errors) > 0 {
		return reply{http.StatusMultiStatus, b}
	}
	return reply{http.StatusOK, b}
}

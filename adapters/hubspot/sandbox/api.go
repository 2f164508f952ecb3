package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// wire is an object on the wire. A property that was asked for and has no value is null.
type wire struct {
	ID         string             `json:"id"`
	Properties map[string]*string `json:"properties"`
	CreatedAt  string             `json:"createdAt"`
	UpdatedAt  string             `json:"updatedAt"`
	Archived   bool               `json:"archived"`
	ArchivedAt string             `json:"archivedAt,omitempty"`
	New        *bool              `json:"new,omitempty"`
	// Associations are there where they were asked for and there are any.
	Associations map[string]associated `json:"associations,omitempty"`
}

// render writes an object with the named properties that exist, and those that every answer holds.
func (s *table) render(c *Object, names []string) wire {
	o := wire{ID: c.ID, Properties: map[string]*string{}, CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt), Archived: c.Archived}
	if c.Archived {
		o.ArchivedAt = stamp(c.ArchivedAt)
	}
	for _, name := range append(names, "createdate", "hs_object_id", s.modified) {
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
func (s *table) asked(r *http.Request) []string {
	var names []string
	for _, part := range r.URL.Query()["properties"] {
		names = append(names, strings.Split(part, ",")...)
	}
	if len(names) == 0 {
		return s.shown
	}
	return names
}

// named is the object that a request's path names, by id or by a unique property.
func (s *table) named(r *http.Request) *Object {
	id, property := r.PathValue("id"), r.URL.Query().Get("idProperty")
	if property == "" {
		return s.find(id)
	}
	return s.by(property, id)
}

func (s *table) get(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.named(r)
	if c == nil || c.Archived != (r.URL.Query().Get("archived") == "true") {
		return s.notFound()
	}
	return reply{http.StatusOK, s.associated(s.render(c, s.asked(r)), r)}
}

func (s *table) list(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	size, err := strconv.Atoi(query.Get("limit"))
	if err != nil || size < 1 || size > 100 {
		size = 10
	}
	after, _ := strconv.ParseInt(query.Get("after"), 10, 64) // malformed: from the beginning
	page := struct {
		Results []wire  `json:"results"`
		Paging  *paging `json:"paging,omitempty"`
	}{Results: []wire{}}
	for _, id := range sortedKeys(s.objects) {
		c := s.objects[id]
		if id < after || c.Archived != (query.Get("archived") == "true") {
			continue
		}
		if len(page.Results) == size {
			page.Paging = next(strconv.FormatInt(id, 10))
			break
		}
		page.Results = append(page.Results, s.associated(s.render(c, s.asked(r)), r))
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
	// Associations are a create's.
	Associations []association `json:"associations"`
}

func (s *table) create(r *http.Request) reply {
	var in input
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return s.malformed()
	}
	if refused := s.strangers(in.Associations); refused != nil {
		return *refused
	}
	c, refused := s.insert(in.Properties)
	if refused != nil {
		return *refused
	}
	for _, to := range in.Associations {
		s.link(c, s.contacts.find(string(to.To.ID)), api)
	}
	return reply{http.StatusCreated, s.render(c, sortedKeys(in.Properties))}
}

// insert makes an object, or says why not.
func (s *table) insert(values map[string]string) (*Object, *reply) {
	if refused := s.refuse(&Object{}, values); refused != nil {
		return nil, refused
	}
	if lacking := s.lacks(values); lacking != "" {
		r := s.problem(http.StatusBadRequest, "VALIDATION_ERROR", lacking)
		return nil, &r
	}
	c := s.add()
	s.hooks.emit(append(s.set(c, values, api), s.event(c, "creation", api).flag("CREATED"))...)
	return c, nil
}

// refuse is what is wrong with the values of a write; nil where nothing is.
func (s *table) refuse(c *Object, values map[string]string) *reply {
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

func (s *table) update(r *http.Request) reply {
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
	return reply{http.StatusOK, s.render(c, sortedKeys(in.Properties))}
}

func (s *table) archive(r *http.Request) reply {
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
	Results     []wire    `json:"results"`
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

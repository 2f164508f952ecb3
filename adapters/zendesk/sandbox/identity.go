package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// identity is one address of a user.
type identity struct {
	id    int64
	value string
}

func (s *Server) identity(email string) identity {
	t := s.tables["users"]
	t.lastID++
	return identity{t.lastID, email}
}

func (o *Object) hasEmail(email string) bool {
	return slices.ContainsFunc(o.identities, func(i identity) bool { return strings.EqualFold(i.value, email) })
}

// ofEmail is the user that has an address; nil where nobody has.
func (s *Server) ofEmail(email string) *Object {
	for _, o := range s.tables["users"].objects {
		if !o.Gone && o.hasEmail(email) {
			return o
		}
	}
	return nil
}

func (s *Server) renderIdentity(o *Object, i identity) map[string]any {
	return map[string]any{
		"id": i.id, "user_id": o.ID, "type": "email", "value": i.value, "verified": false, "primary": o.identities[0] == i,
		"created_at": stamp(o.Created), "updated_at": stamp(o.Changed), "undeliverable_count": 0, "deliverable_state": "deliverable",
	}
}

func (s *Server) identities(r *http.Request) reply {
	_, o := s.named(r)
	if o == nil {
		return notFound()
	}
	list := []map[string]any{}
	for i := len(o.identities) - 1; i >= 0; i-- { // the primary one stands anywhere
		list = append(list, s.renderIdentity(o, o.identities[i]))
	}
	return answer(http.StatusOK, map[string]any{"identities": list, "count": len(list)})
}

// address reads the address of a write, or says why it is not taken.
func (s *Server) address(r *http.Request) (string, *reply) {
	var in struct {
		Identity struct{ Value string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refused := malformed()
		return "", &refused
	}
	email := strings.ToLower(strings.TrimSpace(in.Identity.Value))
	if refusals := s.badEmail(nil, email); len(refusals) > 0 {
		refusals[0].field = "value"
		refused := invalid(refusals)
		return "", &refused
	}
	return email, nil
}

func (s *Server) addIdentity(r *http.Request) reply {
	_, o := s.named(r)
	if o == nil {
		return notFound()
	}
	email, refused := s.address(r)
	if refused != nil {
		return *refused
	}
	i := s.identity(email)
	o.identities = append(o.identities, i)
	s.settleEmail(o)
	return answer(http.StatusCreated, map[string]any{"identity": s.renderIdentity(o, i)})
}

func (s *Server) changeIdentity(r *http.Request) reply {
	o, at := s.identityOf(r)
	if at < 0 {
		return notFound()
	}
	email, refused := s.address(r)
	if refused != nil {
		return *refused
	}
	o.identities[at].value = email
	s.settleEmail(o)
	return answer(http.StatusOK, map[string]any{"identity": s.renderIdentity(o, o.identities[at])})
}

func (s *Server) makePrimary(r *http.Request) reply {
	o, at := s.identityOf(r)
	if at < 0 {
		return notFound()
	}
	o.identities[0], o.identities[at] = o.identities[at], o.identities[0]
	s.settleEmail(o)
	return s.identities(r)
}

func (s *Server) identityOf(r *http.Request) (*Object, int) {
	_, o := s.named(r)
	id, err := strconv.ParseInt(r.PathValue("identity"), 10, 64)
	if o == nil || err != nil {
		return nil, -1
	}
	return o, slices.IndexFunc(o.identities, func(i identity) bool { return i.id == id })
}

// settleEmail makes the first identity the user's address, and tells of it.
func (s *Server) settleEmail(o *Object) {
	var email any
	if len(o.identities) > 0 {
		email = o.identities[0].value
	}
	before := o.Fields["email"]
	for range s.set(o, map[string]any{"email": email}) {
		s.tellChange("users", o, "email", before)
	}
}

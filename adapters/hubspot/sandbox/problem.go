package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// reply is an answer before it is written.
type reply struct {
	status int
	body   any
}

func (r reply) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(r.status)
	if r.body != nil {
		_ = json.NewEncoder(w).Encode(r.body) // a client that has gone away
	}
}

// problem is HubSpot's error.
type problem struct {
	Status        string              `json:"status"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Errors        []detail            `json:"errors,omitempty"`
	Category      string              `json:"category,omitempty"`
	PolicyName    string              `json:"policyName,omitempty"`
}

// detail is one of several causes.
type detail struct {
	Message string              `json:"message"`
	Code    string              `json:"code,omitempty"`
	In      string              `json:"in,omitempty"`
	Context map[string][]string `json:"context,omitempty"`
}

func (s *Server) problem(status int, category, message string) reply {
	return reply{status, &problem{Status: "error", Message: message, CorrelationID: s.correlationID(), Category: category}}
}

func (s *Server) notFound() reply {
	return s.problem(http.StatusNotFound, "OBJECT_NOT_FOUND", "resource not found")
}

func (s *Server) malformed() reply {
	return s.problem(http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON")
}

// refusal is one property that is not valid, in both forms that HubSpot gives at once: `message` holds JSON in text.
type refusal struct {
	IsValid bool   `json:"isValid"`
	Message string `json:"message"`
	Error   string `json:"error"`
	Name    string `json:"name"`
}

// invalid is the error of a write with values that HubSpot does not take. Like HubSpot's, it quotes them.
func (s *Server) invalid(refusals []refusal) reply {
	text, err := json.Marshal(refusals)
	if err != nil {
		panic(err) // texts always marshal
	}
	r := s.problem(http.StatusBadRequest, "VALIDATION_ERROR", "Property values were not valid: "+string(text))
	for _, f := range refusals {
		p := r.body.(*problem)
		p.Errors = append(p.Errors, detail{Message: f.Message, Code: f.Error, Context: map[string][]string{"propertyName": {f.Name}}})
	}
	return r
}

// exists is the error of a write with an e-mail address that another contact has.
func (s *Server) exists(owner *Object, email string) reply {
	r := s.problem(http.StatusConflict, "CONFLICT", "Contact already exists. Existing ID: "+owner.ID)
	r.body.(*problem).Errors = []detail{{In: "email",
		Message: fmt.Sprintf("A contact with email %s already exists. Existing ID: %s", email, owner.ID)}}
	return r
}

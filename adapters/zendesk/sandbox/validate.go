package sandbox

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
)

// choices are the values of a ticket's lists.
var choices = map[string][]string{
	"status":   {"new", "open", "pending", "hold", "solved", "closed"},
	"priority": {"low", "normal", "high", "urgent"},
	"type":     {"problem", "incident", "question", "task"},
}

// locales are the languages that the account has.
var locales = []string{"en-US", "en-GB", "de", "de-AT", "fr", "es", "pt-BR", "ja"}

// validate judges the values of a write to o, which has no id on creation.
func (s *Server) validate(many string, o *Object, fields map[string]any) []refusal {
	if many == "users" {
		return s.validateUser(o, fields)
	}
	if o.Text("status") == "closed" {
		return []refusal{{"status", "ClosedTicket", "Status: closed prevents ticket update"}}
	}
	var refusals []refusal
	for _, name := range sortedKeys(choices) {
		value, given := fields[name]
		text, _ := value.(string)
		switch {
		case !given || value == nil && name != "status":
		case !slices.Contains(choices[name], text):
			refusals = append(refusals, refusal{name, "InvalidValue", fmt.Sprintf("%s: is not valid (%v)", name, value)})
		case name == "status" && text == "new" && o.ID != 0 && o.Text("status") != "new":
			refusals = append(refusals, refusal{name, "InvalidValue", "Status: cannot be set back to new"})
		}
	}
	if id, given := fields["requester_id"]; given && id != nil {
		n, _ := id.(int64)
		if who := s.tables["users"].objects[n]; who == nil || who.Gone {
			refusals = append(refusals, refusal{"requester", "InvalidValue", "Requester: is suspended, deleted or unknown"})
		}
	}
	return refusals
}

func (s *Server) validateUser(o *Object, fields map[string]any) []refusal {
	var refusals []refusal
	if name, given := fields["name"]; given && (name == nil || name == "") {
		refusals = append(refusals, refusal{"name", "BlankValue", "Name: is too short (minimum one character)"})
	}
	if email, _ := fields["email"].(string); email != "" && o.ID == 0 {
		refusals = append(refusals, s.badEmail(o, email)...)
	}
	if locale, given := fields["locale"]; given && !slices.Contains(locales, fmt.Sprint(locale)) {
		refusals = append(refusals, refusal{"locale", "InvalidValue", fmt.Sprintf("Locale: %v is not among the account's", locale)})
	}
	if id, _ := fields["external_id"].(string); id != "" {
		for _, other := range s.tables["users"].objects {
			if other != o && !other.Gone && strings.EqualFold(other.Text("external_id"), id) {
				refusals = append(refusals, refusal{"external_id", "DuplicateValue", "External " + id + " has already been taken"})
			}
		}
	}
	return refusals
}

// badEmail says why an address is not taken.
func (s *Server) badEmail(o *Object, email string) []refusal {
	if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
		return []refusal{{"email", "InvalidFormat", "Email: " + email + " is not properly formatted"}}
	}
	if owner := s.ofEmail(email); owner != nil && owner != o {
		return []refusal{{"email", "DuplicateValue", "Email: " + email + " is already being used by another user"}}
	}
	return nil
}

package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

// make makes a row of what a client gives, or says why not.
func (s *Server) make(t *table, fields map[string]any) (*Object, *reply) {
	if refusal := s.judge(t, nil, fields); refusal != nil {
		return nil, refusal
	}
	if t.name == "Order" && fields["Status"] != "Draft" {
		out := problem(http.StatusBadRequest, "FAILED_ACTIVATION", "Choose a valid order status and save your changes. Ask your admin for details.", "Status")
		return nil, &out
	}
	if t.name == "Contact" && s.options.DuplicateRule {
		if other := s.sameEmail(fields["Email"]); other != nil {
			return nil, s.duplicate(t, other)
		}
	}
	return s.insert(t.name, fields), nil
}

func (s *Server) sameEmail(email any) *Object {
	for _, o := range s.tables["Contact"].sorted() {
		if email != nil && !o.Deleted && o.Fields["Email"] == email {
			return o
		}
	}
	return nil
}

// duplicate is what a duplicate rule answers.
func (s *Server) duplicate(t *table, other *Object) *reply {
	if s.options.Unnamed {
		out := problem(http.StatusBadRequest, "DUPLICATES_DETECTED", "Use one of these records?", []string{}...)
		return &out
	}
	match := map[string]any{"additionalInformation": []any{}, "fieldDiffs": []any{}, "matchConfidence": 100.0,
		"record": map[string]any{"attributes": attributes(t.name, other.ID), "Id": other.ID}}
	return &reply{http.StatusBadRequest, []any{map[string]any{
		"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?",
		"duplicateResult": map[string]any{"allowSave": true, "duplicateRule": "Standard_Contact_Duplicate_Rule", "duplicateRuleEntityType": t.name,
			"errorMessage": "Use one of these records?", "matchResults": []any{map[string]any{
				"entityType": t.name, "errors": []any{}, "matchEngine": "FuzzyMatchEngine", "matchRecords": []any{match}, "rule": "Standard_Contact_Match_Rule_v1_1", "size": 1, "success": true}}},
	}}}
}

// judge says why values cannot be kept; o is the row that changes, nil for a new one. Like Salesforce's, it quotes them.
func (s *Server) judge(t *table, o *Object, fields map[string]any) *reply {
	for _, name := range sortedKeys(fields) {
		if refusal := s.refuses(t, o, name, fields[name]); refusal != nil {
			return refusal
		}
	}
	var missing []string
	for _, name := range schemas[t.name].required {
		value, given := fields[name]
		if (o == nil || given) && value == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		out := problem(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", fmt.Sprintf("Required fields are missing: %v", missing), missing...)
		return &out
	}
	return nil
}

// refuses says why one value cannot be kept.
func (s *Server) refuses(t *table, o *Object, name string, value any) *reply {
	f, text := t.fields[name], ""
	if value, ok := value.(string); ok {
		text = value
	}
	var out reply
	switch {
	case text == "":
		return nil
	case (f.sort == texts || f.sort == email) && utf8.RuneCountInString(text) > f.max:
		out = problem(http.StatusBadRequest, "STRING_TOO_LONG", fmt.Sprintf("%s: data value too large: %s (max length=%d)", name, text, f.max), name)
	case f.sort == email && !emailForm.MatchString(text):
		out = problem(http.StatusBadRequest, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: "+text, name)
	case f.sort == ids && s.leads(f, text, true):
		out = problem(http.StatusBadRequest, "ENTITY_IS_DELETED", "entity is deleted", []string{}...) // as of the row itself
	case f.sort == ids && !s.leads(f, text, false):
		out = problem(http.StatusBadRequest, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", name)
	case name == s.options.ExternalID && s.taken(t, o, text) != nil:
		out = problem(http.StatusBadRequest, "DUPLICATE_VALUE", "duplicate value found: "+name+" duplicates value on record with id: "+s.taken(t, o, text).ID[:15], []string{}...)
	default:
		return nil
	}
	return &out
}

// leads says that an id is of a row that is there, or that is in the bin.
func (s *Server) leads(f field, id string, bin bool) bool {
	return slices.ContainsFunc(parents[f.parent], func(name string) bool {
		o := s.tables[name].row(id)
		return o != nil && o.Deleted == bin
	})
}

// taken is another row that has another system's id.
func (s *Server) taken(t *table, o *Object, id string) *Object {
	for _, other := range t.sorted() {
		if other != o && !other.Deleted && other.Text(s.options.ExternalID) == id {
			return other
		}
	}
	return nil
}

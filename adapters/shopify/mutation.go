package shopify

import (
	"context"
	"encoding/json"
	"strings"
)

// mutation is a document that changes something: several mutations of Shopify's, each at most once.
type mutation struct {
	fields, declared []string
	variables        map[string]any
}

// variable is a value with its name and type.
type variable struct {
	name, of string
	value    any
}

func (m *mutation) add(field string, variables ...variable) {
	m.fields = append(m.fields, field)
	for _, v := range variables {
		if _, there := m.variables[v.name]; !there {
			m.declared = append(m.declared, "$"+v.name+": "+v.of)
		}
		if m.variables == nil {
			m.variables = map[string]any{}
		}
		m.variables[v.name] = v.value
	}
}

// mutate makes the call, and gives what Shopify refused of it.
func (s *shop) mutate(ctx context.Context, op string, m mutation) (answer, refusals, error) {
	a, err := s.call(ctx, op, document{
		Query:     "mutation canonhubWrite(" + strings.Join(m.declared, ", ") + ") {\n" + strings.Join(m.fields, "\n") + "\n}",
		Variables: m.variables,
	})
	if err != nil {
		return a, nil, err
	}
	var all refusals
	for _, field := range m.fields {
		name, _, _ := strings.Cut(field, "(")
		var in *struct {
			Errors []userError `json:"userErrors"`
		}
		if json.Unmarshal(a.Data[name], &in) != nil || in == nil || in.Errors == nil {
			return a, nil, maybeDone(unread(op))
		}
		for _, e := range in.Errors {
			all = append(all, refusal{mutation: name, userError: e})
		}
	}
	return a, all, nil
}

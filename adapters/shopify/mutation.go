package shopify

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/canonhub/canonhub/adapters/fault"
)

// mutation is a document that changes something: several mutations of Shopify's, each at most once.
type mutation struct {
	fields    []string
	variables []variable
}

// variable is a value with its name and type.
type variable struct {
	name, of string
	value    any
}

// How to ask what was refused; some mutations have codes for it.
const (
	userErrors  = " userErrors { field message }"
	codedErrors = " userErrors { field message code }"
)

// add adds a mutation: "customerUpdate(input: $input)", and what is asked for of its answer.
func (m *mutation) add(call, asked string, variables ...variable) {
	m.fields = append(m.fields, call+" { "+asked+" }")
	m.variables = append(m.variables, variables...)
}

// last is the name of the last one.
func (m *mutation) last() string { return nameOf(m.fields[len(m.fields)-1]) }

func nameOf(field string) string {
	name, _, _ := strings.Cut(field, "(")
	return name
}

// mutate makes the call, and gives what Shopify refused of it.
func (s *shop) mutate(ctx context.Context, op string, m mutation) (answer, refusals, error) {
	var declared []string
	values := map[string]any{}
	for _, v := range m.variables {
		declared, values[v.name] = append(declared, "$"+v.name+": "+v.of), v.value
	}
	a, err := s.call(ctx, op, document{
		Query:     "mutation canonhubWrite(" + strings.Join(declared, ", ") + ") {\n" + strings.Join(m.fields, "\n") + "\n}",
		Variables: values,
	})
	if err != nil {
		return a, nil, err
	}
	var all refusals
	for _, field := range m.fields {
		var errors []userError
		if raw, _ := dig(a.Data, nameOf(field)+".userErrors"); json.Unmarshal(raw, &errors) != nil || errors == nil {
			return a, nil, fault.Done(unread(op))
		}
		for _, e := range errors {
			all = append(all, refusal{mutation: nameOf(field), userError: e})
		}
	}
	return a, all, nil
}

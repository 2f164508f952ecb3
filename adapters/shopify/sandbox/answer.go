package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// answer is GraphQL's.
type answer struct {
	Data       map[string]any `json:"data,omitempty"`
	Errors     []problem      `json:"errors,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// problem is one of an answer's errors.
type problem struct {
	Message    string         `json:"message"`
	Path       []string       `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// Error makes a problem an error.
func (p problem) Error() string { return p.Message }

func coded(code, message string) problem {
	return problem{Message: message, Extensions: map[string]any{"code": code}}
}

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(a)
}

// thing is an object of the schema: its fields' values, some of which depend on arguments.
type thing struct {
	name   string // of its type
	fields map[string]any
}

// lazy is a value that depends on its field's arguments.
type lazy func(args map[string]any) (any, error)

// project cuts a value down to what was selected of it.
func project(value any, f field) (any, error) {
	if l, ok := value.(lazy); ok {
		var err error
		if value, err = l(f.args); err != nil {
			return nil, err
		}
	}
	switch v := value.(type) {
	case *thing:
		if v == nil {
			return nil, nil
		}
		return v.project(f)
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			var err error
			if out[i], err = project(one, field{name: f.name, fields: f.fields}); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	if f.fields != nil && value != nil {
		return nil, coded("selectionMismatch", fmt.Sprintf("Selections can't be made on scalars (field '%s')", f.name))
	}
	return value, nil
}

func (t *thing) project(f field) (any, error) {
	if f.fields == nil {
		return nil, coded("selectionMismatch", fmt.Sprintf("Field must have selections (field '%s' returns %s)", f.name, t.name))
	}
	out := map[string]any{}
	for _, selected := range f.fields {
		value, ok := t.fields[selected.name]
		if !ok {
			return nil, coded("undefinedField", fmt.Sprintf("Field '%s' doesn't exist on type '%s'", selected.name, t.name))
		}
		var err error
		if out[selected.name], err = project(value, selected); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// null is a text as GraphQL has it.
func null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// global is a global id.
func global(kind string, id int64) string {
	return "gid://shopify/" + kind + "/" + strconv.FormatInt(id, 10)
}

// local is the number in a global id; 0 where it is none of that kind.
func local(kind string, gid any) int64 {
	text, _ := gid.(string)
	var id int64
	if _, err := fmt.Sscanf(text, "gid://shopify/"+kind+"/%d", &id); err != nil || global(kind, id) != text {
		return 0
	}
	return id
}

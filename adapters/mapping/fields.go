package mapping

import (
	"bytes"
	"encoding/json"
)

// Fields are what is written of an object, by the vendor's names, or by others that an adapter gives them where the
// vendor's depend on each other. A value that is Fields itself is a part of the object.
type Fields = map[string]any

// Text is a value of JSON as text: a text as it is, nothing for null, anything else as it stands.
func Text(raw json.RawMessage) string {
	var text string
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return ""
	}
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// Null is a text for vendors that clear by null.
func Null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// Blank says that a value is none: empty, or made of such parts.
func Blank(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []string:
		return len(value) == 0
	case []any:
		return len(value) == 0
	case Fields:
		for _, part := range value {
			if !Blank(part) {
				return false
			}
		}
		return true
	}
	return false
}

// Equal compares values as JSON has them: one side was frozen.
func Equal(a, b any) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}

// Join adds fields to others, and parts to parts.
func Join(into, more Fields) {
	for name, value := range more {
		part, isPart := value.(Fields)
		if !isPart {
			into[name] = value
			continue
		}
		Join(Part(into, name), part)
	}
}

// Part is a part of the fields; it is made where there is none.
func Part(w Fields, name string) Fields {
	part, ok := w[name].(Fields)
	if !ok {
		part = Fields{}
		w[name] = part
	}
	return part
}

// drop takes what is blank out of fields and their parts.
func drop(w Fields) {
	for name, value := range w {
		if part, ok := value.(Fields); ok {
			drop(part)
		}
		if Blank(value) {
			delete(w, name)
		}
	}
}

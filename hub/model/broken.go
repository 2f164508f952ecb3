package model

import (
	"errors"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// Broken is an attribute whose value breaks a rule of the canonical form.
type Broken struct {
	Path Path
	// Raw is the value: a text as it is, anything else in protobuf's JSON form.
	Raw string
	// Reason is the rule in words.
	Reason string
}

// Broken lists the attributes of m that break a rule, each once. Without them m is valid.
func (s *Schema) Broken(m proto.Message) []Broken {
	var invalid *protovalidate.ValidationError
	if !errors.As(protovalidate.Validate(m), &invalid) {
		return nil
	}
	var all []Broken
	seen := map[Path]bool{}
	for _, violation := range invalid.Violations {
		path := s.attributeOf(protovalidate.FieldPathString(violation.Proto.GetField()))
		if !seen[path] {
			seen[path] = true
			all = append(all, Broken{Path: path, Raw: s.raw(m, path), Reason: violation.Proto.GetMessage()})
		}
	}
	return all
}

// attributeOf is the attribute that a field path such as `lines[2].quantity` lies in.
func (s *Schema) attributeOf(field string) Path {
	name, rest, _ := strings.Cut(field, ".")
	if top, key, ok := strings.Cut(name, "["); ok {
		if top == "custom" {
			return Path(customPrefix + strings.Trim(strings.TrimSuffix(key, "]"), `"`))
		}
		return Path(top)
	}
	if s.groups[name] != nil {
		part, _, _ := strings.Cut(rest, ".")
		return Path(name + "." + part)
	}
	if base, ok := strings.CutSuffix(name, "_raw"); ok && s.Check(Path(base)) == nil {
		return Path(base)
	}
	return Path(name)
}

func (s *Schema) raw(m proto.Message, path Path) string {
	value := s.JSON(m, path)
	if text, ok := value.GetKind().(*structpb.Value_StringValue); ok {
		return text.StringValue
	}
	raw, err := value.MarshalJSON()
	if err != nil {
		return "" // not UTF-8
	}
	return string(raw)
}

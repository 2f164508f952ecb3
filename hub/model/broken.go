package model

import (
	"errors"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
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
	var (
		invalid *protovalidate.ValidationError
		all     []Broken
	)
	seen := map[Path]bool{}
	note := func(path Path, reason string) {
		if !seen[path] {
			seen[path] = true
			all = append(all, Broken{Path: path, Raw: s.raw(m, path), Reason: reason})
		}
	}
	if errors.As(protovalidate.Validate(m), &invalid) {
		for _, violation := range invalid.Violations {
			note(s.attributeOf(protovalidate.FieldPathString(violation.Proto.GetField())), violation.Proto.GetMessage())
		}
	}
	for path := range s.Present(m) {
		if a, _ := s.find(path); !timely(a.field, a.value(m.ProtoReflect())) {
			note(path, "must be a time in the years 1 to 9999")
		}
	}
	return all
}

// timely says that all times in a value can be written in JSON.
func timely(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
	if !value.IsValid() || field.Kind() != protoreflect.MessageKind {
		return true
	}
	if field.IsList() {
		for i := range value.List().Len() {
			if !timelyMessage(value.List().Get(i).Message()) {
				return false
			}
		}
		return true
	}
	m, ok := value.Interface().(protoreflect.Message)
	return !ok || timelyMessage(m)
}

func timelyMessage(m protoreflect.Message) bool {
	if at, ok := m.Interface().(*timestamppb.Timestamp); ok {
		return at.CheckValid() == nil
	}
	good := true
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		good = field.IsMap() || timely(field, value)
		return good
	})
	return good
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

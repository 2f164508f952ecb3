package model

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// CheckText says whether a path names one text: an attribute that is one, or a text within an attribute that is never
// split (`name.full`).
func (s *Schema) CheckText(path Path) error {
	_, field, err := s.textAt(path)
	switch {
	case err != nil:
		return err
	case field.Kind() != protoreflect.StringKind || field.IsList():
		return fmt.Errorf("%s is not one text", path)
	}
	return nil
}

// Text is the text that CheckText allows; empty where there is none.
func (s *Schema) Text(m proto.Message, path Path) string {
	a, field, err := s.textAt(path)
	if err != nil || m == nil || a.empty(m.ProtoReflect()) {
		return ""
	}
	value := a.value(m.ProtoReflect())
	if field != a.field {
		value = value.Message().Get(field)
	}
	return value.String()
}

// textAt finds the attribute that a path names, or lies within, and the field that it ends at.
func (s *Schema) textAt(path Path) (*attribute, protoreflect.FieldDescriptor, error) {
	err := s.Check(path)
	if err == nil {
		a, _ := s.find(path)
		if a.custom != "" {
			return nil, nil, fmt.Errorf("%s is not one text", path)
		}
		return a, a.field, nil
	}
	cut := strings.LastIndex(string(path), ".")
	if cut < 0 {
		return nil, nil, err
	}
	a, ok := s.find(path[:cut])
	if !ok || a.custom != "" || a.field.Message() == nil || a.field.IsList() {
		return nil, nil, err
	}
	if field := a.field.Message().Fields().ByName(protoreflect.Name(path[cut+1:])); field != nil {
		return a, field, nil
	}
	return nil, nil, err
}

package model

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Texts says that an attribute is a list of texts, of which there can be a union.
func (s *Schema) Texts(path Path) bool {
	a, ok := s.find(path)
	return ok && a.custom == "" && a.field.IsList() && a.field.Kind() == protoreflect.StringKind
}

// Keys are the fields that may tell the elements of an attribute apart that is a list of messages: their texts. None
// for other attributes.
func (s *Schema) Keys(path Path) []string {
	a, ok := s.find(path)
	if !ok || a.custom != "" || !a.field.IsList() || a.field.Message() == nil {
		return nil
	}
	var names []string
	for i := range a.field.Message().Fields().Len() {
		if field := a.field.Message().Fields().Get(i); field.Kind() == protoreflect.StringKind && !field.IsList() {
			names = append(names, string(field.Name()))
		}
	}
	return names
}

// Join adds the elements of src's list at path to dst's, without those that are there already: texts by themselves,
// messages by the field key. An element without a key is there already where an equal one is.
func (s *Schema) Join(dst, src proto.Message, path Path, key string) {
	a, ok := s.find(path)
	if !ok || a.custom != "" || !a.field.IsList() || a.empty(src.ProtoReflect()) {
		return
	}
	into := dst.ProtoReflect()
	for _, parent := range a.parents {
		into = into.Mutable(parent).Message()
	}
	have, more := into.Mutable(a.field).List(), a.value(src.ProtoReflect()).List()
	for i := range more.Len() {
		if element := more.Get(i); !contains(have, element, a.field, key) {
			have.Append(cloneElement(element, a.field))
		}
	}
}

func contains(list protoreflect.List, element protoreflect.Value, field protoreflect.FieldDescriptor, key string) bool {
	for i := range list.Len() {
		if sameElement(list.Get(i), element, field, key) {
			return true
		}
	}
	return false
}

func sameElement(a, b protoreflect.Value, field protoreflect.FieldDescriptor, key string) bool {
	if field.Message() == nil {
		return a.Equal(b)
	}
	by := field.Message().Fields().ByName(protoreflect.Name(key))
	if by == nil || a.Message().Get(by).String() == "" || b.Message().Get(by).String() == "" {
		return proto.Equal(a.Message().Interface(), b.Message().Interface())
	}
	return a.Message().Get(by).String() == b.Message().Get(by).String()
}

func cloneElement(element protoreflect.Value, field protoreflect.FieldDescriptor) protoreflect.Value {
	if field.Message() == nil {
		return element
	}
	return protoreflect.ValueOfMessage(proto.Clone(element.Message().Interface()).ProtoReflect())
}

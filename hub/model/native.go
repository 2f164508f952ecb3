package model

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Native is the value at path, or of a group, as Go has it: a text, bool or message, an int64 for an enum, a []any for a
// list; what a custom attribute holds, a decimal as text. Nil where there is none.
func (s *Schema) Native(m proto.Message, path Path) any {
	r := m.ProtoReflect()
	if s.groups[string(path)] != nil {
		field := r.Descriptor().Fields().ByName(protoreflect.Name(path))
		if !r.Has(field) {
			return nil
		}
		return r.Get(field).Message().Interface()
	}
	a, ok := s.find(path)
	if !ok || a.empty(r) {
		return nil
	}
	value := a.value(r)
	switch {
	case a.custom != "":
		return customNative(value.Message().Interface().(*canonicalv1.CustomValue))
	case !value.IsValid():
		return int64(0) // an enum of which there is the raw text alone
	case a.field.IsList():
		all := make([]any, value.List().Len())
		for i := range all {
			all[i] = native(a.field, value.List().Get(i))
		}
		return all
	}
	return native(a.field, value)
}

func native(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return value.Message().Interface()
	case protoreflect.EnumKind:
		return int64(value.Enum())
	}
	return value.Interface()
}

func customNative(v *canonicalv1.CustomValue) any {
	switch value := v.GetValue().(type) {
	case *canonicalv1.CustomValue_Text:
		return value.Text
	case *canonicalv1.CustomValue_Flag:
		return value.Flag
	case *canonicalv1.CustomValue_Decimal:
		return value.Decimal
	case *canonicalv1.CustomValue_Time:
		return value.Time
	case *canonicalv1.CustomValue_Money:
		return value.Money
	case *canonicalv1.CustomValue_Texts:
		return value.Texts.GetValues()
	}
	return nil
}

// Field is the descriptor of an attribute's or a group's field; nil for custom attributes and for what is neither.
func (s *Schema) Field(path Path) protoreflect.FieldDescriptor {
	if s.groups[string(path)] != nil {
		return s.descriptor.Descriptor().Fields().ByName(protoreflect.Name(path))
	}
	if i, ok := s.byPath[path]; ok {
		return s.attributes[i].field
	}
	return nil
}

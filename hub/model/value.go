package model

import (
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
)

// Empty says that m has no value at path: it is unset, or an empty text, list or message. Zero, false and a time are
// values. Paths that name no attribute are empty.
func (s *Schema) Empty(m proto.Message, path Path) bool {
	a, ok := s.find(path)
	return !ok || a.empty(m.ProtoReflect())
}

// Equal says that a and b have the same value at path, or both none.
func (s *Schema) Equal(a, b proto.Message, path Path) bool {
	at, ok := s.find(path)
	return !ok || at.equal(a.ProtoReflect(), b.ProtoReflect())
}

// Copy makes dst's value at path that of src, which may be none. It shares nothing with src and leaves everything else
// in dst alone, unknown fields among them.
func (s *Schema) Copy(dst, src proto.Message, path Path) {
	a, ok := s.find(path)
	if !ok {
		return
	}
	if a.empty(src.ProtoReflect()) {
		a.clear(dst.ProtoReflect())
		return
	}
	a.copy(dst.ProtoReflect(), src.ProtoReflect())
}

// Clear removes the value at path, and the message around it where nothing else is in it.
func (s *Schema) Clear(m proto.Message, path Path) {
	if a, ok := s.find(path); ok {
		a.clear(m.ProtoReflect())
	}
}

// Present iterates over the attributes that have a value in m, custom ones last and by name.
func (s *Schema) Present(m proto.Message) iter.Seq[Path] {
	return func(yield func(Path) bool) {
		r := m.ProtoReflect()
		for i := range s.attributes {
			if a := &s.attributes[i]; !a.empty(r) && !yield(a.path) {
				return
			}
		}
		for _, path := range s.customIn(r) {
			if !s.Empty(m, path) && !yield(path) {
				return
			}
		}
	}
}

// Stated iterates over the attributes that are set in m, be it to an empty text: those that m speaks of.
func (s *Schema) Stated(m proto.Message) iter.Seq[Path] {
	return func(yield func(Path) bool) {
		r := m.ProtoReflect()
		for i := range s.attributes {
			if a := &s.attributes[i]; (a.value(r).IsValid() || a.raw(r) != "") && !yield(a.path) {
				return
			}
		}
		for _, path := range s.customIn(r) {
			if !yield(path) {
				return
			}
		}
	}
}

// Custom lists the custom attributes that are in m.
func (s *Schema) Custom(m proto.Message) []Path { return s.customIn(m.ProtoReflect()) }

func (s *Schema) customIn(r protoreflect.Message) []Path {
	if s.custom == nil || !r.Has(s.custom) {
		return nil
	}
	entries := r.Get(s.custom).Map()
	paths := make([]Path, 0, entries.Len())
	for key := range entries.Range {
		paths = append(paths, Path(customPrefix+key.String()))
	}
	slices.Sort(paths)
	return paths
}

// JSONName is the last part of a path as protobuf's JSON form has it.
func (s *Schema) JSONName(path Path) string {
	a, ok := s.find(path)
	switch {
	case !ok:
		return ""
	case a.custom != "":
		return a.custom
	}
	return a.field.JSONName()
}

// JSON is the value at path in protobuf's JSON form; null where there is none. An enum we do not know is its raw text.
func (s *Schema) JSON(m proto.Message, path Path) *structpb.Value {
	a, ok := s.find(path)
	if !ok || m == nil || a.empty(m.ProtoReflect()) {
		return structpb.NewNullValue()
	}
	return a.json(m.ProtoReflect())
}

// holder is the message that the attribute's field is in; not valid where it is absent.
func (a *attribute) holder(r protoreflect.Message) (protoreflect.Message, bool) {
	for _, parent := range a.parents {
		if !r.Has(parent) {
			return nil, false
		}
		r = r.Get(parent).Message()
	}
	return r, true
}

// value is what the attribute's field has; not valid where there is none. A companion is not looked at.
func (a *attribute) value(r protoreflect.Message) protoreflect.Value {
	r, ok := a.holder(r)
	if !ok || !r.Has(a.field) {
		return protoreflect.Value{}
	}
	if a.custom != "" {
		return r.Get(a.field).Map().Get(a.key())
	}
	return r.Get(a.field)
}

// raw is the text beside an enum.
func (a *attribute) raw(r protoreflect.Message) string {
	if a.companion == nil {
		return ""
	}
	r, ok := a.holder(r)
	if !ok {
		return ""
	}
	return r.Get(a.companion).String()
}

func (a *attribute) empty(r protoreflect.Message) bool {
	return a.raw(r) == "" && emptyValue(a.field, a.value(r))
}

func (a *attribute) equal(x, y protoreflect.Message) bool {
	if a.raw(x) != a.raw(y) {
		return false
	}
	vx, vy := a.value(x), a.value(y)
	if !vx.IsValid() && !vy.IsValid() || vx.IsValid() && vy.IsValid() && vx.Equal(vy) {
		return true
	}
	return emptyValue(a.field, vx) && emptyValue(a.field, vy)
}

// emptyValue says that a field's value is none: an empty text, an unspecified enum, an empty list, or a message of ours
// with nothing but such in it.
func emptyValue(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
	switch {
	case !value.IsValid():
		return true
	case field.IsList():
		return value.List().Len() == 0
	case field.Kind() == protoreflect.StringKind:
		return value.String() == ""
	case field.Kind() == protoreflect.EnumKind:
		return value.Enum() == 0
	case field.Kind() == protoreflect.MessageKind:
		return emptyMessage(value.Message())
	}
	return false
}

func emptyMessage(m protoreflect.Message) bool {
	if m.Descriptor().ParentFile().Package() != ours {
		return false // well-known types are values
	}
	empty := len(m.GetUnknown()) == 0
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		empty = empty && !field.IsMap() && emptyValue(field, value)
		return empty
	})
	return empty
}

func (a *attribute) clear(r protoreflect.Message) {
	holder, ok := a.holder(r)
	if !ok {
		return
	}
	if a.custom != "" {
		if holder.Has(a.field) {
			holder.Mutable(a.field).Map().Clear(a.key())
		}
		return
	}
	holder.Clear(a.field)
	if a.companion != nil {
		holder.Clear(a.companion)
	}
	if len(a.parents) == 1 && proto.Size(holder.Interface()) == 0 {
		r.Clear(a.parents[0])
	}
}

func (a *attribute) copy(dst, src protoreflect.Message) {
	src, _ = a.holder(src)
	for _, parent := range a.parents {
		dst = dst.Mutable(parent).Message()
	}
	if a.custom != "" {
		value := src.Get(a.field).Map().Get(a.key()).Message().Interface()
		dst.Mutable(a.field).Map().Set(a.key(), protoreflect.ValueOfMessage(proto.Clone(value).ProtoReflect()))
		return
	}
	for _, field := range []protoreflect.FieldDescriptor{a.field, a.companion} {
		if field == nil {
			continue
		}
		if !src.Has(field) {
			dst.Clear(field)
			continue
		}
		copyField(dst, src.Get(field), field)
	}
}

func copyField(dst protoreflect.Message, value protoreflect.Value, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsList():
		fresh := dst.NewField(field)
		for i := range value.List().Len() {
			fresh.List().Append(cloneValue(value.List().Get(i), field))
		}
		dst.Set(field, fresh)
	default:
		dst.Set(field, cloneValue(value, field))
	}
}

func cloneValue(value protoreflect.Value, field protoreflect.FieldDescriptor) protoreflect.Value {
	if field.Kind() != protoreflect.MessageKind {
		return value
	}
	return protoreflect.ValueOfMessage(proto.Clone(value.Message().Interface()).ProtoReflect())
}

func (a *attribute) key() protoreflect.MapKey { return protoreflect.ValueOfString(a.custom).MapKey() }

// json goes through a message that has this attribute alone, so that every type has protobuf's own JSON form.
func (a *attribute) json(r protoreflect.Message) *structpb.Value {
	alone := r.New()
	a.copy(alone, r)
	text, err := protojson.Marshal(alone.Interface())
	tree := &structpb.Struct{}
	if err != nil || protojson.Unmarshal(text, tree) != nil {
		return structpb.NewNullValue()
	}
	for _, parent := range a.parents {
		tree = tree.GetFields()[parent.JSONName()].GetStructValue()
	}
	if a.custom != "" {
		return tree.GetFields()["custom"].GetStructValue().GetFields()[a.custom]
	}
	if a.companion != nil && emptyValue(a.field, a.value(r)) {
		return tree.GetFields()[a.companion.JSONName()]
	}
	return tree.GetFields()[a.field.JSONName()]
}

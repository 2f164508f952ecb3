package model

import (
	"iter"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// reference is an attribute that points to another record.
type reference struct {
	attribute attribute
	kind      Kind
}

// Reference is one pointer in a message: the attribute, the kind it points to, and the pointer itself, which may be
// changed in place.
type Reference struct {
	Path   Path
	Kind   Kind
	Target *canonicalv1.Reference
}

// Foreign iterates over the pointers in m, lines included, to objects of kinds that have no records.
func (s *Schema) Foreign(m proto.Message) iter.Seq[*canonicalv1.ExternalReference] {
	return func(yield func(*canonicalv1.ExternalReference) bool) { foreign(m.ProtoReflect(), yield) }
}

func foreign(m protoreflect.Message, yield func(*canonicalv1.ExternalReference) bool) bool {
	if r, ok := m.Interface().(*canonicalv1.Reference); ok {
		return r.GetExternal() == nil || yield(r.GetExternal())
	}
	goOn := true
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch kind, _ := proto.GetExtension(field.Options(), canonicalv1.E_RefersTo).(string); {
		case kind != "" || field.IsMap() || field.Kind() != protoreflect.MessageKind:
		case field.IsList():
			for i := 0; goOn && i < value.List().Len(); i++ {
				goOn = foreign(value.List().Get(i).Message(), yield)
			}
		default:
			goOn = foreign(value.Message(), yield)
		}
		return goOn
	})
	return goOn
}

// References iterates over the pointers to records that are set in m.
func (s *Schema) References(m proto.Message) iter.Seq[Reference] {
	return func(yield func(Reference) bool) {
		r := m.ProtoReflect()
		for _, ref := range s.references {
			if !r.Has(ref.attribute.field) {
				continue
			}
			target, ok := r.Get(ref.attribute.field).Message().Interface().(*canonicalv1.Reference)
			if ok && !yield(Reference{Path: ref.attribute.path, Kind: ref.kind, Target: target}) {
				return
			}
		}
	}
}

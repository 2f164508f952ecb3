package model

import (
	"iter"

	"google.golang.org/protobuf/proto"

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

// References iterates over the pointers that are set in m.
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

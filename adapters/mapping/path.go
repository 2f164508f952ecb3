package mapping

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// at is the field of an attribute, and the message that has it; the messages on the way are made where make is set, and else
// read as empty ones. Paths are the adapter's own words: one that does not exist is a mistake in its code.
func at(m proto.Message, path string, mutable bool) (protoreflect.Message, protoreflect.FieldDescriptor) {
	in := m.ProtoReflect()
	for {
		name, rest, more := strings.Cut(path, ".")
		field := in.Descriptor().Fields().ByName(protoreflect.Name(name))
		switch {
		case !more:
			return in, field
		case mutable:
			in = in.Mutable(field).Message()
		default:
			in = in.Get(field).Message()
		}
		path = rest
	}
}

// get is the text at a path; empty where it is not said.
func get(m proto.Message, path string) string {
	in, field := at(m, path, false)
	return in.Get(field).String()
}

// Set says the text at a path.
func Set(m proto.Message, path, text string) {
	in, field := at(m, path, true)
	in.Set(field, protoreflect.ValueOfString(text))
}

// Put says a message at a path; nil says nothing.
func Put(m proto.Message, path string, value proto.Message) {
	if value.ProtoReflect().IsValid() {
		in, field := at(m, path, true)
		in.Set(field, protoreflect.ValueOfMessage(value.ProtoReflect()))
	}
}

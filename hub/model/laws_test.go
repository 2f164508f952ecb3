package model_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/model/modeltest"
)

// law checks a property of two random messages and an attribute that either may have.
func law(t *testing.T, property func(t *rapid.T, schema *model.Schema, dst, src proto.Message, path model.Path)) {
	eachKind(t, func(t *testing.T, schema *model.Schema) {
		rapid.Check(t, func(t *rapid.T) {
			dst, src := modeltest.Random(schema).Draw(t, "dst"), modeltest.Random(schema).Draw(t, "src")
			path := rapid.SampledFrom(pathsIn(schema, dst, src)).Draw(t, "path")
			property(t, schema, dst, src, path)
		})
	})
}

func pathsIn(schema *model.Schema, messages ...proto.Message) []model.Path {
	paths := append(schema.Paths(), "custom.attribute_0", "custom.nowhere")
	for _, m := range messages {
		paths = append(paths, schema.Custom(m)...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func TestCopyMakesEqual(t *testing.T) {
	law(t, func(t *rapid.T, schema *model.Schema, dst, src proto.Message, path model.Path) {
		schema.Copy(dst, src, path)
		if !schema.Equal(dst, src, path) || !schema.Equal(src, dst, path) {
			t.Fatalf("%s differs after Copy:\n%v\n%v", path, dst, src)
		}
		if schema.Empty(dst, path) != schema.Empty(src, path) {
			t.Fatalf("%s is empty in one alone after Copy:\n%v\n%v", path, dst, src)
		}
		again := proto.Clone(dst)
		schema.Copy(again, src, path)
		if !proto.Equal(again, dst) {
			t.Fatalf("a second Copy of %s changes\n%v to\n%v", path, dst, again)
		}
	})
}

func TestCopyAndClearLeaveAllElseAlone(t *testing.T) {
	law(t, func(t *rapid.T, schema *model.Schema, dst, src proto.Message, path model.Path) {
		before, source := proto.Clone(dst), proto.Clone(src)
		if rapid.Bool().Draw(t, "clear") {
			schema.Clear(dst, path)
		} else {
			schema.Copy(dst, src, path)
		}
		for _, other := range pathsIn(schema, before, src) {
			if other != path && !schema.Equal(dst, before, other) {
				t.Fatalf("%s changed with %s:\n%v\n%v", other, path, before, dst)
			}
		}
		if got, want := unknown(dst), unknown(before); !slices.Equal(got, want) {
			t.Fatalf("fields of a newer schema changed with %s: %q, were %q", path, got, want)
		}
		if !proto.Equal(src, source) {
			t.Fatalf("the source changed:\n%v\n%v", source, src)
		}
	})
}

func TestClearMakesEmptyAndLeavesNoEmptyMessageBehind(t *testing.T) {
	law(t, func(t *rapid.T, schema *model.Schema, m, _ proto.Message, path model.Path) {
		schema.Clear(m, path)
		if !schema.Empty(m, path) || slices.Contains(slices.Collect(schema.Present(m)), path) {
			t.Fatalf("%s is there after Clear: %v", path, m)
		}
		for _, each := range slices.Collect(schema.Present(m)) {
			schema.Clear(m, each)
		}
		for _, each := range pathsIn(schema, m) {
			schema.Clear(m, each)
		}
		m.ProtoReflect().SetUnknown(nil)
		m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			if field.Kind() != protoreflect.MessageKind || len(value.Message().GetUnknown()) == 0 {
				t.Fatalf("with every attribute cleared, %s is left: %v", field.Name(), m)
			}
			return true
		})
	})
}

func TestEqualIsAnEquivalenceInWhichAllEmptyAreOne(t *testing.T) {
	law(t, func(t *rapid.T, schema *model.Schema, a, b proto.Message, path model.Path) {
		if !schema.Equal(a, a, path) || !schema.Equal(a, proto.Clone(a), path) {
			t.Fatalf("%s does not equal itself in %v", path, a)
		}
		if schema.Equal(a, b, path) != schema.Equal(b, a, path) {
			t.Fatalf("Equal(%s) depends on the order:\n%v\n%v", path, a, b)
		}
		if got, want := schema.Equal(a, schema.New(), path), schema.Empty(a, path); got != want {
			t.Fatalf("%s equals none: %v, is empty: %v, in %v", path, got, want, a)
		}
	})
}

// Whatever is done to the copy afterwards, at any depth, does not show in the source.
func TestACopySharesNothingWithItsSource(t *testing.T) {
	law(t, func(t *rapid.T, schema *model.Schema, dst, src proto.Message, path model.Path) {
		schema.Copy(dst, src, path)
		before := proto.Clone(src)
		scribble(dst.ProtoReflect())
		if !proto.Equal(src, before) {
			t.Fatalf("scribbling on the copy of %s changed the source\n%v to\n%v", path, before, src)
		}
	})
}

func TestMessagesWithEqualAttributesAreEqualInAll(t *testing.T) {
	law(t, func(t *rapid.T, schema *model.Schema, dst, src proto.Message, _ model.Path) {
		for _, path := range pathsIn(schema, dst, src) {
			schema.Copy(dst, src, path)
		}
		for _, path := range pathsIn(schema, dst, src) {
			if !schema.Equal(dst, src, path) {
				t.Fatalf("%s differs after all were copied", path)
			}
		}
		if got, want := slices.Collect(schema.Present(dst)), slices.Collect(schema.Present(src)); !slices.Equal(got, want) {
			t.Fatalf("present after all were copied: %v, want %v", got, want)
		}
	})
}

// unknown are the fields of a newer schema at the top and in each group.
func unknown(m proto.Message) []string {
	out := []string{string(m.ProtoReflect().GetUnknown())}
	for _, group := range groups[model.KindOf(m)] {
		field := m.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(group))
		out = append(out, string(m.ProtoReflect().Get(field).Message().GetUnknown()))
	}
	return out
}

// scribble changes every message that is reachable from m, in place.
func scribble(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			for key, entry := range value.Map().Range {
				scribble(entry.Message())
				value.Map().Clear(key)
			}
		case field.IsList():
			for i := range value.List().Len() {
				if field.Kind() == protoreflect.MessageKind {
					scribble(value.List().Get(i).Message())
					continue
				}
				value.List().Set(i, protoreflect.ValueOfString("scribble"))
			}
		case field.Kind() == protoreflect.MessageKind:
			scribble(value.Message())
		}
		return true
	})
	m.SetUnknown(protoreflect.RawFields(newerField("scribble")))
}

// Package modeltest makes canonical messages for tests, by reflection, so that a new field is in every test at once.
package modeltest

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/hub/model"
)

// chooser decides what a message is filled with.
type chooser interface {
	has(protoreflect.FieldDescriptor) bool
	pick(bound int) int // 0 to bound-1
	number(protoreflect.EnumDescriptor) protoreflect.EnumNumber
	text() string
	unknown() []byte // fields of a newer schema
}

// Random generates messages of a kind: any subset of the fields, empty texts and messages, enum values and fields that
// this schema does not know.
func Random(schema *model.Schema) *rapid.Generator[proto.Message] {
	return rapid.Custom(func(t *rapid.T) proto.Message {
		m := schema.New()
		fill(m.ProtoReflect(), random{t: t, share: rapid.IntRange(0, 10).Draw(t, "share")})
		return m
	})
}

// Full makes a message of a kind in which every attribute has a value; another seed gives other texts.
func Full(schema *model.Schema, seed int) proto.Message {
	m := schema.New()
	fill(m.ProtoReflect(), &full{seed: seed})
	return m
}

type random struct {
	t     *rapid.T
	share int // of ten fields
}

func (c random) has(f protoreflect.FieldDescriptor) bool {
	return rapid.IntRange(0, 9).Draw(c.t, string(f.Name())) < c.share
}

func (c random) pick(bound int) int { return rapid.IntRange(0, bound-1).Draw(c.t, "pick") }
func (c random) number(e protoreflect.EnumDescriptor) protoreflect.EnumNumber {
	return protoreflect.EnumNumber(c.pick(e.Values().Len() + 1))
}

func (c random) text() string {
	return rapid.SampledFrom([]string{"", "a", "A", "b", "Grüße", "+4930901820"}).Draw(c.t, "text")
}

func (c random) unknown() []byte {
	if rapid.IntRange(0, 9).Draw(c.t, "unknown") > 0 {
		return nil
	}
	field := protowire.AppendTag(nil, 19999, protowire.BytesType)
	return protowire.AppendString(field, c.text())
}

type full struct{ seed, count int }

func (c *full) has(f protoreflect.FieldDescriptor) bool {
	if strings.HasSuffix(string(f.Name()), "_raw") {
		return false // the enum beside it is known
	}
	oneof := f.ContainingOneof()
	return oneof == nil || oneof.IsSynthetic() || oneof.Fields().Get(0) == f
}

func (c *full) pick(bound int) int { return bound - 1 }
func (c *full) unknown() []byte    { return nil }
func (c *full) number(e protoreflect.EnumDescriptor) protoreflect.EnumNumber {
	return e.Values().Get(1).Number()
}

func (c *full) text() string {
	c.count++
	return fmt.Sprintf("value %d of %d", c.count, c.seed)
}

func fill(m protoreflect.Message, c chooser) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); c.has(field) {
			set(m, field, c)
		}
	}
	if raw := c.unknown(); raw != nil {
		m.SetUnknown(raw)
	}
}

func set(m protoreflect.Message, field protoreflect.FieldDescriptor, c chooser) {
	switch {
	case field.IsMap():
		entries := m.Mutable(field).Map()
		for i := range 1 + c.pick(3) {
			value := entries.NewValue()
			fill(value.Message(), c)
			entries.Set(protoreflect.ValueOfString(fmt.Sprintf("attribute_%d", i)).MapKey(), value)
		}
	case field.IsList():
		list := m.Mutable(field).List()
		for range 1 + c.pick(3) {
			list.Append(value(field, list.NewElement, c))
		}
	default:
		m.Set(field, value(field, func() protoreflect.Value { return m.NewField(field) }, c))
	}
}

func value(field protoreflect.FieldDescriptor, fresh func() protoreflect.Value, c chooser) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(c.text())
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(c.pick(2) == 1)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(c.pick(3)))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(c.pick(3)))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(c.number(field.Enum()))
	case protoreflect.MessageKind:
		message := fresh()
		if at, ok := message.Message().Interface().(*timestamppb.Timestamp); ok {
			proto.Merge(at, timestamppb.New(time.Unix(int64(1_700_000_000+c.pick(3)), 0)))
			return message
		}
		fill(message.Message(), c)
		return message
	}
	panic(fmt.Sprintf("modeltest: no values for %s of kind %s", field.FullName(), field.Kind()))
}

package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// digest identifies a message by what it says. Its wire bytes would not do: two binaries may write the same message
// differently, and a policy that changed its identity with an update of the hub would look like a new one.
func digest(m protoreflect.Message) [sha256.Size]byte {
	d := digester{sha256.New()}
	d.message(m)
	return [sha256.Size]byte(d.Sum(nil))
}

type digester struct{ hash.Hash }

// message writes the populated fields by number, between marks, so that no two messages are written alike.
func (d digester) message(m protoreflect.Message) {
	var fields []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		fields = append(fields, f)
		return true
	})
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	for _, f := range fields {
		d.number(uint64(f.Number()))
		d.field(f, m.Get(f))
	}
	d.number(0)
	d.text(string(m.GetUnknown())) // of a newer schema
}

func (d digester) field(f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch {
	case f.IsMap():
		var keys []protoreflect.MapKey
		v.Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
			keys = append(keys, k)
			return true
		})
		slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return cmp.Compare(a.String(), b.String()) })
		d.number(uint64(len(keys)))
		for _, k := range keys {
			d.text(k.String())
			d.value(v.Map().Get(k))
		}
	case f.IsList():
		d.number(uint64(v.List().Len()))
		for i := range v.List().Len() {
			d.value(v.List().Get(i))
		}
	default:
		d.value(v)
	}
}

func (d digester) value(v protoreflect.Value) {
	if m, ok := v.Interface().(protoreflect.Message); ok {
		d.message(m)
		return
	}
	d.text(fmt.Sprint(v.Interface()))
}

func (d digester) text(text string) {
	d.number(uint64(len(text)))
	d.Write([]byte(text))
}

func (d digester) number(n uint64) {
	var b [8]byte
	d.Write(binary.BigEndian.AppendUint64(b[:0], n))
}

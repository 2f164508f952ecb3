package filedrop

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// messages are the kinds.
var messages = map[adapters.Kind]proto.Message{
	"customer": (*canonicalv1.Customer)(nil), "order": (*canonicalv1.Order)(nil),
	"invoice": (*canonicalv1.Invoice)(nil), "ticket": (*canonicalv1.Ticket)(nil),
}

const (
	canonical    = "canonhub.canonical.v1"
	customPrefix = "custom."
	stampName    = "google.protobuf.Timestamp"
)

// attribute is a path of a kind.
type attribute struct {
	path string
	// group is the message that the field is in, nil for the record itself.
	group, field protoreflect.FieldDescriptor
	// raw is the text beside an enum.
	raw protoreflect.FieldDescriptor
	// custom is the name of a custom attribute.
	custom string
}

// find compiles a path.
func find(kind adapters.Kind, path string) (attribute, error) {
	a, fields := attribute{path: path}, messages[kind].ProtoReflect().Descriptor().Fields()
	unknown := fmt.Errorf("%s has no attribute %.80q", kind, path)
	if name, is := strings.CutPrefix(path, customPrefix); is {
		if !isCustomName(name) {
			return a, fmt.Errorf("the name of a custom attribute is of small letters, digits and underscores: custom.loyalty_tier")
		}
		a.custom, a.field = name, fields.ByName("custom")
		return a, nil
	}
	top, part, below := strings.Cut(path, ".")
	a.field = fields.ByName(protoreflect.Name(top))
	switch {
	case a.field == nil || a.field.IsMap():
		return a, unknown
	case split(a.field) && !below:
		return a, fmt.Errorf("%s is a group; name its parts, as %[1]s.%s", top, a.field.Message().Fields().Get(0).Name())
	case below && !split(a.field):
		return a, unknown
	case below:
		a.group, fields = a.field, a.field.Message().Fields()
		if a.field = fields.ByName(protoreflect.Name(part)); a.field == nil {
			return a, unknown
		}
	}
	if base, is := strings.CutSuffix(string(a.field.Name()), "_raw"); is && fields.ByName(protoreflect.Name(base)) != nil {
		return a, fmt.Errorf("%s is part of %s, which takes any text", path, strings.TrimSuffix(path, "_raw"))
	}
	if a.field.Kind() == protoreflect.EnumKind {
		a.raw = fields.ByName(a.field.Name() + "_raw")
	}
	return a, nil
}

// split says whether a field's parts are attributes of their own.
func split(f protoreflect.FieldDescriptor) bool {
	if f.IsList() || f.IsMap() || f.Kind() != protoreflect.MessageKind || f.Message().ParentFile().Package() != canonical {
		return false
	}
	whole, _ := proto.GetExtension(f.Message().Options(), canonicalv1.E_Whole).(bool)
	return !whole
}

func isCustomName(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || '9' < c)) {
			return false
		}
	}
	return 0 < len(name) && len(name) <= 63
}

// typed is a type that an expression may have, and what people call it.
type typed struct {
	is   *cel.Type
	name string
}

var (
	textType  = &typed{cel.StringType, "a text"}
	intType   = &typed{cel.IntType, "a whole number"}
	flagType  = &typed{cel.BoolType, "true or false"}
	timeType  = &typed{cel.TimestampType, "a time, as date() makes it"}
	textsType = &typed{cel.ListType(cel.StringType), "a list of texts"}
	moneyType = object("Money")
)

func object(name string) *typed {
	return &typed{cel.ObjectType(canonical + "." + name), "a " + name}
}

// types are those that an attribute takes.
func (a attribute) types() []*typed {
	if a.custom != "" {
		return []*typed{textType, flagType, timeType, moneyType, textsType, object("CustomValue")}
	}
	var all []*typed
	switch a.field.Kind() {
	case protoreflect.StringKind:
		all = []*typed{textType}
	case protoreflect.BoolKind:
		all = []*typed{flagType}
	case protoreflect.EnumKind:
		all = []*typed{textType, intType}
	case protoreflect.MessageKind:
		name := a.field.Message().Name()
		switch {
		case a.field.Message().FullName() == stampName:
			all = []*typed{timeType}
		case name == "Reference" || name == "PersonName" || name == "Agent":
			all = []*typed{textType, object(string(name))}
		default:
			all = []*typed{object(string(name))}
		}
	}
	if a.field.IsList() {
		one := all[len(all)-1]
		return []*typed{{cel.ListType(one.is), "a list of " + string(one.is.TypeName())}}
	}
	return all
}

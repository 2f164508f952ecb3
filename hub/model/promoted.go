package model

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Promoted is an attribute, or a part of one that is whole, that lists can be filtered by. The protos say which are.
type Promoted struct {
	// Path is its name in lists: `email`, `name.full`, `status_raw`.
	Path Path
	Type Type
	// Many says that a record can have several values.
	Many bool
	// Enum is set for enums.
	Enum protoreflect.EnumDescriptor

	attribute Path
	part      protoreflect.FieldDescriptor // in a message that is whole, or nil
	raw       bool                         // the text beside an enum
}

// Entry is one value of a promoted attribute.
type Entry struct {
	Path Path
	Key  Key
}

// Promoted lists what lists can be filtered by, in field order, but for custom attributes.
func (s *Schema) Promoted() []Promoted { return slices.Clone(s.promoted) }

// FindPromoted finds a promoted attribute by its name in lists. All custom attributes are.
func (s *Schema) FindPromoted(path Path) (Promoted, bool) {
	for _, p := range s.promoted {
		if p.Path == path {
			return p, true
		}
	}
	if a, ok := s.find(path); ok && a.custom != "" {
		return Promoted{Path: path, Type: Custom, Many: true, attribute: path}, true
	}
	return Promoted{}, false
}

// Index lists what the index has under which names for some attributes of m; a name without entries is to have none.
func (s *Schema) Index(m proto.Message, attributes []Path) (names []Path, entries []Entry) {
	for _, path := range attributes {
		a, ok := s.find(path)
		if !ok {
			continue
		}
		if a.custom != "" {
			names = append(names, path)
			entries = appendKeys(entries, path, customKeys(a, m))
			continue
		}
		for _, p := range s.promotedOf[path] {
			names = append(names, p.Path)
			entries = appendKeys(entries, p.Path, p.keys(a, m.ProtoReflect()))
		}
	}
	return names, entries
}

func appendKeys(entries []Entry, path Path, keys []Key) []Entry {
	for _, k := range keys {
		entries = append(entries, Entry{Path: path, Key: k})
	}
	return entries
}

// promote notes what is promoted of an attribute.
func (s *Schema) promote(a attribute) {
	add := func(p Promoted, field protoreflect.FieldDescriptor) {
		if p.Type = typeOf(field); p.Type == Custom {
			return // of no type that has an order; a test finds such a field
		}
		p.attribute, p.Many, p.Enum = a.path, field.IsList(), field.Enum()
		s.promoted = append(s.promoted, p)
		s.promotedOf[a.path] = append(s.promotedOf[a.path], p)
	}
	if isPromoted(a.field) {
		add(Promoted{Path: a.path}, a.field)
		if a.companion != nil {
			add(Promoted{Path: a.path + "_raw", raw: true}, a.companion)
		}
		return
	}
	if a.field.IsList() || a.field.IsMap() || a.field.Kind() != protoreflect.MessageKind || a.field.Message().ParentFile().Package() != ours {
		return
	}
	parts := a.field.Message().Fields()
	for i := range parts.Len() {
		if part := parts.Get(i); isPromoted(part) {
			add(Promoted{Path: a.path + "." + Path(part.Name()), part: part}, part)
		}
	}
}

func isPromoted(field protoreflect.FieldDescriptor) bool {
	promoted, _ := proto.GetExtension(field.Options(), canonicalv1.E_Promoted).(bool)
	return promoted
}

var (
	moneyName     = (*canonicalv1.Money)(nil).ProtoReflect().Descriptor().FullName()
	referenceName = (*canonicalv1.Reference)(nil).ProtoReflect().Descriptor().FullName()
	timestampName = (*timestamppb.Timestamp)(nil).ProtoReflect().Descriptor().FullName()
)

// typeOf is the type of a promoted field, Custom for one that cannot be.
func typeOf(field protoreflect.FieldDescriptor) Type {
	switch field.Kind() {
	case protoreflect.StringKind:
		return Text
	case protoreflect.BoolKind:
		return Flag
	case protoreflect.EnumKind:
		return Enum
	case protoreflect.MessageKind:
		switch field.Message().FullName() {
		case moneyName:
			return Number
		case referenceName:
			return Text
		case timestampName:
			return Time
		}
	}
	return Custom
}

// keys are the values in r, which may be none.
func (p Promoted) keys(a *attribute, r protoreflect.Message) []Key {
	if p.raw {
		return textKeys(a.raw(r))
	}
	if a.empty(r) {
		return nil
	}
	value, field := a.value(r), a.field
	if p.part != nil && !value.Message().Has(p.part) {
		return nil
	}
	if p.part != nil {
		value, field = value.Message().Get(p.part), p.part
	}
	switch {
	case !value.IsValid():
		return []Key{EnumKey(0)} // there is the raw text alone
	case field.IsList():
		var keys []Key
		for i := range value.List().Len() {
			keys = append(keys, keysOf(field, value.List().Get(i))...)
		}
		return keys
	}
	return keysOf(field, value)
}

func textKeys(text string) []Key {
	if text == "" {
		return nil
	}
	return []Key{TextKey(text)}
}

func keysOf(field protoreflect.FieldDescriptor, value protoreflect.Value) []Key {
	switch field.Kind() {
	case protoreflect.StringKind:
		return textKeys(value.String())
	case protoreflect.BoolKind:
		return []Key{FlagKey(value.Bool())}
	case protoreflect.EnumKind:
		return []Key{EnumKey(int32(value.Enum()))}
	}
	switch m := value.Message().Interface().(type) {
	case *canonicalv1.Money:
		return []Key{amountKey(m.GetUnits(), m.GetNanos())}
	case *canonicalv1.Reference:
		return textKeys(m.GetRecordId())
	case *timestamppb.Timestamp:
		return []Key{TimeKey(m.AsTime())}
	}
	return nil
}

// customKeys are the values of a custom attribute: each of a list of texts.
func customKeys(a *attribute, m proto.Message) []Key {
	value := a.value(m.ProtoReflect())
	if !value.IsValid() {
		return nil
	}
	v, ok := value.Message().Interface().(*canonicalv1.CustomValue)
	if !ok {
		return nil
	}
	switch v := v.GetValue().(type) {
	case *canonicalv1.CustomValue_Text:
		return textKeys(v.Text)
	case *canonicalv1.CustomValue_Flag:
		return []Key{FlagKey(v.Flag)}
	case *canonicalv1.CustomValue_Decimal:
		if k, err := NumberKey(v.Decimal); err == nil {
			return []Key{k}
		}
	case *canonicalv1.CustomValue_Time:
		return []Key{TimeKey(v.Time.AsTime())}
	case *canonicalv1.CustomValue_Money:
		return []Key{amountKey(v.Money.GetUnits(), v.Money.GetNanos())}
	case *canonicalv1.CustomValue_Texts:
		var keys []Key
		for _, text := range v.Texts.GetValues() {
			keys = append(keys, textKeys(text)...)
		}
		return keys
	}
	return nil
}

// PromotedNames are the names in lists, custom attributes under `custom.NAME`, for people.
func (s *Schema) PromotedNames() string {
	names := make([]string, 0, len(s.promoted)+1)
	for _, p := range s.promoted {
		names = append(names, string(p.Path))
	}
	if s.custom != nil {
		names = append(names, "custom.NAME")
	}
	return strings.Join(names, ", ")
}

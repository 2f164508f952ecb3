// Package model reads and writes canonical messages by attribute path.
//
// An attribute is what the policy decides over: a scalar, a repeated field, or a message that is declared whole. Fields
// of other messages are attributes of their own (`billing_address.city`), and so is each entry of `custom`. An enum and
// the text beside it (`status`, `status_raw`) are one attribute. Paths are compiled once for each kind, by reflection.
package model

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Kind names a canonical message in lower case.
type Kind string

// The kinds. Adding one means adding it to kinds, too.
const (
	Customer Kind = "customer"
	Order    Kind = "order"
	Invoice  Kind = "invoice"
	Ticket   Kind = "ticket"
)

// kinds is the one registration of a kind.
var kinds = []struct {
	kind    Kind
	message proto.Message
}{
	{Customer, (*canonicalv1.Customer)(nil)},
	{Order, (*canonicalv1.Order)(nil)},
	{Invoice, (*canonicalv1.Invoice)(nil)},
	{Ticket, (*canonicalv1.Ticket)(nil)},
}

// Path names an attribute: `email`, `billing_address.city`, `custom.loyalty_tier`.
type Path string

const (
	customPrefix = "custom."
	ours         = "canonhub.canonical.v1" // the package of all canonical messages
)

// attribute is a compiled path.
type attribute struct {
	path      Path
	parents   []protoreflect.FieldDescriptor // messages on the way, outermost first
	field     protoreflect.FieldDescriptor
	companion protoreflect.FieldDescriptor // the raw text beside an enum, or nil
	custom    string                       // key in the map `custom`, or ""
}

// Schema is what is known of one kind. It is safe for concurrent use.
type Schema struct {
	kind       Kind
	descriptor protoreflect.MessageType
	attributes []attribute       // all but custom ones, in field order
	byPath     map[Path]int      // index into attributes
	groups     map[string][]Path // top-level message fields that are split, by name
	custom     protoreflect.FieldDescriptor
	references []reference
	promoted   []Promoted          // in field order
	promotedOf map[Path][]Promoted // by attribute
}

var schemas = sync.OnceValue(func() map[Kind]*Schema {
	all := make(map[Kind]*Schema, len(kinds))
	for _, k := range kinds {
		all[k.kind] = compile(k.kind, k.message.ProtoReflect().Type())
	}
	return all
})

// Kinds lists the kinds.
func Kinds() []Kind {
	names := make([]Kind, len(kinds))
	for i, k := range kinds {
		names[i] = k.kind
	}
	return names
}

// For returns the schema of a kind; nil for a word that is none.
func For(kind Kind) *Schema { return schemas()[kind] }

// KindOf is the kind of a canonical message, empty for another message.
func KindOf(m proto.Message) Kind {
	for _, k := range kinds {
		if k.message.ProtoReflect().Descriptor() == m.ProtoReflect().Descriptor() {
			return k.kind
		}
	}
	return ""
}

// Kind is the schema's kind.
func (s *Schema) Kind() Kind { return s.kind }

// New makes an empty message of this kind.
func (s *Schema) New() proto.Message { return s.descriptor.New().Interface() }

// Paths lists all attributes but custom ones, in field order.
func (s *Schema) Paths() []Path {
	paths := make([]Path, len(s.attributes))
	for i, a := range s.attributes {
		paths[i] = a.path
	}
	return paths
}

// Check says whether path names an attribute of this kind.
func (s *Schema) Check(path Path) error {
	if _, ok := s.find(path); !ok {
		return fmt.Errorf("%s has no attribute %q%s", s.kind, path, s.suggest(string(path)))
	}
	return nil
}

// Fields lists the top-level fields that rules name: each is an attribute, or a group of attributes, or `custom`.
func (s *Schema) Fields() []string {
	var fields []string
	for _, a := range s.attributes {
		top, _, _ := strings.Cut(string(a.path), ".")
		if len(fields) == 0 || fields[len(fields)-1] != top {
			fields = append(fields, top)
		}
	}
	if s.custom != nil {
		fields = append(fields, "custom")
	}
	return fields
}

// Group lists the attributes below a top-level field that is split; nil for any other.
func (s *Schema) Group(field string) []Path { return slices.Clone(s.groups[field]) }

func (s *Schema) find(path Path) (*attribute, bool) {
	if i, ok := s.byPath[path]; ok {
		return &s.attributes[i], true
	}
	name, ok := strings.CutPrefix(string(path), customPrefix)
	if !ok || s.custom == nil || !validCustom(name) {
		return nil, false
	}
	return &attribute{path: path, field: s.custom, custom: name}, true
}

// validCustom says whether a custom attribute may have that name: ^[a-z][a-z0-9_]{0,62}$.
func validCustom(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || '9' < c)) {
			return false
		}
	}
	return 0 < len(name) && len(name) <= 63
}

func compile(kind Kind, t protoreflect.MessageType) *Schema {
	s := &Schema{kind: kind, descriptor: t, byPath: map[Path]int{}, groups: map[string][]Path{},
		promotedOf: map[Path][]Promoted{}}
	fields := t.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.Name() == "custom" && field.IsMap():
			s.custom = field
		case split(field):
			parts := field.Message().Fields()
			for j := range parts.Len() {
				s.add(string(field.Name())+".", []protoreflect.FieldDescriptor{field}, parts.Get(j))
			}
			for _, a := range s.attributes {
				if len(a.parents) > 0 && a.parents[0] == field {
					s.groups[string(field.Name())] = append(s.groups[string(field.Name())], a.path)
				}
			}
		default:
			s.add("", nil, field)
		}
	}
	return s
}

func (s *Schema) add(prefix string, parents []protoreflect.FieldDescriptor, field protoreflect.FieldDescriptor) {
	siblings := field.ContainingMessage().Fields()
	if base, ok := strings.CutSuffix(string(field.Name()), "_raw"); ok && siblings.ByName(protoreflect.Name(base)) != nil {
		return // part of the enum's attribute
	}
	a := attribute{path: Path(prefix + string(field.Name())), parents: parents, field: field}
	if field.Kind() == protoreflect.EnumKind && !field.IsList() {
		a.companion = siblings.ByName(field.Name() + "_raw")
	}
	s.byPath[a.path] = len(s.attributes)
	s.attributes = append(s.attributes, a)
	s.promote(a)
	if kind, _ := proto.GetExtension(field.Options(), canonicalv1.E_RefersTo).(string); kind != "" {
		s.references = append(s.references, reference{attribute: a, kind: Kind(kind)})
	}
}

// split says whether a field's parts are attributes of their own.
func split(field protoreflect.FieldDescriptor) bool {
	if field.IsList() || field.IsMap() || field.Kind() != protoreflect.MessageKind {
		return false
	}
	if field.Message().ParentFile().Package() != ours {
		return false // well-known types are values
	}
	whole, _ := proto.GetExtension(field.Message().Options(), canonicalv1.E_Whole).(bool)
	return !whole
}

// suggest helps with a mistyped path.
func (s *Schema) suggest(path string) string {
	if _, ok := s.groups[path]; ok {
		return fmt.Sprintf("; it is a group: name %s.* or one of its parts", path)
	}
	if base, ok := strings.CutSuffix(path, "_raw"); ok {
		if _, ok := s.byPath[Path(base)]; ok {
			return fmt.Sprintf("; it belongs to %q", base)
		}
	}
	best, distance := "", 3
	for _, a := range s.attributes {
		if d := editDistance(path, string(a.path)); d < distance {
			best, distance = string(a.path), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance is Levenshtein's, over bytes: paths are ASCII.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost = 1 + min(previous, row[j], row[j+1])
			}
			previous, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

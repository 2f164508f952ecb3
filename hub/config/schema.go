package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"buf.build/go/protoyaml"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/canonhub/canonhub/gen/canonhub/config/v1"
	"github.com/canonhub/canonhub/hub/model"
)

// decode fills the schema's message, as far as the text allows, and reports what does not fit the schema.
//
// Shape (fields, lists, mappings) is checked on the tree and not left to protoyaml, whose messages quote keys.
func (r *report) decode(text string) *configv1.Config {
	out := &configv1.Config{}
	r.message(r.root, out.ProtoReflect().Descriptor())
	err := protoyaml.UnmarshalOptions{DiscardUnknown: true}.Unmarshal([]byte(text), out)
	r.mistyped(err)
	r.violations(protovalidate.Validate(out))
	return out
}

func (r *report) message(n *node, schema protoreflect.MessageDescriptor) {
	if !r.isA(n, yaml.MappingNode) {
		return
	}
	for name, child := range n.below {
		if field := schema.Fields().ByName(protoreflect.Name(name)); field != nil {
			r.field(child, field)
			continue
		}
		child.broken = true
		r.on(child.keyMark(), "no such field; the fields here are %s", strings.Join(fieldNames(schema), ", "))
	}
}

func fieldNames(schema protoreflect.MessageDescriptor) []string {
	names := make([]string, schema.Fields().Len())
	for i := range names {
		names[i] = string(schema.Fields().Get(i).Name())
	}
	return names
}

func (r *report) field(n *node, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsMap():
		if r.isA(n, yaml.MappingNode) {
			for _, child := range n.below {
				r.value(child, field.MapValue())
			}
		}
	case field.IsList():
		if r.isA(n, yaml.SequenceNode) {
			for _, child := range n.below {
				r.value(child, field)
			}
		}
	default:
		r.value(n, field)
	}
}

func (r *report) value(n *node, field protoreflect.FieldDescriptor) {
	if field.Message() == nil || field.Message().FullName() == "google.protobuf.Duration" {
		r.isA(n, yaml.ScalarNode)
		return
	}
	if field.Message().FullName() == "google.protobuf.Struct" { // what is in it, the adapter knows
		r.isA(n, yaml.MappingNode)
		return
	}
	r.message(n, field.Message())
}

var shapes = map[yaml.Kind]string{
	yaml.MappingNode:  "a mapping belongs here: NAME: VALUE, one a line",
	yaml.SequenceNode: "a list belongs here: [ONE, TWO]",
	yaml.ScalarNode:   "one plain value belongs here",
}

// isA reports a node that is not of the shape.
func (r *report) isA(n *node, shape yaml.Kind) bool {
	switch {
	case n.broken:
	case n.null():
		r.breaks(n, "nothing is given here; give it a value, or remove it")
	case n.value.Kind != shape:
		r.breaks(n, "%s", shapes[shape])
	}
	return !n.broken
}

// mistyped reports scalars that protoyaml could not read. It tells their places only in the error's text.
func (r *report) mistyped(err error) {
	if err == nil {
		return
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		r.on(r.root.mark(), "the configuration cannot be read: %v", err)
		return
	}
	scalars := map[mark]*node{}
	r.root.scalars(scalars)
	for _, each := range joined.Unwrap() {
		var at mark
		cause := errors.Unwrap(each)
		if _, err := fmt.Sscanf(each.Error(), ":%d:%d ", &at.line, &at.column); err != nil || cause == nil {
			continue
		}
		if n := scalars[at]; n != nil && !n.broken {
			r.breaks(n, "%s", inOurWords(cause.Error()))
		}
	}
}

// inOurWords replaces protoyaml's messages, which quote the text.
func inOurWords(message string) string {
	for beginning, ours := range map[string]string{
		"invalid float":    "a number belongs here",
		"invalid integer":  "a whole number belongs here",
		"integer is too":   "this number is out of all bounds",
		"expected bool":    "true or false belongs here",
		"expected tag":     "true or false belongs here, without quotes",
		"invalid duration": "a duration belongs here, such as 5s or 1m30s",
	} {
		if strings.HasPrefix(message, beginning) {
			return ours
		}
	}
	return "this value cannot be read"
}

// scalars collects the nodes with a scalar by position.
func (n *node) scalars(into map[mark]*node) {
	if n.value.Kind == yaml.ScalarNode {
		into[markOf(n.value)] = n
	}
	for _, child := range n.below {
		child.scalars(into)
	}
}

// violations reports the schema's rules that are broken.
func (r *report) violations(err error) {
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		if err != nil {
			r.on(r.root.mark(), "the configuration cannot be checked: %v", err)
		}
		return
	}
	for _, violation := range invalid.Violations {
		at := pathOf(violation.Proto.GetField())
		if violation.Proto.GetForKey() {
			r.failKey(at, "%s", advice(violation.Proto))
		} else if n, exact, _ := r.root.find(at); !exact || !n.anyBroken() {
			r.fail(at, "%s", advice(violation.Proto))
		}
	}
}

func pathOf(field *validate.FieldPath) path {
	var at path
	for _, element := range field.GetElements() {
		at = append(at, element.GetFieldName())
		switch subscript := element.GetSubscript().(type) {
		case *validate.FieldPathElement_StringKey:
			at = append(at, subscript.StringKey)
		case *validate.FieldPathElement_Index:
			at = append(at, strconv.FormatUint(subscript.Index, 10))
		}
	}
	return at
}

// advices are what to do about violations, by field and rule, where the rule's own words do not tell.
var advices = map[string]string{
	"connections string.pattern":    nameAdvice,
	"callers string.pattern":        nameAdvice,
	"policies string.in":            kindAdvice,
	"pull string.in":                kindAdvice,
	"vanished string.in":            "what becomes of vanished objects is delete or report",
	"differences string.in":         "what becomes of differences is repair or report",
	"kinds string.in key":           kindAdvice,
	"kinds string.in":               "what a caller may do is read or write",
	"adapter string.min_len":        "the adapter is missing; give it as adapter: NAME",
	"api_key_sha256 string.pattern": "api_key_sha256 is no SHA-256; give the 64 lower-case hex digits that `printf %s KEY | sha256sum` prints",
	"secrets repeated.min_items":    `the webhook has no secret; give it as secrets: ["${NAME}"]`,
	"attributes map.min_pairs":      `there is no rule; "*" covers every attribute that has no other`,
	"attributes repeated.min_items": `there is no attribute to take; "*" means all that the adapter can write`,
}

const nameAdvice = `a name has lower-case letters, digits and "-", begins with a letter, and is at most 63 characters long`

var kindAdvice = fmt.Sprintf("no such kind; the kinds are %s", model.Kinds())

func advice(v *validate.Violation) string {
	elements := v.GetField().GetElements()
	if len(elements) == 0 || v.GetMessage() == "" {
		return v.GetMessage()
	}
	field := elements[len(elements)-1].GetFieldName()
	if ours := advices[field+" "+v.GetRuleId()+" key"]; v.GetForKey() && ours != "" {
		return ours
	}
	if ours := advices[field+" "+v.GetRuleId()]; ours != "" {
		return ours
	}
	if field == "attributes" { // a rule's own check, which names its fields itself
		return v.GetMessage()
	}
	return field + " " + v.GetMessage()
}

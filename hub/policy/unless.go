package policy

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/hub/model"
)

// maxCost bounds one evaluation, in CEL's own units: some thousand steps on texts of usual length.
const maxCost = 100_000

// condition tells which claims do not count.
type condition struct{ program cel.Program }

// compileUnless checks an expression against the type of the attribute, or of the group, that it is for.
func compileUnless(schema *model.Schema, path model.Path, text string) (*condition, error) {
	env, err := cel.NewEnv(ext.Strings(), cel.Types(schema.New()), cel.Variable("source", cel.StringType), cel.Variable("value", typeOf(schema.Field(path))))
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("unless of %s: %s, at column %d of %q", path, first.Message, first.Location.Column()+1, line(text, first.Location.Line()))
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("unless of %s: %q is a %s; it must be true or false", path, text, ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost))
	if err != nil {
		return nil, fmt.Errorf("unless of %s: %w", path, err)
	}
	return &condition{program}, nil
}

// line is the text of a line, counted from 1.
func line(text string, number int) string {
	lines := strings.Split(text, "\n")
	if number < 1 || number > len(lines) {
		return text
	}
	return lines[number-1]
}

// typeOf is what `value` is: custom attributes have several types.
func typeOf(field protoreflect.FieldDescriptor) *cel.Type {
	if field == nil {
		return cel.DynType
	}
	var one *cel.Type
	switch field.Kind() {
	case protoreflect.MessageKind:
		one = cel.ObjectType(string(field.Message().FullName()))
		if field.Message().FullName() == "google.protobuf.Timestamp" {
			one = cel.TimestampType
		}
	case protoreflect.BoolKind:
		one = cel.BoolType
	case protoreflect.StringKind:
		one = cel.StringType
	default:
		one = cel.IntType // enums and counts
	}
	if field.IsList() {
		return cel.ListType(one)
	}
	return one
}

// holds says that a claim does not count. One that the condition fails on counts: it is no less a claim.
func (c *condition) holds(value any, source string) bool {
	out, _, err := c.program.Eval(map[string]any{"value": value, "source": source})
	return err == nil && out.Value() == true
}

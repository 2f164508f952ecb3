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

// condition is a compiled expression in CEL.
type condition struct{ program cel.Program }

// compileUnless checks an expression on claims against the type of the attribute, or of the group, that it is for.
func compileUnless(schema *model.Schema, path model.Path, text string) (*condition, error) {
	c, err := compileCondition(schema, text, cel.Variable("source", cel.StringType), cel.Variable("value", typeOf(schema.Field(path))))
	if err != nil {
		return nil, fmt.Errorf("unless of %s: %w", path, err)
	}
	return c, nil
}

// compileWhen checks an expression on records against their kind.
func compileWhen(schema *model.Schema, text string) (*condition, error) {
	return compileCondition(schema, text, cel.Variable("record", cel.ObjectType(string(schema.New().ProtoReflect().Descriptor().FullName()))))
}

// compileCondition makes a condition; enums go by `LifecycleStage.LIFECYCLE_STAGE_LEAD`.
func compileCondition(schema *model.Schema, text string, variables ...cel.EnvOption) (*condition, error) {
	kind := schema.New()
	env, err := cel.NewEnv(append(variables, ext.Strings(), cel.Types(kind), cel.Container(string(kind.ProtoReflect().Descriptor().ParentFile().Package())))...)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("%s, at column %d of %q", first.Message, first.Location.Column()+1, line(text, first.Location.Line()))
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("%q is a %s; it must be true or false", text, ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost))
	if err != nil {
		return nil, err
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

// holds evaluates; an evaluation that fails, as one that asks for a custom attribute that is not there, does not hold.
func (c *condition) holds(variables map[string]any) bool {
	out, _, err := c.program.Eval(variables)
	return err == nil && out.Value() == true
}

package filedrop

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/canonhub/canonhub/adapters"
)

// maxCost bounds one evaluation, in CEL's own units: a row of a thousand positions of an order is well below.
const maxCost = 10_000_000

// language is CEL with what files need: for reading, over row, lists, file_name, file_time and line; for writing, over
// record, record_id and external_id.
type language struct {
	kind    adapters.Kind
	decimal rune
	zone    *time.Location
	env     *cel.Env
}

// expression is one of either.
type expression struct {
	program cel.Program
	// column is the one that a plain row.COLUMN reads; such an expression is not evaluated.
	column string
	// needs are the columns without which it cannot be evaluated, reads those and the ones that it asks for with has() or
	// row[?"COLUMN"].
	needs, reads []string
	// paths are the attributes that an expression for writing reads.
	paths []string
}

func newLanguage(kind adapters.Kind, decimal rune, zone *time.Location) (*language, error) {
	l := &language{kind: kind, decimal: decimal, zone: zone}
	text, message := cel.StringType, messages[kind]
	row := cel.MapType(text, text)
	var err error
	l.env, err = cel.NewEnv(append(l.functions(),
		cel.OptionalTypes(), ext.Strings(), cel.Types(message), cel.Container(canonical),
		cel.Variable("row", row), cel.Variable("lists", cel.MapType(text, cel.ListType(row))),
		cel.Variable("file_name", text), cel.Variable("file_time", cel.TimestampType), cel.Variable("line", cel.IntType),
		cel.Variable("record", cel.ObjectType(string(message.ProtoReflect().Descriptor().FullName()))),
		cel.Variable("record_id", text), cel.Variable("external_id", text))...)
	if err != nil {
		return nil, fmt.Errorf("CEL: %w", err)
	}
	return l, nil
}

// reading compiles an expression over a row. columns are those of a file without a header line; empty where the file
// tells them.
func (l *language) reading(text string, columns []string, wants ...*typed) (*expression, error) {
	checked, e, err := l.compile(text, wants)
	if err != nil {
		return nil, err
	}
	var asked []string
	err = walk(checked.NativeRep().Expr(), func(node celast.Expr) (down bool, err error) {
		name, must, is := column(node)
		switch {
		case is && len(columns) > 0 && !slices.Contains(columns, name):
			return false, fmt.Errorf("there is no column %.80q; columns has %s", name, strings.Join(columns, ", "))
		case is:
			e.reads = append(e.reads, name)
			if !must {
				asked = append(asked, name)
			}
			return false, nil
		case isIdent(node, "record"), isIdent(node, "record_id"), isIdent(node, "external_id"):
			return false, fmt.Errorf("%s is for files that are written; what is read is row", node.AsIdent())
		}
		return true, nil
	})
	if name, must, is := column(checked.NativeRep().Expr()); is && must {
		e.column = name
	}
	for _, name := range e.reads {
		if !slices.Contains(asked, name) {
			e.needs = append(e.needs, name)
		}
	}
	return e, err
}

// writing compiles an expression over a record.
func (l *language) writing(text string) (*expression, error) {
	checked, e, err := l.compile(text, []*typed{textType})
	if err != nil {
		return nil, err
	}
	err = walk(checked.NativeRep().Expr(), func(node celast.Expr) (down bool, err error) {
		switch {
		case isIdent(node, "record"):
			return false, errors.New("it takes the whole record; name the attributes, as in record.email")
		case isIdent(node, "row"), isIdent(node, "lists"), isIdent(node, "file_name"), isIdent(node, "file_time"), isIdent(node, "line"):
			return false, fmt.Errorf("%s is for files that are read; what is written is record", node.AsIdent())
		}
		names := chain(node)
		if len(names) == 0 {
			return true, nil
		}
		paths, err := l.attributes(names)
		e.paths = append(e.paths, paths...)
		return false, err
	})
	slices.Sort(e.paths)
	e.paths = slices.Compact(e.paths)
	return e, err
}

// attributes are those that `record.a.b` reads.
func (l *language) attributes(names []string) ([]string, error) {
	if len(names) > 1 {
		if a, err := find(l.kind, names[0]+"."+strings.TrimSuffix(names[1], "_raw")); err == nil {
			return []string{a.path}, nil
		}
	}
	a, err := find(l.kind, strings.TrimSuffix(names[0], "_raw"))
	if err == nil {
		return []string{a.path}, nil
	}
	if field := messages[l.kind].ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(names[0])); field != nil && split(field) {
		var all []string
		for i := range field.Message().Fields().Len() {
			if a, err := find(l.kind, names[0]+"."+string(field.Message().Fields().Get(i).Name())); err == nil {
				all = append(all, a.path)
			}
		}
		return all, nil
	}
	return nil, err
}

func (l *language) compile(text string, wants []*typed) (*cel.Ast, *expression, error) {
	checked, issues := l.env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, nil, fmt.Errorf("%s, at column %d of %.200q", first.Message, first.Location.Column()+1, line(text, first.Location.Line()))
	}
	out := checked.OutputType()
	if out.TypeName() == "optional_type" {
		out = out.Parameters()[0]
	}
	if !slices.ContainsFunc(wants, func(w *typed) bool { return w.is.IsExactType(out) }) {
		names := make([]string, len(wants))
		for i, w := range wants {
			names[i] = w.name
		}
		return nil, nil, fmt.Errorf("%.200q is of type %s; it must be %s", text, out, strings.Join(names, " or "))
	}
	if err := l.patterns(checked.NativeRep().Expr()); err != nil {
		return nil, nil, err
	}
	program, err := l.env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return nil, nil, err
	}
	return checked, &expression{program: program}, nil
}

// patterns judges the patterns of dates that stand in an expression as they are.
func (l *language) patterns(e celast.Expr) error {
	return walk(e, func(node celast.Expr) (bool, error) {
		if node.Kind() != celast.CallKind || !slices.Contains([]string{"date", "text"}, node.AsCall().FunctionName()) || len(node.AsCall().Args()) < 2 {
			return true, nil
		}
		if pattern, is := literal(node.AsCall().Args()[1]); is {
			if _, err := layout(pattern); err != nil {
				return false, err
			}
		}
		if len(node.AsCall().Args()) > 2 {
			if zone, is := literal(node.AsCall().Args()[2]); is {
				if _, err := time.LoadLocation(zone); err != nil {
					return false, fmt.Errorf("%.40q is no time zone", zone)
				}
			}
		}
		return true, nil
	})
}

// line is the text of a line, counted from 1.
func line(text string, number int) string {
	lines := strings.Split(text, "\n")
	if number < 1 || number > len(lines) {
		return text
	}
	return lines[number-1]
}

// failed is why an expression has no value, in words that quote nothing of the row.
type failed struct{ reason string }

// Error is the reason.
func (f failed) Error() string { return f.reason }

// errEmpty says that a text is empty from which something else is to be made.
var errEmpty = errors.New("there is nothing")

// result is what an expression gave.
type result struct {
	value ref.Val
	// unsaid says that the row has nothing on it, empty that it says that there is none.
	unsaid, empty bool
	reason        string
}

// eval evaluates over one row, or one record.
func (e *expression) eval(in cel.Activation) result {
	value, _, err := e.program.Eval(in)
	var why failed
	switch {
	case errors.Is(err, errEmpty):
		return result{empty: true}
	case errors.As(err, &why):
		return result{reason: why.reason}
	case err != nil:
		return result{reason: "its expression has no value for this row"}
	}
	if optional, is := value.(*types.Optional); is {
		if !optional.HasValue() {
			return result{unsaid: true}
		}
		value = optional.GetValue()
	}
	return result{value: value}
}

// text is an expression's value where that is a text.
func (r result) text() string {
	text, _ := r.value.(types.String)
	return string(text)
}

package filedrop

import (
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// walk visits an expression and what is in it, from the outside in; visit says whether to go further down.
func walk(e celast.Expr, visit func(celast.Expr) (down bool, err error)) error {
	down, err := visit(e)
	if err != nil || !down {
		return err
	}
	for _, part := range parts(e) {
		if err := walk(part, visit); err != nil {
			return err
		}
	}
	return nil
}

func parts(e celast.Expr) (all []celast.Expr) {
	switch e.Kind() {
	case celast.SelectKind:
		return []celast.Expr{e.AsSelect().Operand()}
	case celast.CallKind:
		if e.AsCall().IsMemberFunction() {
			all = append(all, e.AsCall().Target())
		}
		return append(all, e.AsCall().Args()...)
	case celast.ListKind:
		return e.AsList().Elements()
	case celast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			all = append(all, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
	case celast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			all = append(all, field.AsStructField().Value())
		}
	case celast.ComprehensionKind:
		c := e.AsComprehension()
		return []celast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	}
	return all
}

func isIdent(e celast.Expr, name string) bool {
	return e.Kind() == celast.IdentKind && e.AsIdent() == name
}

func literal(e celast.Expr) (string, bool) {
	if e.Kind() != celast.LiteralKind {
		return "", false
	}
	text, is := e.AsLiteral().(types.String)
	return string(text), is
}

// step is one that leads from an operand to a part by its name: `x.name`, `x["name"]`, `x.?name`, `x[?"name"]`,
// `has(x.name)`. must says that the name has to be there.
func step(e celast.Expr) (operand celast.Expr, name string, must, is bool) {
	switch e.Kind() {
	case celast.SelectKind:
		s := e.AsSelect()
		return s.Operand(), s.FieldName(), !s.IsTestOnly(), true
	case celast.CallKind:
		c := e.AsCall()
		switch c.FunctionName() {
		case "_[_]", "_[?_]", "_?._":
			name, is = literal(c.Args()[1])
			return c.Args()[0], name, c.FunctionName() == "_[_]", is
		}
	}
	return nil, "", false, false
}

// column is the one that `row.NAME` reads.
func column(e celast.Expr) (name string, must, is bool) {
	operand, name, must, is := step(e)
	return name, must, is && isIdent(operand, "row")
}

// chain is what is read by `record.a.b`, from the left; nil for anything else.
func chain(e celast.Expr) []string {
	operand, name, _, is := step(e)
	switch {
	case !is:
		return nil
	case isIdent(operand, "record"):
		return []string{name}
	}
	if before := chain(operand); before != nil {
		return append(before, name)
	}
	return nil
}

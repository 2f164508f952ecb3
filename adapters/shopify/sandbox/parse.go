package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// operation is a GraphQL document's one operation.
type operation struct {
	mutation bool
	fields   []field
}

// field is one selected field.
type field struct {
	name   string
	args   map[string]any
	fields []field // nil for a plain value
}

// tokens are GraphQL's, without those that nobody sends here: aliases, fragments, directives, block texts.
var tokens = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*|\$[A-Za-z_][A-Za-z0-9_]*|-?[0-9]+|"(?:[^"\\]|\\.)*"|[(){}\[\]:!,]`)

// parser reads a document with its variables put in.
type parser struct {
	tokens    []string
	variables map[string]any
	declared  map[string]bool
}

func parse(document string, variables map[string]any) (op operation, p *problem) {
	r := &parser{tokens: tokens.FindAllString(document, -1), variables: variables, declared: map[string]bool{}}
	defer func() {
		if broken, ok := recover().(syntax); ok {
			p = &problem{Message: string(broken), Extensions: map[string]any{"code": "syntaxError"}}
		}
	}()
	switch r.next() {
	case "query":
	case "mutation":
		op.mutation = true
	default:
		panic(syntax("Parse error: expected an operation"))
	}
	if r.peek() != "(" && r.peek() != "{" {
		r.next() // the operation's name
	}
	if r.peek() == "(" {
		r.declarations()
	}
	op.fields = r.selection()
	for name := range variables {
		if !r.declared[name] {
			panic(syntax("Variable $" + name + " is not declared"))
		}
	}
	return op, nil
}

// syntax is what is wrong with a document; parse recovers it.
type syntax string

func (r *parser) peek() string {
	if len(r.tokens) == 0 {
		return ""
	}
	return r.tokens[0]
}

func (r *parser) next() string {
	t := r.peek()
	if t == "" {
		panic(syntax("Parse error: the document ends too soon"))
	}
	r.tokens = r.tokens[1:]
	return t
}

func (r *parser) expect(token string) {
	if t := r.next(); t != token {
		panic(syntax(fmt.Sprintf("Parse error on %q: expected %q", t, token)))
	}
}

func (r *parser) declarations() {
	r.expect("(")
	for r.peek() != ")" {
		if r.peek() == "," {
			r.next()
			continue
		}
		r.declared[strings.TrimPrefix(r.next(), "$")] = true
		r.expect(":")
		r.next() // its type
		if r.peek() == "!" {
			r.next()
		}
	}
	r.expect(")")
}

func (r *parser) selection() []field {
	r.expect("{")
	out := []field{}
	for r.peek() != "}" {
		f := field{name: r.next()}
		if r.peek() == "(" {
			f.args = r.object("(", ")")
		}
		if r.peek() == "{" {
			f.fields = r.selection()
		}
		out = append(out, f)
	}
	r.expect("}")
	return out
}

func (r *parser) object(opens, closes string) map[string]any {
	r.expect(opens)
	out := map[string]any{}
	for r.peek() != closes {
		if r.peek() == "," {
			r.next()
			continue
		}
		name := r.next()
		r.expect(":")
		out[name] = r.value()
	}
	r.expect(closes)
	return out
}

func (r *parser) value() any {
	t := r.peek()
	switch {
	case t == "{":
		return r.object("{", "}")
	case strings.HasPrefix(t, "$"):
		name := strings.TrimPrefix(r.next(), "$")
		if !r.declared[name] {
			panic(syntax("Variable $" + name + " is used and not declared"))
		}
		return r.variables[name]
	case strings.HasPrefix(t, `"`):
		var text string
		if json.Unmarshal([]byte(r.next()), &text) != nil {
			panic(syntax("Parse error: a text cannot be read"))
		}
		return text
	case t == "true" || t == "false":
		return r.next() == "true"
	case t[0] == '-' || '0' <= t[0] && t[0] <= '9':
		return json.Number(r.next())
	}
	return r.next() // an enum's value
}

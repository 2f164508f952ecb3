package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// parseFilter reads the part of AIP-160 that indexes serve.
//
//	filter     = "" | expression
//	expression = factor { "AND" factor }
//	factor     = term { "OR" term }                   comparisons by = of one attribute
//	term       = [ "NOT" | "-" ] simple               not, of delete_time:* and placeholder alone
//	simple     = "(" expression ")" | comparison
//	comparison = field operator value
//	operator   = "=" | "<" | "<=" | ">" | ">=" | ":"
//	value      = "*" | word | text in single or double quotes, with \" \' and \\
//
// Anything else is an error that tells the position: a filter that is half understood answers the wrong question.
func parseFilter(schema *model.Schema, text string) ([]store.Condition, error) {
	p := &filterParser{schema: schema, text: text}
	if p.space(); p.at == len(text) {
		return nil, nil
	}
	all, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.at < len(text) {
		return nil, p.fail(p.at, `expected AND, OR or the end`)
	}
	return p.narrow(all), nil
}

const (
	// maxNesting bounds parentheses in each other.
	maxNesting = 20
	// maxConditions bounds comparisons: each is a look at an index.
	maxConditions = 50
)

type filterParser struct {
	schema *model.Schema
	text   string
	at     int
	// conditions counts the comparisons so far.
	conditions int
}

// fail makes an error about a byte of the filter, counted from 1.
func (p *filterParser) fail(at int, format string, args ...any) error {
	return fmt.Errorf("filter, position %d: %s", at+1, fmt.Sprintf(format, args...))
}

func (p *filterParser) expression(depth int) ([]store.Condition, error) {
	var all []store.Condition
	for {
		factor, err := p.factor(depth)
		if err != nil {
			return nil, err
		}
		all = append(all, factor...)
		if !p.keyword("AND") {
			return all, nil
		}
	}
}

func (p *filterParser) factor(depth int) ([]store.Condition, error) {
	p.space()
	start := p.at
	all, err := p.term(depth)
	for err == nil && p.keyword("OR") {
		p.space()
		var more []store.Condition
		if more, err = p.term(depth); err != nil {
			break
		}
		if len(all) != 1 || len(more) != 1 || all[0].Field != more[0].Field || len(all[0].Any) == 0 || len(more[0].Any) == 0 {
			return nil, p.fail(start, `OR joins comparisons by = of one attribute, such as a = "x" OR a = "y"; of anything else ask in several lists`)
		}
		all[0].Any = append(all[0].Any, more[0].Any...)
	}
	return all, err
}

func (p *filterParser) term(depth int) ([]store.Condition, error) {
	start := p.at
	not := p.keyword("NOT")
	if !not && p.at < len(p.text) && p.text[p.at] == '-' {
		p.at++
		not = true
	}
	all, err := p.simple(depth)
	if err != nil || !not {
		return all, err
	}
	if len(all) != 1 || all[0].Field != store.Placeholder && (all[0].Field != store.DeleteTime || all[0].Span.From != nil || all[0].Span.Until != nil) {
		return nil, p.fail(start, `NOT is for delete_time:* and placeholder alone: for what a record has not, there is no index`)
	}
	all[0].Absent = !all[0].Absent
	return all, nil
}

func (p *filterParser) simple(depth int) ([]store.Condition, error) {
	p.space()
	if p.at == len(p.text) || p.text[p.at] != '(' {
		one, err := p.comparison()
		return []store.Condition{one}, err
	}
	start := p.at
	if depth == maxNesting {
		return nil, p.fail(start, `too many parentheses in each other`)
	}
	p.at++
	all, err := p.expression(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.at == len(p.text) || p.text[p.at] != ')' {
		return nil, p.fail(p.at, `expected AND, OR or the ) for the ( at position %d`, start+1)
	}
	p.at++
	p.space()
	return all, nil
}

// narrow joins the spans in which a field that has one value must be.
func (p *filterParser) narrow(all []store.Condition) []store.Condition {
	var joined []store.Condition
	for _, c := range all {
		i := slices.IndexFunc(joined, func(j store.Condition) bool {
			return j.Field == c.Field && len(j.Any) == 0 && len(c.Any) == 0 && !j.Absent && !c.Absent
		})
		if found, ok := p.schema.FindPromoted(model.Path(c.Field)); i < 0 || ok && found.Many {
			joined = append(joined, c)
			continue
		}
		joined[i].Span = joined[i].Span.And(c.Span)
	}
	return joined
}

func (p *filterParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take takes the bytes that belong to a token.
func (p *filterParser) take(belongs func(byte) bool) string {
	from := p.at
	for p.at < len(p.text) && belongs(p.text[p.at]) {
		p.at++
	}
	return p.text[from:p.at]
}

func isName(c byte) bool {
	return c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// keyword takes a word of the language where it is next, and the space around it.
func (p *filterParser) keyword(word string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.text[p.at:], word)
	if !ok || rest != "" && isName(rest[0]) {
		return false
	}
	p.at += len(word)
	p.space()
	return true
}

func (p *filterParser) comparison() (store.Condition, error) {
	var none store.Condition
	start := p.at
	name := p.take(isName)
	f, ok := fieldOf(p.schema, name)
	if !ok {
		return none, p.fail(start, `expected a field: update_time, create_time, delete_time, placeholder, %s`, p.schema.PromotedNames())
	}
	p.space()
	start = p.at
	operator := p.take(func(c byte) bool { return strings.IndexByte("<>=!:", c) >= 0 })
	if !slices.Contains(f.operators(), operator) {
		return none, p.fail(start, `expected %s after %s%s`, strings.Join(f.operators(), " "), name, hint(operator))
	}
	if p.conditions++; p.conditions > maxConditions {
		return none, p.fail(start, `more than %d comparisons`, maxConditions)
	}
	p.space()
	start = p.at
	v, err := p.value()
	if err != nil {
		return none, err
	}
	one, err := f.condition(operator, v)
	if err != nil {
		return none, p.fail(start, "%s", err)
	}
	p.space()
	return one, nil
}

func hint(operator string) string {
	if operator == "!=" {
		return `; for what a record has not, there is no index`
	}
	return ""
}

// literal is a value as it is written.
type literal struct {
	text   string
	quoted bool
}

// anything says that the value is the * that any value meets.
func (l literal) anything() bool { return l.text == "*" && !l.quoted }

func (p *filterParser) value() (literal, error) {
	start := p.at
	switch {
	case p.at == len(p.text):
		return literal{}, p.fail(start, `expected a value`)
	case p.text[p.at] == '"' || p.text[p.at] == '\'':
		return p.quoted(p.text[p.at])
	case p.text[p.at] == '*':
		p.at++
		return literal{text: "*"}, nil
	}
	word := p.take(func(c byte) bool { return isName(c) || c == '-' || c == '+' })
	if word == "" {
		return literal{}, p.fail(start, `expected a value: a number, a name, or a text in quotes`)
	}
	return literal{text: word}, nil
}

func (p *filterParser) quoted(quote byte) (literal, error) {
	start := p.at
	var text strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		if c == quote {
			p.at++
			return literal{text: text.String(), quoted: true}, nil
		}
		if c == '\\' {
			if p.at++; p.at == len(p.text) {
				break
			}
			if c = p.text[p.at]; strings.IndexByte("\"'\\", c) < 0 {
				return literal{}, p.fail(p.at, `expected \" or \' or \\ after the backslash`)
			}
		}
		text.WriteByte(c)
	}
	return literal{}, p.fail(start, `the quote is not closed`)
}

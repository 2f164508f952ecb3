package sandbox

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// selection is a query, parsed.
type selection struct {
	counts   bool // count() is all that is asked for
	fields   []string
	children []selection
	from     string
	where    condition
	order    []ordering
	limit    int // -1 means none
}

type ordering struct {
	field string
	down  bool
}

// condition is part of a WHERE; nil holds for every row.
type condition interface{ isCondition() }

type (
	// both is AND, either is OR.
	both   []condition
	either []condition
	// comparison is a field, an operator and what it is compared with; IN has several.
	comparison struct {
		field, operator string
		values          []literal
	}
)

func (both) isCondition()       {}
func (either) isCondition()     {}
func (comparison) isCondition() {}

// literal is a constant of a query.
type literal struct {
	text   string
	quoted bool
}

// token finds the parts of a query.
var token = regexp.MustCompile(`^\s*('(?:[^'\\]|\\.)*'|[A-Za-z_][A-Za-z0-9_.]*|-?[0-9][-0-9A-Za-z:.+]*|[(),]|<=|>=|!=|=|<|>)`)

type parser struct {
	tokens []string
	at     int
}

// parseQuery reads a query; the error is Salesforce's.
func parseQuery(text string) (q selection, err error) {
	p := &parser{}
	for rest := strings.TrimRight(text, " \n\t"); rest != ""; {
		m := token.FindStringSubmatchIndex(rest)
		if m == nil {
			return q, fmt.Errorf("unexpected token: %.20s", strings.TrimSpace(rest))
		}
		p.tokens, rest = append(p.tokens, rest[m[2]:m[3]]), rest[m[1]:]
	}
	defer func() {
		if r := recover(); r != nil {
			failed, ok := r.(unexpected)
			if !ok {
				panic(r)
			}
			err = failed
		}
	}()
	q = p.selection()
	if p.at < len(p.tokens) {
		p.refuse()
	}
	return q, nil
}

// unexpected is a token that does not belong where it stands.
type unexpected string

// Error is in Salesforce's words.
func (u unexpected) Error() string { return "unexpected token: " + string(u) }

func (p *parser) refuse() { panic(unexpected(p.peek())) }

func (p *parser) peek() string {
	if p.at == len(p.tokens) {
		return "<EOF>"
	}
	return p.tokens[p.at]
}

func (p *parser) next() string {
	if p.at == len(p.tokens) {
		p.refuse()
	}
	p.at++
	return p.tokens[p.at-1]
}

// takes goes on behind a word, where it is the next.
func (p *parser) takes(word string) bool {
	if strings.EqualFold(p.peek(), word) {
		p.at++
		return true
	}
	return false
}

func (p *parser) wants(words ...string) {
	for _, word := range words {
		if !p.takes(word) {
			p.refuse()
		}
	}
}

var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

func (p *parser) name() string {
	if !name.MatchString(p.peek()) {
		p.refuse()
	}
	return p.next()
}

func (p *parser) selection() selection {
	q := selection{limit: -1}
	p.wants("SELECT")
	for {
		if p.takes("(") {
			q.children = append(q.children, p.selection())
			p.wants(")")
		} else {
			q.fields = append(q.fields, p.name())
		}
		if !p.takes(",") {
			break
		}
	}
	if len(q.fields) == 1 && len(q.children) == 0 && strings.EqualFold(q.fields[0], "count") && p.takes("(") {
		p.wants(")")
		q.counts, q.fields = true, nil
	}
	p.wants("FROM")
	q.from = p.name()
	if p.takes("WHERE") {
		q.where = p.condition()
	}
	if p.takes("ORDER") {
		p.wants("BY")
		for {
			o := ordering{field: p.name()}
			if !p.takes("ASC") {
				o.down = p.takes("DESC")
			}
			q.order = append(q.order, o)
			if !p.takes(",") {
				break
			}
		}
	}
	if p.takes("LIMIT") {
		n, err := strconv.Atoi(p.next())
		if err != nil || n < 0 {
			p.at--
			p.refuse()
		}
		q.limit = n
	}
	return q
}

// condition reads operands that all have AND between them, or all OR: the two do not mix without parentheses.
func (p *parser) condition() condition {
	all := []condition{p.operand()}
	word := ""
	for strings.EqualFold(p.peek(), "AND") || strings.EqualFold(p.peek(), "OR") {
		if word != "" && !strings.EqualFold(word, p.peek()) {
			p.refuse()
		}
		word = p.next()
		all = append(all, p.operand())
	}
	switch {
	case len(all) == 1:
		return all[0]
	case strings.EqualFold(word, "OR"):
		return either(all)
	}
	return both(all)
}

func (p *parser) operand() condition {
	if p.takes("(") {
		c := p.condition()
		p.wants(")")
		return c
	}
	c := comparison{field: p.name()}
	if p.takes("IN") {
		c.operator = "IN"
		p.wants("(")
		for {
			c.values = append(c.values, p.literal())
			if !p.takes(",") {
				break
			}
		}
		p.wants(")")
		return c
	}
	switch c.operator = strings.ToUpper(p.next()); c.operator {
	case "=", "!=", "<", ">", "<=", ">=", "LIKE":
	default:
		p.at--
		p.refuse()
	}
	c.values = []literal{p.literal()}
	return c
}

// unescape reads what stands behind a backslash.
var unescape = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`, `\n`, "\n", `\r`, "\r", `\t`, "\t")

func (p *parser) literal() literal {
	t := p.next()
	if strings.HasPrefix(t, "'") {
		return literal{unescape.Replace(t[1 : len(t)-1]), true}
	}
	return literal{text: t}
}

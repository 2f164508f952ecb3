package config

import (
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mark is a position in the file.
type mark struct{ line, column int }

func markOf(n *yaml.Node) mark { return mark{line: n.Line, column: n.Column} }

// node is one place in the file: an entry of a mapping, an item of a list, or the whole.
type node struct {
	key   *yaml.Node // nil for items and the whole
	value *yaml.Node
	// below are the entries by key or the items by index.
	below map[string]*node
	// broken says that it cannot be read and that this was reported.
	broken bool
}

// find walks to a path, as far as it exists, and tells whether it passed anything broken.
func (n *node) find(at path) (found *node, exact, broken bool) {
	for _, name := range at {
		next := n.below[name]
		if next == nil {
			return n, false, n.broken
		}
		if n = next; n.broken {
			return n, false, true
		}
	}
	return n, true, n.broken
}

func (n *node) anyBroken() bool {
	for _, child := range n.below {
		if child.broken {
			return true
		}
	}
	return n.broken
}

// mark is where to point at for what a node has: a scalar itself, but the key of a mapping or list, since those of
// several lines begin below it.
func (n *node) mark() mark {
	if n.key == nil || n.value.Kind == yaml.ScalarNode && !n.null() {
		return markOf(n.value)
	}
	return markOf(n.key)
}

func (n *node) keyMark() mark {
	if n.key == nil {
		return markOf(n.value)
	}
	return markOf(n.key)
}

func (n *node) null() bool { return n.value.Kind == yaml.ScalarNode && n.value.ShortTag() == "!!null" }

// parseTree reads the one document in the text. It uses the parser that protoyaml does, so that positions agree.
func (r *report) parseTree(text string) bool {
	r.root = &node{value: &yaml.Node{Kind: yaml.ScalarNode, Line: 1, Column: 1}}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		r.syntax(text, err)
		return false
	}
	if len(document.Content) == 0 || document.Content[0].ShortTag() == "!!null" {
		r.on(mark{1, 1}, "the configuration is empty; it begins with connections:")
		return false
	}
	if err := decoder.Decode(&second); err == nil {
		r.on(markOf(&second), "a second document begins here; put all into one")
		return false
	} else if !errors.Is(err, io.EOF) {
		r.syntax(text, err)
		return false
	}
	r.root = r.grow(nil, document.Content[0])
	return true
}

// grow makes the tree below a YAML node, and reports what YAML allows but a configuration does not.
func (r *report) grow(key, value *yaml.Node) *node {
	n := &node{key: key, value: value, below: map[string]*node{}}
	switch value.Kind {
	case yaml.AliasNode:
		r.breaks(n, "anchors and aliases are not read; write the value out here")
	case yaml.SequenceNode:
		for i, item := range value.Content {
			n.below[strconv.Itoa(i)] = r.grow(nil, item)
		}
	case yaml.MappingNode:
		for i := 0; i < len(value.Content); i += 2 {
			r.growEntry(n, value.Content[i], value.Content[i+1])
		}
	}
	return n
}

func (r *report) growEntry(n *node, key, value *yaml.Node) {
	if key.Kind != yaml.ScalarNode {
		n.broken = true
		r.on(markOf(key), "a key is a plain word")
		return
	}
	if first := n.below[key.Value]; first != nil {
		r.on(markOf(key), "this key is given already, on line %d; keep one of them", first.key.Line)
	}
	n.below[key.Value] = r.grow(key, value)
}

// yamlError and undefined are the parser's messages. Those with a back quote or of an undefined anchor quote the text.
// Those of an unclosed block have the line of its beginning, counted from 0.
var (
	yamlError = regexp.MustCompile("^yaml: (?:line ([0-9]+): )?([^`]*)$")
	unclosed  = regexp.MustCompile(`^did not find expected (key|node content|'-' indicator|',' or '.')$`)
	undefined = regexp.MustCompile(`^yaml: unknown anchor '(.*)' referenced$`)
)

// syntax reports that the text is no YAML. What it quotes of the text is not passed on: it could be a secret.
func (r *report) syntax(text string, err error) {
	at, message := mark{1, 1}, "the text cannot be read"
	if found := undefined.FindStringSubmatch(err.Error()); found != nil {
		before, _, _ := strings.Cut(text, "*"+found[1])
		at.line += strings.Count(before, "\n")
		message = "a value that begins with * needs quotes"
	} else if found := yamlError.FindStringSubmatch(err.Error()); found != nil {
		message = found[2]
		if line, err := strconv.Atoi(found[1]); err == nil {
			at.line = line
		}
		if unclosed.MatchString(message) && found[1] != "" {
			at.line++
			message += " in the block that begins here"
		}
	}
	if strings.Contains(text, "${") {
		message += `; note that "${NAME}" needs its quotes inside { } and [ ]`
	}
	r.on(at, "no valid YAML: %s", message)
}

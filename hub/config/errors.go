package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/canonhub/canonhub/hub/policy"
)

// Error is one mistake in a configuration.
type Error struct {
	File string
	// Line and Column count from 1.
	Line, Column int
	// Message says what is wrong and what to do.
	Message string
}

// Error is the mistake as editors and compilers print it: file:line:column: message.
func (e Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Errors is all mistakes in a configuration, in the file's order.
type Errors struct{ All []Error }

// Error has one line for each mistake.
func (e *Errors) Error() string {
	lines := make([]string, len(e.All))
	for i, each := range e.All {
		lines[i] = each.Error()
	}
	return strings.Join(lines, "\n")
}

// path names a place in the file by keys and list indices: connections, crm, webhook, secrets, 0.
type path []string

// below extends a path; the path itself is left alone.
func (p path) below(names ...string) path { return slices.Concat(p, names) }

func (p path) text() string { return strings.Join(p, "/") }

// report collects mistakes.
type report struct {
	file string
	root *node
	all  []Error
	// problems are what was reported at a path, for what stands in no file.
	problems []policy.Problem
}

// fail reports a mistake at a path, or at what there is of it. What follows from a broken place is not told.
func (r *report) fail(at path, format string, args ...any) {
	n, exact, broken := r.root.find(at)
	switch {
	case broken:
		return
	case exact:
		r.on(n.mark(), format, args...)
	default:
		r.on(n.keyMark(), format, args...)
	}
	r.problems = append(r.problems, policy.Problem{At: at, Message: fmt.Sprintf(format, args...)})
}

// failKey reports a mistake in a key rather than in what it has.
func (r *report) failKey(at path, format string, args ...any) {
	if n, _, broken := r.root.find(at); !broken {
		r.on(n.keyMark(), format, args...)
		r.problems = append(r.problems, policy.Problem{At: at, Message: fmt.Sprintf(format, args...)})
	}
}

// breaks reports that a node cannot be read; nothing below it is reported any more.
func (r *report) breaks(n *node, format string, args ...any) {
	n.broken = true
	r.on(n.mark(), format, args...)
}

func (r *report) on(at mark, format string, args ...any) {
	r.all = append(r.all, Error{File: r.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
}

// err is what was reported, nil where that is nothing.
func (r *report) err() error {
	if len(r.all) == 0 {
		return nil
	}
	slices.SortFunc(r.all, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return &Errors{All: slices.Compact(r.all)}
}

package rows

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const quote = '"'

// csvReader reads RFC 4180 with another delimiter where it is told so. A quote inside a field that does not begin with
// one is a character like any other.
type csvReader struct {
	src       *source
	delimiter rune
	columns   []string
	body      int64 // where the rows begin

	text []byte // the fields of the row under way, one behind the other
	ends []int  // where each of them ends
}

func openCSV(src *source, f Format, from Place) (*csvReader, error) {
	c := &csvReader{src: src, delimiter: cmp.Or(f.Delimiter, ','), columns: f.Columns}
	for range f.Skip {
		src.skipLine()
	}
	if len(f.Columns) == 0 {
		if err := c.header(); err != nil {
			return nil, err
		}
	}
	c.body = src.offset()
	if from.Offset > 0 {
		src.at(from)
	}
	return c, src.err
}

// header reads the column's names.
func (c *csvReader) header() error {
	line := c.src.line
	if _, size := c.src.peek(); size == 0 && c.src.err == nil {
		return &Unreadable{line, "the file is empty: there is no header line"}
	}
	reason := c.record(c.src.offset())
	switch {
	case c.src.err != nil:
		return c.src.err
	case c.src.wrong:
		return &Unreadable{line, fmt.Sprintf("the header line is no text in %s; is the encoding another?", c.src.encoding.name)}
	case reason != "":
		return &Unreadable{line, "the header line: " + reason}
	}
	c.columns = slices.Clone(c.fields())
	for i, name := range c.columns {
		c.columns[i] = strings.TrimSpace(name)
	}
	return nil
}

// Columns are the header's names.
func (c *csvReader) Columns() []string { return c.columns }

// Place is where the next row begins.
func (c *csvReader) Place() Place { return c.src.place() }

// Part has the header line, too.
func (c *csvReader) Part(r Row) ([]byte, bool) { return c.src.cut(c.body, r.From, r.To) }

// Next reads a row. Lines with nothing in them are none. Behind a broken row it goes on with the line after that row's
// first.
func (c *csvReader) Next() (Row, error) {
	for {
		begin := c.src.place()
		if _, size := c.src.peek(); size == 0 {
			return Row{}, cmp.Or(c.src.err, io.EOF)
		}
		c.src.wrong = false
		reason := c.record(begin.Offset)
		if c.src.err != nil {
			return Row{}, c.src.err
		}
		switch {
		case reason != "":
		case c.src.wrong:
			reason = "a character is none in " + c.src.encoding.name
		case len(c.ends) == 1 && len(c.text) == 0:
			continue
		case len(c.ends) != len(c.columns):
			reason = fmt.Sprintf("it has %d fields, and there are %d columns", len(c.ends), len(c.columns))
		default:
			return Row{Line: begin.Line, From: begin.Offset, To: c.src.offset(), Names: c.columns, Values: c.fields()}, nil
		}
		return c.broken(begin, reason), nil
	}
}

func (c *csvReader) broken(begin Place, reason string) Row {
	c.src.at(begin)
	c.src.skipLine()
	return Row{Line: begin.Line, From: begin.Offset, To: c.src.offset(), Broken: reason}
}

// record reads the fields of a row that begins at an offset; the reason says why it cannot.
func (c *csvReader) record(begin int64) (reason string) {
	c.text, c.ends = c.text[:0], c.ends[:0]
	limit := begin + maxRow
	for {
		var more bool
		if more, reason = c.field(limit); reason != "" {
			return reason
		}
		if c.ends = append(c.ends, len(c.text)); len(c.ends) > maxColumns {
			return fmt.Sprintf("it has more than %d fields", maxColumns)
		}
		if !more {
			return ""
		}
	}
}

// field reads a field and what ends it; more says that another one follows.
func (c *csvReader) field(limit int64) (more bool, reason string) {
	if r, size := c.src.peek(); size > 0 && r == quote {
		c.src.take(r, size)
		if reason := c.quoted(limit); reason != "" {
			return false, reason
		}
		r, size = c.src.peek()
		if size > 0 && r != c.delimiter && r != '\r' && r != '\n' {
			return false, "there is text behind a closing quotation mark"
		}
	}
	for {
		r, ok := c.src.next()
		switch {
		case !ok || r == '\n':
			return false, ""
		case r == '\r':
			if after, size := c.src.peek(); after == '\n' {
				c.src.take(after, size)
			}
			return false, ""
		case r == c.delimiter:
			return true, ""
		case c.src.offset() > limit:
			return false, errLong.Error()
		}
		c.text = utf8.AppendRune(c.text, r)
	}
}

// quoted reads what stands between quotes, of which the first is taken.
func (c *csvReader) quoted(limit int64) (reason string) {
	for {
		r, ok := c.src.next()
		switch {
		case !ok:
			return "a quotation mark is opened and never closed"
		case c.src.offset() > limit:
			return fmt.Sprintf("a quotation mark is opened and not closed within %d KiB", maxRow>>10)
		case r == quote:
			after, size := c.src.peek()
			if size == 0 || after != quote {
				return ""
			}
			c.src.take(after, size)
		}
		c.text = utf8.AppendRune(c.text, r)
	}
}

// fields cuts the row's text, which becomes one string.
func (c *csvReader) fields() []string {
	text, begin := string(c.text), 0
	out := make([]string, len(c.ends))
	for i, end := range c.ends {
		out[i], begin = text[begin:end], end
	}
	return out
}

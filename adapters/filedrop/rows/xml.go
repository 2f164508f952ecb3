package rows

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxDepth bounds how deep elements lie in each other.
const maxDepth = 100

// xmlReader reads the elements at one path. Names count without their namespaces, whose prefixes are the writer's own
// choice. It minds itself that elements are closed in turn, so that it can begin in the middle of a file.
type xmlReader struct {
	src   *source
	dec   *xml.Decoder
	path  []string
	lists []string
	stack []string
	// seen says that the element was there in which rows stand.
	seen bool
	// began is where the token read last begins.
	began int64
	// head is how much of the file's beginning names its encoding.
	head int64
}

func openXML(src *source, f Format, from Place) *xmlReader {
	x := &xmlReader{src: src, path: f.Path, lists: f.Lists, head: src.mark}
	if declared := declaration.FindIndex(src.buf); x.head == 0 && declared != nil {
		x.head = int64(bytes.IndexByte(src.buf, '>') + 1)
	}
	if from.Offset > 0 {
		src.at(from)
		x.stack = slices.Clone(f.Path[:len(f.Path)-1])
		x.seen = true
	}
	x.dec = xml.NewDecoder(src)
	x.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is decoded already
	return x
}

// Columns are not known beforehand.
func (x *xmlReader) Columns() []string { return nil }

// Place is behind the last row, where the elements around rows are open. Before the first one it is the file's beginning.
func (x *xmlReader) Place() Place {
	if len(x.stack) < len(x.path)-1 || x.src.offset() == x.src.mark {
		return Place{}
	}
	return x.src.place()
}

// Next reads up to the end of the next row.
func (x *xmlReader) Next() (Row, error) {
	for {
		line := x.src.line
		x.src.wrong = false
		token, err := x.token()
		switch {
		case errors.Is(err, io.EOF):
			return Row{}, x.end(line)
		case err != nil:
			return Row{}, err
		}
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		x.seen = x.seen || len(x.path) == 1 || slices.Equal(x.stack, x.path[:len(x.path)-1])
		if slices.Equal(x.stack, x.path) {
			return x.row(start)
		}
	}
}

// end judges the file's end.
func (x *xmlReader) end(line int) error {
	switch {
	case len(x.stack) > 0:
		return &Unreadable{line, "the file ends within an element"}
	case !x.seen:
		return &Unreadable{line, fmt.Sprintf("there is no element %s, in which the rows should stand", strings.Join(x.path[:len(x.path)-1], "/"))}
	}
	return io.EOF
}

// token reads one, and follows where it leads.
func (x *xmlReader) token() (xml.Token, error) {
	line := x.src.line
	if x.src.limit < x.src.offset() || len(x.stack) < len(x.path) { // a row has the limit as a whole
		x.src.limit = x.src.offset() + maxRow
	}
	x.began = x.src.offset()
	token, err := x.dec.RawToken()
	switch token := token.(type) {
	case xml.StartElement:
		if x.stack = append(x.stack, token.Name.Local); len(x.stack) > maxDepth {
			return nil, &Unreadable{line, fmt.Sprintf("elements lie more than %d deep in each other", maxDepth)}
		}
	case xml.EndElement:
		if len(x.stack) == 0 || x.stack[len(x.stack)-1] != token.Name.Local {
			return nil, &Unreadable{line, "an element is closed that is not open"}
		}
		x.stack = x.stack[:len(x.stack)-1]
	case xml.Directive:
		return nil, &Unreadable{line, "it has a document type declaration, which is not read"}
	}
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return token, err
	case x.src.err != nil:
		return nil, x.src.err
	case errors.Is(err, errLong):
		return nil, &Unreadable{line, fmt.Sprintf("what begins here is longer than %d KiB", maxRow>>10)}
	}
	return nil, &Unreadable{x.src.line, "it is not well-formed"} // the decoder's error quotes names
}

// element is an open element of a row.
type element struct {
	path   string
	text   strings.Builder
	parent bool
}

// row collects what is in a row's element.
func (x *xmlReader) row(start xml.StartElement) (Row, error) {
	x.src.limit = x.src.offset() + maxRow
	c := collector{row: Row{Line: x.src.line, From: x.tag()}, lists: x.lists}
	line := x.src.line
	c.open(start, "")
	for len(c.elements) > 0 {
		token, err := x.token()
		if errors.Is(err, io.EOF) {
			return Row{}, &Unreadable{line, "the file ends within a row"}
		}
		if err != nil {
			return Row{}, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			c.open(token, token.Name.Local)
		case xml.CharData:
			c.elements[len(c.elements)-1].text.Write(token)
		case xml.EndElement:
			c.close()
		}
	}
	c.row.To = x.src.offset()
	switch {
	case x.src.wrong:
		c.row.Broken = "a character is none in " + x.src.encoding.name
	case len(c.row.Names) > maxColumns:
		c.row.Broken = fmt.Sprintf("it has more than %d values", maxColumns)
	}
	return c.row, nil
}

// tag is where the tag read last begins: encoding/xml may have taken its bracket already, to see that a text ends.
func (x *xmlReader) tag() int64 {
	bracket := int64(1)
	if x.src.encoding == utf16LE || x.src.encoding == utf16BE {
		bracket = 2
	}
	var at [longest]byte
	n, _ := x.src.file.ReadAt(at[:], x.began)
	if r, _, _ := x.src.encoding.decode(at[:n]); r == '<' {
		return x.began
	}
	return x.began - bracket
}

// Part has the declaration, too.
func (x *xmlReader) Part(r Row) ([]byte, bool) { return x.src.cut(x.head, r.From, r.To) }

// collector puts a row together.
type collector struct {
	row      Row
	lists    []string
	elements []*element
	// list is the element of a list that is open, at what depth.
	list      map[string]string
	listPath  string
	listDepth int
}

func (c *collector) open(start xml.StartElement, name string) {
	path := name
	if len(c.elements) > 0 {
		above := c.elements[len(c.elements)-1]
		above.parent = true
		path = strings.TrimPrefix(above.path+"/"+name, "/")
	}
	c.elements = append(c.elements, &element{path: path})
	if c.list == nil && slices.Contains(c.lists, path) {
		c.list, c.listPath, c.listDepth = map[string]string{}, path, len(c.elements)
	}
	for _, a := range start.Attr {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			c.value(strings.TrimPrefix(path+"/@"+a.Name.Local, "/"), a.Value)
		}
	}
}

func (c *collector) close() {
	last := c.elements[len(c.elements)-1]
	if !last.parent && last.path != "" {
		c.value(last.path, strings.TrimSpace(last.text.String()))
	}
	if c.list != nil && c.listDepth == len(c.elements) {
		if c.row.Lists == nil {
			c.row.Lists = map[string][]map[string]string{}
		}
		c.row.Lists[c.listPath] = append(c.row.Lists[c.listPath], c.list)
		c.list = nil
	}
	c.elements = c.elements[:len(c.elements)-1]
}

// value keeps a value of the row, or of the list's element that is open; the first of several of one name counts there.
func (c *collector) value(path, text string) {
	if c.list == nil {
		c.row.Names, c.row.Values = append(c.row.Names, path), append(c.row.Values, text)
		return
	}
	name := strings.TrimPrefix(strings.TrimPrefix(path, c.listPath), "/")
	if name == "" {
		name = "."
	}
	if _, there := c.list[name]; !there {
		c.list[name] = text
	}
}

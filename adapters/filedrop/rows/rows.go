// Package rows reads the rows of a file that another system wrote: CSV and XML in the encodings that are still about,
// one row at a time, whatever the file's size.
//
// # Why it is not encoding/csv
//
// A pull must stop after any row and go on there later, in a file of which every byte may be two. So a reader here knows
// the offset in the file at which each row begins, in the file's own encoding, and the line, which is what people look
// for. encoding/csv knows the offset in what it is given, which is the decoded text. It also ends at the first broken row,
// where a legacy export wants that one row told, and the next one read.
//
// XML is read by encoding/xml's raw tokens, which resolve no entity but the five of the standard and know no DTD.
package rows

import (
	"errors"
	"fmt"
	"io"
)

const (
	// maxRow bounds one row, in bytes of the file: a quote that is never closed must not swallow the file.
	maxRow = 1 << 20
	// maxColumns bounds the values of one row.
	maxColumns = 10_000
	// maxPart bounds what is kept of a row beside its file.
	maxPart = 64 << 10
)

// Format is how a file is written.
type Format struct {
	// XML says that it is XML; else it is CSV.
	XML bool
	// Encoding by its usual name; a byte order mark, or else an XML declaration, goes before it. Empty is UTF-8.
	Encoding string
	// Delimiter between the fields of CSV; 0 is a comma.
	Delimiter rune
	// Skip is how many lines stand before the header line of CSV.
	Skip int
	// Columns are the names of a CSV file without a header line.
	Columns []string
	// Path of the element that is a row of XML, from the root, by local names.
	Path []string
	// Lists are paths below it, joined by slashes, of elements that occur more than once and have values of their own.
	Lists []string
}

// Place is where a row begins; the zero Place is the file's beginning.
type Place struct {
	Offset int64
	// Line counts from 1.
	Line int
}

// Row is one row as it came.
type Row struct {
	Line int
	// From and To are the offsets in the file between which it stands.
	From, To int64
	// Names and Values go together. In XML they are the paths of elements without children, and of attributes as `@name`;
	// a name may occur more than once.
	Names, Values []string
	// Lists are the elements that Format.Lists names, each by the paths below it; `.` is an element's own text.
	Lists map[string][]map[string]string
	// Broken says why the row cannot be read, quoting nothing; empty where it can.
	Broken string
}

// Reader reads rows one after the other.
type Reader interface {
	// Columns are those of a CSV file; nil for XML, where each row has its own.
	Columns() []string
	// Next reads a row, io.EOF behind the last. Any error ends the reading; one that is *Unreadable is the file's fault.
	Next() (Row, error)
	// Place is where the next row begins.
	Place() Place
	// Part is a file with a row and what it takes to read it, byte for byte as it stands. whole is false where that is
	// too long to be kept, and cut.
	Part(Row) (text []byte, whole bool)
}

// OfParts is the format of what Reader.Part gives.
func (f Format) OfParts() Format {
	if f.XML {
		f.Path = f.Path[len(f.Path)-1:]
	}
	return f
}

// Unreadable says why a file cannot be read, or not beyond a line.
type Unreadable struct {
	Line   int
	Reason string
}

// Error tells the line and the reason, and quotes nothing.
func (u *Unreadable) Error() string {
	if u.Line == 0 {
		return u.Reason
	}
	return fmt.Sprintf("line %d: %s", u.Line, u.Reason)
}

// Check says whether a format can be read at all.
func (f Format) Check() error {
	if _, err := encodingOf(f.Encoding); err != nil {
		return err
	}
	switch {
	case f.XML && len(f.Path) == 0:
		return errors.New("the path of the element that is a row is missing; give it as Envelope/Body/Customers/Customer")
	case !f.XML && (f.Delimiter == '"' || f.Delimiter == '\n' || f.Delimiter == '\r'):
		return errors.New("a quotation mark or a line's end cannot be the delimiter")
	}
	return nil
}

// Open reads a file from a place on, which must be the beginning or one that a Reader gave.
func Open(file io.ReaderAt, f Format, from Place) (Reader, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	src, err := open(file, f)
	if err != nil {
		return nil, err
	}
	if f.XML {
		return openXML(src, f, from), nil
	}
	return openCSV(src, f, from)
}

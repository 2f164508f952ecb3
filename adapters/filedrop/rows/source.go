package rows

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// window is how much of a file is in memory.
const window = 64 << 10

// source gives the characters of a file, and knows the place of each.
type source struct {
	file     io.ReaderAt
	encoding *encoding
	// mark is the length of the byte order mark.
	mark int64

	buf  []byte // what was read ahead, from base on
	base int64
	pos  int // in buf
	end  bool
	err  error // of the file, but for its end

	line    int
	carried bool // the last character was a carriage return, whose line feed counts no line
	// wrong says that something was not a character of the encoding since it was last set to false.
	wrong bool

	// For encoding/xml: the bytes of a character that are not given yet, and the offset beyond which nothing is given.
	pending []byte
	room    [utf8.UTFMax]byte
	limit   int64
}

var errLong = fmt.Errorf("it is longer than %d KiB", maxRow>>10)

func open(file io.ReaderAt, f Format) (*source, error) {
	s := &source{file: file, line: 1, buf: make([]byte, 0, window)}
	s.fill(256)
	if s.err != nil {
		return nil, s.err
	}
	is, mark, err := detect(s.buf, f)
	if err != nil {
		return nil, err
	}
	s.encoding, s.mark, s.pos = is, int64(mark), mark
	return s, nil
}

// at goes to a place.
func (s *source) at(p Place) {
	if p.Offset >= s.base && p.Offset <= s.base+int64(len(s.buf)) {
		s.pos = int(p.Offset - s.base)
	} else {
		s.base, s.pos, s.buf, s.end = p.Offset, 0, s.buf[:0], false
	}
	s.line, s.carried, s.pending = max(p.Line, 1), false, nil
}

func (s *source) place() Place { return Place{Offset: s.offset(), Line: s.line} }

// offset is that of the next character.
func (s *source) offset() int64 { return s.base + int64(s.pos) }

// fill sees to it that n bytes are there, unless the file ends.
func (s *source) fill(n int) {
	for len(s.buf)-s.pos < n && !s.end && s.err == nil {
		if s.pos > 0 {
			kept := copy(s.buf[:cap(s.buf)], s.buf[s.pos:])
			s.base, s.pos, s.buf = s.base+int64(s.pos), 0, s.buf[:kept]
		}
		read, err := s.file.ReadAt(s.buf[len(s.buf):cap(s.buf)], s.base+int64(len(s.buf)))
		s.buf = s.buf[:len(s.buf)+read]
		switch {
		case errors.Is(err, io.EOF):
			s.end = true
		case err != nil:
			s.err = err
		}
	}
}

// peek is the next character; size 0 at the file's end.
func (s *source) peek() (r rune, size int) {
	if len(s.buf)-s.pos < longest {
		s.fill(longest)
	}
	if s.pos >= len(s.buf) {
		return 0, 0
	}
	r, size, wrong := s.encoding.decode(s.buf[s.pos:])
	if wrong || r == 0 {
		s.wrong = true // no system's text has a NUL in it, and ours cannot
	}
	return r, size
}

// next takes a character; false at the file's end, or where it cannot be read.
func (s *source) next() (rune, bool) {
	r, size := s.peek()
	if size == 0 {
		return 0, false
	}
	s.take(r, size)
	return r, true
}

// take goes past a character that was peeked at. The line counts up behind its end: a line feed, a carriage return, or both.
func (s *source) take(r rune, size int) {
	s.pos += size
	if r == '\r' || r == '\n' && !s.carried {
		s.line++
	}
	s.carried = r == '\r'
}

// skipLine goes past the next line's end.
func (s *source) skipLine() {
	for {
		r, ok := s.next()
		if !ok || r == '\n' {
			return
		}
		if r == '\r' {
			if after, size := s.peek(); after == '\n' {
				s.take(after, size)
			}
			return
		}
	}
}

// cut is what stands at the beginning of the file up to an offset, and then from an offset to another.
func (s *source) cut(head, from, to int64) (text []byte, whole bool) {
	text = make([]byte, min(head+to-from, maxPart))
	n, _ := s.file.ReadAt(text[:min(head, maxPart)], 0)
	if rest := text[n:]; len(rest) > 0 {
		read, _ := s.file.ReadAt(rest, from)
		n += read
	}
	return text[:n], int64(n) == head+to-from
}

// ReadByte gives the text as UTF-8, no further than the limit. encoding/xml takes single bytes where it can, and so the
// place is never behind what it has read.
func (s *source) ReadByte() (byte, error) {
	if len(s.pending) == 0 {
		if s.offset() > s.limit {
			return 0, errLong
		}
		r, ok := s.next()
		if !ok {
			if s.err != nil {
				return 0, s.err
			}
			return 0, io.EOF
		}
		s.pending = utf8.AppendRune(s.room[:0], r)
	}
	b := s.pending[0]
	s.pending = s.pending[1:]
	return b, nil
}

// Read is what io.Reader wants; encoding/xml asks for ReadByte.
func (s *source) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := s.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

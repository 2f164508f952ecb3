package rows

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// An encoding decodes the character that begins at b, which is at least longest bytes long unless the file ends. wrong
// says that there is none.
type encoding struct {
	name   string
	decode func(b []byte) (r rune, size int, wrong bool)
}

// longest is how many bytes a character has at most.
const longest = 4

var (
	utf8Encoding = &encoding{"utf-8", func(b []byte) (rune, int, bool) {
		r, size := utf8.DecodeRune(b)
		return r, size, r == utf8.RuneError && size == 1
	}}
	utf16LE = &encoding{"utf-16le", utf16Decoder(binary.LittleEndian)}
	utf16BE = &encoding{"utf-16be", utf16Decoder(binary.BigEndian)}
	// utf16Any is UTF-16 of which nothing tells the order of bytes; guess settles it.
	utf16Any = &encoding{name: "utf-16"}
)

func utf16Decoder(order binary.ByteOrder) func([]byte) (rune, int, bool) {
	return func(b []byte) (rune, int, bool) {
		if len(b) < 2 {
			return utf8.RuneError, len(b), true
		}
		r := rune(order.Uint16(b))
		switch {
		case !utf16.IsSurrogate(r):
			return r, 2, false
		case len(b) < 4:
			return utf8.RuneError, 2, true
		}
		if r = utf16.DecodeRune(r, rune(order.Uint16(b[2:]))); r == utf8.RuneError {
			return r, 2, true
		}
		return r, 4, false
	}
}

// encodings are those known, by name without anything but letters and digits.
var encodings = sync.OnceValue(func() map[string]*encoding {
	all := map[string]*encoding{"": utf8Encoding, "utf8": utf8Encoding, "usascii": utf8Encoding, "ascii": utf8Encoding,
		"utf16": utf16Any, "utf16le": utf16LE, "utf16be": utf16BE}
	for _, each := range charmap.All {
		table, ok := each.(*charmap.Charmap)
		if !ok {
			continue
		}
		name := strings.TrimPrefix(bare(table.String()), "ibmcodepage")
		one := &encoding{table.String(), singleByte(table)}
		all[name] = one
		if number, is := strings.CutPrefix(name, "windows"); is {
			all["cp"+number] = one
		} else if name[0] >= '0' && name[0] <= '9' { // of IBM's code pages
			all["cp"+name], all["ibm"+name] = one, one
		}
	}
	all["latin1"], all["latin9"] = all["iso88591"], all["iso885915"]
	return all
})

func singleByte(table *charmap.Charmap) func([]byte) (rune, int, bool) {
	var runes [256]rune
	for i := range runes {
		runes[i] = table.DecodeByte(byte(i))
	}
	return func(b []byte) (rune, int, bool) {
		if len(b) == 0 {
			return utf8.RuneError, 0, true
		}
		r := runes[b[0]]
		return r, 1, r == utf8.RuneError
	}
}

// bare is a name in small letters and digits alone.
func bare(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, strings.ToLower(name))
}

func encodingOf(name string) (*encoding, error) {
	e, ok := encodings()[bare(name)]
	if !ok {
		return nil, fmt.Errorf("the encoding %.40q is not known; utf-8, utf-16, windows-1252, iso-8859-1 and the like are", name)
	}
	return e, nil
}

// Charmap is the table of a single-byte encoding, for who writes in it; nil for UTF-8 and UTF-16, which have every
// character.
func Charmap(name string) (*charmap.Charmap, error) {
	if _, err := encodingOf(name); err != nil {
		return nil, err
	}
	for _, each := range charmap.All {
		if table, ok := each.(*charmap.Charmap); ok && encodings()[bare(name)].name == table.String() {
			return table, nil
		}
	}
	return nil, nil
}

// marks are the byte order marks.
var marks = []struct {
	bytes string
	is    *encoding
}{{"\xef\xbb\xbf", utf8Encoding}, {"\xff\xfe", utf16LE}, {"\xfe\xff", utf16BE}}

// declaration is where an XML file names its encoding. It can be read before the encoding is known unless each character
// has two bytes, and those files have a mark.
var declaration = regexp.MustCompile(`^<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']`)

// detect finds a file's encoding by its beginning, and how long the mark is.
func detect(head []byte, f Format) (is *encoding, mark int, err error) {
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.bytes)) {
			return m.is, len(m.bytes), nil
		}
	}
	is, err = encodingOf(f.Encoding)
	if named := declaration.FindSubmatch(head); f.XML && f.Encoding == "" && named != nil {
		is, err = encodingOf(string(named[1]))
	}
	if err != nil {
		return nil, 0, &Unreadable{1, err.Error()}
	}
	if is == utf16Any {
		is = guess(head)
	}
	return is, 0, nil
}

// guess tells the order of bytes from the first character, which is an ASCII one in most files; Windows writes the small
// byte first.
func guess(head []byte) *encoding {
	if len(head) > 1 && head[0] == 0 && head[1] != 0 {
		return utf16BE
	}
	return utf16LE
}

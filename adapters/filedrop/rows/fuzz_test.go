package rows_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

// walked reads a file to its end. Whatever it is, places go forward, texts are texts, and a row read from its own place
// is the same row.
func walked(t *testing.T, text []byte, f rows.Format) {
	t.Helper()
	r, err := rows.Open(bytes.NewReader(text), f, rows.Place{})
	if err != nil {
		return
	}
	before := r.Place()
	for range len(text) + 1 {
		row, err := r.Next()
		if err != nil {
			var broken *rows.Unreadable
			if !errors.Is(err, io.EOF) && !errors.As(err, &broken) {
				t.Fatalf("the file is read from memory, and reading it fails with %v", err)
			}
			return
		}
		now := r.Place()
		if now.Offset <= before.Offset || now.Line < before.Line || now.Offset > int64(len(text)) || row.From < before.Offset || row.To > now.Offset || row.From >= row.To {
			t.Fatalf("a row from %d to %d, read from %+v to %+v", row.From, row.To, before, now)
		}
		for i, name := range row.Names {
			if row.Broken == "" && (!utf8.ValidString(name) || !utf8.ValidString(row.Values[i])) {
				t.Fatalf("%q=%q is no text", name, row.Values[i])
			}
		}
		again, err := rows.Open(bytes.NewReader(text), f, before)
		if err != nil {
			t.Fatalf("the file cannot be opened again: %v", err)
		}
		if same, err := again.Next(); err != nil || shown(same) != shown(row) {
			t.Fatalf("from %+v it reads %q, and again %q, %v", before, shown(row), shown(same), err)
		}
		r.Part(row)
		before = now
	}
	t.Fatalf("%d bytes have no end", len(text))
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{"id,n\n1,a\n", "id;n\r\n1;\"a\r\n\"\"b\"\r\n2;\"open\n", "\xef\xbb\xbfid\n\xff\n", "\xff\xfei\x00\n\x001\x00", "a\r\rb"} {
		for _, encoding := range []string{"", "utf-16", "windows-1252"} {
			f.Add([]byte(text), encoding, byte(';'), byte(0))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, encoding string, delimiter, skip byte) {
		format := rows.Format{Encoding: encoding, Delimiter: rune(delimiter), Skip: int(skip % 4)}
		if format.Check() == nil {
			walked(t, text, format)
		}
	})
}

func FuzzXML(f *testing.F) {
	for _, text := range []string{soap, "<l><r/></l>", "<l><r a='1'><b>&amp;</b></r> x <r>", "<!DOCTYPE l><l/>", "<?xml encoding='latin1'?><l><r>\xfc</r></l>"} {
		f.Add([]byte(text), "")
		f.Add(append([]byte("\xff\xfe"), inUTF16(text)...), "utf-16")
	}
	f.Fuzz(func(t *testing.T, text []byte, encoding string) {
		for _, format := range []rows.Format{path("l/r"), path("Envelope/Body/GetOrdersResponse/Order"), path("r")} {
			format.Encoding, format.Lists = encoding, []string{"b", "Position"}
			if format.Check() == nil {
				walked(t, text, format)
			}
		}
	})
}

package rows_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

// read gives each row as one line: its line, and its values or why it is broken; at the end, why the reading ended if the
// file is at fault.
func read(t testing.TB, text []byte, f rows.Format) (out []string) {
	t.Helper()
	r, err := rows.Open(bytes.NewReader(text), f, rows.Place{})
	for err == nil {
		var row rows.Row
		if row, err = r.Next(); err == nil {
			out = append(out, shown(row))
		}
	}
	var broken *rows.Unreadable
	switch {
	case errors.As(err, &broken):
		out = append(out, "! "+broken.Error())
	case !errors.Is(err, io.EOF):
		t.Fatal(err)
	}
	return out
}

func shown(r rows.Row) string {
	if r.Broken != "" {
		return fmt.Sprintf("%d! %s", r.Line, r.Broken)
	}
	pairs := make([]string, len(r.Names))
	for i, name := range r.Names {
		pairs[i] = name + "=" + r.Values[i]
	}
	for name, list := range r.Lists {
		pairs = append(pairs, fmt.Sprintf("%s%v", name, list))
	}
	return fmt.Sprintf("%d %s", r.Line, strings.Join(pairs, "|"))
}

// inUTF16 is a text in UTF-16, small byte first, without a mark.
func inUTF16(text string) (out []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

// swapped has the bytes of each two the other way round.
func swapped(text []byte) []byte {
	out := bytes.Clone(text)
	for i := 0; i+1 < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return out
}

package filedrop

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

var errCharacter = errors.New("it has a character that the encoding of the files has not")

// encode writes a text in the form's encoding.
func (c csvForm) encode(text string) ([]byte, error) {
	if c.table == nil {
		return []byte(text), nil
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := c.table.EncodeRune(r)
		if !ok {
			return nil, errCharacter
		}
		out = append(out, b)
	}
	return out, nil
}

// line writes a row: RFC 4180, with quotes where they are needed.
func (c csvForm) line(w io.Writer, fields []string) error {
	var b strings.Builder
	for i, field := range fields {
		if i > 0 {
			b.WriteRune(c.delimiter)
		}
		if field == "" && len(fields) == 1 || strings.ContainsRune(field, c.delimiter) || strings.ContainsAny(field, "\"\r\n") ||
			strings.TrimSpace(field) != field {
			field = `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
		}
		b.WriteString(field)
	}
	b.WriteString("\r\n")
	out, err := c.encode(b.String())
	if err == nil {
		_, err = w.Write(out)
	}
	return err
}

// writable says whether a text can stand in a file.
func (c csvForm) writable(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return errCharacter
	}
	_, err := c.encode(text)
	return err
}

// put writes a file of rows, by the names of its columns, and then gives it its name: no reader sees half of it.
func (f *folder) put(name string, at time.Time, form csvForm, columns []string, rows func(emit func(map[string]string) error) error) (err error) {
	hidden := path.Join(path.Dir(name), "."+path.Base(name)+"."+rand.Text()+".tmp")
	out, err := f.OpenFile(hidden, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Remove(hidden)
		}
	}()
	w := bufio.NewWriterSize(out, 64<<10)
	err = form.line(w, columns)
	if err == nil {
		fields := make([]string, len(columns))
		err = rows(func(cells map[string]string) error {
			for i, column := range columns {
				fields[i] = cells[column]
			}
			return form.line(w, fields)
		})
	}
	if err = errors.Join(err, w.Flush(), out.Sync(), out.Close(), f.Chtimes(hidden, at, at)); err != nil {
		return err
	}
	if err := f.Rename(hidden, name); err != nil {
		return err
	}
	return f.keep(path.Dir(name))
}

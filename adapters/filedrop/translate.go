package filedrop

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

type translator struct{ *setup }

// Translate reads a file that was posted, or a row that could not be read when its file was.
func (t translator) Translate(e adapters.Event) (adapters.Translation, error) {
	if p, text, is := readPart(e.Body); is {
		return t.part(p, text)
	}
	name, posted := strings.CutPrefix(e.Type, postedType)
	owners := t.owners(name)
	if !posted || len(owners) != 1 {
		return adapters.Translation{}, permanent("the options do not say of which kind files of that name are")
	}
	out, err := owners[0].translate(origin{name, e.OccurredAt}, owners[0].format, e.Body, 0)
	if err == nil && len(out.Observations) == 0 {
		out.Ignored = "there is no row in it that can be read"
	}
	return out, err
}

// part reads a row again. It has not gone into a file of its own by itself, so what is wrong with it is wrong with the event.
func (t translator) part(p part, text []byte) (adapters.Translation, error) {
	m := t.kinds[p.Kind]
	switch {
	case p.None:
		return adapters.Translation{}, permanent("it tells of a whole file; move that from rejected/ back to in/")
	case p.Cut:
		return adapters.Translation{}, permanent("the row is too long to be kept; correct it, and drop its file again")
	case m == nil || !m.reads():
		return adapters.Translation{}, permanent("the options do not say how files of that kind are read")
	}
	out, err := m.translate(origin{p.File, p.Time}, m.format.OfParts(), text, p.Line)
	switch {
	case err != nil:
		return adapters.Translation{}, err
	case len(out.Rejected) > 0:
		return adapters.Translation{}, permanent(out.Rejected[0].Reason)
	case len(out.Observations) == 0:
		return adapters.Translation{}, permanent("there is no row in it")
	}
	return out, nil
}

// translate reads all rows of a text. line is that of the first row in its file; 0 where this is the file.
func (m *mapping) translate(from origin, format rows.Format, text []byte, line int) (out adapters.Translation, err error) {
	s, err := m.sheet(from)
	if err != nil {
		return out, err
	}
	reader, err := rows.Open(bytes.NewReader(text), format, rows.Place{})
	if err != nil {
		return out, permanent(err.Error())
	}
	if err := s.header(reader.Columns()); err != nil {
		return out, permanent(err.Error())
	}
	for {
		row, err := reader.Next()
		var broken *rows.Unreadable
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case errors.As(err, &broken) && len(out.Observations) > 0:
			out.Rejected = append(out.Rejected, m.about(from, broken.Line).rejected(rows.Row{}, nil, broken.Reason))
			return out, nil
		case err != nil:
			return out, permanent(err.Error())
		}
		if line > 0 {
			row.Line = line
		}
		o, err := s.observe(row)
		if err != nil {
			out.Rejected = append(out.Rejected, m.about(from, row.Line).rejected(row, reader, err.Error()))
			continue
		}
		out.Observations = append(out.Observations, o)
	}
}

func (m *mapping) about(from origin, line int) part {
	return part{Kind: m.kind, File: from.name, Time: from.at.UTC().Truncate(time.Millisecond), Line: line}
}

func permanent(message string) error {
	return &fault.Error{Category: fault.Permanent, Op: "translate", Message: message}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// output is how answers are printed.
type output string

const (
	asTable output = "table"
	asJSON  output = "json"
)

// String is the flag's value.
func (o *output) String() string {
	if *o == "" {
		*o = asTable
	}
	return string(*o)
}

// Set reads the flag.
func (o *output) Set(text string) error {
	if text != string(asTable) && text != string(asJSON) {
		return fmt.Errorf("%q is none of table, json", text)
	}
	*o = output(text)
	return nil
}

// Type is what the help says of the flag.
func (o *output) Type() string { return "format" }

// printer prints messages as rows of a table, or as lines of JSON.
type printer struct {
	out    io.Writer
	table  *tabwriter.Writer
	format output
	begun  bool
}

func newPrinter(out io.Writer, format output) *printer {
	return &printer{out: out, table: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), format: format}
}

// row prints one message of a list; cells are for the table under head.
func (p *printer) row(message proto.Message, head []string, cells ...string) error {
	if p.format == asJSON {
		return p.json(message)
	}
	if !p.begun {
		p.begun = true
		if _, err := fmt.Fprintln(p.table, strings.Join(head, "\t")); err != nil {
			return err
		}
	}
	for i := range cells {
		cells[i] = visible(cells[i])
	}
	_, err := fmt.Fprintln(p.table, strings.Join(cells, "\t"))
	return err
}

// field is one line of what is told of one thing.
type field struct{ name, value string }

// one prints one message: its fields a line each, without those that are empty.
func (p *printer) one(message proto.Message, fields []field) error {
	if p.format == asJSON {
		return p.json(message)
	}
	for _, f := range fields {
		if f.value == "" {
			continue
		}
		if _, err := fmt.Fprintf(p.table, "%s\t%s\n", f.name, visible(f.value)); err != nil {
			return err
		}
	}
	return nil
}

// say tells people something; it is no part of what programs read.
func (p *printer) say(format string, args ...any) error {
	if p.format == asJSON {
		return nil
	}
	_, err := fmt.Fprintln(p.table, visible(fmt.Sprintf(format, args...)))
	return err
}

func (p *printer) flush() error { return p.table.Flush() }

func (p *printer) json(message proto.Message) error {
	text, err := protojson.Marshal(message)
	if err != nil {
		return err
	}
	var line json.RawMessage = text
	text, err = json.Marshal(line) // protojson's spaces vary from build to build
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s\n", text)
	return err
}

// visible makes what vendors wrote harmless for a terminal and for the table: no control characters, one line.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func short(text string, runes int) string {
	if cut := []rune(text); len(cut) > runes {
		return string(cut[:runes-1]) + "…"
	}
	return text
}

// at prints a time; nothing where there is none.
func at(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format("2006-01-02 15:04:05")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// word is an enum's value as people say it: REDRIVEN of DEAD_LETTER_CLOSING_REDRIVEN is "redriven".
func word(value fmt.Stringer, prefix string) string {
	text := strings.TrimPrefix(value.String(), prefix)
	if text == "UNSPECIFIED" {
		return ""
	}
	return strings.ToLower(text)
}

func roughly(d time.Duration) string {
	if d >= time.Hour {
		return d.Round(time.Minute).String()
	}
	return d.Round(time.Second).String()
}

// list prints pages until there are as many rows as wanted, or no more; limit 0 wants all.
func list[Row any](out *printer, limit int, print func(*printer, []Row) error, page func(size int32, token string) ([]Row, string, error)) error {
	const most = 1000
	if limit < 0 {
		return errors.New("--limit: give how many, or 0 for all")
	}
	token := ""
	for listed := 0; ; {
		size := most
		if limit > 0 {
			size = min(most, limit-listed)
		}
		rows, next, err := page(int32(size), token)
		if err != nil {
			return err
		}
		if err := print(out, rows); err != nil || next == "" {
			return err
		}
		if listed, token = listed+len(rows), next; limit > 0 && listed >= limit {
			return out.say("there are more: --limit 0 lists all")
		}
	}
}

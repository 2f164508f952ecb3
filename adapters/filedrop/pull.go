package filedrop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/cursor"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

// place is where a pull stands. The zero place is before whatever is in in/.
type place struct {
	// Archive says that done/ is read again, behind the file After.
	Archive bool   `json:"d,omitempty"`
	After   string `json:"after,omitempty"`
	// File is being read, from an offset and a line on; Step is what is read of it.
	File   *file   `json:"f,omitempty"`
	Step   reading `json:"p,omitempty"`
	Offset int64   `json:"o,omitempty"`
	Line   int     `json:"l,omitempty"`
	// Broken are the rows of it that could not be read.
	Broken int `json:"r,omitempty"`
	// To is the folder where it goes once somebody asks from here on.
	To string `json:"to,omitempty"`
	vanishing
}

// reading is a step in the reading of a file: its ids, where rows that are missing count; its rows; those missing.
type reading string

const (
	readIDs  reading = "ids"
	readRows reading = "rows"
	readGone reading = "gone"
)

// pull is one call.
type pull struct {
	*drop
	*folder
	*mapping
	ctx  context.Context
	q    adapters.Query
	at   place
	page adapters.Page
}

// Pull reads the next rows of the file under way, or begins the next file. Asked from behind a file's last row, it moves
// that file away first: whatever came before is committed.
func (d *drop) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	const op = "pull"
	m := d.kinds[q.Kind]
	if m == nil || !m.pulls() {
		return adapters.Page{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the options do not say how files of that kind are read"}
	}
	p := &pull{drop: d, mapping: m, ctx: ctx, q: q, at: place{Archive: q.Cursor == ""}}
	if err := cursor.Decode(q.Cursor, &p.at); err != nil {
		return adapters.Page{}, err
	}
	if q.Size <= 0 || q.Size > maxPage {
		p.q.Size = maxPage
	}
	var err error
	if p.folder, err = d.open(ctx, op); err != nil {
		return adapters.Page{}, err
	}
	defer func() { _ = p.Close() }()
	if err := p.run(); err != nil {
		return adapters.Page{}, p.fail("pull", err)
	}
	p.page.Next = cursor.Encode(p.at)
	return p.page, nil
}

func (p *pull) run() error {
	if p.out != nil && p.out.whole {
		if err := p.renew(p.ctx, p.folder, p.mapping); err != nil || !p.reads() {
			return err
		}
	}
	if err := p.check(inFolder, doneFolder, rejected); err != nil {
		return err
	}
	if err := p.leave(); err != nil {
		return err
	}
	if p.at.File == nil {
		if err := p.begin(); err != nil || p.at.File == nil || p.at.To != "" {
			return err
		}
	}
	p.page.More = true
	switch p.at.Step {
	case readIDs:
		return p.readIDs()
	case readRows:
		return p.readRows()
	case readGone:
		return p.readGone()
	}
	return &fault.Error{Category: fault.Gone, Op: p.op, Message: "the cursor is not one of this adapter's"}
}

// leave moves the file away that is read to its end.
func (p *pull) leave() error {
	if p.at.To == "" || p.at.File == nil {
		return nil
	}
	if p.at.To != doneFolder && p.at.To != rejected {
		return &fault.Error{Category: fault.Gone, Op: p.op, Message: "the cursor is not one of this adapter's"}
	}
	if err := p.move(*p.at.File, p.at.To); err != nil {
		return err
	}
	if err := p.tidy(*p.at.File, p.at.To); err != nil {
		return err
	}
	p.at = place{}
	return nil
}

// begin finds the next file: of the archive, and then of in/. Where there is none, the pull is at its end.
func (p *pull) begin() error {
	if p.at.Archive {
		one, err := p.archived()
		if err != nil || one != nil {
			p.at.File, p.at.Step = one, readRows
			return err
		}
	}
	p.at = place{}
	one, err := p.settled(p.ctx, p.folder, func(name string) bool {
		owners := p.owners(name)
		return len(owners) > 0 && owners[0] == p.mapping
	})
	if err != nil || one == nil {
		return err
	}
	p.page.More = true
	p.at.File, p.at.Step = one, readRows
	if p.deletes {
		p.at.Step = readIDs
	}
	reason, err := p.objection(one)
	if err == nil && reason != "" {
		p.refuse(reason)
	}
	if err == nil && reason == "" && p.whole {
		return p.unchanged(one)
	}
	return err
}

// unchanged goes behind a file that has everything and says what the last one said, as such exports do on a quiet day.
func (p *pull) unchanged(one *file) error {
	names, err := p.ofKind()
	if err != nil || len(names) == 0 {
		return err
	}
	if last, _ := parseKept(names[len(names)-1]); last.Hash == one.Hash {
		p.end(doneFolder)
	}
	return nil
}

// archived is the next file in done/ that the query asks for; of files that have everything, the newest will do.
func (p *pull) archived() (*file, error) {
	names, err := p.ofKind()
	if err != nil {
		return nil, err
	}
	if p.whole && len(names) > 0 {
		names = names[len(names)-1:]
	}
	for _, name := range names {
		one, _ := parseKept(name)
		if name > p.at.After && !one.time().Before(p.q.Since) {
			return &one, nil
		}
	}
	return nil, nil
}

// ofKind lists the kind's files in done/, by their time.
func (p *pull) ofKind() ([]string, error) {
	return p.list(doneFolder, func(name string) bool {
		one, is := parseKept(name)
		if !is {
			return false
		}
		owners := p.owners(one.Name)
		return len(owners) > 0 && owners[0] == p.mapping
	})
}

// objection is why a file is not read at all.
func (p *pull) objection(one *file) (string, error) {
	if owners := p.owners(one.Name); len(owners) > 1 {
		return fmt.Sprintf("files of %ss and of %ss have such a name; make their patterns differ", owners[0].kind, owners[1].kind), nil
	}
	if len(one.Name) > maxName {
		return fmt.Sprintf("its name is longer than %d bytes", maxName), nil
	}
	if p.whole {
		return "", nil // what was so once may be so again
	}
	names, err := p.ofKind()
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(names, func(name string) bool { before, _ := parseKept(name); return before.Hash == one.Hash }) {
		return "what is in it was taken in already, from a file in done/ whose name has the same hash", nil
	}
	return "", nil
}

// refuse leaves a file out, or the rest of it.
func (p *pull) refuse(reason string) {
	p.reject(rows.Row{}, nil, reason)
	p.end(rejected)
}

// end goes behind a file.
func (p *pull) end(to string) {
	if p.at.Archive {
		p.at = place{Archive: true, After: p.at.File.kept()}
		return
	}
	p.at.To = to
}

// sheetAt opens the file under way where the pull stands; nil where it is none any more, or cannot be read, which is told.
func (p *pull) sheetAt() (io.Closer, rows.Reader, *sheet, error) {
	in, err := p.reopen(*p.at.File)
	if err != nil {
		return nil, nil, nil, err
	}
	if in == nil {
		p.reject(rows.Row{Line: p.at.Line}, nil, "it was taken away, or replaced by another one, before all of it was read")
		p.end(rejected)
		return nil, nil, nil, nil
	}
	s, err := p.sheet(origin{p.at.File.Name, p.at.File.time()})
	if err != nil {
		_ = in.Close()
		return nil, nil, nil, err
	}
	var text io.ReaderAt = in
	if p.at.File.Size > 0 { // what is written behind its end meanwhile makes it another file, and may be half a row
		text = io.NewSectionReader(in, 0, p.at.File.Size)
	}
	reader, err := rows.Open(text, p.format, rows.Place{Offset: p.at.Offset, Line: p.at.Line})
	if err == nil {
		if wrong := s.header(reader.Columns()); wrong != nil {
			err = &rows.Unreadable{Reason: wrong.Error()}
		}
	}
	if err != nil {
		_ = in.Close()
		return nil, nil, nil, p.unreadable(err)
	}
	return in, reader, s, nil
}

// unreadable makes an end of a file, where that is the file's fault.
func (p *pull) unreadable(err error) error {
	var broken *rows.Unreadable
	if !errors.As(err, &broken) {
		return p.fail("read a file", err)
	}
	p.reject(rows.Row{Line: broken.Line}, nil, broken.Reason)
	p.end(rejected)
	return nil
}

func (p *pull) readRows() error {
	in, reader, s, err := p.sheetAt()
	if in == nil {
		return err
	}
	defer func() { _ = in.Close() }()
	for begin, n := reader.Place(), 0; n < p.q.Size && reader.Place().Offset-begin.Offset < maxBytes; n++ {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		row, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			p.afterRows()
			return nil
		case err != nil:
			return p.unreadable(err)
		}
		o, err := s.observe(row)
		if err != nil {
			p.reject(row, reader, err.Error())
			if p.at.Broken++; p.at.Broken >= maxBroken {
				p.refuse(fmt.Sprintf("%d of its rows cannot be read, and what comes behind them was not; correct it, or the options, and move it back to in/", maxBroken))
				return nil
			}
			continue
		}
		p.page.Observations = append(p.page.Observations, o)
	}
	next := reader.Place()
	p.at.Offset, p.at.Line = next.Offset, next.Line
	return nil
}

func (p *pull) afterRows() {
	if p.at.Before == "" || p.at.Archive {
		p.end(doneFolder)
		return
	}
	p.at.Step, p.at.Offset, p.at.Line = readGone, 0, 0
}

// reject tells of a row that cannot be read; without a reader, of the file.
func (p *pull) reject(row rows.Row, reader rows.Reader, reason string) {
	one := part{Kind: p.kind, File: p.at.File.Name, Time: p.at.File.time(), Line: row.Line}
	p.page.Rejected = append(p.page.Rejected, one.rejected(row, reader, reason))
}

// in is a name in the folder done/.
func inDone(name string) string { return path.Join(doneFolder, name) }

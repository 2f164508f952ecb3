package filedrop

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

// remembered is how long a change stays after it went into the file that has everything. Two processes may renew that file
// at the same time, and the one whose rename comes last may not know the newest change: the next renewal has it again.
const remembered = time.Hour

// snapshot is the file that has everything, and kept the hidden one that it is a copy of: the other side takes files away, or
// writes in them. pending is the hidden folder of changes that are to go into it.
func (m *mapping) snapshot() string { return path.Join(outFolder, string(m.kind)+".csv") }
func (m *mapping) kept() string     { return path.Join(outFolder, ".everything-"+string(m.kind)+".csv") }
func (m *mapping) pending() string  { return path.Join(outFolder, ".changes-"+string(m.kind)) }

// row is what is written of one object; nil where it is archived.
type row map[string]string

// renew makes the file that has everything anew, of what it has and the changes since, where it is time. Objects stand in
// it by their ids, so that it takes one pass, and the memory of the changes alone.
func (d *drop) renew(ctx context.Context, f *folder, m *mapping) error {
	if info, err := f.Stat(m.snapshot()); err == nil && d.now().Sub(info.ModTime()) < m.out.every {
		return nil
	}
	names, err := f.list(m.pending(), func(name string) bool { return strings.HasSuffix(name, ".csv") && !temporary.MatchString(name) })
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	changed := map[string]row{}
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.merge(changed, path.Join(m.pending(), name), m.out.csv); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f.otherForm(m, err)
		}
	}
	columns := append([]string{idColumn}, m.out.names()...)
	err = f.put(m.kept(), d.now(), m.out.csv, columns, func(emit func(map[string]string) error) error {
		return f.merged(ctx, m, changed, emit)
	})
	if err == nil {
		err = f.put(m.snapshot(), d.now(), m.out.csv, columns, func(emit func(map[string]string) error) error {
			return f.each(m.kept(), m.out.csv, func(cells row) error { return errors.Join(emit(cells), ctx.Err()) })
		})
	}
	if err != nil {
		return f.otherForm(m, err)
	}
	return d.forgetOld(f, m, names)
}

// otherForm is a failure to read what was written here, or to write.
func (f *folder) otherForm(m *mapping, err error) error {
	var unreadable *rows.Unreadable
	if !errors.As(err, &unreadable) {
		return f.fail("renew "+m.snapshot(), err)
	}
	return &fault.Error{Category: fault.Transient, Op: f.op, Message: m.kept() + " and what is in " + m.pending() +
		"/ were written with another delimiter or encoding; bring those back, or write them anew", Err: err}
}

// merge takes a file of changes into what has changed.
func (f *folder) merge(changed map[string]row, name string, form csvForm) error {
	return f.each(name, form, func(cells row) error {
		before := changed[cells[idColumn]]
		switch {
		case cells[doneColumn] == archived:
			changed[cells[idColumn]] = nil
			return nil
		case before == nil:
			before = row{idColumn: cells[idColumn]}
			changed[cells[idColumn]] = before
		}
		for _, column := range strings.Split(cells[changeColumn], columnMark) {
			before[column] = cells[column]
		}
		return nil
	})
}

// merged gives the rows that there were, with what has changed, by id.
func (f *folder) merged(ctx context.Context, m *mapping, changed map[string]row, emit func(map[string]string) error) error {
	next := slices.Sorted(maps.Keys(changed))
	upTo := func(id string, all bool) error { // what comes before it, and was not there
		for len(next) > 0 && (all || next[0] < id) {
			if cells := changed[next[0]]; cells != nil {
				if err := emit(cells); err != nil {
					return err
				}
			}
			next = next[1:]
		}
		return ctx.Err()
	}
	err := f.each(m.kept(), m.out.csv, func(cells row) error {
		id := cells[idColumn]
		if err := upTo(id, false); err != nil {
			return err
		}
		if len(next) == 0 || next[0] != id {
			return emit(cells)
		}
		next = next[1:]
		if changed[id] == nil {
			return nil
		}
		maps.Copy(cells, changed[id])
		return emit(cells)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return upTo("", true)
}

// each reads the rows of a file that was written here.
func (f *folder) each(name string, form csvForm, do func(row) error) error {
	in, err := f.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	reader, err := rows.Open(in, rows.Format{Encoding: form.encoding, Delimiter: form.delimiter}, rows.Place{})
	if err != nil {
		return err
	}
	if !slices.Contains(reader.Columns(), idColumn) {
		return &rows.Unreadable{Line: 1, Reason: "there is no column " + idColumn}
	}
	for {
		r, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case r.Broken != "":
			return &rows.Unreadable{Line: r.Line, Reason: r.Broken}
		}
		cells := make(row, len(r.Names))
		for i, column := range r.Names {
			cells[column] = r.Values[i]
		}
		if err := do(cells); err != nil {
			return err
		}
	}
}

// forgetOld takes changes away that have been in the file for long, and what a process left that died while it wrote.
func (d *drop) forgetOld(f *folder, m *mapping, names []string) error {
	var err error
	for _, folder := range []string{outFolder, m.pending()} {
		left, e := f.list(folder, func(name string) bool { return strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp") })
		err = errors.Join(err, e)
		for _, name := range left {
			err = errors.Join(err, d.removeOld(f, path.Join(folder, name)))
		}
	}
	for _, name := range names {
		err = errors.Join(err, d.removeOld(f, path.Join(m.pending(), name)))
	}
	return err
}

func (d *drop) removeOld(f *folder, name string) error {
	info, err := f.Lstat(name)
	if err == nil && d.now().Sub(info.ModTime()) > remembered {
		err = f.Remove(name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.fail("clear out/", err)
	}
	return nil
}

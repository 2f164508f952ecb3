package filedrop

import (
	"bufio"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/canonhub/canonhub/adapters"
)

// The ids of a file are kept in a hidden folder beside it in done/, in as many parts as fit into memory one by one: an id's
// hash says which. The ids missing in a file are those of the newest before it, part by part.
const (
	idParts = 64
	// idRows is how many rows are read for their ids in one call.
	idRows = 500_000
	// fewGone is how many objects may always vanish at once: of a few, one is more than any share that is of use.
	fewGone = 1
)

// vanishing is what a pull's place has of it.
type vanishing struct {
	// Before is the folder of ids to compare with; empty where nothing is to be deleted.
	Before string `json:"b,omitempty"`
	// Blind says that a row could not be read: it may be the missing one.
	Blind bool `json:"x,omitempty"`
	// Part and Nth are the next missing one.
	Part int `json:"i,omitempty"`
	Nth  int `json:"j,omitempty"`
}

func (m *mapping) idsPrefix() string { return ".ids-" + string(m.kind) + "-" }

// ids is the name of the folder with a file's ids.
func (m *mapping) ids(of file) string {
	return m.idsPrefix() + of.time().Format(stampForm) + "-" + of.Hash
}

// readIDs writes down the ids of the rows. A call reads a part of the file; what it wrote before it died is written again,
// which changes no set.
func (p *pull) readIDs() error {
	folder, kept, err := p.idFolder()
	if err != nil || kept {
		return err
	}
	in, reader, s, err := p.sheetAt()
	if in == nil {
		return err
	}
	defer func() { _ = in.Close() }()
	var found [idParts][]byte
	for range idRows {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			if err := p.writeIDs(folder, &found); err != nil {
				return err
			}
			return p.keepIDs(folder)
		}
		if err != nil {
			return p.unreadable(err)
		}
		s.bind(row)
		id, err := s.identify()
		if row.Broken != "" || err != nil {
			p.at.Blind = true
			continue
		}
		at := partOf(id)
		found[at] = append(strconv.AppendQuote(found[at], string(id)), '\n')
	}
	next := reader.Place()
	p.at.Offset, p.at.Line = next.Offset, next.Line
	return p.writeIDs(folder, &found)
}

// idFolder is where the ids are written. Where the process died after they were kept, they are compared at once; where
// what was written is gone, it begins anew.
func (p *pull) idFolder() (folder string, kept bool, err error) {
	name := inDone(p.ids(*p.at.File))
	if _, err := p.Lstat(name); err == nil {
		return "", true, p.compare()
	}
	err = p.Mkdir(name+".new", 0o700)
	switch {
	case err == nil:
		p.at.Offset, p.at.Line, p.at.Blind = 0, 0, false
	case !errors.Is(err, fs.ErrExist):
		return "", false, p.fail("write ids", err)
	}
	return name + ".new", false, nil
}

// keepIDs ends the writing of ids. Those of a file with rows that cannot be read are not compared with.
func (p *pull) keepIDs(folder string) error {
	if p.at.Blind {
		p.at.Step, p.at.Offset, p.at.Line = readRows, 0, 0
		return p.forget(folder)
	}
	if err := p.Rename(folder, strings.TrimSuffix(folder, ".new")); err != nil {
		return p.fail("keep ids", err)
	}
	return p.compare()
}

func partOf(id adapters.ExternalID) uint32 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, string(id))
	return h.Sum32() % idParts
}

// writeIDs adds ids to the parts. They begin with a line's end, since whoever wrote before may have died within a line.
func (p *pull) writeIDs(folder string, found *[idParts][]byte) error {
	for i, ids := range found {
		out, err := p.OpenFile(path.Join(folder, strconv.Itoa(i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = out.Write(append([]byte{'\n'}, ids...))
			err = errors.Join(err, out.Close())
		}
		if err != nil {
			return p.fail("write ids", err)
		}
	}
	return nil
}

// loadIDs reads a part.
func (f *folder) loadIDs(folder string, part int) (map[string]bool, error) {
	in, err := f.Open(path.Join(folder, strconv.Itoa(part)))
	if err != nil {
		return nil, f.fail("read ids", err)
	}
	defer func() { _ = in.Close() }()
	ids := map[string]bool{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16*maxID)
	for lines.Scan() {
		if id, err := strconv.Unquote(lines.Text()); err == nil {
			ids[id] = true
		}
	}
	if lines.Err() != nil {
		return nil, f.fail("read ids", lines.Err())
	}
	return ids, nil
}

// compare judges what is missing in a file before any of its rows is taken in.
func (p *pull) compare() error {
	p.at.Step, p.at.Offset, p.at.Line = readRows, 0, 0
	name := p.ids(*p.at.File)
	all, err := p.idFolders()
	if err != nil {
		return err
	}
	older := slices.DeleteFunc(all, func(other string) bool { return other >= name })
	if len(older) == 0 {
		return nil
	}
	p.at.Before = older[len(older)-1]
	known, gone := 0, 0
	for part := range idParts {
		before, missing, err := p.missing(part)
		if err != nil {
			return err
		}
		known, gone = known+before, gone+len(missing)
	}
	if gone > max(fewGone, int(p.maxVanished*float64(known))) {
		p.refuse(fmt.Sprintf("%d of the %d objects of the file before are missing in it, more than may vanish at once; is it whole? "+
			"If it is, raise max_vanished and move it back to in/", gone, known))
	}
	return nil
}

// missing are the ids of a part that the file before has and this one has not, in order, and how many that has.
func (p *pull) missing(part int) (known int, ids []string, err error) {
	before, err := p.loadIDs(inDone(p.at.Before), part)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, nil // taken away by hand: then there is nothing to compare with
	}
	if err != nil {
		return 0, nil, err
	}
	now, err := p.loadIDs(inDone(p.ids(*p.at.File)), part)
	if err != nil {
		return 0, nil, err
	}
	for id := range before {
		if !now[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return len(before), ids, nil
}

// readGone tells of the missing ones, once the rows are told.
func (p *pull) readGone() error {
	for p.at.Part < idParts && len(p.page.Observations) < p.q.Size {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		_, ids, err := p.missing(p.at.Part)
		if err != nil {
			return err
		}
		for p.at.Nth < len(ids) && len(p.page.Observations) < p.q.Size {
			id := ids[p.at.Nth]
			p.page.Observations = append(p.page.Observations, adapters.Observation{
				Object: adapters.Object{Kind: p.kind, ExternalID: adapters.ExternalID(id)}, At: p.at.File.time(), Gone: true,
				Raw: []byte("missing in " + p.at.File.Name)})
			p.at.Nth++
		}
		if p.at.Nth >= len(ids) {
			p.at.Part, p.at.Nth = p.at.Part+1, 0
		}
	}
	if p.at.Part >= idParts {
		p.end(doneFolder)
	}
	return nil
}

// idFolders are those of this kind, by their files' time.
func (p *pull) idFolders() ([]string, error) {
	dir, err := p.Open(doneFolder)
	if err != nil {
		return nil, p.fail("list done/", err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, p.fail("list done/", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, p.idsPrefix()) || strings.HasSuffix(name, ".new")
	})
	slices.Sort(names)
	return names, nil
}

// tidy takes away the ids that are not needed any more: those of a file that was refused, and all but the newest.
func (p *pull) tidy(of file, to string) error {
	if !p.deletes {
		return nil
	}
	if to == rejected {
		return errors.Join(p.forget(inDone(p.ids(of))), p.forget(inDone(p.ids(of)+".new")))
	}
	all, err := p.idFolders()
	for _, name := range all[:max(0, len(all)-1)] {
		err = errors.Join(err, p.forget(inDone(name)))
	}
	return err
}

func (p *pull) forget(folder string) error {
	if err := p.RemoveAll(folder); err != nil {
		return p.fail("take ids away", err)
	}
	return nil
}

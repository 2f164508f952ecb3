package filedrop

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

// setup is a connection's options, compiled.
type setup struct {
	folder string
	settle time.Duration
	kinds  map[adapters.Kind]*mapping
	names  []adapters.Kind
}

// mapping is how one kind is read and written.
type mapping struct {
	kind   adapters.Kind
	files  string
	format rows.Format
	// whole says that a file has everything there is; deletes, that what is missing in it is gone.
	whole, deletes bool
	maxVanished    float64

	id, recordID, version, time, deleted *expression
	attributes                           []mapped
	// needs are the columns that must be there, knows those that nothing is to be told of.
	needs []string
	knows map[string]bool
	out   *outgoing
}

// mapped is an attribute and where it comes from.
type mapped struct {
	attribute
	from *expression
}

func (m *mapping) reads() bool { return m.id != nil }

func (s *setup) reads() bool { return s.any((*mapping).reads) }

func (s *setup) pulls() bool { return s.any((*mapping).pulls) }

func (s *setup) writes() bool { return s.any(func(m *mapping) bool { return m.out != nil }) }

func (s *setup) any(is func(*mapping) bool) bool {
	return slices.ContainsFunc(s.names, func(k adapters.Kind) bool { return is(s.kinds[k]) })
}

// pulls says that there is something to be done again and again: files to be read, or one to be written anew.
func (m *mapping) pulls() bool { return m.reads() || m.out != nil && m.out.whole }

// judge collects mistakes.
type judge struct {
	at   []string
	errs *[]error
}

func (j judge) below(names ...string) judge { return judge{slices.Concat(j.at, names), j.errs} }

func (j judge) wrong(format string, args ...any) {
	*j.errs = append(*j.errs, &adapters.Mistake{At: j.at, Reason: fmt.Sprintf(format, args...)})
}

// duration reads one that may be missing.
func (j judge) duration(text string, or time.Duration) time.Duration {
	d, err := time.ParseDuration(cmp.Or(text, or.String()))
	if err != nil || d < 0 {
		j.wrong("%.40q is no time span; write it as 10s, 5m or 1h30m", text)
	}
	return d
}

// word reads one of several, of which the first is meant where it is missing.
func (j judge) word(text string, words ...string) string {
	if text = cmp.Or(text, words[0]); !slices.Contains(words, text) {
		j.wrong("%.40q is none of %s", text, strings.Join(words, ", "))
	}
	return text
}

// single reads one character.
func (j judge) single(text, or string) rune {
	text = cmp.Or(text, or)
	r, size := utf8.DecodeRuneInString(text)
	if size != len(text) || r == utf8.RuneError {
		j.wrong("%.40q is not one character", text)
	}
	return r
}

func (j judge) zone(name string) *time.Location {
	at, err := time.LoadLocation(cmp.Or(name, "UTC"))
	if err != nil || name == "Local" {
		j.wrong("%.40q is no time zone; write it as Europe/Berlin", name)
		return time.UTC
	}
	return at
}

// compile judges all options; the error has every mistake.
func compile(s adapters.Settings) (*setup, error) {
	var o options
	if err := s.DecodeOptions(&o); err != nil {
		return nil, err
	}
	var errs []error
	j := judge{errs: &errs}
	set := &setup{folder: o.Folder, settle: j.below("settle").duration(o.Settle, 10*time.Second), kinds: map[adapters.Kind]*mapping{}}
	if !filepath.IsAbs(o.Folder) {
		j.below("folder").wrong("give the folder that has in/, done/, rejected/ and out/ as an absolute path")
	}
	if len(o.Kinds) == 0 {
		j.below("kinds").wrong("say how files are read, by kind: customer, order, invoice, ticket")
	}
	for _, name := range slices.Sorted(maps.Keys(o.Kinds)) {
		kind, at := adapters.Kind(name), j.below("kinds", name)
		if messages[kind] == nil {
			at.wrong("no such kind; there are customer, order, invoice and ticket")
			continue
		}
		set.kinds[kind] = compileKind(at, kind, o.Kinds[name])
		set.names = append(set.names, kind)
	}
	return set, errors.Join(errs...)
}

func compileKind(j judge, kind adapters.Kind, o kindOptions) *mapping {
	m := &mapping{kind: kind, knows: map[string]bool{}, maxVanished: 0.02,
		whole:   j.below("content").word(o.Content, changes, everything) == everything,
		deletes: j.below("vanished").word(o.Vanished, "keep", "delete") == "delete",
	}
	if o.MaxVanished != nil {
		m.maxVanished = *o.MaxVanished
	}
	if m.deletes && !m.whole {
		j.below("vanished").wrong("only a file with everything there is can tell what has vanished: say content: everything")
	}
	if m.maxVanished < 0 || m.maxVanished > 1 {
		j.below("max_vanished").wrong("it is a share, from 0 to 1")
	}
	if o.Out != nil {
		m.out = compileOut(j.below("out"), kind, o.Out)
	}
	if o.ID == "" && len(o.Attributes) == 0 && o.Out != nil {
		return m // it is written alone
	}
	m.fileFormat(j, o)
	m.expressions(j, o)
	return m
}

func (m *mapping) fileFormat(j judge, o kindOptions) {
	m.format = rows.Format{XML: j.below("format").word(o.Format, "csv", "xml") == "xml", Encoding: o.Encoding,
		Skip: o.Skip, Columns: o.Columns, Lists: o.Lists}
	if m.format.XML {
		m.format.Path = strings.FieldsFunc(o.Record, func(r rune) bool { return r == '/' })
	} else {
		m.format.Delimiter = j.below("delimiter").single(o.Delimiter, ",")
	}
	if err := (rows.Format{Encoding: o.Encoding}).Check(); err != nil {
		j.below("encoding").wrong("%v", err)
	} else if err := m.format.Check(); err != nil {
		j.below(map[bool]string{false: "delimiter", true: "record"}[m.format.XML]).wrong("%v", err)
	}
	for name, given := range map[string]bool{"delimiter": o.Delimiter != "", "skip": o.Skip != 0, "columns": len(o.Columns) > 0} {
		if given && m.format.XML {
			j.below(name).wrong("it is for csv alone")
		}
	}
	for name, given := range map[string]bool{"record": o.Record != "", "lists": len(o.Lists) > 0} {
		if given && !m.format.XML {
			j.below(name).wrong("it is for xml alone")
		}
	}
	if o.Skip < 0 || o.Skip > 1000 {
		j.below("skip").wrong("it is a number of lines, from 0 to 1000")
	}
	m.files = cmp.Or(o.Files, string(m.kind)+"*."+cmp.Or(o.Format, "csv"))
	if _, err := path.Match(m.files, "x"); err != nil || strings.ContainsAny(m.files, "/\\") {
		j.below("files").wrong("%.80q is no pattern of a file's name; write it as customers-*.csv", m.files)
	}
}

func (m *mapping) expressions(j judge, o kindOptions) {
	language, err := newLanguage(m.kind, j.below("decimal").single(o.Decimal, "."), j.below("time_zone").zone(o.TimeZone))
	if err != nil {
		j.wrong("%v", err)
		return
	}
	known := slices.Concat(o.Columns, o.Unused)
	read := func(name, text string, wants ...*typed) *expression {
		if text == "" {
			return nil
		}
		e, err := language.reading(text, o.Columns, wants...)
		if err != nil {
			j.below(strings.Split(name, "/")...).wrong("%v", err)
			return nil
		}
		known = append(known, e.reads...)
		m.needs = append(m.needs, e.needs...)
		return e
	}
	if o.ID == "" {
		j.below("id").wrong("give the expression of the object's id, as in id: row.NUMBER")
	}
	m.id, m.recordID = read("id", o.ID, textType), read("record_id", o.RecordID, textType)
	m.version, m.time = read("version", o.Version, intType), read("time", o.Time, timeType)
	m.deleted = read("deleted", o.Deleted, flagType)
	for _, name := range slices.Sorted(maps.Keys(o.Attributes)) {
		a, err := find(m.kind, name)
		if err != nil {
			j.below("attributes", name).wrong("%v", err)
			continue
		}
		if e := read("attributes/"+name, o.Attributes[name], a.types()...); e != nil {
			m.attributes = append(m.attributes, mapped{a, e})
		} else if o.Attributes[name] == "" {
			j.below("attributes", name).wrong("the expression is missing; for text as it stands write row.COLUMN")
		}
	}
	if len(o.Attributes) == 0 {
		j.below("attributes").wrong("say where each attribute comes from, as in email: row.MAIL")
	}
	slices.Sort(m.needs)
	m.needs = slices.Compact(m.needs)
	if m.format.XML {
		m.needs = nil // an element that has nothing to say is usually left out
	}
	for _, name := range known {
		m.knows[name] = true
	}
}

// owners are the kinds whose files have such a name.
func (s *setup) owners(name string) (all []*mapping) {
	for _, kind := range s.names {
		if m := s.kinds[kind]; m.reads() && m.matches(name) {
			all = append(all, m)
		}
	}
	return all
}

func (m *mapping) matches(name string) bool {
	ok, err := path.Match(m.files, name)
	return ok && err == nil
}

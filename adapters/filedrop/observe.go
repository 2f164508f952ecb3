package filedrop

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/filedrop/rows"
)

const (
	// maxID and maxWord bound ids and the texts kept of what cannot be used.
	maxID   = 500
	maxWord = 1000
)

// origin is the file that rows are of.
type origin struct {
	name string
	at   time.Time
}

// sheet reads the rows of one file, one after the other, into the same variables.
type sheet struct {
	*mapping
	origin origin
	row    map[string]string
	lists  map[string][]map[string]string
	vars   map[string]any
	in     cel.Activation
	// unknown are the columns that no expression reads.
	unknown []string
}

func (m *mapping) sheet(from origin) (*sheet, error) {
	s := &sheet{mapping: m, origin: from, row: map[string]string{}, lists: map[string][]map[string]string{}}
	s.vars = map[string]any{"row": s.row, "lists": s.lists, "file_name": from.name, "file_time": from.at}
	var err error
	s.in, err = cel.NewActivation(s.vars)
	return s, err
}

// header judges a file's columns.
func (s *sheet) header(columns []string) error {
	if s.format.XML {
		return nil
	}
	var missing []string
	for _, name := range s.needs {
		if !slices.Contains(columns, name) {
			missing = append(missing, fmt.Sprintf("%.80q", name))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the columns %s are not there; is the delimiter, or skip, another?", strings.Join(missing, ", "))
	}
	for i, name := range columns {
		if slices.Contains(columns[:i], name) && s.knows[name] {
			return fmt.Errorf("the column %.80q is there twice", name)
		}
	}
	s.unknown = s.strange(columns)
	return nil
}

// strange are the columns that nothing is known of.
func (s *sheet) strange(columns []string) (out []string) {
	if s.knows["*"] {
		return nil
	}
	for _, name := range columns {
		if !s.knows[name] && name != "" && len(name) <= 80 && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// bind makes a row the one that expressions read.
func (s *sheet) bind(r rows.Row) {
	clear(s.row)
	for i, name := range r.Names {
		if _, there := s.row[name]; !there {
			s.row[name] = r.Values[i]
		}
	}
	for _, name := range s.format.Lists {
		s.lists[name] = r.Lists[name]
	}
	s.vars["line"] = int64(r.Line)
}

// eval evaluates an expression on the bound row. Where a column is missing that it needs, the row says nothing.
func (s *sheet) eval(e *expression) result {
	if e.column != "" {
		text, there := s.row[e.column]
		return result{value: types.String(text), unsaid: !there}
	}
	for _, name := range e.needs {
		if _, there := s.row[name]; !there {
			return result{unsaid: true}
		}
	}
	return e.eval(s.in)
}

// identify is the bound row's id.
func (s *sheet) identify() (adapters.ExternalID, error) {
	got := s.eval(s.id)
	id := strings.TrimSpace(got.text())
	switch {
	case got.reason != "":
		return "", fmt.Errorf("its id: %s", got.reason)
	case id == "":
		return "", errors.New("it has no id")
	case len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' }):
		return "", fmt.Errorf("its id has control characters, or more than %d bytes", maxID)
	}
	return adapters.ExternalID(id), nil
}

// observe reads a row. The error says why it cannot be, and quotes nothing.
func (s *sheet) observe(r rows.Row) (adapters.Observation, error) {
	if r.Broken != "" {
		return adapters.Observation{}, errors.New(r.Broken)
	}
	s.bind(r)
	id, err := s.identify()
	if err != nil {
		return adapters.Observation{}, err
	}
	o := adapters.Observation{Object: adapters.Object{Kind: s.kind, ExternalID: id}, At: s.origin.at, Raw: raw(r)}
	if err := s.order(&o); err != nil {
		return o, err
	}
	if s.recordID != nil {
		o.RecordID = adapters.ReadRecordID(strings.TrimSpace(s.eval(s.recordID).text()))
	}
	if s.deleted != nil {
		gone := s.eval(s.deleted)
		if gone.reason != "" {
			return o, fmt.Errorf("whether it is deleted: %s", gone.reason)
		}
		if o.Gone = gone.value == types.True; o.Gone {
			return o, nil
		}
	}
	o.Unknown = slices.Clone(s.unknown)
	if s.format.XML {
		o.Unknown = s.strange(r.Names)
	}
	s.attribute(&o)
	return o, nil
}

// order reads what orders two states of one object.
func (s *sheet) order(o *adapters.Observation) error {
	if s.version != nil {
		got := s.eval(s.version)
		version, is := got.value.(types.Int)
		if !is || version < 0 {
			return fmt.Errorf("its version: it is no number")
		}
		o.Version = int64(version)
	}
	if s.time != nil {
		got := s.eval(s.time)
		if got.reason != "" {
			return fmt.Errorf("its time: %s", got.reason)
		}
		if at, is := got.value.(types.Timestamp); is && !got.unsaid {
			o.At = at.Time
		}
	}
	return nil
}

// attribute reads the attributes. One that cannot be used is told of, and not claimed to be empty.
func (s *sheet) attribute(o *adapters.Observation) {
	o.Message = messages[s.kind].ProtoReflect().New().Interface()
	said := make([]string, 0, len(s.attributes))
	for _, a := range s.attributes {
		got := s.eval(a.from)
		if got.unsaid {
			continue
		}
		if got.reason == "" && !got.empty {
			unknown, err := a.set(o.Message, got.value)
			if err != nil {
				got.reason = err.Error()
			}
			if unknown != "" {
				o.Unknown = append(o.Unknown, a.path+"="+tellable(unknown))
			}
		}
		if got.reason != "" {
			o.Unusable = append(o.Unusable, adapters.Unusable{Path: a.path, Raw: s.read(a.from), Reason: got.reason})
			continue
		}
		said = append(said, a.path)
	}
	if len(said) < len(s.attributes) {
		o.Paths = said
	}
}

// read is what stands in the columns that an expression reads.
func (s *sheet) read(e *expression) string {
	var all []string
	for _, name := range e.reads {
		if text := s.row[name]; text != "" {
			all = append(all, text)
		}
	}
	text := strings.Join(all, " ")
	for len(text) > maxWord || !utf8.ValidString(text) {
		text = text[:min(len(text)-1, maxWord)]
	}
	return text
}

// raw is a row as JSON, in the file's order.
func raw(r rows.Row) []byte {
	out := []byte{'{'}
	add := func(name string, value any) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		key, _ := json.Marshal(name)
		text, _ := json.Marshal(value) // texts alone
		out = append(append(append(out, key...), ':'), text...)
	}
	for i, name := range r.Names {
		add(name, r.Values[i])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Lists)) {
		add(name, r.Lists[name])
	}
	return append(out, '}')
}

package drift

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"

	"github.com/canonhub/canonhub/hub/store"
)

const (
	// learning is how many objects make a habit: a field that nearly all of them had is missed when as many in a row lack it.
	learning = 50
	// habit is the share of objects that makes a field one that is always there.
	habit = 0.95
	// maxPaths, maxDepth and maxChildren bound what is kept of an object's shape.
	maxPaths    = 1000
	maxDepth    = 8
	maxChildren = 200
	// thorough is how many objects are looked at each; of later ones every eighth is.
	thorough = 1000
)

// shape is what the objects of one form had in common.
type shape struct {
	came    int // all
	objects int // that were looked at
	fields  map[string]*field
	// kept is how many objects it had been made of when it was stored; changed says that it has other fields or types since.
	kept    int
	changed bool
}

// field is one path.
type field struct {
	// kind is the type that it had last, and kinds are all: a vendor may have fields of more than one.
	kind  string
	kinds []string
	// times is in how many objects it was, last the number of the last one.
	times, last int
	missed      bool
}

type difference struct {
	change       store.DriftChange
	path, detail string
}

func newShape() *shape { return &shape{fields: map[string]*field{}} }

// compare takes an object in and returns in what it differs from those before. What is no JSON object has no shape.
func (s *shape) compare(raw []byte) (out []difference) {
	s.came++
	if s.objects >= thorough && s.came%8 != 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	if d.Decode(&object) != nil || object == nil {
		return nil
	}
	s.objects++
	paths := map[string]string{}
	walk(paths, "", object, 0)
	for path, kind := range paths {
		f := s.fields[path]
		switch {
		case f == nil && len(s.fields) < maxPaths:
			s.fields[path] = &field{kind: kind, kinds: []string{kind}, times: 1, last: s.objects}
			s.changed = true
			continue
		case f == nil:
			continue
		case !slices.Contains(f.kinds, kind):
			f.kinds = append(f.kinds, kind)
			s.changed = true
			if kind != null && f.kind != null {
				out = append(out, difference{store.ChangedType, path, kind + ", was " + f.kind})
			}
		}
		if kind != null {
			f.kind = kind
		}
		f.times++
		f.last, f.missed = s.objects, false
	}
	return append(out, s.vanished()...)
}

// vanished are the fields that are missed from now on.
func (s *shape) vanished() (out []difference) {
	for path, f := range s.fields {
		before := f.last // objects up to the last one that had it
		if f.missed || s.objects-f.last < learning || before < learning || float64(f.times) < habit*float64(before) {
			continue
		}
		f.missed, s.changed = true, true
		out = append(out, difference{store.VanishedField, path, f.kind})
	}
	return out
}

// learnt is a shape as it is stored.
type learnt struct {
	Came    int                    `json:"came"`
	Objects int                    `json:"objects"`
	Fields  map[string]learntField `json:"fields"`
}

type learntField struct {
	Kind   string   `json:"kind"`
	Kinds  []string `json:"kinds"`
	Times  int      `json:"times"`
	Last   int      `json:"last"`
	Missed bool     `json:"missed,omitempty"`
}

// due says that the shape is worth storing: it is another one, or made of half as many objects again.
func (s *shape) due() bool { return s.changed || s.objects > s.kept+s.kept/2 }

func (s *shape) encode() []byte {
	out := learnt{Came: s.came, Objects: s.objects, Fields: make(map[string]learntField, len(s.fields))}
	for path, f := range s.fields {
		out.Fields[path] = learntField{f.kind, f.kinds, f.times, f.last, f.missed}
	}
	text, _ := json.Marshal(out) // of texts and numbers: cannot fail
	return text
}

// decode reads a stored shape; one of another form is begun anew.
func decode(text []byte) *shape {
	s := newShape()
	var in learnt
	if json.Unmarshal(text, &in) != nil || in.Came < in.Objects || in.Objects < 0 || len(in.Fields) > maxPaths {
		return s
	}
	s.came, s.objects, s.kept = in.Came, in.Objects, in.Objects
	for path, f := range in.Fields {
		s.fields[path] = &field{kind: f.Kind, kinds: f.Kinds, times: f.Times, last: f.Last, missed: f.Missed}
	}
	return s
}

const null = "null"

// word is what a field's name looks like; other names are keys that people chose, and are no part of a shape.
var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// walk notes the paths of a value with their types.
func walk(paths map[string]string, path string, value any, depth int) {
	if depth > maxDepth || len(paths) >= maxPaths {
		return
	}
	switch value := value.(type) {
	case map[string]any:
		if path != "" {
			paths[path] = "object"
			path += "."
		}
		if len(value) > maxChildren {
			return
		}
		for name, below := range value {
			if word.MatchString(name) {
				walk(paths, path+name, below, depth+1)
			}
		}
	case []any:
		paths[path] = "list"
		if len(value) > 0 {
			walk(paths, path+"[]", value[0], depth+1)
		}
	case string:
		paths[path] = "string"
	case json.Number:
		paths[path] = "number"
	case bool:
		paths[path] = "boolean"
	default:
		paths[path] = null
	}
}

package view

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
)

// State is what follows from a view: the three things that are never mixed. Resolve reads what was said alone, Diff
// what is held and agreed alone.
type State struct {
	schema *model.Schema

	// Said has the values of the source's last own claims, whatever we delivered since.
	Said proto.Message
	// Claims tells since when each claim stands. A path without a value in Said is a claim of emptiness.
	Claims map[model.Path]Stamp
	// Blanks are attributes that the source spoke of and never had a value for: no claims.
	Blanks map[model.Path]bool

	// Held has what the source has now as far as known: its own values, or ones we delivered.
	Held proto.Message
	held map[model.Path]bool // with `custom.*` where all custom attributes are known

	// Agreed has the canonical values that the source acknowledged, possibly in another form.
	Agreed proto.Message
	agreed map[model.Path]bool // those of which what is held has not moved since
	moved  map[model.Path]bool // those of which it has

	// Newest is the newest stamp that this reflects.
	Newest Stamp
}

func newState(schema *model.Schema) *State {
	return &State{
		schema: schema,
		Said:   schema.New(), Claims: map[model.Path]Stamp{}, Blanks: map[model.Path]bool{},
		Held: schema.New(), held: map[model.Path]bool{},
		Agreed: schema.New(), agreed: map[model.Path]bool{}, moved: map[model.Path]bool{},
	}
}

// Spoke says that the source ever claimed the attribute, a value or emptiness.
func (s *State) Spoke(path model.Path) bool {
	_, ok := s.Claims[path]
	return ok
}

// Holds says that the source is known to have message's value at path, or to have acknowledged it in its own form.
func (s *State) Holds(message proto.Message, path model.Path) bool {
	if s.schema.Equal(message, s.Held, path) {
		return true
	}
	return s.agreed[path] && s.schema.Equal(message, s.Agreed, path)
}

// HoldsNone says that the source is known to have no value at path: it was told, or what was told left none.
func (s *State) HoldsNone(path model.Path) bool {
	known := s.held[path] || isCustom(path) && s.held[allCustom]
	return known && s.schema.Empty(s.Held, path)
}

func (s *State) clone() *State {
	return &State{
		schema: s.schema,
		Said:   proto.Clone(s.Said), Claims: cloneMap(s.Claims), Blanks: cloneMap(s.Blanks),
		Held: proto.Clone(s.Held), held: cloneMap(s.held),
		Agreed: proto.Clone(s.Agreed), agreed: cloneMap(s.agreed), moved: cloneMap(s.moved),
		Newest: s.Newest,
	}
}

func cloneMap[V any](m map[model.Path]V) map[model.Path]V {
	out := make(map[model.Path]V, len(m))
	for path, value := range m {
		out[path] = value
	}
	return out
}

// State walks the view's sequence. What it returns is not to be changed.
func (v *View) State() *State {
	if v.state != nil {
		return v.state
	}
	v.state = newState(v.schema)
	if v.base != nil {
		v.state = v.base.clone()
	}
	for i := range v.entries {
		v.step(v.state, i)
	}
	return v.state
}

// entry is the state as one observation that says what it holds.
func (s *State) entry() *entry {
	e := &entry{stamp: s.Newest, snapshot: true, message: s.Held}
	for path := range s.held {
		e.paths = append(e.paths, path)
	}
	for path := range s.Claims {
		e.delivered = append(e.delivered, path) // said outright, or by us
	}
	for path := range s.agreed {
		e.delivered = append(e.delivered, path)
	}
	return e
}

// step takes entry i into the state that the entries before it led to.
func (v *View) step(s *State, i int) {
	e := &v.entries[i]
	for _, path := range e.delivered {
		v.schema.Copy(s.Held, e.message, path)
		v.schema.Copy(s.Agreed, e.agreed, path)
		s.held[path], s.agreed[path] = true, true
		delete(s.moved, path)
	}
	for _, path := range v.pathsOf(e, s.Held) {
		v.observe(s, i, path)
	}
	if slices.Contains(e.paths, allCustom) {
		s.held[allCustom] = true
	}
	s.Newest = e.stamp
}

// observe takes one attribute of an observation into the state.
func (v *View) observe(s *State, i int, path model.Path) {
	e := &v.entries[i]
	known := s.held[path]
	switch {
	case known && v.schema.Equal(e.message, s.Held, path):
		if !e.snapshot && !s.agreed[path] && !s.Spoke(path) && v.schema.Empty(e.message, path) && !v.isEcho(i, path) {
			v.claim(s, e, path) // said outright that there is none, where there never was
		}
		return // an echo, or nothing new
	case !known && e.snapshot && v.schema.Empty(e.message, path):
		s.held[path], s.Blanks[path] = true, true // never had one: no claim
		return
	}
	v.schema.Copy(s.Held, e.message, path)
	s.held[path] = true
	if s.agreed[path] {
		delete(s.agreed, path)
		s.moved[path] = true
	}
	if !v.isEcho(i, path) {
		v.claim(s, e, path)
	}
}

func (v *View) claim(s *State, e *entry, path model.Path) {
	v.schema.Copy(s.Said, e.message, path)
	s.Claims[path] = e.stamp
	delete(s.Blanks, path)
}

// isEcho says that the value which entry i has at path is one that we were delivering at the time: the delivery's
// answer is later in the order than its effect.
func (v *View) isEcho(i int, path model.Path) bool {
	e := &v.entries[i]
	for j := i + 1; j < len(v.entries); j++ {
		d := &v.entries[j]
		if slices.Contains(d.delivered, path) && d.after.Compare(e.stamp) < 0 && v.schema.Equal(d.message, e.message, path) {
			return true
		}
	}
	return false
}

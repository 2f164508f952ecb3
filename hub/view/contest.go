package view

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
)

// maxCorrections bounds what is remembered of one attribute.
const maxCorrections = 100

// Contest is a tug of war over one attribute: it is brought to a value that the source agrees to, and something there
// undoes that.
type Contest struct {
	// Corrections are when it was brought back to what had been agreed, oldest first.
	Corrections []time.Time
	// Message has the value that is not brought there any more; nil while corrections are only counted.
	Message proto.Message
}

// Undone says that the source agreed to message's value at path once, and that what it holds has moved since.
func (s *State) Undone(message proto.Message, path model.Path) bool {
	return s.moved[path] && !s.Holds(message, path) && s.schema.Equal(message, s.Agreed, path)
}

// Correct notes that an attribute was brought back to what had been agreed. Corrections before since are forgotten.
func (v *View) Correct(path model.Path, at, since time.Time) {
	c := v.Contests[path]
	kept := append(newer(c.Corrections, since), at)
	c.Corrections = kept[max(0, len(kept)-maxCorrections):]
	v.Contests[path] = c
}

// Corrections counts how often an attribute was brought back since a time.
func (v *View) Corrections(path model.Path, since time.Time) int {
	return len(newer(v.Contests[path].Corrections, since))
}

func newer(times []time.Time, since time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return t.Before(since) })
}

// Contest says that message's value is not to be brought to path any more.
func (v *View) Contest(path model.Path, message proto.Message) {
	c := v.Contests[path]
	c.Message = v.schema.New()
	v.schema.Copy(c.Message, message, path)
	v.Contests[path] = c
}

// Contested says that message's value is not to be brought to path, since it was undone too often.
func (v *View) Contested(path model.Path, message proto.Message) bool {
	c := v.Contests[path]
	return c.Message != nil && v.schema.Equal(message, c.Message, path)
}

// Yield ends a contest, and keeps count.
func (v *View) Yield(path model.Path) {
	c := v.Contests[path]
	c.Message = nil
	if v.Contests[path] = c; len(c.Corrections) == 0 {
		delete(v.Contests, path)
	}
}

// Package view keeps one source's side of one record: what the source said, what it holds, and what was agreed with it.
// It is pure.
//
// A view is a short sequence of observations and acknowledged deliveries in the order of the source's own versions, and
// its state is a walk over that sequence. That is why arrival order, duplicates and deliveries in between change
// nothing: a late observation takes its place in the order, an observation equal to what the source holds already is
// no claim, and neither is a value that we delivered. Keeping three current values instead was rejected: a late
// snapshot then has to be dropped, and with it a claim that our own push had overwritten unseen.
package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/hub/model"
)

// maxEntries bounds the sequence; older entries are folded into the base. Only an observation that is overtaken by this
// many newer ones of the same object is dropped.
const maxEntries = 8

// Stamp is a place in one source's order: its own counter where it has one, else its time.
type Stamp struct {
	Time    time.Time
	Version int64
	// Seen is when the hub first heard of it, by its own clock; zero where that is not known. It is no part of the order.
	Seen time.Time
}

// Compare orders stamps of one source.
func (s Stamp) Compare(other Stamp) int {
	if s.Version != 0 && other.Version != 0 {
		return cmp.Compare(s.Version, other.Version)
	}
	return s.Time.Compare(other.Time)
}

// IsZero says that the stamp is before all others.
func (s Stamp) IsZero() bool { return s.Version == 0 && s.Time.IsZero() }

// Observation is what a source says of its object at one moment.
type Observation struct {
	Stamp Stamp
	// Message has the values.
	Message proto.Message
	// Paths are the attributes it speaks of; an attribute without a value is said to be empty.
	Paths []model.Path
	// Snapshot says that Paths is all that could be told of the object, whatever changed. A value that was never there is
	// then no claim of emptiness.
	Snapshot bool
	// Read says that this is the object's current state, fetched, with nothing pushed or read since it began.
	Read bool
	// InTurn says that the source tells things in the order in which they were, and that nobody can ask it for what is so
	// now: of two with one stamp, the one that is heard later counts.
	InTurn bool
}

// Delivery is a push that the source acknowledged.
type Delivery struct {
	// After is the newest stamp known when the push was sent: it took effect later.
	After Stamp
	// Stamp is the place of the answer: it took effect at that time or before.
	Stamp Stamp
	// Paths are the attributes that were pushed.
	Paths []model.Path
	// Sent has the values as pushed.
	Sent proto.Message
	// Held is the object as the vendor then had it, and HeldPaths all that the answer speaks of. An attribute that was
	// pushed and is not among them is held as sent.
	Held      proto.Message
	HeldPaths []model.Path
}

// Outcome tells what an observation did to a view.
type Outcome string

// The outcomes.
const (
	// Applied: the view has it now.
	Applied Outcome = "applied"
	// Duplicate: the view had it already.
	Duplicate Outcome = "duplicate"
	// Stale: it is older than all that the view keeps.
	Stale Outcome = "stale"
	// Ambiguous: it has the same stamp as another observation and other values, so that the order cannot be told. The
	// object's current state is to be fetched and observed instead.
	Ambiguous Outcome = "ambiguous"
)

// Refusal is a value that the source, as a target, would not take.
type Refusal struct {
	Message proto.Message
	Reason  string
	Time    time.Time
}

// View is one source's side of one record. It is not safe for concurrent use.
type View struct {
	schema  *model.Schema
	base    *State
	entries []entry
	state   *State // what follows from the above; nil where that is to be walked anew
	// Refused are the attributes that the source would not take.
	Refused map[model.Path]Refusal
	// Contests are the attributes that something at the source undoes.
	Contests map[model.Path]Contest
	// Unusable is what the newest observation said and could not be used.
	Unusable []Unusable
	// Decisions are what a person, or the hub's own rule, decided, by the path of what is decided as one.
	Decisions map[model.Path]Decision
}

// Unusable is a value that a source said and that does not fit the canonical form.
type Unusable struct {
	Path   model.Path
	Raw    string
	Reason string
}

// entry is one observation or one acknowledged delivery with its answer.
type entry struct {
	stamp     Stamp
	after     Stamp // deliveries: sent after this
	snapshot  bool  // empty attributes are no claims
	paths     []model.Path
	message   proto.Message
	delivered []model.Path
	agreed    proto.Message
}

// New makes an empty view.
func New(schema *model.Schema) *View {
	return &View{schema: schema, Refused: map[model.Path]Refusal{}, Contests: map[model.Path]Contest{}, Decisions: map[model.Path]Decision{}}
}

// Newest is the newest stamp that the view knows.
func (v *View) Newest() Stamp {
	if n := len(v.entries); n > 0 {
		return v.entries[n-1].stamp
	}
	if v.base != nil {
		return v.base.Newest
	}
	return Stamp{}
}

// Observe takes an observation into the view, which keeps its message.
func (v *View) Observe(o Observation) Outcome {
	e := entry{stamp: o.Stamp, snapshot: o.Snapshot, paths: slices.Clone(o.Paths), message: o.Message}
	if newest := v.Newest(); o.Read && e.stamp.Compare(newest) < 0 {
		e.stamp = newest // a read is the state now, whatever stamp a lagging replica gave it
	}
	outcome := v.judge(&e, o.Read)
	if outcome == Ambiguous && o.InTurn {
		outcome = Applied
	}
	if outcome == Applied {
		v.insert(e)
	}
	return outcome
}

// Deliver takes an acknowledged push into the view, which keeps its messages. What the answer says beyond the pushed
// attributes is an observation.
func (v *View) Deliver(d Delivery) {
	e := entry{
		stamp: d.Stamp, after: d.After, snapshot: true, paths: slices.Clone(d.HeldPaths), message: v.answered(d),
		delivered: slices.Clone(d.Paths), agreed: d.Sent,
	}
	if e.stamp.Compare(d.After) < 0 {
		e.stamp = d.After
	}
	if v.base != nil && e.stamp.Compare(v.base.Newest) < 0 {
		v.overtaken(&e)
	} else {
		v.insert(e)
	}
	for _, path := range d.Paths {
		delete(v.Refused, path)
	}
}

// answered is the object as the vendor then had it, with what the answer does not tell as it was sent.
func (v *View) answered(d Delivery) proto.Message {
	message := d.Held
	for _, path := range d.Paths {
		if speaksOf(d.HeldPaths, path) {
			continue
		}
		if message == d.Held {
			message = v.schema.New()
			if d.Held != nil {
				proto.Merge(message, d.Held)
			}
		}
		v.schema.Copy(message, d.Sent, path)
	}
	return message
}

// overtaken takes a delivery whose place is before all that the view keeps: what came after it is what the source
// holds, and where that is still the answer, it is agreed.
func (v *View) overtaken(e *entry) {
	v.state = nil
	for _, path := range e.delivered {
		if v.base.held[path] && v.schema.Equal(e.message, v.base.Held, path) {
			v.schema.Copy(v.base.Agreed, e.agreed, path)
			v.base.agreed[path] = true
			delete(v.base.moved, path)
		}
	}
}

// Refuse notes that the source would not take message's value at path.
func (v *View) Refuse(path model.Path, message proto.Message, reason string, at time.Time) {
	kept := v.schema.New()
	v.schema.Copy(kept, message, path)
	v.Refused[path] = Refusal{Message: kept, Reason: reason, Time: at}
}

// judge tells what an entry would do to the view.
func (v *View) judge(e *entry, read bool) Outcome {
	switch {
	case v.base != nil && e.stamp.Compare(v.base.Newest) < 0:
		return Stale
	case read && e.stamp.Compare(v.Newest()) == 0 && v.covers(v.State().entry(), e):
		return Duplicate
	case read:
		return Applied
	}
	for i := len(v.entries) - 1; i >= 0; i-- {
		other := &v.entries[i]
		switch {
		case e.stamp.Compare(other.stamp) != 0:
		case v.covers(other, e):
			return Duplicate
		case v.contradicts(other, e):
			return Ambiguous
		}
	}
	if v.base != nil && e.stamp.Compare(v.base.Newest) == 0 { // what was folded can only be compared with what came of it
		if v.covers(v.base.entry(), e) {
			return Duplicate
		}
		return Ambiguous
	}
	return Applied
}

// covers says that e says nothing but what other says.
func (v *View) covers(other, e *entry) bool {
	for _, path := range v.pathsOf(e, other.message) {
		if !v.schema.Equal(e.message, other.message, path) {
			return false
		}
		if !v.schema.Empty(e.message, path) {
			if !other.speaks(path) {
				return false
			}
			continue
		}
		outright := !other.snapshot && other.speaks(path) || slices.Contains(other.delivered, path)
		if !e.snapshot && !outright {
			return false // that there is none is a claim of e alone
		}
	}
	return true
}

// contradicts says that two entries give one attribute different values.
func (v *View) contradicts(other, e *entry) bool {
	for _, path := range v.pathsOf(e, other.message) {
		if other.speaks(path) && !v.schema.Equal(e.message, other.message, path) {
			return true
		}
	}
	return false
}

// insert puts an entry behind all that are not newer, and folds the oldest where there are too many.
func (v *View) insert(e entry) {
	at := len(v.entries)
	for at > 0 && v.entries[at-1].stamp.Compare(e.stamp) > 0 {
		at--
	}
	v.state = nil
	v.entries = slices.Insert(v.entries, at, e)
	for len(v.entries) > maxEntries {
		v.fold()
	}
}

// fold moves the oldest entry into the base.
func (v *View) fold() {
	if v.base == nil {
		v.base = newState(v.schema)
	}
	v.step(v.base, 0)
	v.entries = slices.Delete(v.entries, 0, 1)
}

// allCustom stands for every custom attribute.
const allCustom model.Path = "custom.*"

func isCustom(path model.Path) bool { return strings.HasPrefix(string(path), "custom.") }

// speaks says whether an entry speaks of an attribute.
func (e *entry) speaks(path model.Path) bool {
	return slices.Contains(e.delivered, path) || speaksOf(e.paths, path)
}

func speaksOf(paths []model.Path, path model.Path) bool {
	return slices.Contains(paths, path) || isCustom(path) && slices.Contains(paths, allCustom)
}

// pathsOf lists the attributes that an entry speaks of: for `custom.*` those that it has, and those that before has,
// which it says are gone.
func (v *View) pathsOf(e *entry, before proto.Message) []model.Path {
	at := slices.Index(e.paths, allCustom)
	if at < 0 {
		return e.paths
	}
	paths := slices.Concat(e.paths[:at], e.paths[at+1:])
	named := v.schema.Custom(e.message)
	for _, path := range v.schema.Custom(before) {
		if !slices.Contains(named, path) {
			named = append(named, path)
		}
	}
	for _, path := range named {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// String helps tests.
func (s Stamp) String() string {
	return fmt.Sprintf("%s#%d", s.Time.Format(time.RFC3339Nano), s.Version)
}

// Unfit says that the newest observation had a value at path that could not be used: what State tells of it was so before.
func (v *View) Unfit(path model.Path) bool {
	return slices.ContainsFunc(v.Unusable, func(u Unusable) bool { return u.Path == path })
}

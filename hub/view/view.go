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
	// Snapshot says that Paths is all that the source carries. A value that was never there is then no claim of emptiness.
	Snapshot bool
	// Read says that this is the object's current state, fetched, with nothing pushed or read since it began.
	Read bool
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
	// Held is the object as the vendor then had it, and HeldPaths all that the answer speaks of.
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
	schema        *model.Schema
	base          *State
	entries       []entry
	snapshotPaths []model.Path
	// Refused are the attributes that the source would not take.
	Refused map[model.Path]Refusal
	// Unusable is what the newest observation said and could not be used.
	Unusable []Unusable
}

// Unusable is a value that a source said and that does not fit the canonical form.
type Unusable struct {
	Path   model.Path
	Raw    string
	Reason string
}

type entry struct {
	stamp     Stamp
	after     Stamp // deliveries: sent after this
	snapshot  bool
	paths     []model.Path // if no snapshot
	message   proto.Message
	delivered []model.Path
	agreed    proto.Message
}

// New makes an empty view.
func New(schema *model.Schema) *View {
	return &View{schema: schema, Refused: map[model.Path]Refusal{}}
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

// Observe takes an observation into the view.
func (v *View) Observe(o Observation) Outcome {
	e := entry{stamp: o.Stamp, snapshot: o.Snapshot, message: o.Message}
	if o.Snapshot {
		v.setSnapshotPaths(o.Paths)
	} else {
		e.paths = slices.Clone(o.Paths)
	}
	if newest := v.Newest(); o.Read && e.stamp.Compare(newest) < 0 {
		e.stamp = newest // a read is the state now, whatever stamp a lagging replica gave it
	}
	outcome := v.judge(e, o.Read)
	if outcome == Applied {
		v.insert(e)
	}
	return outcome
}

// Deliver takes an acknowledged push into the view. What the answer says beyond the pushed attributes is an observation.
func (v *View) Deliver(d Delivery) {
	v.setSnapshotPaths(d.HeldPaths)
	stamp := d.Stamp
	if stamp.Compare(d.After) < 0 {
		stamp = d.After
	}
	v.insert(entry{stamp: stamp, after: d.After, snapshot: true, message: d.Held, delivered: slices.Clone(d.Paths), agreed: d.Sent})
	for _, path := range d.Paths {
		delete(v.Refused, path)
	}
}

// Refuse notes that the source would not take message's value at path.
func (v *View) Refuse(path model.Path, message proto.Message, reason string, at time.Time) {
	kept := v.schema.New()
	v.schema.Copy(kept, message, path)
	v.Refused[path] = Refusal{Message: kept, Reason: reason, Time: at}
}

// judge tells what an entry would do to the view.
func (v *View) judge(e entry, read bool) Outcome {
	if v.base != nil {
		switch order := e.stamp.Compare(v.base.Newest); {
		case order < 0:
			return Stale
		case order == 0 && len(v.entries) == 0 && v.same(e, v.base.Held, v.base.knows):
			return Duplicate
		case order == 0 && !read:
			return v.sameOrAmbiguous(e)
		}
	}
	for i := range v.entries {
		other := &v.entries[i]
		if e.stamp.Compare(other.stamp) != 0 {
			continue
		}
		speaks := func(path model.Path) bool { return v.speaks(other, path) }
		if v.same(e, other.message, speaks) {
			return Duplicate
		}
		if !read && v.contradicts(e, other) {
			return Ambiguous
		}
	}
	return Applied
}

// sameOrAmbiguous judges an observation with the stamp of what was folded: its values can only be compared with the base's.
func (v *View) sameOrAmbiguous(e entry) Outcome {
	if v.same(e, v.base.Held, v.base.knows) {
		return Duplicate
	}
	return Ambiguous
}

// same says that e says nothing but what message says of the attributes that it knows.
func (v *View) same(e entry, message proto.Message, knows func(model.Path) bool) bool {
	for _, path := range v.pathsOf(&e) {
		if !v.schema.Equal(e.message, message, path) || !knows(path) && !v.schema.Empty(e.message, path) {
			return false
		}
	}
	return true
}

// contradicts says that two entries give one attribute different values.
func (v *View) contradicts(e entry, other *entry) bool {
	for _, path := range v.pathsOf(&e) {
		if v.speaks(other, path) && !v.schema.Equal(e.message, other.message, path) {
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

// setSnapshotPaths notes what snapshots speak of. Where that changes, with a new version of the adapter, older
// snapshots are folded first: they spoke of what they spoke of.
func (v *View) setSnapshotPaths(paths []model.Path) {
	if slices.Equal(v.snapshotPaths, paths) {
		return
	}
	for len(v.entries) > 0 && v.snapshotPaths != nil {
		v.fold()
	}
	v.snapshotPaths = slices.Clone(paths)
}

// speaks says whether an entry speaks of an attribute.
func (v *View) speaks(e *entry, path model.Path) bool {
	if slices.Contains(e.delivered, path) {
		return true
	}
	paths := e.paths
	if e.snapshot {
		paths = v.snapshotPaths
	}
	return slices.Contains(paths, path) || isCustom(path) && slices.Contains(paths, allCustom)
}

// pathsOf lists what an entry speaks of; for `custom.*` those that it has and those that anything in the view has.
func (v *View) pathsOf(e *entry) []model.Path {
	paths := e.paths
	if e.snapshot {
		paths = v.snapshotPaths
	}
	custom := slices.Contains(paths, allCustom)
	if !custom && len(e.delivered) == 0 {
		return paths
	}
	all := make([]model.Path, 0, len(paths)+len(e.delivered)+8)
	for _, path := range paths {
		if path != allCustom {
			all = append(all, path)
		}
	}
	if custom {
		all = append(all, v.customPaths()...)
		all = append(all, v.schema.Custom(e.message)...)
	}
	all = append(all, e.delivered...)
	slices.Sort(all)
	return slices.Compact(all)
}

// customPaths lists the custom attributes that the view has heard of.
func (v *View) customPaths() []model.Path {
	var paths []model.Path
	if v.base != nil {
		for path := range v.base.held {
			if isCustom(path) {
				paths = append(paths, path)
			}
		}
	}
	for i := range v.entries {
		paths = append(paths, v.schema.Custom(v.entries[i].message)...)
	}
	return paths
}

// allCustom stands for every custom attribute.
const allCustom model.Path = "custom.*"

func isCustom(path model.Path) bool {
	return len(path) > 7 && path[:7] == "custom." && path != allCustom
}

// String helps tests.
func (s Stamp) String() string {
	return fmt.Sprintf("%s#%d", s.Time.Format(time.RFC3339Nano), s.Version)
}

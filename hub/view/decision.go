package view

import (
	"time"

	"google.golang.org/protobuf/proto"
)

// Decision is what stands behind a claim that is nobody's who keeps the object itself: a person's, or the hub's own note
// on what it holds.
type Decision struct {
	// Side is the source whose value it is; empty where it is a value of the decider's own.
	Side string
	// Authority is the source that decides from then on for this record; empty where the decision stands only while the
	// sources say what is in Over.
	Authority string
	// Over is what the sources said when it was made.
	Over []Said
	// By, Time and Why tell who made it, when, and why.
	By   string
	Time time.Time
	Why  string
}

// Said is what one source said.
type Said struct {
	Source     string
	ExternalID string
	// Message has the values.
	Message proto.Message
}

// Next is the stamp of the next word of a source without an order of its own: a caller, a person, the hub itself.
func (v *View) Next(now time.Time) Stamp {
	newest := v.Newest()
	if now.Before(newest.Time) {
		now = newest.Time
	}
	return Stamp{Time: now.UTC(), Version: newest.Version + 1, Seen: now.UTC()}
}

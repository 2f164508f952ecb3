package adapters

import (
	"regexp"
	"time"

	"google.golang.org/protobuf/proto"
)

// Observation is what a vendor says of one object.
type Observation struct {
	Object
	// Message is the canonical message. An attribute in Paths that it lacks is said to be empty. Nil if Gone. What breaks
	// a rule of the canonical form may stay in it: the hub takes it out, and keeps it as Unusable.
	Message proto.Message
	// Paths are the attributes that a partial observation speaks of. Nil means a snapshot: all that the adapter's
	// Carriage has under In.
	Paths []string
	// At is when the vendor says this was so, by the vendor's clock.
	At time.Time
	// Version is the object's own counter where the vendor keeps one (QuickBooks' SyncToken); it then orders observations. Else 0.
	Version int64
	// Gone says that the object was deleted or archived there.
	Gone bool
	// Erase says, beside Gone, that a person asked to be forgotten: what this object told us must not be kept.
	Erase bool
	// MergedInto is the object that lives on, where this one is Gone since the vendor merged the two.
	MergedInto ExternalID
	// RecordID is our id, where the object carries the one that a create left there; empty otherwise.
	RecordID string
	// Raw is the vendor's object as it came.
	Raw []byte
	// Unusable lists what the vendor said that does not fit the canonical form.
	Unusable []Unusable
	// Unknown lists fields and enum values that this adapter does not know, as "field" or "field=value", without personal data.
	Unknown []string
}

// Unusable is a value that was said and could not be used: it is kept and counted, never fatal.
type Unusable struct {
	Path   string
	Raw    string
	Reason string
}

// Rejected is something among others that could not be read at all: a row of a file, an entry of a page. It becomes a
// dead letter.
type Rejected struct {
	// Where it was: "line 17".
	Where string
	// Reason is safe to log: it quotes nothing of Raw.
	Reason string
	Raw    []byte
}

// recordID is the form of our ids: a prefix for the kind and a UUID in base 32 (https://github.com/jetify-com/typeid).
var recordID = regexp.MustCompile(`^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$`)

// ReadRecordID returns text where it has the form of a record's id, else nothing: anyone can write in a vendor's field.
func ReadRecordID(text string) string {
	if !recordID.MatchString(text) {
		return ""
	}
	return text
}

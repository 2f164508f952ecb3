package adapters

import "google.golang.org/protobuf/proto"

// Patch is what one target is to be brought to.
type Patch struct {
	Kind Kind
	// RecordID is our id; a create leaves it at the vendor, so that the object can be found again.
	RecordID string
	// ExternalID is the vendor's object; empty means create.
	ExternalID ExternalID
	// Message is the record. References in it are external ids at this vendor.
	Message proto.Message
	// Paths are the attributes to set, all within Carriage.Out, or OnCreate for a create; one that Message lacks is to be
	// cleared.
	Paths []string
	// Held is what the object has now as far as known, for vendors that replace more than they are told, and for adapters
	// that write over nothing unseen. May be nil.
	Held proto.Message
	// HeldEmpty are those of Paths that the object is known to have no value of. What Held lacks and is not here is unknown.
	HeldEmpty []string
	// Key is the idempotency key of this attempt, unique and printable ASCII.
	Key string
}

// Request is a patch made ready: the frozen bytes of one attempt. It is stored before it is sent, and sent again as it
// is where its outcome is unknown.
type Request struct {
	Kind       Kind
	RecordID   string
	ExternalID ExternalID
	Key        string
	// Body is the adapter's own form of the calls to make.
	Body []byte
}

// Ack is a push that the vendor acknowledged.
type Ack struct {
	// Observation is the object as the vendor now holds it, a snapshot; its ExternalID is the created object's.
	Observation Observation
	// Found says that nothing was created since the vendor already has this party; the observation is that object as it
	// stands, and nothing of the patch was written to it.
	Found bool
}

package apply

import (
	storev1 "github.com/canonhub/canonhub/gen/canonhub/store/v1"
	"github.com/canonhub/canonhub/hub/model"
	"github.com/canonhub/canonhub/hub/store"
)

// WriteReason is why a caller's write was not made.
type WriteReason string

// The reasons.
const (
	// NoPolicy: the configuration has none for the kind.
	NoPolicy WriteReason = "no_policy"
	// NoRecord: no record has the id.
	NoRecord WriteReason = "no_record"
	// NoPath: the mask names no attribute.
	NoPath WriteReason = "no_path"
	// NotCreated: the policy does not let the caller create.
	NotCreated WriteReason = "not_created"
	// Exists: a record has the match key already.
	Exists WriteReason = "exists"
	// Deleted: the record is deleted.
	Deleted WriteReason = "deleted"
	// NotAllowed: the policy does not let the caller write the attribute, or delete.
	NotAllowed WriteReason = "not_allowed"
	// Outdated: an attribute changed since the caller read it.
	Outdated WriteReason = "outdated"
	// BadReference: it names nothing that there is.
	BadReference WriteReason = "bad_reference"
	// NotAccepted: the write is strict, and an attribute would not be accepted.
	NotAccepted WriteReason = "not_accepted"
	// RequestReused: the request id was used for another request.
	RequestReused WriteReason = "request_reused"
)

// WriteError tells why a caller's write was not made.
type WriteError struct {
	Reason  WriteReason
	Message string
	// Paths are the attributes at fault, Records those in the way, Outcomes what would have become of attributes.
	Paths    []model.Path
	Records  []store.RecordID
	Outcomes []*storev1.Outcome
	// Etag is the record's present one, where what was read is out of date.
	Etag string
}

// Error is for people.
func (e *WriteError) Error() string { return e.Message }

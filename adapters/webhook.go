package adapters

import (
	"net/http"
	"time"
)

// Delivery is one webhook request as it came in.
type Delivery struct {
	Method string
	// Query is the URL's query, raw and without the question mark.
	Query      string
	Header     http.Header
	Body       []byte
	ReceivedAt time.Time
}

// Refusal is why a verified request is not taken, for a sender who can be told: one of the house, who still has what it
// sent and can send it right. A vendor would send the same again, and then nothing any more.
type Refusal struct{ Reason string }

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

// Answer is what a vendor wants to hear.
type Answer struct {
	// Status 0 means 200.
	Status      int
	ContentType string
	Body        []byte
}

// Event is one thing the vendor tells us, raw.
type Event struct {
	// Key tells events apart for ever at this connection; the same event delivered twice has the same key.
	Key string
	// Type is the vendor's name for it: "customer.updated".
	Type string
	// OccurredAt is the vendor's time of it; zero where not told.
	OccurredAt time.Time
	// Account is the vendor's id of the account that it concerns, where one request may hold events of several; the hub
	// leaves those alone that are not Adapter.Account's.
	Account string
	// Sequence is the vendor's running number over all events that it sends to this address, without gaps; 0 where it
	// has none. A gap is a lost event, and makes the hub pull.
	Sequence int64
	// Body is the event's own bytes: the whole request body, or its part of a batch.
	Body []byte
}

// Translation is what an event means: claims that it carries, objects that must be fetched since it carries ids alone,
// or nothing, with the reason.
type Translation struct {
	Observations []Observation
	Fetch        []Object
	// Rejected are parts of the event that cannot be read, beside others that can.
	Rejected []Rejected
	// Ignored says why the event means nothing to us; empty where it does.
	Ignored string
}

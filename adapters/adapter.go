// Package adapters is the contract between the hub and one vendor's API, and its words: Event, Observation, Patch.
//
// An adapter translates and nothing else. It holds no state, makes no second attempt, starts no goroutine, writes no
// log and knows no database, no queue, no policy and no other adapter. Every method that calls the vendor makes the
// calls of one attempt, within the context's deadline, and returns its failure as a *fault.Error.
//
// Abilities are small interfaces in the struct Adapter; one that a vendor lacks is nil. That is why Adapter is a
// struct and not one interface: what wraps an adapter (limits, tracing) wraps ability by ability and hides none.
package adapters

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"google.golang.org/protobuf/proto"
)

// Kind names a canonical message in lower case: "customer", "order", "invoice", "ticket".
type Kind string

// ExternalID is a vendor's id of one object, as opaque text.
type ExternalID string

// Factory describes an adapter before it is connected to an account; catalog lists one for each vendor.
type Factory struct {
	// Name is the word in the configuration: "stripe".
	Name string
	// DefaultBaseURL is the vendor's production API, used where a connection states none.
	DefaultBaseURL string
	// Credentials are the names that a connection must give under `credentials`.
	Credentials []string
	// NeedsPublicURL says that the vendor signs the URL it called, so that a connection that receives webhooks must state it.
	NeedsPublicURL bool
	// Carries says which kinds and attributes this vendor can hold.
	Carries []Carriage
	// Open makes the adapter for one connection. It calls nobody.
	Open func(Settings) (*Adapter, error)
}

// Carriage says what a vendor can hold of one kind. An attribute path that is in neither list cannot be held there;
// `custom.*` stands for every custom attribute.
type Carriage struct {
	Kind Kind
	// In are the attribute paths that observations say.
	In []string
	// Out are the attribute paths that a patch may set.
	Out []string
	// Create says that the hub can create objects of this kind there.
	Create bool
	// Losses says, for attributes held less exactly than canonical, what is lost: path to one sentence.
	Losses map[string]string
}

// Settings is what a connection's adapter is made from.
type Settings struct {
	// Connection is the connection's name, for messages.
	Connection string
	// BaseURL is the API's root, without a trailing slash.
	BaseURL string
	// Credentials by the names in Factory.Credentials.
	Credentials map[string]Secret
	// WebhookSecrets verify incoming webhooks; any of them may match.
	WebhookSecrets []Secret
	// PublicURL is the URL under which the vendor calls us, as the vendor has it.
	PublicURL string
	// HTTP makes the calls: one attempt each, with the hub's limits, tracing and redaction.
	HTTP *http.Client
	// Now is the clock.
	Now func() time.Time
}

// Adapter is one connection's access to its vendor. Every field but Webhook, Fetcher, Pusher and Prober is required.
type Adapter struct {
	// MappingVersion counts changes in how this adapter maps attributes; views keep it.
	MappingVersion int32
	Webhook        Webhook
	Translator     Translator
	Fetcher        Fetcher
	Pusher         Pusher
	Prober         Prober
}

// Delivery is one webhook request as it came in.
type Delivery struct {
	Method     string
	Header     http.Header
	Body       []byte
	ReceivedAt time.Time
}

// Webhook verifies and splits what the vendor sends. Both are pure and fast; neither calls anyone.
type Webhook interface {
	// Verify checks exactly what the vendor signs, over the raw bytes, before anything is parsed. An error says why in
	// words that are safe to log; it is never shown to the sender.
	Verify(Delivery) error
	// Split cuts a verified body into its events. A body that cannot be cut is an error and nothing is stored of it.
	Split(Delivery) ([]Event, error)
}

// Event is one thing the vendor tells us, raw.
type Event struct {
	// Key tells events apart for ever at this connection; the same event delivered twice has the same key.
	Key string
	// Type is the vendor's name for it: "customer.updated".
	Type string
	// OccurredAt is the vendor's time of it; zero where not told.
	OccurredAt time.Time
	// Body is the event's own bytes: the whole request body, or its part of a batch.
	Body []byte
}

// Translator turns a stored event into what it says. It is pure, so that a new mapping can be tried on old receipts.
type Translator interface {
	Translate(Event) (Translation, error)
}

// Translation is what an event means: claims that it carries, objects that must be fetched since it carries ids alone,
// or nothing, with the reason.
type Translation struct {
	Observations []Observation
	Fetch        []Object
	// Ignored says why the event means nothing to us; empty where it does.
	Ignored string
}

// Object names one object at the vendor.
type Object struct {
	Kind       Kind
	ExternalID ExternalID
}

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

// recordID is the form of our ids: a prefix for the kind and a UUID in base 32 (https://github.com/jetify-com/typeid).
var recordID = regexp.MustCompile(`^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$`)

// ReadRecordID returns text where it has the form of a record's id, else nothing: anyone can write in a vendor's field.
func ReadRecordID(text string) string {
	if !recordID.MatchString(text) {
		return ""
	}
	return text
}

// Unusable is a value that was said and could not be used: it is kept and counted, never fatal.
type Unusable struct {
	Path   string
	Raw    string
	Reason string
}

// Fetcher reads one object's current state.
type Fetcher interface {
	// Fetch returns a snapshot. An object that is not there is an observation with Gone, or a fault of category Gone
	// where the vendor does not tell "deleted" from "never was".
	Fetch(context.Context, Object) (Observation, error)
}

// Patch is what one target is to be brought to.
type Patch struct {
	Kind Kind
	// RecordID is our id; a create leaves it at the vendor, so that the object can be found again.
	RecordID string
	// ExternalID is the vendor's object; empty means create.
	ExternalID ExternalID
	// Message is the record. References in it are external ids at this vendor.
	Message proto.Message
	// Paths are the attributes to set, all within Carriage.Out; one that Message lacks is to be cleared.
	Paths []string
	// Held is what the object has now as far as known, for vendors that replace more than they are told. May be nil.
	Held proto.Message
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

// Pusher writes to the vendor.
type Pusher interface {
	// Prepare freezes a patch. It is pure; a patch that this vendor cannot express is a fault of category Permanent that
	// names the refused attributes.
	Prepare(Patch) (Request, error)
	// Push makes one attempt with exactly the request's bytes and key. Sent twice, it has the effect of once within the
	// vendor's promise; Find covers what is older.
	Push(context.Context, Request) (Ack, error)
	// Find looks for the object that a create with this request may have made, by our id left at the vendor; nil where
	// there is none.
	Find(context.Context, Request) (*Observation, error)
}

// Prober makes the cheapest call that proves the credentials good.
type Prober interface {
	Probe(context.Context) error
}

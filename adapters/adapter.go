// Package adapters is the contract between the hub and one vendor's API, and its words: Event, Observation, Patch, Page.
//
// An adapter translates and nothing else. It holds no state, makes no second attempt, starts no goroutine, writes no
// log and knows no database, no queue, no policy and no other adapter. Every method that calls the vendor makes the
// calls of one attempt, within the context's deadline, and returns its failure as a *fault.Error.
//
// Abilities are small interfaces in the struct Adapter; one that a vendor lacks is nil. That is why Adapter is a
// struct and not one interface: what wraps an adapter (limits, tracing) wraps ability by ability and hides none. What a
// vendor cannot do is said once more in words, in Carriage.Lacks: nothing is passed over in silence.
//
// README.md here says how a new adapter is written.
package adapters

import "context"

// Adapter is one connection's access to its vendor. Translator and Prober are required; every other ability may be nil.
type Adapter struct {
	// MappingVersion counts changes in how this adapter maps attributes; views keep it.
	MappingVersion int32
	// Account is the vendor's own id of the account, for vendors whose events say whose they are; empty takes all.
	Account string

	Translator   Translator
	Webhook      Webhook
	Handshaker   Handshaker
	Acknowledger Acknowledger
	Fetcher      Fetcher
	Puller       Puller
	Lister       Lister
	Counter      Counter
	Pusher       Pusher
	Archiver     Archiver
	Prober       Prober
}

// Translator turns a stored event into what it says. It is pure, so that a new mapping can be tried on old receipts.
type Translator interface {
	Translate(Event) (Translation, error)
}

// Webhook verifies and splits what the vendor sends. Both are pure and fast; neither calls anyone.
type Webhook interface {
	// Verify checks exactly what the vendor signs, over the raw bytes, before anything is parsed, and tells which of
	// Settings.WebhookSecrets it was signed with, by position. An error says why in words that are safe to log; it is
	// never shown to the sender.
	Verify(Delivery) (secret int, err error)
	// Split cuts a verified body into its events, which may be none. Where it or a part of it cannot be cut, an error says
	// why, in words that are safe to show, beside the events that can: the hub takes these, keeps the request for an adapter
	// that has learnt its form, and acknowledges it. A *Refusal is told to the sender instead, and nothing is kept.
	Split(Delivery) ([]Event, error)
}

// Handshaker knows the requests by which a vendor tries an address out and which it does not sign as it signs events: a
// challenge to be sent back, an unsigned ping. (Xero's, which are signed and have no events, need none of this.)
type Handshaker interface {
	// Handshake gives the answer to such a request; false where it is none, and it is verified as a delivery then. It is
	// pure. Nothing is stored, and nothing that the request claims may be believed.
	Handshake(Delivery) (Answer, bool)
}

// Acknowledger words the answer to a delivery whose events are stored, for vendors that want more than status 200.
type Acknowledger interface {
	Acknowledge(Delivery) Answer
}

// Fetcher reads one object's current state.
type Fetcher interface {
	// Fetch returns a snapshot. An object that is not there is an observation with Gone, or a fault of category Gone
	// where the vendor does not tell "deleted" from "never was".
	Fetch(context.Context, Object) (Observation, error)
}

// Puller reads what there is, or what changed, page by page. Query and Page say what it promises.
type Puller interface {
	Pull(context.Context, Query) (Page, error)
}

// Lister reads ids and versions alone, in larger pages than Pull, to compare them with ours. Where it is nil, a whole
// Pull serves. It promises what Pull does.
type Lister interface {
	List(context.Context, Query) (Listing, error)
}

// Counter tells how many objects there are, for vendors whose pages of a whole pull do not (Page.Total).
type Counter interface {
	// Count makes one cheap call. It is about how many objects a whole pull of a kind has; 0 where the vendor cannot tell.
	Count(context.Context, Kind) (int, error)
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

// Archiver takes objects out of use as the vendor's own users do: archives, deletes so that it can be undone,
// deactivates. What cannot be undone there is not archived: Carriage.Lacks says so.
type Archiver interface {
	// Archive makes one attempt on the request's object; the request has no Body. The observation is Gone. Sent twice, it
	// has the effect of once: what is archived already, or not there any more, is archived.
	Archive(context.Context, Request) (Observation, error)
}

// Prober makes the cheapest call that proves the credentials good.
type Prober interface {
	Probe(context.Context) error
}

// Package adaptertest is the conformance suite that every adapter passes: what the hub relies on, checked against the
// adapter's own sandbox.
//
// An adapter's test is one call, and everything that is judged follows from the Suite:
//
//	func TestConformance(t *testing.T) {
//		adaptertest.Run(t, suite())
//	}
//
//	func suite() adaptertest.Suite {
//		return adaptertest.Suite{Factory: stripe.Factory(), Start: start, Sign: sign, Golden: "testdata", Readme: "README.md", ...}
//	}
//
// The suite owns what surrounds the adapter: it makes the secrets and the clock, opens the adapter by its Factory,
// gives it the hub's HTTP client and receives the sandbox's webhooks. The Suite brings what is the vendor's: a sandbox,
// a signature and recorded events. A check is made for every kind with the abilities that it needs; for the others it
// shows the reason that the adapter declares (Carriage.Lacks), and without one the suite fails. A check that the vendor
// cannot pass is waived by name, with the reason, and a waiver that is not needed fails.
//
// What an attribute is, when it is empty and when two are equal is asked of hub/model, which is the hub's own answer.
// That is the one thing here that comes from the hub: an adapter that disagreed with it would be wrong, whatever a
// second implementation said.
package adaptertest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Suite is what one adapter brings to be judged.
type Suite struct {
	// Factory describes and opens the adapter.
	Factory adapters.Factory

	// Start starts a sandbox of the vendor with no objects in it. It is called once for a check; what must be stopped
	// is left to t.Cleanup. The settings are those of the connection, and the sandbox follows them: it lets
	// s.Credentials in and nothing else, signs with the first of s.WebhookSecrets, sends its webhooks to s.PublicURL
	// (until they are acknowledged by a 2xx; what is not is sent again, soon) and tells the time by s.Now. BaseURL and
	// HTTP are still empty.
	Start func(t testing.TB, s adapters.Settings) *Fixture

	// Sign makes the webhook request of a body as the vendor would at that time, signed with one secret. It is used
	// without a sandbox. s.PublicURL is the address that is called. Required where the adapter has a Webhook.
	Sign func(s adapters.Settings, body []byte, secret adapters.Secret, at time.Time) adapters.Delivery

	// Request makes the request, without its signature, that brings a recorded webhook, by the file's name below Golden; for a
	// vendor whose webhooks are no JSON, or are not told apart by their body alone. The recorded file then is what the vendor
	// writes as JSON, so that it can be bent in each place. Nil: a POST of the file as it is.
	Request func(file string, input []byte) adapters.Delivery

	// Golden is the folder of recorded input, "testdata". In it
	//
	//	*.json                  is a webhook's body, whole, as the vendor sends it; *.golden beside it is what the adapter
	//	                        makes of it: its events, and what each means.
	//	objects/KIND/*.json     is an answer of the vendor's API to the reading of one object; *.golden beside it is the
	//	                        observation. Every call that the adapter makes meanwhile gets this answer. The object's id
	//	                        is the answer's `id`. The folder may be missing.
	//	errors/STATUS-*.json    is an answer of the vendor's API that is no success, as "429-daily.json", with its headers in
	//	                        a file *.header beside it, a `Name: value` a line, if it has any; *.golden is what a read and
	//	                        a write make of it. There must be at least one for each of 401 and 429.
	//
	// `go test -update` writes the golden files anew; read the difference before you commit it. There must be at least one
	// webhook where the adapter has a Webhook. Every golden input is also bent in many ways (fields added, removed, emptied,
	// changed in type): the adapter may refuse what comes of it, but never panic.
	Golden string

	// Open names the places in the golden input where the vendor may one day say something new. At least one field and,
	// where the kinds carried have an enum, one enum is expected.
	Open []Place

	// Readme is the file that tells people about the adapter, "README.md". Between the lines `<!-- carries -->` and
	// `<!-- /carries -->` it has the tables that `go test -update` makes of the declarations.
	Readme string

	// Handshakes are requests that try the address out, and what is answered; for an adapter with a Handshaker.
	Handshakes []HandshakeCase

	// Limits are answers that tell of the vendor's limits, and what they tell. Where the vendor's answers tell nothing,
	// the check HintsAreRead is waived with that reason.
	Limits []LimitsCase

	// Amounts are places of amounts of money in the golden input; at least one for a kind whose In has amounts.
	Amounts []AmountPlace

	// Times are places of times in the golden input; at least one for each kind.
	Times []TimePlace

	// Options are those of the connection that is judged.
	Options json.RawMessage

	// Credentials are texts for s.Credentials where the adapter or its sandbox wants a certain form. The others are made up.
	Credentials map[string]string

	// Waive says, by a check's name as `go test -v` prints it ("RefusesAnOldTime"), why this vendor cannot pass it.
	Waive map[string]string
	// ByChance are those of the waived checks that may pass all the same, now and then.
	ByChance map[string]bool

	declared []adapters.Carriage
}

// Place is a spot in a golden input.
type Place struct {
	// File below the folder Golden: "invoice.paid.json", "objects/customer/plain.json".
	File string
	// Pointer into it (RFC 6901). It leads to an object, which will be given a field that nobody knows, or, if Path is
	// set, to the text of an enum, which will be replaced by a value that nobody knows.
	Pointer string
	// Path is the attribute that is read from the enum: "status". The observation must then have it UNSPECIFIED, with
	// the vendor's text in the field beside it ("status_raw"). Both show in Unknown: "field", "field=value".
	Path string
}

// HandshakeCase is a request by which a vendor tries an address out.
type HandshakeCase struct {
	Delivery adapters.Delivery
	Answer   adapters.Answer
}

// LimitsCase is an answer that tells of limits.
type LimitsCase struct {
	Header map[string]string
	Body   string
	Want   []adapters.Hint
}

// AmountPlace is an amount in a golden input.
type AmountPlace struct {
	// File and Pointer as in Place; the pointer leads to the amount.
	File, Pointer string
	// Currency leads to its currency.
	Currency string
	// Path is the attribute that is read from it: "total".
	Path string
	// Write makes what stands in the JSON for an amount: a json.Number, a text. False where the vendor cannot write it.
	Write func(*canonicalv1.Money) (any, bool)
	// Code makes what stands for a currency's code; nil where that is the code in upper case.
	Code func(string) string
}

// TimePlace is a time in a golden input.
type TimePlace struct {
	// File and Pointer as in Place; the pointer leads to the time.
	File, Pointer string
	// Path is the attribute that is read from it; "" is the observation's own time, At.
	Path string
	// Write makes what stands in the JSON for a time.
	Write func(time.Time) any
	// Unit is the finest that the vendor writes: time.Second.
	Unit time.Duration
}

// Fixture is a running sandbox, seen from the vendor's side. A function that fails ends the test itself, by the t that
// Start was given. All but Settled are required; all may be called by several goroutines.
type Fixture struct {
	// Options are those of the connection, where they name this sandbox; nil where those of the Suite do.
	Options json.RawMessage

	// BaseURL is the sandbox's API, on loopback, without a trailing slash; empty where the vendor is at no address.
	BaseURL string

	// Seed makes an object as the vendor's own user does, and tells it by webhook. Each call makes another one, with all
	// values of In that the vendor lets a user set. It must work for every kind that is carried.
	Seed func(adapters.Kind) adapters.ExternalID

	// SeedMany makes as many objects as an import does: all have one time stamp, or few. It need not tell them by webhook.
	// Required for kinds that can be pulled.
	SeedMany func(adapters.Kind, int) []adapters.ExternalID

	// Merge merges one object into another as the vendor's own user does, and tells it by webhook. It returns the id that
	// is gone, and the one that lives on, which may be a new one. Required for kinds that have merges.
	Merge func(kind adapters.Kind, one, other adapters.ExternalID) (gone, lives adapters.ExternalID)

	// Edit changes an attribute of In as the vendor's own user does, to another value each time, and tells it by webhook.
	Edit func(adapters.Object)

	// Delete deletes or archives as the vendor's own user does, and tells it by webhook; false where nobody can delete
	// objects of that kind there.
	Delete func(adapters.Object) bool

	// Count is how many objects of a kind there are, without deleted ones.
	Count func(adapters.Kind) int

	// Sample is a record to push, of a kind with Out attributes, in two forms. Both set every path in Carriage.Out and OnCreate (two
	// attributes under `custom.*`, by the same names in both) and have different values for each, in the form that the
	// vendor keeps: what comes back must equal it. No object that Seed makes has their e-mail addresses or numbers.
	// References are external ids of objects in this sandbox, which Sample may seed.
	Sample func(adapters.Kind) (first, second proto.Message)

	// Inject makes the next calls go wrong: one Fault for one call. Those injected earlier come first.
	Inject func(Fault)

	// Settled waits until every webhook so far was acknowledged. Required where the adapter has a Webhook.
	Settled func(context.Context) error
}

// Fault is what goes wrong with one call to the sandbox. The zero value closes the connection without an answer.
type Fault struct {
	// Status is answered, with the body that this vendor sends with it; 0 means no answer: the connection is closed.
	Status int
	// RetryAfter is sent with the answer as a header of that name, in whole seconds, where it is not 0.
	RetryAfter time.Duration
	// AfterWork does the work first: only the answer is lost.
	AfterWork bool
	// Hang gives no answer and keeps the connection open until the client gives up.
	Hang bool
	// Write waits for the next call that changes something and lets reads (a search by POST, too) pass. Without it, the
	// next call is hit, whatever it is.
	Write bool
}

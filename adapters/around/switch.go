package around

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/canonhub/canonhub/adapters"
)

// Switch is an adapter whose place another one can take while it is used: one opened with other credentials. Each use of
// an ability goes to the adapter that is in place when it begins, and ends with it.
type Switch struct {
	in atomic.Pointer[adapters.Adapter]
}

// NewSwitch puts the first adapter in place.
func NewSwitch(first *adapters.Adapter) *Switch {
	s := &Switch{}
	s.in.Store(first)
	return s
}

// errOther says that an adapter is no match for the one in place.
var errOther = errors.New("opened anew, the adapter has other abilities, another account or another mapping")

// To puts another adapter in place. It must be the same in all but its credentials.
func (s *Switch) To(next *adapters.Adapter) error {
	if abilities(next) != abilities(s.in.Load()) {
		return errOther
	}
	s.in.Store(next)
	return nil
}

// same is what does not change while a connection is open.
type same struct {
	mapping   int32
	account   string
	abilities [10]bool
}

func abilities(a *adapters.Adapter) same {
	return same{a.MappingVersion, a.Account, [...]bool{a.Webhook != nil, a.Handshaker != nil, a.Acknowledger != nil, a.Fetcher != nil,
		a.Puller != nil, a.Lister != nil, a.Counter != nil, a.Pusher != nil, a.Archiver != nil, a.Prober != nil}}
}

// Adapter is the adapter in place, whichever that is by then. An ability that it lacks is nil.
func (s *Switch) Adapter() *adapters.Adapter {
	out := *s.in.Load()
	out.Translator = switched{s}
	if out.Webhook != nil {
		out.Webhook = switched{s}
	}
	if out.Handshaker != nil {
		out.Handshaker = switched{s}
	}
	if out.Acknowledger != nil {
		out.Acknowledger = switched{s}
	}
	if out.Fetcher != nil {
		out.Fetcher = switched{s}
	}
	if out.Puller != nil {
		out.Puller = switched{s}
	}
	if out.Lister != nil {
		out.Lister = switched{s}
	}
	if out.Counter != nil {
		out.Counter = switched{s}
	}
	if out.Pusher != nil {
		out.Pusher = switched{s}
	}
	if out.Archiver != nil {
		out.Archiver = switched{s}
	}
	if out.Prober != nil {
		out.Prober = switched{s}
	}
	return &out
}

// switched has every ability of the adapter in place.
type switched struct{ s *Switch }

// Translate is the adapter's in place, and so is all that follows.
func (w switched) Translate(e adapters.Event) (adapters.Translation, error) {
	return w.s.in.Load().Translator.Translate(e)
}

// Verify is Webhook's.
func (w switched) Verify(d adapters.Delivery) (int, error) { return w.s.in.Load().Webhook.Verify(d) }

// Split is Webhook's.
func (w switched) Split(d adapters.Delivery) ([]adapters.Event, error) {
	return w.s.in.Load().Webhook.Split(d)
}

// Handshake is Handshaker's.
func (w switched) Handshake(d adapters.Delivery) (adapters.Answer, bool) {
	return w.s.in.Load().Handshaker.Handshake(d)
}

// Acknowledge is Acknowledger's.
func (w switched) Acknowledge(d adapters.Delivery) adapters.Answer {
	return w.s.in.Load().Acknowledger.Acknowledge(d)
}

// Fetch is Fetcher's.
func (w switched) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	return w.s.in.Load().Fetcher.Fetch(ctx, o)
}

// Pull is Puller's.
func (w switched) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	return w.s.in.Load().Puller.Pull(ctx, q)
}

// List is Lister's.
func (w switched) List(ctx context.Context, q adapters.Query) (adapters.Listing, error) {
	return w.s.in.Load().Lister.List(ctx, q)
}

// Count is Counter's.
func (w switched) Count(ctx context.Context, kind adapters.Kind) (int, error) {
	return w.s.in.Load().Counter.Count(ctx, kind)
}

// Prepare is Pusher's.
func (w switched) Prepare(p adapters.Patch) (adapters.Request, error) {
	return w.s.in.Load().Pusher.Prepare(p)
}

// Push is Pusher's.
func (w switched) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	return w.s.in.Load().Pusher.Push(ctx, r)
}

// Find is Pusher's.
func (w switched) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	return w.s.in.Load().Pusher.Find(ctx, r)
}

// Archive is Archiver's.
func (w switched) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	return w.s.in.Load().Archiver.Archive(ctx, r)
}

// Probe is Prober's.
func (w switched) Probe(ctx context.Context) error { return w.s.in.Load().Prober.Probe(ctx) }

// Package around puts what concerns every call of every adapter around it, once: limits, metrics, tracing, a watch for
// drift. An ability that the adapter lacks stays nil, so that nothing looks as if it were there.
//
// It is a function on the struct and not one more implementation of each interface by whoever wants to measure: a new
// ability is added here, and every wrapper has it.
package around

import (
	"context"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Call is one use of an ability that calls the vendor.
type Call struct {
	// Op is the ability's word: "fetch", "pull", "list", "count", "push", "find", "archive", "probe".
	Op string
	// Kind is what it is about; empty for a probe.
	Kind adapters.Kind
}

// Wrapping is what goes around an adapter. Every part may be nil.
type Wrapping struct {
	// Call surrounds each call to the vendor; it calls next once, or not at all, and returns its error or one of its own,
	// which is a *fault.Error, too.
	Call func(ctx context.Context, c Call, next func(context.Context) error) error
	// Translate surrounds each translation of a stored event.
	Translate func(e adapters.Event, next func() error) error
	// Seen is told of every observation that comes out of the adapter, before it is returned, and of the ability's word:
	// Call's, or "translate".
	Seen func(op string, o adapters.Observation)
}

// Adapter wraps an adapter. What only reads what the vendor sent (Webhook, Handshaker, Acknowledger) stays as it is.
func Adapter(a *adapters.Adapter, w Wrapping) *adapters.Adapter {
	if w.Call == nil {
		w.Call = func(ctx context.Context, _ Call, next func(context.Context) error) error { return next(ctx) }
	}
	if w.Translate == nil {
		w.Translate = func(_ adapters.Event, next func() error) error { return next() }
	}
	if w.Seen == nil {
		w.Seen = func(string, adapters.Observation) {}
	}
	out := *a
	out.Translator = translator{a.Translator, w}
	if a.Fetcher != nil {
		out.Fetcher = fetcher{a.Fetcher, w}
	}
	if a.Puller != nil {
		out.Puller = puller{a.Puller, w}
	}
	if a.Lister != nil {
		out.Lister = lister{a.Lister, w}
	}
	if a.Counter != nil {
		out.Counter = counter{a.Counter, w}
	}
	if a.Pusher != nil {
		out.Pusher = pusher{a.Pusher, w}
	}
	if a.Archiver != nil {
		out.Archiver = archiver{a.Archiver, w}
	}
	if a.Prober != nil {
		out.Prober = prober{a.Prober, w}
	}
	return &out
}

// call makes a call within the wrapping. All requests that it takes, those for a token among them, are of one trace.
func call[T any](ctx context.Context, w Wrapping, c Call, do func(context.Context) (T, error)) (T, error) {
	var out T
	err := w.Call(httpapi.Traced(ctx), c, func(ctx context.Context) (err error) {
		out, err = do(ctx)
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return out, nil
}

// tell passes observations to whoever watches.
func (w Wrapping) tell(op string, err error, all ...adapters.Observation) {
	if err != nil {
		return
	}
	for _, o := range all {
		w.Seen(op, o)
	}
}

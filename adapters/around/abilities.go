package around

import (
	"context"

	"github.com/canonhub/canonhub/adapters"
)

type translator struct {
	inner adapters.Translator
	w     Wrapping
}

// Translate wraps.
func (t translator) Translate(e adapters.Event) (out adapters.Translation, err error) {
	err = t.w.Translate(e, func() (err error) {
		out, err = t.inner.Translate(e)
		return err
	})
	if err != nil {
		return adapters.Translation{}, err
	}
	t.w.tell("translate", nil, out.Observations...)
	return out, nil
}

type fetcher struct {
	inner adapters.Fetcher
	w     Wrapping
}

// Fetch wraps.
func (f fetcher) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	out, err := call(ctx, f.w, Call{"fetch", o.Kind}, func(ctx context.Context) (adapters.Observation, error) { return f.inner.Fetch(ctx, o) })
	f.w.tell("fetch", err, out)
	return out, err
}

type puller struct {
	inner adapters.Puller
	w     Wrapping
}

// Pull wraps.
func (p puller) Pull(ctx context.Context, q adapters.Query) (adapters.Page, error) {
	out, err := call(ctx, p.w, Call{"pull", q.Kind}, func(ctx context.Context) (adapters.Page, error) { return p.inner.Pull(ctx, q) })
	p.w.tell("pull", err, out.Observations...)
	return out, err
}

type lister struct {
	inner adapters.Lister
	w     Wrapping
}

// List wraps.
func (l lister) List(ctx context.Context, q adapters.Query) (adapters.Listing, error) {
	return call(ctx, l.w, Call{"list", q.Kind}, func(ctx context.Context) (adapters.Listing, error) { return l.inner.List(ctx, q) })
}

type counter struct {
	inner adapters.Counter
	w     Wrapping
}

// Count wraps.
func (c counter) Count(ctx context.Context, kind adapters.Kind) (int, error) {
	return call(ctx, c.w, Call{"count", kind}, func(ctx context.Context) (int, error) { return c.inner.Count(ctx, kind) })
}

type pusher struct {
	inner adapters.Pusher
	w     Wrapping
}

// Prepare calls nobody and stays as it is.
func (p pusher) Prepare(patch adapters.Patch) (adapters.Request, error) {
	return p.inner.Prepare(patch)
}

// Push wraps.
func (p pusher) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	out, err := call(ctx, p.w, Call{"push", r.Kind}, func(ctx context.Context) (adapters.Ack, error) { return p.inner.Push(ctx, r) })
	p.w.tell("push", err, out.Observation)
	return out, err
}

// Find wraps.
func (p pusher) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	out, err := call(ctx, p.w, Call{"find", r.Kind}, func(ctx context.Context) (*adapters.Observation, error) { return p.inner.Find(ctx, r) })
	if out != nil {
		p.w.tell("find", err, *out)
	}
	return out, err
}

type archiver struct {
	inner adapters.Archiver
	w     Wrapping
}

// Archive wraps.
func (a archiver) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	out, err := call(ctx, a.w, Call{"archive", r.Kind}, func(ctx context.Context) (adapters.Observation, error) { return a.inner.Archive(ctx, r) })
	a.w.tell("archive", err, out)
	return out, err
}

type prober struct {
	inner adapters.Prober
	w     Wrapping
}

// Probe wraps.
func (p prober) Probe(ctx context.Context) error {
	_, err := call(ctx, p.w, Call{Op: "probe"}, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.inner.Probe(ctx) })
	return err
}

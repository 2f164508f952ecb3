package xero

import (
	"context"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Prepare freezes a patch.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	k := a.kinds[p.Kind]
	if k == nil {
		return adapters.Request{}, mapping.NotCarried("prepare")
	}
	return k.Prepare(p)
}

// Push makes one attempt.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k, f, err := mapping.Open(r, a.kinds)
	switch {
	case err != nil:
		return adapters.Ack{}, err
	case r.ExternalID == "":
		return a.create(ctx, op, k, r, f)
	}
	o, err := a.update(ctx, op, k, string(r.ExternalID), f)
	if err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: k.observe(o)}, nil
}

// update reads the object, and writes what differs where nothing changed that the hub has not seen.
func (a *api) update(ctx context.Context, op string, k *kind, id string, f mapping.Frozen) (*object, error) {
	now, err := a.get(ctx, op, k, id)
	if err != nil {
		return nil, err
	}
	if k.gone(now) {
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "it is archived, merged into another or none of ours"}
	}
	c, is := change{kind: k, object: fields{}}, k.observe(now)
	for path, w := range f.Writes {
		has, moved := k.Moved(f, path, is)
		switch {
		case moved && !(path == "name" && cut(has, w)):
			return nil, &fault.Error{Category: fault.Conflict, Op: op, Message: "it was changed since it was last seen"}
		case mapping.Equal(has, w):
		default:
			mapping.Join(c.object, w)
			c.paths = append(c.paths, path)
		}
	}
	if len(c.paths) == 0 {
		return now, nil
	}
	if c, err = c.settled(op, now); err != nil {
		return nil, err
	}
	o, err := a.post(ctx, op, now.id, c)
	if f := fault.As(err); err == nil || f.Category != fault.Gone || f.Status == http.StatusNotFound || f.Status == http.StatusGone {
		return o, err
	}
	return nil, a.archived(ctx, op, now, c, err)
}

// archived judges Xero's complaint that details match an archived contact: a moment ago this one was in use, and details
// may be another's.
func (a *api) archived(ctx context.Context, op string, was *object, c change, complaint error) error {
	now, err := a.get(ctx, op, c.kind, was.id)
	switch {
	case err != nil:
		return err
	case c.kind.gone(now):
		return complaint
	}
	f := fault.As(complaint)
	f.Category, f.Message = fault.Permanent, "what is written is another contact's, which is archived"
	for _, path := range c.paths {
		if path == "name" || path == "company" {
			f.Refuse(path, "an archived contact of Xero's has the name")
		}
	}
	return f
}

// post writes to an object.
func (a *api) post(ctx context.Context, op, id string, c change) (*object, error) {
	c.object[c.kind.id] = id
	r, err := a.write(ctx, op, httpapi.Request{Method: http.MethodPost, Path: c.kind.path(id)}, c)
	if err != nil {
		return nil, err
	}
	o, err := c.kind.decoded(op, r, id)
	return o, fault.Done(err)
}

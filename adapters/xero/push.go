package xero

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Push makes one attempt.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k := operation(r.Kind, r.ExternalID), kinds[r.Kind]
	f, err := thaw(op, k, r)
	if err != nil {
		return adapters.Ack{}, err
	}
	if r.ExternalID == "" {
		return a.create(ctx, op, k, r, f)
	}
	o, err := a.update(ctx, op, k, string(r.ExternalID), f)
	if err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: a.observe(k, o)}, nil
}

// thaw reads a frozen attempt.
func thaw(op string, k *kind, r adapters.Request) (frozen, error) {
	var f frozen
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber() // amounts are exact
	if err := d.Decode(&f); err != nil || k == nil || f.Writes == nil {
		return f, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read"}
	}
	return f, nil
}

// update reads the object, and writes what differs where nothing changed that the hub has not seen.
func (a *api) update(ctx context.Context, op string, k *kind, id string, f frozen) (*object, error) {
	now, err := a.get(ctx, op, k, id)
	if err != nil {
		return nil, err
	}
	if k.gone(now).gone {
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "it is archived, merged into another or none of ours"}
	}
	differing, paths := fields{}, []string{}
	is := a.observe(k, now).Message
	for path, w := range f.Writes {
		has, _ := k.write(path, false, is) // what Xero has it can hold
		switch {
		case equal(has, w):
		case f.moved(path, has, w):
			return nil, &fault.Error{Category: fault.Conflict, Op: op, Message: "it was changed since it was last seen"}
		default:
			join(differing, w)
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return now, nil
	}
	if why := k.locked(now); why != "" {
		f := &fault.Error{Category: fault.Permanent, Op: op, Message: why}
		for _, path := range paths {
			refused(f, path, why)
		}
		return nil, f
	}
	object, why := k.settle(a, now, differing)
	if len(why) > 0 {
		return nil, &fault.Error{Category: fault.Permanent, Op: op, Message: "Xero cannot hold all of it", Refused: why}
	}
	o, err := a.post(ctx, op, now.id, change{k, object, paths})
	if f := fault.As(err); err == nil || f.Category != fault.Gone || f.Status == http.StatusNotFound || f.Status == http.StatusGone {
		return o, err
	}
	return nil, a.archived(ctx, op, now, paths, err)
}

// moved says that somebody changed an attribute: it has not what it was held to have, nor what Xero makes of what is
// written.
func (f frozen) moved(path string, has, w fields) bool {
	if path == "name" && cut(has, w) {
		return false
	}
	if slices.Contains(f.Empty, path) {
		return !blank(has)
	}
	held, told := f.Held[path]
	return told && !equal(has, held)
}

// archived judges Xero's complaint that details match an archived contact: a moment ago this one was in use, and details
// may be another's.
func (a *api) archived(ctx context.Context, op string, was *object, paths []string, complaint error) error {
	now, err := a.get(ctx, op, contacts, was.id)
	switch {
	case err != nil:
		return err
	case contacts.gone(now).gone:
		return complaint
	}
	f := fault.As(complaint)
	f.Category, f.Message = fault.Permanent, "what is written is another contact's, which is archived"
	for _, path := range paths {
		if path == "name" || path == "company" {
			refused(f, path, "an archived contact of Xero's has the name")
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
	return o, done(err)
}

// done marks a failure behind a write that was done.
func done(err error) error {
	if err == nil {
		return nil
	}
	f := fault.As(err)
	f.MaybeDone = true
	return f
}

// equal compares values as JSON has them: one side was frozen.
func equal(a, b any) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}

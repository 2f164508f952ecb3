package hubspot

import (
	"context"
	"net/http"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Prepare writes a patch as properties. Clearing is an empty text; a create leaves empty ones out.
func (a *account) Prepare(p adapters.Patch) (adapters.Request, error) {
	t, err := a.task("prepare", p.Kind)
	if err != nil {
		return adapters.Request{}, err
	}
	return t.kind.Prepare(p)
}

// Push makes one attempt: the write, and the read that shows what came of it.
func (a *account) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	what := "update"
	if r.ExternalID == "" {
		what = "create"
	}
	t, err := a.task(what, r.Kind)
	if err != nil {
		return adapters.Ack{}, err
	}
	f, err := mapping.Thaw(r)
	if err != nil {
		return adapters.Ack{}, err
	}
	t.paths, t.written = f.Paths(), f.Fields()
	if r.ExternalID == "" {
		return t.kind.create(a, ctx, t, r.RecordID)
	}
	return a.update(ctx, t, string(r.ExternalID))
}

// Find looks for the object that carries our id.
func (a *account) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	t, err := a.task("find", r.Kind)
	if err != nil {
		return nil, err
	}
	o, err := a.lookup(ctx, t, recordIDProperty, r.RecordID)
	if err != nil || o == nil {
		return nil, err
	}
	found := o.observe(a.connection)
	return &found, nil
}

// update writes properties, and then associations.
func (a *account) update(ctx context.Context, t task, id string) (adapters.Ack, error) {
	now, err := a.before(ctx, t, id)
	if err != nil {
		return adapters.Ack{}, err
	}
	var answer *object
	properties := t.properties()
	if len(properties) > 0 {
		if answer, err = a.patch(ctx, t, id, properties); err != nil {
			return adapters.Ack{}, err
		}
	}
	if err := a.associate(ctx, t, now); err != nil {
		if len(properties) > 0 {
			err = fault.Done(err)
		}
		return adapters.Ack{}, err
	}
	return a.confirm(ctx, t, id, answer)
}

// before reads an object that may not take all that is to be written; nil where its kind takes it unseen.
func (a *account) before(ctx context.Context, t task, id string) (*object, error) {
	if t.kind.unfit == nil {
		return nil, nil
	}
	now, err := a.present(ctx, t, id)
	if err != nil {
		return nil, err
	}
	if path, why := t.kind.unfit(now, t); path != "" {
		f := &fault.Error{Category: fault.Permanent, Op: t.op, Message: "HubSpot cannot hold all of it"}
		f.Refuse(path, why)
		return nil, f
	}
	return now, nil
}

// patch writes properties. It gives what HubSpot then held of them, or nil where the answer does not tell.
func (a *account) patch(ctx context.Context, t task, id string, properties mapping.Fields) (*object, error) {
	r, err := a.send(ctx, t, http.MethodPatch, t.kind.path(id), map[string]any{"properties": properties})
	if err != nil {
		if parse(r.Body).emailTaken() && slices.Contains(t.paths, "email") {
			f := fault.As(err)
			f.Category = fault.Permanent
			f.Refuse("email", reason(taken))
		}
		return nil, err
	}
	answer, err := t.kind.decode(r.Body)
	if err != nil {
		answer = nil // it is done all the same; a read tells the rest
	}
	return answer, nil
}

package hubspot

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Push makes one attempt: the write, and the read that shows what came of it.
func (a *account) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	var f frozen
	k := a.kinds.named(r.Kind)
	op := k.operation(r.ExternalID)
	if err := json.Unmarshal(r.Body, &f); err != nil || k == nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read, or its kind is not carried any more"}
	}
	t := task{op: op, kind: k, paths: f.Paths}
	if r.ExternalID == "" {
		return k.create(a, ctx, t, r.RecordID, f)
	}
	return a.update(ctx, t, string(r.ExternalID), f)
}

// Find looks for the object that carries our id.
func (a *account) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	k := a.kinds.named(r.Kind)
	if k == nil {
		return nil, &fault.Error{Category: fault.Permanent, Op: "find", Message: "this kind is not carried"}
	}
	o, err := a.lookup(ctx, task{op: "find " + k.one, kind: k}, recordIDProperty, r.RecordID)
	if err != nil || o == nil || o.Archived {
		return nil, err
	}
	found := o.observe(a.connection)
	return &found, nil
}

// update writes properties, and then associations.
func (a *account) update(ctx context.Context, t task, id string, f frozen) (adapters.Ack, error) {
	now, err := a.before(ctx, t, id, f)
	if err != nil {
		return adapters.Ack{}, err
	}
	var answer *object
	properties := f.plain()
	if len(properties) > 0 {
		var p problem
		if answer, p, err = a.patch(ctx, t, id, properties); err != nil {
			return adapters.Ack{}, ofEmail(err, p, f)
		}
	}
	if err := a.associate(ctx, t, now, f); err != nil {
		if len(properties) > 0 {
			err = maybeDone(err)
		}
		return adapters.Ack{}, err
	}
	return a.confirm(ctx, t, id, f, answer)
}

// before reads an object that may not take all that is to be written; nil where its kind takes it unseen.
func (a *account) before(ctx context.Context, t task, id string, f frozen) (*object, error) {
	if t.kind.unfit == nil {
		return nil, nil
	}
	now, err := a.written(ctx, t, id)
	if err != nil {
		return nil, err
	}
	if path, why := t.kind.unfit(now, f.Properties); path != "" {
		unfit := &fault.Error{Category: fault.Permanent, Op: t.op, Message: "HubSpot cannot hold all of it"}
		refused(unfit, path, why)
		return nil, unfit
	}
	return now, nil
}

// plain are the properties without what stands for an association.
func (f frozen) plain() map[string]string {
	properties := maps.Clone(f.Properties)
	delete(properties, contactsProperty)
	return properties
}

// ofEmail names the address where a write failed since another contact has it.
func ofEmail(err error, p problem, f frozen) error {
	if p.emailTaken() && slices.Contains(f.Paths, "email") {
		taken := fault.As(err)
		taken.Category = fault.Permanent
		refused(taken, "email", reason("CONFLICTING_UNIQUE_VALUE"))
	}
	return err
}

// patch writes properties. It gives what HubSpot then held of them, or nil where the answer does not tell; where the write
// fails, HubSpot's word on it.
func (a *account) patch(ctx context.Context, t task, id string, properties map[string]string) (*object, problem, error) {
	r, err := a.send(ctx, t, http.MethodPatch, t.kind.path(id), map[string]any{"properties": properties})
	if err != nil {
		return nil, parse(r.Body), err
	}
	answer, err := t.kind.decode(r.Body)
	if err != nil {
		answer = nil // it is done all the same; a read tells the rest
	}
	return answer, problem{}, nil
}

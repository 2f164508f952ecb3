package zendesk

import (
	"context"
	"net/http"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Prepare freezes a patch.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	k := kinds[p.Kind]
	if k == nil {
		return adapters.Request{}, mapping.NotCarried("prepare")
	}
	return k.Prepare(p)
}

// Push makes one attempt.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k, f, err := mapping.Open(r, kinds)
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
	return adapters.Ack{Observation: k.observe(o, a.connection)}, nil
}

// update reads the object, and writes where nothing changed that the hub has not seen.
func (a *api) update(ctx context.Context, op string, k *kind, id string, f mapping.Frozen) (*object, error) {
	now, err := a.get(ctx, op, k, id)
	if err != nil {
		return nil, err
	}
	if is, _ := k.gone(now); is {
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "it was deleted, or is no customer any more"}
	}
	stay(f, now)
	if k.moved(now, f, a.connection) {
		return nil, &fault.Error{Category: fault.Conflict, Op: op, Message: "it was changed since it was last seen"}
	}
	fields, wrote := f.Fields(), false
	if address, ok := fields[email]; ok {
		delete(fields, email)
		if wrote, err = a.setEmail(ctx, op, id, address.(string), f.Paths()); err != nil {
			return nil, err
		}
	}
	if k == tickets {
		fields["safe_update"], fields["updated_stamp"] = true, now.text("updated_at")
	}
	o, err := a.put(ctx, op, k, id, fields, f.Paths())
	if wrote {
		err = fault.Done(err)
	}
	return o, err
}

// put writes the fields, if there are any, and gives the object as it is then.
func (a *api) put(ctx context.Context, op string, k *kind, id string, fields mapping.Fields, paths []string) (*object, error) {
	if len(fields) == 0 {
		return a.get(ctx, op, k, id)
	}
	r, err := a.write(ctx, op, httpapi.Request{Method: http.MethodPut, Path: k.path(id)}, map[string]any{k.one: fields}, paths)
	if err != nil {
		return nil, err
	}
	o, err := k.decoded(op, r, id)
	return o, fault.Done(err)
}

// stay has a ticket that should be new be open where it was worked on: it cannot become new again.
func stay(f mapping.Frozen, now *object) {
	if w := f.Writes["status"]; w["status"] == "new" && now.text("status") != "new" {
		w["status"] = "open"
	}
}

// moved says that somebody changed an attribute that is about to be written.
func (k *kind) moved(o *object, f mapping.Frozen, connection string) bool {
	is := k.observe(o, connection)
	return slices.ContainsFunc(f.Paths(), func(path string) bool { _, moved := k.Moved(f, path, is); return moved })
}

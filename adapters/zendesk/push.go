package zendesk

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Push makes one attempt.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k := operation(r.Kind, r.ExternalID), kinds[r.Kind]
	var f frozen
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber() // ids are beyond what a float holds
	if err := d.Decode(&f); err != nil || k == nil || f.Fields == nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read"}
	}
	if r.ExternalID == "" {
		return a.create(ctx, op, k, r, f)
	}
	o, err := a.update(ctx, op, k, string(r.ExternalID), f)
	if err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: k.observe(o, a.connection)}, nil
}

// update reads the object, and writes where nothing changed that the hub has not seen.
func (a *api) update(ctx context.Context, op string, k *kind, id string, f frozen) (*object, error) {
	now, err := a.get(ctx, op, k, id)
	if err != nil {
		return nil, err
	}
	if is, _ := k.gone(now); is {
		return nil, &fault.Error{Category: fault.Gone, Op: op, Message: "it was deleted, or is no customer any more"}
	}
	if k.moved(now, f, a.connection) {
		return nil, &fault.Error{Category: fault.Conflict, Op: op, Message: "it was changed since it was last seen"}
	}
	fields, stage := maps.Clone(f.Fields), unwritten
	if address, ok := fields[email]; ok {
		delete(fields, email)
		if stage, err = a.setEmail(ctx, op, id, address.(string), f.Paths); err != nil {
			return nil, err
		}
	}
	if k == tickets {
		fields["safe_update"], fields["updated_stamp"] = true, now.text("updated_at")
		if _, ok := fields["status"]; ok {
			fields["status"] = f.sends("status", now)
		}
	}
	return a.put(ctx, op, k, id, fields, f.Paths, stage)
}

// progress says whether an attempt has written already.
type progress string

const (
	unwritten progress = "unwritten"
	written   progress = "written"
)

// put writes the fields, if there are any, and gives the object as it is then.
func (a *api) put(ctx context.Context, op string, k *kind, id string, fields map[string]any, paths []string, stage progress) (*object, error) {
	if len(fields) == 0 {
		o, err := a.get(ctx, op, k, id)
		return o, stage.failed(err)
	}
	r, err := a.write(ctx, op, httpapi.Request{Method: http.MethodPut, Path: k.path(id)}, map[string]any{k.one: fields}, paths)
	if err != nil {
		return nil, stage.failed(err)
	}
	o, err := k.decoded(op, r, id)
	return o, written.failed(err)
}

// failed marks a failure behind a write that was done. One that names what was refused is not marked: the rest is sent
// again without it.
func (p progress) failed(err error) error {
	if err == nil || p == unwritten {
		return err
	}
	f := fault.As(err)
	f.MaybeDone = len(f.Refused) == 0
	return f
}

// stay is the status of a ticket that should be new: one that was worked on cannot become that again.
func stay(status string) string {
	if status == "new" {
		return status
	}
	return "open"
}

// moved says that somebody changed a field that is about to be written: it has neither what it was held to have nor what
// it is to get.
func (k *kind) moved(o *object, f frozen, connection string) bool {
	is := k.observe(o, connection).Message
	for _, path := range f.Paths {
		now := map[string]any{}
		if k.write(path, false, is, now) != "" {
			continue
		}
		empty := slices.Contains(f.Empty, path)
		for field, value := range now {
			held, told := f.Held[field]
			moved := told && !equal(value, held) || empty && !blank(value)
			if moved && !equal(value, f.sends(field, o)) {
				return true
			}
		}
	}
	return false
}

// sends is what a field of an object gets.
func (f frozen) sends(field string, o *object) any {
	value := f.Fields[field]
	if field == "status" && value == "new" {
		return stay(o.text(field))
	}
	return value
}

// equal compares values as JSON has them: one side was frozen.
func equal(a, b any) bool {
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}

package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Push makes one attempt: the write, and the read that shows what came of it.
func (c *contacts) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	var f frozen
	op := operation(r.ExternalID)
	if err := json.Unmarshal(r.Body, &f); err != nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read"}
	}
	if r.ExternalID == "" {
		return c.create(ctx, op, r.RecordID, f)
	}
	return c.update(ctx, op, string(r.ExternalID), f)
}

// Find looks for the contact that carries our id.
func (c *contacts) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	o, err := c.lookup(ctx, "find contact", recordIDProperty, r.RecordID)
	if err != nil || o == nil || o.Archived {
		return nil, err
	}
	found := observe(o, c.connection)
	return &found, nil
}

func (c *contacts) update(ctx context.Context, op, id string, f frozen) (adapters.Ack, error) {
	answer, p, err := c.patch(ctx, op, id, f.Properties, f.Paths)
	if err != nil {
		if p.emailTaken() && slices.Contains(f.Paths, "email") {
			taken := fault.As(err)
			taken.Category = fault.Permanent
			refused(taken, "email", reason("CONFLICTING_UNIQUE_VALUE"))
		}
		return adapters.Ack{}, err
	}
	return c.confirm(ctx, op, id, f, answer)
}

// patch writes properties. It gives what HubSpot then held of them, or nil where the answer does not tell; where the write
// fails, HubSpot's word on it.
func (c *contacts) patch(ctx context.Context, op, id string, properties map[string]string, paths []string) (*object, problem, error) {
	body, err := json.Marshal(map[string]any{"properties": properties})
	if err != nil {
		return nil, problem{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be written"}
	}
	r, err := c.call(ctx, op, httpapi.Request{
		Method: http.MethodPatch, Path: base + "/" + id, Body: body, ContentType: "application/json"}, paths)
	if err != nil {
		return nil, parse(r.Body), err
	}
	answer, err := decode(r.Body)
	if err != nil {
		answer = nil // it is done all the same; a read tells the rest
	}
	return answer, problem{}, nil
}

// create makes a contact by an upsert on our record id, or finds the one that has the e-mail address.
func (c *contacts) create(ctx context.Context, op, recordID string, f frozen) (adapters.Ack, error) {
	body, err := json.Marshal(map[string]any{"inputs": []map[string]any{
		{"idProperty": recordIDProperty, "id": recordID, "properties": f.Properties},
	}})
	if err != nil {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be written"}
	}
	r, err := c.call(ctx, op, httpapi.Request{
		Method: http.MethodPost, Path: base + "/batch/upsert", Body: body, ContentType: "application/json"}, f.Paths)
	if err != nil {
		if p := parse(r.Body); r.Status == http.StatusConflict || p.emailTaken() {
			return c.found(ctx, op, p, f)
		}
		return adapters.Ack{}, f.nameless(ofNoObject(err))
	}
	raw, p, err := single(op, r)
	switch {
	case err != nil:
		return adapters.Ack{}, maybeDone(err)
	case p != nil && (p.Category == "CONFLICT" || p.emailTaken()):
		return c.found(ctx, op, *p, f)
	case p != nil:
		return adapters.Ack{}, f.nameless(itemFailure(op, *p, f.Paths))
	}
	var made object
	if raw == nil || json.Unmarshal(raw, &made) != nil || !isID(string(made.ID)) {
		return adapters.Ack{}, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, MaybeDone: true,
			Message: "the answer names neither a contact nor an error"}
	}
	made.raw = raw
	return c.confirm(ctx, op, string(made.ID), f, &made)
}

// found acknowledges the contact that is in the way of a create: HubSpot names it, or it is the one with the address.
func (c *contacts) found(ctx context.Context, op string, p problem, f frozen) (adapters.Ack, error) {
	if id := p.existingID(); id != "" {
		o, err := c.get(ctx, op, id)
		switch {
		case err == nil && !o.Archived:
			return adapters.Ack{Found: true, Observation: observe(o, c.connection)}, nil
		case err != nil && fault.CategoryOf(err) != fault.Gone:
			return adapters.Ack{}, err
		}
	}
	if email := f.Properties["email"]; email != "" {
		o, err := c.lookup(ctx, op, "email", email)
		switch {
		case err != nil:
			return adapters.Ack{}, err
		case o != nil && !o.Archived:
			return adapters.Ack{Found: true, Observation: observe(o, c.connection)}, nil
		}
	}
	return adapters.Ack{}, &fault.Error{Category: fault.Conflict, Op: op, Status: http.StatusConflict, Code: p.code(),
		Message: "another contact is in the way and cannot be found"}
}

// nameless says what is probably wrong with a contact that HubSpot does not take for no reason that it gives.
func (f frozen) nameless(err error) error {
	named := f.Properties["email"] + f.Properties["firstname"] + f.Properties["lastname"]
	if is := fault.As(err); named == "" && is.Category == fault.Permanent && is.Refused == nil && is.Code == "VALIDATION_ERROR" {
		is.Message = "HubSpot takes a contact with an e-mail address or a name alone; " + is.Message
	}
	return err
}

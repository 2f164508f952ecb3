package hubspot

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// upsert makes a contact by an upsert on our record id, or finds the one that has the e-mail address.
func (a *account) upsert(ctx context.Context, t task, recordID string) (adapters.Ack, error) {
	r, err := a.send(ctx, t, http.MethodPost, t.kind.base()+"/batch/upsert", map[string]any{"inputs": []map[string]any{
		{"idProperty": recordIDProperty, "id": recordID, "properties": t.written},
	}})
	if err != nil {
		if p := parse(r.Body); r.Status == http.StatusConflict || p.emailTaken() {
			return a.found(ctx, t, p)
		}
		return adapters.Ack{}, t.nameless(t.ofNoObject(err))
	}
	raw, p, err := t.single(r)
	switch {
	case err != nil:
		return adapters.Ack{}, fault.Done(err)
	case p != nil && (p.Category == "CONFLICT" || p.emailTaken()):
		return a.found(ctx, t, *p)
	case p != nil:
		return adapters.Ack{}, t.nameless(t.itemFailure(*p))
	}
	var made object
	if raw == nil || json.Unmarshal(raw, &made) != nil || !isID(made.ID) {
		return adapters.Ack{}, fault.Done(t.odd(r, "the answer names neither a contact nor an error"))
	}
	made.kind, made.raw = t.kind, raw
	return a.confirm(ctx, t, string(made.ID), &made)
}

// found acknowledges the contact that is in the way of a create: HubSpot names it, or it is the one with the address.
func (a *account) found(ctx context.Context, t task, p problem) (adapters.Ack, error) {
	var o *object
	var err error
	if id := p.existingID(); id != "" {
		if o, err = a.get(ctx, t, id); err != nil && fault.CategoryOf(err) != fault.Gone {
			return adapters.Ack{}, err
		}
	}
	if email := t.text("email"); email != "" && (o == nil || o.Archived) {
		if o, err = a.lookup(ctx, t, "email", email); err != nil {
			return adapters.Ack{}, err
		}
	}
	if o == nil || o.Archived {
		return adapters.Ack{}, &fault.Error{Category: fault.Conflict, Op: t.op, Status: http.StatusConflict, Code: p.code(),
			Message: "another contact is in the way and cannot be found"}
	}
	return adapters.Ack{Found: true, Observation: o.observe(a.connection)}, nil
}

// nameless says what is probably wrong with a contact that HubSpot does not take for no reason that it gives.
func (t task) nameless(err error) error {
	f := fault.As(err)
	if f.Category == fault.Permanent && f.Refused == nil && f.Code == "VALIDATION_ERROR" && t.text("email")+t.text("firstname")+t.text("lastname") == "" {
		f.Message = "HubSpot takes a contact with an e-mail address or a name alone; " + f.Message
	}
	return f
}

// post makes a ticket with its contact: one that is made without it may set automations off that miss it. It is looked
// for before, which also tells an account whose property for our ids is missing or not unique; only two at once then meet
// HubSpot's own refusal of a second one.
func (a *account) post(ctx context.Context, t task, recordID string) (adapters.Ack, error) {
	if there, ack, err := a.again(ctx, t, recordID); there || err != nil {
		return ack, err
	}
	properties, contact := t.properties(), t.text(contactsProperty)
	properties[recordIDProperty] = recordID
	r, err := a.send(ctx, t, http.MethodPost, t.kind.base(), map[string]any{"properties": properties, "associations": associations(contact)})
	if err != nil {
		if r.Status == http.StatusConflict || parse(r.Body).refuses(recordIDProperty, taken) {
			if there, ack, failed := a.again(ctx, t, recordID); there || failed != nil {
				return ack, failed
			}
		}
		return adapters.Ack{}, a.blame(ctx, t, contact, t.ofNoObject(err))
	}
	made, err := t.kind.decode(r.Body)
	if err != nil {
		return adapters.Ack{}, fault.Done(t.odd(r, "the answer names neither a ticket nor an error"))
	}
	return a.confirm(ctx, t, string(made.ID), made)
}

// again brings the ticket that an earlier try made to what is to be made, where there is one.
func (a *account) again(ctx context.Context, t task, recordID string) (bool, adapters.Ack, error) {
	o, err := a.lookup(ctx, t, recordIDProperty, recordID)
	if err != nil || o == nil {
		return false, adapters.Ack{}, err
	}
	ack, err := a.update(ctx, t, string(o.ID))
	return true, ack, err
}

// associations are a new ticket's.
func associations(contact string) []map[string]any {
	if contact == "" {
		return []map[string]any{}
	}
	return []map[string]any{{
		"to":    map[string]string{"id": contact},
		"types": []map[string]any{{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": ticketToContact}},
	}}
}

// blame finds out whether it is the contact that HubSpot does not take a new ticket for: its error has no code for that.
func (a *account) blame(ctx context.Context, t task, contact string, err error) error {
	f := fault.As(err)
	if contact == "" || f.Category != fault.Permanent || f.Refused != nil || f.Code == missingScopes {
		return err
	}
	_, gone := a.get(ctx, task{op: t.op, kind: a.kinds.named(customer)}, contact)
	if fault.CategoryOf(gone) == fault.Gone {
		f.Refuse("requester", "HubSpot has no such contact")
	}
	return f
}

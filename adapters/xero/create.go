package xero

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// create makes an object that carries our record's id, or finds the contact that has the name.
func (a *api) create(ctx context.Context, op string, k *kind, r adapters.Request, f mapping.Frozen) (adapters.Ack, error) {
	c, err := change{k, f.Fields(), f.Paths()}.settled(op, &object{})
	if err != nil {
		return adapters.Ack{}, err
	}
	answer, err := a.write(ctx, op, httpapi.Request{Method: http.MethodPut, Path: root + k.many, Key: key(r.Key)}, c)
	if err != nil {
		switch p := parse(answer.Body, k); {
		case p.says(nameTaken) || p.says(numberTaken) || p.says(invoiceNumberTaken):
			return a.found(ctx, op, r, c, err)
		case p.says(isArchived):
			return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Status: answer.Status, Code: fault.As(err).Code, Message: numberTaken.reason}
		}
		return adapters.Ack{}, ofNoObject(err)
	}
	o, err := k.decoded(op, answer, "")
	if err != nil {
		return adapters.Ack{}, fault.Done(err)
	}
	return adapters.Ack{Observation: k.observe(o)}, nil
}

// longestKey is how long an idempotency key may be.
const longestKey = 128

func key(text string) string {
	if len(text) <= longestKey {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// found acknowledges what is in the way of a create: the object that it made when it was sent before, or the contact that
// is the same party.
func (a *api) found(ctx context.Context, op string, r adapters.Request, c change, refusal error) (adapters.Ack, error) {
	made, err := a.byRecord(ctx, op, c.kind, r.RecordID, contactOf(c.object))
	if made != nil {
		return adapters.Ack{Observation: *made}, nil
	}
	if err == nil && c.kind.Name == customer {
		made, err = a.party(ctx, op, c.kind, c.object)
	}
	switch {
	case err != nil:
		return adapters.Ack{}, err
	case made == nil:
		return adapters.Ack{}, refusal
	}
	return adapters.Ack{Found: true, Observation: *made}, nil
}

// party is the contact that has the name, unless it is evidently another: it has another e-mail address, or is another
// record's already. Two people may have one name, and Xero takes one of them.
func (a *api) party(ctx context.Context, op string, contacts *kind, object fields) (*adapters.Observation, error) {
	name, _ := object["Name"].(string)
	address, _ := object["EmailAddress"].(string)
	if strings.ContainsAny(name, `"\`) { // a filter's own characters
		return nil, nil
	}
	r, err := a.read(ctx, op, httpapi.Request{Path: root + contacts.many, Query: url.Values{"where": {`Name=="` + name + `"`}, "page": {"1"}}})
	if err != nil {
		return nil, ofNoObject(err)
	}
	for _, raw := range contacts.list(r.Body) {
		o, err := contacts.decode(raw)
		if err != nil || !strings.EqualFold(tidy(o.text("Name")), name) {
			continue
		}
		its, seen := o.text("EmailAddress"), contacts.observe(o)
		if other := its != "" && address != "" && !strings.EqualFold(its, address); !seen.Gone && seen.RecordID == "" && !other {
			return &seen, nil
		}
	}
	return nil, nil
}

// Find looks for the object that carries our record's id.
func (a *api) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	op, k := "find "+string(r.Kind), a.kinds[r.Kind]
	f, err := mapping.Thaw(r)
	switch {
	case err != nil:
		return nil, err
	case k == nil:
		return nil, mapping.NotCarried(op)
	}
	return a.byRecord(ctx, op, k, r.RecordID, contactOf(f.Fields()))
}

// contactOf is the contact of an invoice that is made.
func contactOf(w fields) string {
	contact, _ := w["Contact"].(fields)
	id, _ := contact["ContactID"].(string)
	return id
}

// byRecord is the object with a record's id: a contact is read by its number, an invoice looked for among the contact's.
func (a *api) byRecord(ctx context.Context, op string, k *kind, recordID, contact string) (*adapters.Observation, error) {
	if k.Name == invoice {
		return a.amongInvoices(ctx, op, k, recordID, contact)
	}
	r, err := a.read(ctx, op, httpapi.Request{Path: k.path(recordID), Query: k.asked})
	switch {
	case fault.CategoryOf(err) == fault.Gone:
		return nil, nil
	case err != nil:
		return nil, err
	}
	o, err := k.decoded(op, r, "")
	if err != nil {
		return nil, err
	}
	return k.carrying(o, recordID), nil
}

// carrying is what an object says, nil where it does not carry a record's id.
func (k *kind) carrying(o *object, recordID string) *adapters.Observation {
	if seen := k.observe(o); !seen.Gone && seen.RecordID == recordID && recordID != "" {
		return &seen
	}
	return nil
}

// amongInvoices looks through a contact's invoices in the order of their ids, as a pull does. By their time of change the one
// that is looked for would most often be on the first page; but it would move there from a page that was not read yet, when
// somebody changes it meanwhile, and be made a second time.
func (a *api) amongInvoices(ctx context.Context, op string, invoices *kind, recordID, contact string) (*adapters.Observation, error) {
	for q := (adapters.Query{Size: invoices.maxPage}); ; {
		in, err := a.page(ctx, op, invoices, q, url.Values{"ContactIDs": {contact}})
		if err != nil {
			return nil, err
		}
		for _, raw := range in.list {
			if o, err := invoices.decode(raw); err == nil {
				if seen := invoices.carrying(o, recordID); seen != nil {
					return seen, nil
				}
			}
		}
		if q.Cursor = in.cursor(); !in.more {
			return nil, nil
		}
	}
}

package salesforce

import (
	"context"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// create is an upsert by our record's id, or finds the customer that a duplicate rule of the org knows.
func (a *api) create(ctx context.Context, op string, k *kind, recordID string, f frozen) (adapters.Ack, error) {
	if adapters.ReadRecordID(recordID) == "" {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "a create needs the id of its record"}
	}
	fields, _ := joined(f.Fields, nil)
	if err := a.accountOf(ctx, op, fields); err != nil {
		return adapters.Ack{}, err
	}
	write := step{Method: http.MethodPatch, URL: a.row(k) + a.external + "/" + recordID, Name: "write", Body: fields}
	o, r, err := a.put(ctx, op, k, write, equals(a.external, recordID), f.Paths)
	if err == nil {
		return adapters.Ack{Observation: a.observe(k, o)}, nil
	}
	p := parse(r.Body)
	switch refusal := fault.As(err); {
	case r.Status == http.StatusMultipleChoices:
		refusal.Category = fault.Conflict
		refusal.Message = "several rows carry our record's id; make the field " + a.external + " unique"
		return adapters.Ack{}, refusal
	case p.code() == "DUPLICATE_VALUE" && p.names(a.external): // by another call of this very create
		refusal.Category, refusal.MaybeDone, refusal.Message = fault.Transient, true, "the row is just being made"
		return adapters.Ack{}, refusal
	case p.code() == "NOT_FOUND":
		refusal.Category = fault.Permanent
		refusal.Message = k.sobject + " has no external id field " + a.external + ", or it is hidden from the hub's user"
		return adapters.Ack{}, refusal
	case refusal.Category == fault.Gone && r.Status != 0: // of the write, not of the call
		return adapters.Ack{}, k.ofReference(err, f.Paths)
	case k.name == customer && (p.code() == "DUPLICATES_DETECTED" || p.code() == "DUPLICATE_VALUE"):
		return a.found(ctx, op, k, p, f, refusal)
	}
	return adapters.Ack{}, ofNoObject(err)
}

// accountOf adds the account that an order for a contact is made for: the contact's own.
func (a *api) accountOf(ctx context.Context, op string, fields map[string]any) error {
	id, ok := fields["BillToContactId"].(string)
	if !ok {
		return nil
	}
	contact := a.kind(customer)
	in, _, err := a.ask(ctx, op, live, query{fields: []string{"Id", "AccountId"}, from: contact.sobject, where: equals("Id", id)}, contact)
	if err != nil {
		return ofNoObject(err)
	}
	for _, raw := range in.Records {
		if account := field(raw, "AccountId"); account != "" {
			fields["AccountId"] = account
			return nil
		}
	}
	f := &fault.Error{Category: fault.Permanent, Op: op, Message: "Salesforce cannot hold all of it"}
	refused(f, "customer", "an order is an account's, and the contact has none")
	return f
}

// found acknowledges the customer that is in the way of a create: one that Salesforce names, or the one with the address. A
// duplicate rule may match by likeness alone; one that has another address is evidently another.
func (a *api) found(ctx context.Context, op string, k *kind, p problem, f frozen, refusal *fault.Error) (adapters.Ack, error) {
	var tries []string
	email, _ := f.Fields["Email"].(string)
	switch ids := p.existing(k.prefix); {
	case len(ids) > 0 && email != "":
		tries = []string{among("Id", ids) + " AND " + equals("Email", email), among("Id", ids) + " AND Email = null"}
	case len(ids) > 0:
		tries = []string{among("Id", ids)}
	case email != "":
		tries = []string{equals("Email", email)}
	}
	for _, where := range tries {
		o, err := a.first(ctx, op, k, where)
		if err != nil {
			return adapters.Ack{}, err
		}
		if o != nil {
			return adapters.Ack{Found: true, Observation: a.observe(k, o)}, nil
		}
	}
	return adapters.Ack{}, refusal
}

// first is the oldest row of several, nil where there is none. The query goes in a body, since it may hold an address.
func (a *api) first(ctx context.Context, op string, k *kind, where string) (*object, error) {
	q := a.of(k, where)
	q.order, q.limit = "CreatedDate, Id", 1
	answers, err := a.together(ctx, op, k, nil, a.asks(q))
	if err == nil && answers[0].Status/100 != 2 {
		err = a.failure(op, answers[0], k, nil)
	}
	if err != nil {
		f := fault.As(ofNoObject(err))
		f.MaybeDone = false
		return nil, f
	}
	in, err := answered(op, answers[0])
	if err != nil || len(in.Records) == 0 {
		return nil, err
	}
	o, err := decode(in.Records[0])
	if err != nil {
		return nil, &fault.Error{Category: fault.Transient, Op: op, Message: "the answer cannot be used", Err: err}
	}
	return o, a.rest(ctx, op, k, o)
}

// Find looks for the row that carries our record's id.
func (a *api) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	op, k := "find "+string(r.Kind), a.kind(r.Kind)
	switch {
	case k == nil:
		return nil, notCarried(op)
	case adapters.ReadRecordID(r.RecordID) == "":
		return nil, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no record's id"}
	}
	o, err := a.first(ctx, op, k, equals(a.external, r.RecordID))
	if err != nil || o == nil {
		return nil, err
	}
	out := a.observe(k, o)
	return &out, nil
}

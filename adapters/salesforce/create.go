package salesforce

import (
	"context"
	"net/http"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// create is an upsert by our record's id, or finds the customer that a duplicate rule of the org knows.
func (a *api) create(ctx context.Context, op string, k *kind, recordID string, f mapping.Frozen) (adapters.Ack, error) {
	if err := named(op, recordID); err != nil {
		return adapters.Ack{}, err
	}
	fields, err := joined(op, f.Fields(), &object{})
	if err == nil {
		err = a.accountOf(ctx, op, fields)
	}
	if err != nil {
		return adapters.Ack{}, err
	}
	write := step{Method: http.MethodPatch, URL: a.row(k) + a.external + "/" + recordID, Name: "write", Body: fields}
	o, r, err := a.put(ctx, op, k, write, equals(a.external, recordID), f.Paths())
	if err == nil {
		return adapters.Ack{Observation: a.observe(k, o)}, nil
	}
	refusal := fault.As(err)
	switch p := parse(r.Body); {
	case r.Status == http.StatusMultipleChoices:
		refusal.Category, refusal.Message = fault.Conflict, "several rows carry our record's id; make the field "+a.external+" unique"
	case p.code() == "DUPLICATE_VALUE" && p.names(a.external): // by another call of this very create
		refusal.Category, refusal.MaybeDone, refusal.Message = fault.Transient, true, "the row is just being made"
	case p.code() == "NOT_FOUND":
		refusal.Category = fault.Permanent
		refusal.Message = k.sobject + " has no external id field " + a.external + ", or it is hidden from the hub's user"
	case refusal.Category == fault.Gone && r.Status != 0: // of the write, not of the call
		k.ofReference(refusal, f.Paths())
	case k.Name == customer && (p.code() == "DUPLICATES_DETECTED" || p.code() == "DUPLICATE_VALUE"):
		return a.found(ctx, op, k, p, f, refusal)
	}
	return adapters.Ack{}, ofNoObject(refusal)
}

// named refuses what has no id of ours, by which creates are known.
func named(op, recordID string) error {
	if adapters.ReadRecordID(recordID) == "" {
		return &fault.Error{Category: fault.Permanent, Op: op, Message: "a create needs the id of its record"}
	}
	return nil
}

// accountOf adds the account that an order for a contact is made for: the contact's own.
func (a *api) accountOf(ctx context.Context, op string, fields mapping.Fields) error {
	id, ok := fields["BillToContactId"].(string)
	if !ok {
		return nil
	}
	contact := a.kinds[customer]
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
	f.Refuse("customer", "an order is an account's, and the contact has none")
	return f
}

// found acknowledges the customer that is in the way of a create: one that Salesforce names, or the one with the address. A
// duplicate rule may match by likeness alone; one that has another address is evidently another.
func (a *api) found(ctx context.Context, op string, k *kind, p problem, f mapping.Frozen, refusal *fault.Error) (adapters.Ack, error) {
	var tries []string
	email, _ := f.Fields()["Email"].(string)
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
	q := k.where(where)
	q.order, q.limit = "CreatedDate, Id", 1
	answers, err := a.together(ctx, op, k, nil, a.asks(q))
	if err == nil && answers[0].Status/100 != 2 {
		err = a.failure(op, answers[0], k, nil)
	}
	if err != nil {
		return nil, fault.Undone(ofNoObject(err))
	}
	in, err := answered(op, answers[0])
	if err != nil || len(in.Records) == 0 {
		return nil, err
	}
	return a.whole(ctx, op, k, in.Records[0])
}

// Find looks for the row that carries our record's id.
func (a *api) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	op, k := "find "+string(r.Kind), a.kinds[r.Kind]
	if k == nil {
		return nil, mapping.NotCarried(op)
	}
	if err := named(op, r.RecordID); err != nil {
		return nil, err
	}
	o, err := a.first(ctx, op, k, equals(a.external, r.RecordID))
	if err != nil || o == nil {
		return nil, err
	}
	out := a.observe(k, o)
	return &out, nil
}

package shopify

import (
	"context"
	"maps"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// create is an upsert by our record's id: sent again, it changes the customer that it made. An address that is another
// customer's finds that one.
func (s *shop) create(ctx context.Context, op, record string, f mapping.Frozen) (adapters.Ack, error) {
	in := parts(f)
	input := mapping.Part(in, "")
	if address := mapping.Part(in, customers.address); len(address) > 0 {
		input["addresses"] = []any{address}
	}
	var m mutation
	m.add("customerSet(identifier: $by, input: $input)", "customer { "+customers.whole+" }"+codedErrors,
		variable{"by", "CustomerSetIdentifiers!", customID(record)}, variable{"input", "CustomerSetInput!", input})
	a, refusals, err := s.mutate(ctx, op, m)
	switch {
	case err != nil:
		return adapters.Ack{}, err
	case refusals.taken("email") && input["email"] != nil:
		o, err := s.by(ctx, op, map[string]any{"emailAddress": input["email"]})
		if err == nil && o == nil {
			err = &fault.Error{Category: fault.Conflict, Op: op, Message: "another customer is in the way and cannot be found"}
		}
		if err != nil {
			return adapters.Ack{}, err
		}
		return adapters.Ack{Found: true, Observation: customers.observe(o)}, nil
	case refusals.taken("input"): // our id, by another call of this very create
		return adapters.Ack{}, &fault.Error{Category: fault.Transient, Op: op, Code: "TAKEN", MaybeDone: true, Message: "the customer is just being made"}
	case len(refusals) > 0:
		return adapters.Ack{}, refusals.fault(op, customers, f.Paths())
	}
	raw, _ := dig(a.Data, m.last()+"."+customers.one)
	o, err := customers.found(op, raw)
	if err == nil && o == nil {
		err = unread(op)
	}
	maps.DeleteFunc(f.Writes, func(path string, _ mapping.Fields) bool { return !strings.HasPrefix(path, "marketing_consent.") })
	if err == nil && len(f.Writes) > 0 {
		o, err = s.update(ctx, op, customers, adapters.ExternalID(o.number), f)
	}
	if err != nil {
		return adapters.Ack{}, fault.Done(err)
	}
	return adapters.Ack{Observation: customers.observe(o)}, nil
}

// Find looks for the customer that carries our id.
func (s *shop) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	op := "find " + string(r.Kind)
	if r.Kind != customers.Name {
		return nil, mapping.NotCarried(op)
	}
	o, err := s.by(ctx, op, customID(r.RecordID))
	if err != nil || o == nil {
		return nil, err
	}
	out := customers.observe(o)
	return &out, nil
}

// by looks a customer up; nil where there is none. It shows writes at once.
func (s *shop) by(ctx context.Context, op string, identifier map[string]any) (*object, error) {
	a, err := s.read(ctx, op, document{
		Query:     "query canonhubFind($by: CustomerIdentifierInput!) { customerByIdentifier(identifier: $by) { " + customers.whole + " } }",
		Variables: map[string]any{"by": identifier},
	})
	if err != nil {
		return nil, err
	}
	return customers.found(op, a.Data["customerByIdentifier"])
}

// customID is our record's id as an identifier.
func customID(record string) map[string]any {
	return map[string]any{"customId": map[string]any{"namespace": namespace, "key": recordKey, "value": record}}
}

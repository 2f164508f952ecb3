package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Push makes one attempt. What became of the object is told by the write's own answer wherever Shopify tells it there: a
// read behind the write would also tell what others wrote meanwhile.
func (s *shop) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	var f frozen
	op, k := operation(r.Kind, r.ExternalID), kindOf(r.Kind)
	if err := json.Unmarshal(r.Body, &f); err != nil || k == nil || r.ExternalID == "" && k != customers {
		return adapters.Ack{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the frozen request cannot be read"}
	}
	if r.ExternalID == "" {
		return s.create(ctx, op, r.RecordID, f)
	}
	o, err := s.update(ctx, op, k, r.ExternalID, f)
	if err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: k.observe(o)}, nil
}

// Find looks for the customer that carries our id.
func (s *shop) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	const op = "find customer"
	if r.Kind != customers.name {
		return nil, &fault.Error{Category: fault.Permanent, Op: op, Message: "only customers are created"}
	}
	o, err := s.by(ctx, op, customID(r.RecordID))
	if err != nil || o == nil {
		return nil, err
	}
	out := customers.observe(o)
	return &out, nil
}

// create is an upsert by our record's id: sent again, it changes the customer that it made. An address that is another
// customer's finds that one.
func (s *shop) create(ctx context.Context, op, record string, f frozen) (adapters.Ack, error) {
	if len(f.Address) > 0 {
		f.Input["addresses"] = []any{f.Address}
	}
	var m mutation
	m.add("customerSet(identifier: $by, input: $input) { customer { "+customers.whole+" } userErrors { field message code } }",
		variable{"by", "CustomerSetIdentifiers!", customID(record)}, variable{"input", "CustomerSetInput!", f.Input})
	a, refusals, err := s.mutate(ctx, op, m)
	switch {
	case err != nil:
		return adapters.Ack{}, err
	case refusals.taken("email") && f.Input["email"] != nil:
		o, err := s.by(ctx, op, map[string]any{"emailAddress": f.Input["email"]})
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
		return adapters.Ack{}, refusals.fault(op, f.Paths)
	}
	o, err := customers.written(op, a, "customerSet")
	if err == nil && o == nil {
		err = unread(op)
	}
	if f.Input, f.Address = nil, nil; err == nil && (f.Email != nil || f.SMS != nil) {
		o, err = s.update(ctx, op, customers, adapters.ExternalID(o.number), f)
	}
	if err != nil {
		return adapters.Ack{}, maybeDone(err)
	}
	return adapters.Ack{Observation: customers.observe(o)}, nil
}

// written is the object as a mutation's answer has it; nil where it has none.
func (k *kind) written(op string, a answer, mutation string) (*object, error) {
	var payload map[string]json.RawMessage
	if json.Unmarshal(a.Data[mutation], &payload) != nil {
		return nil, unread(op)
	}
	if len(payload[k.one]) == 0 {
		return nil, nil
	}
	return k.found(op, payload[k.one])
}

// update writes all that changes in one call, in which Shopify runs one mutation after the other.
func (s *shop) update(ctx context.Context, op string, k *kind, id adapters.ExternalID, f frozen) (*object, error) {
	m, err := s.changes(ctx, op, k, id, f)
	if err != nil {
		return nil, err
	}
	if m.fields == nil {
		return s.get(ctx, op, k, id)
	}
	a, refusals, err := s.mutate(ctx, op, m)
	switch {
	case err != nil:
		return nil, err
	case len(refusals) == 0:
		o, err := s.after(ctx, op, k, id, m, a)
		return o, maybeDone(err)
	}
	if refusals.nameless() { // perhaps since it is not there any more
		if _, err := s.get(ctx, op, k, id); fault.CategoryOf(err) == fault.Gone {
			return nil, err
		}
	}
	return nil, refusals.fault(op, f.Paths)
}

// after is the object as the last mutation left it. That of an address tells the address alone.
func (s *shop) after(ctx context.Context, op string, k *kind, id adapters.ExternalID, m mutation, a answer) (*object, error) {
	last, _, _ := strings.Cut(m.fields[len(m.fields)-1], "(")
	o, err := k.written(op, a, last)
	switch {
	case err != nil:
		return nil, err
	case o != nil && o.number != string(id):
		return nil, unread(op)
	case o != nil:
		return o, s.rest(ctx, op, k, o)
	}
	if o, err = s.get(ctx, op, k, id); err != nil {
		return nil, err
	}
	var payload struct {
		Address json.RawMessage `json:"address"`
	}
	if json.Unmarshal(a.Data[last], &payload) == nil && len(payload.Address) > 0 && string(payload.Address) != "null" {
		return o, o.with("defaultAddress", payload.Address)
	}
	return o, nil
}

// changes are the mutations of an update.
func (s *shop) changes(ctx context.Context, op string, k *kind, id adapters.ExternalID, f frozen) (m mutation, err error) {
	gid := k.globalID(id)
	now := address{}
	if len(f.Address) > 0 {
		if now, err = s.address(ctx, op, k, gid); err != nil {
			return m, err
		}
	}
	if k == orders {
		if len(f.Address) > 0 {
			f.Input["shippingAddress"] = now.over(f.Address)
		}
		f.Input["id"] = gid
		m.add("orderUpdate(input: $input) { order { "+k.whole+" } userErrors { field message } }", variable{"input", "OrderInput!", f.Input})
		return m, nil
	}
	owner := variable{"customer", "ID!", gid}
	switch {
	case len(f.Address) == 0:
	case now.ID != "":
		m.add("customerAddressUpdate(customerId: $customer, addressId: $addressId, address: $address) { address"+addressFields+" userErrors { field message } }",
			owner, variable{"addressId", "ID!", now.ID}, variable{"address", "MailingAddressInput!", now.over(f.Address)})
	default:
		m.add("customerAddressCreate(customerId: $customer, address: $address, setAsDefault: true) { address"+addressFields+" userErrors { field message } }",
			owner, variable{"address", "MailingAddressInput!", f.Address})
	}
	if len(f.Input) > 0 {
		f.Input["id"] = gid
		m.add("customerUpdate(input: $input) { customer { "+k.whole+" } userErrors { field message } }", variable{"input", "CustomerInput!", f.Input})
	}
	if f.Email != nil {
		m.add("customerEmailMarketingConsentUpdate(input: $email) { customer { "+k.whole+" } userErrors { field message code } }",
			variable{"email", "CustomerEmailMarketingConsentUpdateInput!", map[string]any{"customerId": gid, "emailMarketingConsent": f.Email}})
	}
	if f.SMS != nil {
		m.add("customerSmsMarketingConsentUpdate(input: $sms) { customer { "+k.whole+" } userErrors { field message code } }",
			variable{"sms", "CustomerSmsMarketingConsentUpdateInput!", map[string]any{"customerId": gid, "smsMarketingConsent": f.SMS}})
	}
	return m, nil
}

// address reads the one that changes, since it is replaced whole.
func (s *shop) address(ctx context.Context, op string, k *kind, gid string) (address, error) {
	field := "defaultAddress"
	if k == orders {
		field = "shippingAddress"
	}
	a, err := s.read(ctx, op, document{
		Query:     fmt.Sprintf("query canonhubAddress($id: ID!) { %s(id: $id) { id %s %s } }", k.one, field, addressFields),
		Variables: map[string]any{"id": gid},
	})
	if err != nil {
		return address{}, err
	}
	var holder map[string]json.RawMessage
	if raw, ok := a.Data[k.one]; !ok || json.Unmarshal(raw, &holder) != nil {
		return address{}, unread(op)
	}
	if holder == nil {
		return address{}, missing(op)
	}
	var out address
	if raw, ok := holder[field]; !ok || json.Unmarshal(raw, &out) != nil {
		return address{}, unread(op)
	}
	return out, nil
}

// maybeDone marks a failure behind a write that was done. One that names what Shopify refused is not marked: the rest is
// sent again without it.
func maybeDone(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Refused) > 0 {
		return err
	}
	marked := *f
	marked.MaybeDone = true
	return &marked
}

package shopify

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// Prepare freezes a patch.
func (s *shop) Prepare(p adapters.Patch) (adapters.Request, error) {
	k := kinds[p.Kind]
	if k == nil || p.ExternalID == "" && !k.creates() {
		return adapters.Request{}, mapping.NotCarried(mapping.Operation(p.Kind, p.ExternalID))
	}
	return k.Prepare(p)
}

// Push makes one attempt. What became of the object is told by the write's own answer wherever Shopify tells it there: a
// read behind the write would also tell what others wrote meanwhile.
func (s *shop) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k, f, err := mapping.Open(r, kinds)
	switch {
	case err != nil:
		return adapters.Ack{}, err
	case r.ExternalID == "" && !k.creates():
		return adapters.Ack{}, mapping.NotCarried(op)
	case r.ExternalID == "":
		return s.create(ctx, op, r.RecordID, f)
	}
	o, err := s.update(ctx, op, k, r.ExternalID, f)
	if err != nil {
		return adapters.Ack{}, err
	}
	return adapters.Ack{Observation: k.observe(o)}, nil
}

// parts takes apart what is written, since an address and a consent have mutations of their own. What is the object's own
// is the part without a name. Null clears a text.
func parts(f mapping.Frozen) mapping.Fields {
	out := mapping.Fields{}
	for name, value := range f.Fields() {
		part, field, nested := strings.Cut(name, ".")
		if !nested {
			part, field = "", name
		}
		if text, is := value.(string); is {
			value = mapping.Null(text)
		}
		mapping.Part(out, part)[field] = value
	}
	return out
}

// update writes all that changes in one call, in which Shopify runs one mutation after the other.
func (s *shop) update(ctx context.Context, op string, k *kind, id adapters.ExternalID, f mapping.Frozen) (*object, error) {
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
		return o, fault.Done(err)
	}
	refused := refusals.fault(op, k, f.Paths())
	if refused.Message != "" { // perhaps since it is not there any more
		if _, err := s.get(ctx, op, k, id); fault.CategoryOf(err) == fault.Gone {
			return nil, err
		}
	}
	return nil, refused
}

// after is the object as the last mutation left it. That of an address tells the address alone.
func (s *shop) after(ctx context.Context, op string, k *kind, id adapters.ExternalID, m mutation, a answer) (*object, error) {
	if raw, told := dig(a.Data, m.last()+"."+k.one); told && string(raw) != "null" {
		return s.settled(ctx, op, k, id, raw)
	}
	o, err := s.get(ctx, op, k, id)
	if address, told := dig(a.Data, m.last()+".address"); err == nil && told && string(address) != "null" {
		err = o.with(k.address, address)
	}
	return o, err
}

// changes are the mutations of an update.
func (s *shop) changes(ctx context.Context, op string, k *kind, id adapters.ExternalID, f mapping.Frozen) (m mutation, err error) {
	all, gid := parts(f), k.globalID(id)
	input, address := mapping.Part(all, ""), mapping.Part(all, k.address)
	var addressID any
	if len(address) > 0 {
		now, err := s.address(ctx, op, k, id)
		if err != nil {
			return m, err
		}
		addressID, address = now["id"], over(now, address)
	}
	whole := k.one + " { " + k.whole + " }"
	if k == orders {
		if len(address) > 0 {
			input[k.address] = address
		}
		input["id"] = gid
		m.add("orderUpdate(input: $input)", whole+userErrors, variable{"input", "OrderInput!", input})
		return m, nil
	}
	owner, at := variable{"customer", "ID!", gid}, variable{"address", "MailingAddressInput!", address}
	switch {
	case len(address) == 0:
	case addressID != nil:
		m.add("customerAddressUpdate(customerId: $customer, addressId: $addressId, address: $address)", "address"+addressFields+userErrors,
			owner, variable{"addressId", "ID!", addressID}, at)
	default:
		m.add("customerAddressCreate(customerId: $customer, address: $address, setAsDefault: true)", "address"+addressFields+userErrors, owner, at)
	}
	if len(input) > 0 {
		input["id"] = gid
		m.add("customerUpdate(input: $input)", whole+userErrors, variable{"input", "CustomerInput!", input})
	}
	for _, part := range []string{emailConsent, smsConsent} {
		if decision := mapping.Part(all, part); len(decision) > 0 {
			name := strings.ToUpper(part[:1]) + part[1:] + "Update"
			m.add("customer"+name+"(input: $"+part+")", whole+codedErrors,
				variable{part, "Customer" + name + "Input!", mapping.Fields{"customerId": gid, part: decision}})
		}
	}
	return m, nil
}

// address reads the one that changes, since it is replaced whole; nil where there is none.
func (s *shop) address(ctx context.Context, op string, k *kind, id adapters.ExternalID) (now mapping.Fields, err error) {
	raw, err := s.one(ctx, op, k, id, "id "+k.address+addressFields)
	if err != nil {
		return nil, err
	}
	var holder map[string]json.RawMessage
	if json.Unmarshal(raw, &holder) != nil || json.Unmarshal(holder[k.address], &now) != nil {
		return nil, unread(op)
	}
	return now, nil
}

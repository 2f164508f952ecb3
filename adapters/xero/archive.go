package xero

import (
	"context"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// Archive archives a contact, which a person in Xero can take back. It is read before: Xero refuses any change of a contact
// that is archived already.
func (a *api) Archive(ctx context.Context, r adapters.Request) (adapters.Observation, error) {
	op := "archive " + string(r.Kind)
	if r.Kind != customer || !isID(string(r.ExternalID)) {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no contact's id"}
	}
	contacts := a.kinds[customer]
	now, err := a.get(ctx, op, contacts, string(r.ExternalID))
	if err == nil && !contacts.gone(now) {
		now, err = a.post(ctx, op, now.id, change{kind: contacts, object: fields{"ContactStatus": archived}})
	}
	switch {
	case fault.CategoryOf(err) == fault.Gone:
		return adapters.Observation{Object: adapters.Object{Kind: r.Kind, ExternalID: r.ExternalID}, Gone: true, At: a.now().UTC()}, nil
	case err != nil:
		return adapters.Observation{}, err
	}
	out := contacts.observe(now)
	if !out.Gone {
		return out, &fault.Error{Category: fault.Transient, Op: op, MaybeDone: true, Message: "Xero's answer shows the contact in use"}
	}
	return out, nil
}

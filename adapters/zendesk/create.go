package zendesk

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// create makes an object that carries our record's id, or finds the user who has the e-mail address.
func (a *api) create(ctx context.Context, op string, k *kind, r adapters.Request, f mapping.Frozen) (adapters.Ack, error) {
	fields := f.Fields()
	fields["external_id"] = r.RecordID
	call := httpapi.Request{Method: http.MethodPost, Path: root + k.many}
	if k == tickets {
		call.Key = r.Key
	}
	answer, err := a.write(ctx, op, call, map[string]any{k.one: fields}, f.Paths())
	if err != nil {
		if p := parse(answer.Body); k == users && (p.taken("external_id") || p.taken("email")) {
			return a.found(ctx, op, r.RecordID, f, fault.As(err))
		}
		return adapters.Ack{}, unsettled(ofNoObject(err))
	}
	o, err := k.decoded(op, answer, "")
	if err != nil {
		return adapters.Ack{}, fault.Done(err)
	}
	return adapters.Ack{Observation: k.observe(o, a.connection)}, nil
}

// unsettled makes a conflict of a create, of which only the same request under way can be the cause, one that time heals.
func unsettled(err error) error {
	f := fault.As(err)
	if f.Category == fault.Conflict {
		f.Category, f.MaybeDone = fault.Transient, true
	}
	return f
}

// found acknowledges the user that is in the way of a create: the one that it made when it was sent before, or the one
// that has the address.
func (a *api) found(ctx context.Context, op, recordID string, f mapping.Frozen, refusal *fault.Error) (adapters.Ack, error) {
	switch made, err := a.byRecord(ctx, op, users, recordID); {
	case err != nil:
		return adapters.Ack{}, err
	case made != nil:
		return adapters.Ack{Observation: *made}, nil
	}
	address, _ := f.Fields()[email].(string)
	r, err := a.read(ctx, op, root+"users/search", url.Values{"query": {`email:"` + address + `"`}})
	if err != nil {
		return adapters.Ack{}, ofNoObject(err)
	}
	list, err := users.list(op, r)
	if err != nil {
		return adapters.Ack{}, err
	}
	all := users.page(list, a.connection).Observations
	i := slices.IndexFunc(all, func(o adapters.Observation) bool { return !o.Gone })
	if i < 0 { // a member of the staff, or one whom the search does not know yet
		return adapters.Ack{}, refusal
	}
	return adapters.Ack{Found: true, Observation: all[i]}, nil
}

// Find looks for the object that carries our record's id.
func (a *api) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	op, k := "find "+string(r.Kind), kinds[r.Kind]
	if k == nil {
		return nil, mapping.NotCarried(op)
	}
	return a.byRecord(ctx, op, k, r.RecordID)
}

// byRecord is the object with a record's id, the oldest where somebody has copied it to another.
func (a *api) byRecord(ctx context.Context, op string, k *kind, recordID string) (*adapters.Observation, error) {
	r, err := a.read(ctx, op, root+k.lookup, url.Values{k.lookupBy: {recordID}})
	if err != nil {
		return nil, ofNoObject(err)
	}
	list, err := k.list(op, r)
	if err != nil {
		return nil, err
	}
	for _, o := range k.page(list, a.connection).Observations {
		if !o.Gone && o.RecordID == recordID && recordID != "" {
			return &o, nil
		}
	}
	return nil, nil
}

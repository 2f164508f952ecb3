package hubspot

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// Probe lists one contact.
func (a *account) Probe(ctx context.Context) error {
	t := task{op: "probe", kind: a.kinds[0]}
	r, err := a.read(ctx, t, t.kind.base(), url.Values{"limit": {"1"}})
	if err != nil {
		return t.ofNoObject(err)
	}
	var page struct {
		Results []json.RawMessage `json:"results"`
	}
	if json.Unmarshal(r.Body, &page) != nil || page.Results == nil {
		return &fault.Error{Category: fault.Permanent, Op: t.op, Status: r.Status, Message: "the answer is not HubSpot's"}
	}
	return nil
}

// Fetch reads an object. One that was merged away answers with the object that lives on: it is gone, and that other
// one has events of its own.
func (a *account) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	t, err := a.taskOn("fetch", o)
	if err != nil {
		return adapters.Observation{}, err
	}
	got, err := a.get(ctx, t, string(o.ExternalID))
	if err != nil {
		return adapters.Observation{}, err
	}
	if string(got.ID) != string(o.ExternalID) {
		return adapters.Observation{Object: o, At: got.at(), Gone: true, MergedInto: adapters.ExternalID(got.ID), Raw: got.raw}, nil
	}
	return got.observe(a.connection), nil
}

// get reads one object with all mapped properties.
func (a *account) get(ctx context.Context, t task, id string) (*object, error) {
	r, err := a.read(ctx, t, t.kind.path(id), t.kind.query())
	if err != nil {
		return nil, err
	}
	o, err := t.decoded(r, r.Body)
	if err != nil {
		return nil, err
	}
	return o.told(), nil
}

// lookup reads the object that has a value in a unique property; nil where there is none, or none that is in use. The value
// travels in the body: paths are logged.
func (a *account) lookup(ctx context.Context, t task, property, text string) (*object, error) {
	t = t.reading()
	r, err := a.ask(ctx, t, t.kind.base()+"/batch/read", map[string]any{
		"idProperty": property, "inputs": []map[string]string{{"id": text}}, "properties": t.kind.asked(),
	})
	if err != nil {
		return nil, err
	}
	raw, p, err := t.single(r)
	switch {
	case err != nil:
		return nil, err
	case p != nil && p.Category != "OBJECT_NOT_FOUND":
		return nil, t.itemFailure(*p)
	case raw == nil:
		return nil, nil
	}
	o, err := t.decoded(r, raw)
	if err != nil || o.Archived {
		return nil, err
	}
	return o, a.associations(ctx, t, o)
}

// single is the result of a batch of one, or its problem, or neither.
func (t task) single(r httpapi.Response) (json.RawMessage, *problem, error) {
	var batch struct {
		Results []json.RawMessage `json:"results"`
		Errors  []json.RawMessage `json:"errors"`
	}
	switch err := json.Unmarshal(r.Body, &batch); {
	case err != nil:
		return nil, nil, t.odd(r, "the answer is not HubSpot's")
	case len(batch.Results) > 0:
		return batch.Results[0], nil, nil
	case len(batch.Errors) > 0:
		p := parse(batch.Errors[0])
		return nil, &p, nil
	}
	return nil, nil, nil
}

// decoded is an object in an answer.
func (t task) decoded(r httpapi.Response, raw []byte) (*object, error) {
	o, err := t.kind.decode(raw)
	if err != nil {
		f := t.odd(r, "the answer cannot be used")
		f.Err = err
		return nil, f
	}
	return o, nil
}

package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// account reads and writes the objects of one account.
type account struct {
	api        *httpapi.Client
	kinds      kinds
	days       days
	connection string
	now        func() time.Time
}

// task is what calls are made for: in words, on which kind, and with which attributes to be written.
type task struct {
	op    string
	kind  *kind
	paths []string
}

// reading is the same task where it reads: a failure then refuses no attribute.
func (t task) reading() task {
	t.paths = nil
	return t
}

// taskOn is a task on one object.
func (a *account) taskOn(what string, o adapters.Object) (task, error) {
	k := a.kinds.named(o.Kind)
	switch {
	case k == nil:
		return task{}, &fault.Error{Category: fault.Permanent, Op: what, Message: "this kind is not carried"}
	case !isID(string(o.ExternalID)):
		return task{}, &fault.Error{Category: fault.Permanent, Op: what + " " + k.one, Message: "it is no id of HubSpot's"}
	}
	return task{op: what + " " + k.one, kind: k}, nil
}

// Probe lists one contact.
func (a *account) Probe(ctx context.Context) error {
	const op = "probe"
	t := task{op: op, kind: a.kinds[0]}
	r, err := a.call(ctx, t, httpapi.Request{Method: http.MethodGet, Path: t.kind.base(), Query: url.Values{"limit": {"1"}}})
	if err != nil {
		return t.ofNoObject(err)
	}
	var page struct {
		Results []json.RawMessage `json:"results"`
	}
	if json.Unmarshal(r.Body, &page) != nil || page.Results == nil {
		return &fault.Error{Category: fault.Permanent, Op: op, Status: r.Status, Message: "the answer is not HubSpot's"}
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
	t = t.reading()
	r, err := a.call(ctx, t, httpapi.Request{
		Method: http.MethodGet, Path: t.kind.path(id), Query: t.kind.query(),
	})
	if err != nil {
		return nil, err
	}
	o, err := t.decoded(r.Status, r.Body)
	if err != nil {
		return nil, err
	}
	return o.told(), nil
}

// lookup reads the object that has a value in a unique property; nil where there is none. The value travels in the
// body: paths are logged.
func (a *account) lookup(ctx context.Context, t task, property, text string) (*object, error) {
	t = t.reading()
	r, err := a.send(ctx, t, http.MethodPost, t.kind.base()+"/batch/read", map[string]any{
		"idProperty": property, "inputs": []map[string]string{{"id": text}}, "properties": t.kind.asked,
	})
	if err != nil {
		f := fault.As(t.ofNoObject(err))
		f.MaybeDone = false // a read
		return nil, f
	}
	raw, p, err := t.single(r)
	switch {
	case err != nil:
		return nil, err
	case raw != nil:
		return a.whole(ctx, t, r.Status, raw)
	case p == nil || p.Category == "OBJECT_NOT_FOUND":
		return nil, nil
	}
	return nil, t.itemFailure(*p)
}

// whole is an object that was found with all that a read tells of it.
func (a *account) whole(ctx context.Context, t task, status int, raw []byte) (*object, error) {
	o, err := t.decoded(status, raw)
	if err != nil || !t.kind.associates() {
		return o, err
	}
	return o, a.associations(ctx, t, []*object{o})
}

// send makes a call with a body.
func (a *account) send(ctx context.Context, t task, method, path string, body any) (httpapi.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return httpapi.Response{}, &fault.Error{Category: fault.Permanent, Op: t.op, Message: "the request cannot be written"}
	}
	return a.call(ctx, t, httpapi.Request{Method: method, Path: path, Body: raw, ContentType: "application/json"})
}

// call makes a call and turns an answer that is no success into its fault.
func (a *account) call(ctx context.Context, t task, q httpapi.Request) (httpapi.Response, error) {
	r, err := a.api.Do(ctx, t.op, q)
	if err != nil {
		return r, err
	}
	if r.Status/100 != 2 {
		return r, t.failure(r, a.days.rest(r))
	}
	return r, nil
}

// ofNoObject judges a failure of a call that names no object by its path: a 404 then says that this version of the API
// has ended, or that the base URL is not HubSpot's. The work waits for somebody to see to it.
func (t task) ofNoObject(err error) error {
	if f := fault.As(err); f.Category == fault.Gone {
		f.Category, f.Message = fault.Transient, "there is no "+t.kind.many+" API of this version at the base URL"
	}
	return err
}

// single is the result of a batch of one, or its problem, or neither.
func (t task) single(r httpapi.Response) (json.RawMessage, *problem, error) {
	var batch struct {
		Results []json.RawMessage `json:"results"`
		Errors  []json.RawMessage `json:"errors"`
	}
	switch err := json.Unmarshal(r.Body, &batch); {
	case err != nil:
		return nil, nil, &fault.Error{Category: fault.Transient, Op: t.op, Status: r.Status, Message: "the answer is not HubSpot's"}
	case len(batch.Results) > 0:
		return batch.Results[0], nil, nil
	case len(batch.Errors) > 0:
		p := parse(batch.Errors[0])
		return nil, &p, nil
	}
	return nil, nil, nil
}

func (t task) decoded(status int, raw []byte) (*object, error) {
	o, err := t.kind.decode(raw)
	if err != nil {
		return nil, &fault.Error{Category: fault.Transient, Op: t.op, Status: status, Message: "the answer cannot be used", Err: err}
	}
	return o, nil
}

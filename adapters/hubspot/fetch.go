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
	"github.com/canonhub/canonhub/adapters/mapping"
)

// account reads and writes the objects of one account.
type account struct {
	api        *httpapi.Client
	kinds      kinds
	days       days
	connection string
	now        func() time.Time
}

// task is what calls are made for: in words, on which kind, and what is written, of which attributes.
type task struct {
	op      string
	kind    *kind
	paths   []string
	written mapping.Fields
}

// task is one on a kind.
func (a *account) task(what string, name adapters.Kind) (task, error) {
	k := a.kinds.named(name)
	if k == nil {
		return task{}, mapping.NotCarried(what)
	}
	return task{op: what + " " + k.one, kind: k}, nil
}

// taskOn is a task on one object.
func (a *account) taskOn(what string, o adapters.Object) (task, error) {
	t, err := a.task(what, o.Kind)
	if err == nil && !isID(o.ExternalID) {
		err = &fault.Error{Category: fault.Permanent, Op: t.op, Message: "it is no id of HubSpot's"}
	}
	return t, err
}

// taskOnAll is a task on all objects of a kind.
func (a *account) taskOnAll(what string, name adapters.Kind) (task, error) {
	t, err := a.task(what, name)
	if err == nil {
		t.op = what + " " + t.kind.many
	}
	return t, err
}

// reading is the same task where it reads: a failure then refuses no attribute.
func (t task) reading() task { return task{op: t.op, kind: t.kind} }

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

// lookup reads the object that has a value in a unique property; nil where there is none. The value travels in the
// body: paths are logged.
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
	if err != nil {
		return nil, err
	}
	return o, a.associations(ctx, t, o)
}

// read makes a call that changes nothing.
func (a *account) read(ctx context.Context, t task, path string, query url.Values) (httpapi.Response, error) {
	return a.api.Call(ctx, t.op, httpapi.Request{Method: http.MethodGet, Path: path, Query: query}, a.judging(t.reading()))
}

// ask makes a call with a body that changes nothing, and names no object by its path.
func (a *account) ask(ctx context.Context, t task, path string, body any) (httpapi.Response, error) {
	r, err := a.send(ctx, t.reading(), http.MethodPost, path, body)
	return r, fault.Undone(t.ofNoObject(err))
}

// call makes a call without a body.
func (a *account) call(ctx context.Context, t task, method, path string) (httpapi.Response, error) {
	return a.api.Call(ctx, t.op, httpapi.Request{Method: method, Path: path}, a.judging(t))
}

// send makes a call with a body.
func (a *account) send(ctx context.Context, t task, method, path string, body any) (httpapi.Response, error) {
	return a.api.Send(ctx, t.op, httpapi.Request{Method: method, Path: path}, body, a.judging(t))
}

func (a *account) judging(t task) httpapi.Judge {
	return func(r httpapi.Response) *fault.Error { return t.failure(r, a.days.rest(r)) }
}

// ofNoObject judges a failure of a call that names no object by its path: a 404 then says that this version of the API
// has ended, or that the base URL is not HubSpot's.
func (t task) ofNoObject(err error) error {
	return fault.OfNoObject(err, t.kind.many+" API of this version")
}

// odd is the failure of an answer that is a success and none of HubSpot's.
func (t task) odd(r httpapi.Response, why string) *fault.Error {
	return &fault.Error{Category: fault.Transient, Op: t.op, Status: r.Status, Message: why}
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

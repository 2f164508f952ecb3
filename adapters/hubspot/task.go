package hubspot

import (
	"context"
	"maps"
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

// reading is the same task where it reads: a failure then refuses no attribute.
func (t task) reading() task { return task{op: t.op, kind: t.kind} }

// properties are what is written without what stands for an association.
func (t task) properties() mapping.Fields {
	properties := maps.Clone(t.written)
	delete(properties, contactsProperty)
	return properties
}

func (t task) writes(property string) bool { return t.written[property] != nil }

// text is what is written to a property; empty where it is cleared or not written.
func (t task) text(property string) string {
	text, _ := t.written[property].(string)
	return text
}

// read makes a call that changes nothing.
func (a *account) read(ctx context.Context, t task, path string, query url.Values) (httpapi.Response, error) {
	return a.api.Read(ctx, t.op, httpapi.Request{Path: path, Query: query}, a.judging(t.reading()))
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

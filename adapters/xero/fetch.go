package xero

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// root is the path of the Accounting API.
const root = "/api.xro/2.0/"

// api reads and writes one organisation.
type api struct {
	client *httpapi.Client
	kinds  map[adapters.Kind]*kind
	now    func() time.Time
}

// Probe reads one contact: it proves the token, the scope and the organisation.
func (a *api) Probe(ctx context.Context) error {
	_, err := a.read(ctx, "probe", httpapi.Request{Path: root + a.kinds[customer].many, Query: url.Values{"page": {"1"}, "pageSize": {"1"}, "summaryOnly": {"true"}}})
	return ofNoObject(err)
}

// Fetch reads an object. What is archived can be read, and so can what is void or deleted.
func (a *api) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	op, k := "fetch "+string(o.Kind), a.kinds[o.Kind]
	if k == nil || !isID(string(o.ExternalID)) {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no id of a contact or an invoice"}
	}
	got, err := a.get(ctx, op, k, string(o.ExternalID))
	if err != nil {
		return adapters.Observation{}, err
	}
	return k.observe(got), nil
}

func (a *api) get(ctx context.Context, op string, k *kind, id string) (*object, error) {
	r, err := a.read(ctx, op, httpapi.Request{Path: k.path(id), Query: k.asked})
	if err != nil {
		return nil, err
	}
	return k.decoded(op, r, id)
}

// path is where an object is. Xero takes a contact's number or an invoice's there, too.
func (k *kind) path(id string) string { return root + k.many + "/" + url.PathEscape(id) }

// decoded is the one object in an answer; an id that is not empty is the one that it must have.
func (k *kind) decoded(op string, r httpapi.Response, id string) (*object, error) {
	unusable := &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer cannot be used", Err: errObject}
	list := k.list(r.Body)
	if len(list) != 1 {
		return nil, unusable
	}
	o, err := k.decode(list[0])
	if err != nil || id != "" && !strings.EqualFold(o.id, id) {
		return nil, unusable
	}
	return o, nil
}

// list is the objects in an answer; nil where it is none of Xero's.
func (k *kind) list(body []byte) []json.RawMessage {
	var answer map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer[k.many], &list) != nil {
		return nil
	}
	return list
}

func (a *api) read(ctx context.Context, op string, q httpapi.Request) (httpapi.Response, error) {
	return a.client.Read(ctx, op, q, func(r httpapi.Response) *fault.Error { return failure(op, r) })
}

// write sends one object. A success in which the object has errors is none.
func (a *api) write(ctx context.Context, op string, q httpapi.Request, c change) (httpapi.Response, error) {
	q.Query = c.kind.asked
	r, err := a.client.Send(ctx, op, q, fields{c.kind.many: []any{c.object}}, func(r httpapi.Response) *fault.Error {
		f := failure(op, r)
		if r.Status == http.StatusBadRequest {
			return c.judge(f, parse(r.Body, c.kind))
		}
		return f
	})
	if p := parse(r.Body, c.kind); err == nil && p.failed() {
		return r, c.judge(&fault.Error{Category: fault.Permanent, Op: op, Status: r.Status}, p)
	}
	return r, err
}

// ofNoObject judges a failure of a call that names no object by its path.
func ofNoObject(err error) error { return fault.OfNoObject(err, "API of Xero's") }

package zendesk

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

const root = "/api/v2/"

// api reads and writes one account.
type api struct {
	client     *httpapi.Client
	connection string
	now        func() time.Time
}

// Probe asks who we are: Zendesk lets a wrong API token in, as a user without an id.
func (a *api) Probe(ctx context.Context) error {
	const op = "probe"
	r, err := a.read(ctx, op, root+"users/me", nil)
	if err != nil {
		return ofNoObject(err)
	}
	var me struct {
		User map[string]json.RawMessage `json:"user"`
	}
	switch err := json.Unmarshal(r.Body, &me); {
	case err != nil || me.User == nil:
		return &fault.Error{Category: fault.Permanent, Op: op, Status: r.Status, Message: "the answer is not Zendesk's"}
	case !mapping.IsNumber(mapping.Text(me.User["id"])):
		return &fault.Error{Category: fault.Auth, Op: op, Status: r.Status, Message: "Zendesk takes us for an anonymous user"}
	}
	return nil
}

// Fetch reads an object. A deleted ticket cannot be read, a deleted user can.
func (a *api) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	op := "fetch " + string(o.Kind)
	k := kinds[o.Kind]
	if k == nil || !mapping.IsNumber(string(o.ExternalID)) {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no id of a ticket or a user"}
	}
	got, err := a.get(ctx, op, k, string(o.ExternalID))
	if err != nil {
		return adapters.Observation{}, err
	}
	return k.observe(got, a.connection), nil
}

func (a *api) get(ctx context.Context, op string, k *kind, id string) (*object, error) {
	r, err := a.read(ctx, op, k.path(id), nil)
	if err != nil {
		return nil, err
	}
	return k.decoded(op, r, id)
}

func (k *kind) path(id string) string { return root + k.many + "/" + id }

// decoded is the object in an answer; an id that is not empty is the one that it must have.
func (k *kind) decoded(op string, r httpapi.Response, id string) (*object, error) {
	var answer map[string]json.RawMessage
	_ = json.Unmarshal(r.Body, &answer) // without any, the object is missing
	o, err := decode(answer[k.one])
	if err != nil || id != "" && o.text("id") != id {
		return nil, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer cannot be used", Err: errObject}
	}
	return o, nil
}

// list is the objects in an answer.
func (k *kind) list(op string, r httpapi.Response) ([]json.RawMessage, error) {
	var answer map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(r.Body, &answer) != nil || json.Unmarshal(answer[k.many], &list) != nil || list == nil {
		return nil, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no list of Zendesk's"}
	}
	return list, nil
}

func (a *api) read(ctx context.Context, op, path string, query url.Values) (httpapi.Response, error) {
	return a.client.Read(ctx, op, httpapi.Request{Path: path, Query: query}, judging(op, nil))
}

// write makes a call with a body. paths are the attributes being written.
func (a *api) write(ctx context.Context, op string, q httpapi.Request, body any, paths []string) (httpapi.Response, error) {
	return a.client.Send(ctx, op, q, body, judging(op, paths))
}

func judging(op string, paths []string) httpapi.Judge {
	return func(r httpapi.Response) *fault.Error { return failure(op, r, paths) }
}

// ofNoObject judges a failure of a call that names no object by its path.
func ofNoObject(err error) error { return fault.OfNoObject(err, "API of Zendesk's") }

package salesforce

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// api reads and writes one org.
type api struct {
	*org
	client     *httpapi.Client
	connection string
}

// Where queries go: live rows alone, or deleted ones as well.
const (
	live = "query"
	all  = "queryAll"
)

// Probe lists the API's resources.
func (a *api) Probe(ctx context.Context) error {
	const op = "probe"
	r, err := a.read(ctx, op, a.root, nil, nil)
	if err != nil {
		return ofNoObject(err)
	}
	var resources map[string]json.RawMessage
	if json.Unmarshal(r.Body, &resources) != nil || resources["sobjects"] == nil {
		return &fault.Error{Category: fault.Permanent, Op: op, Status: r.Status, Message: "the answer is not Salesforce's"}
	}
	return nil
}

// Fetch reads a row, be it in the bin.
func (a *api) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	op, k := "fetch "+string(o.Kind), a.kinds[o.Kind]
	if k == nil {
		return adapters.Observation{}, mapping.NotCarried(op)
	}
	got, err := a.get(ctx, op, k, string(o.ExternalID))
	if err != nil {
		return adapters.Observation{}, err
	}
	return a.observe(k, got), nil
}

// get reads one row by its id.
func (a *api) get(ctx context.Context, op string, k *kind, id string) (*object, error) {
	missing := &fault.Error{Category: fault.Gone, Op: op, Message: "Salesforce has no such row"}
	if !isWord(id) {
		return nil, missing
	}
	in, _, err := a.ask(ctx, op, all, k.where(equals("Id", id)), k)
	switch f := fault.As(err); {
	case err != nil && !isID(id) && (f.Code == "INVALID_QUERY_FILTER_OPERATOR" || f.Code == "MALFORMED_ID"):
		return nil, missing // it does not even look like one of Salesforce's
	case err != nil:
		return nil, err
	case len(in.Records) == 0:
		return nil, missing
	}
	o, err := a.whole(ctx, op, k, in.Records[0])
	if err == nil && isID(id) && o.id != long(id) {
		return nil, unusable(op)
	}
	return o, err
}

// whole reads a row of an answer, and the lines that did not come with their order.
func (a *api) whole(ctx context.Context, op string, k *kind, raw []byte) (*object, error) {
	o, err := decode(raw)
	if err != nil {
		return nil, unusable(op)
	}
	return o, a.rest(ctx, op, k, o)
}

func unusable(op string) error {
	return &fault.Error{Category: fault.Transient, Op: op, Message: "the answer cannot be used", Err: errObject}
}

// ask makes a query.
func (a *api) ask(ctx context.Context, op, where string, q query, k *kind) (rows, httpapi.Response, error) {
	r, err := a.read(ctx, op, a.root+where, q.values(), k)
	if err != nil {
		return rows{}, r, err
	}
	in, err := answered(op, r)
	return in, r, err
}

// answered is what a query's answer has.
func answered(op string, r httpapi.Response) (rows, error) {
	var in rows
	if json.Unmarshal(r.Body, &in) != nil || in.Records == nil || in.Done == nil {
		return rows{}, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is no list of Salesforce's"}
	}
	return in, nil
}

// read makes a call that changes nothing.
func (a *api) read(ctx context.Context, op, path string, query url.Values, k *kind) (httpapi.Response, error) {
	return a.client.Read(ctx, op, httpapi.Request{Path: path, Query: query}, a.judging(op, k, nil))
}

// ofNoObject judges a failure of a call that is about no one row.
func ofNoObject(err error) error { return fault.OfNoObject(err, "API of this version") }

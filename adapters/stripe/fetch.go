package stripe

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
)

// maxLinePages bounds an invoice's further pages of lines, of 100 each.
const maxLinePages = 100

// Fetch reads an object, an invoice with all its lines. A customer that was deleted comes back in a short form with
// status 200.
func (a *api) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	op, k := "fetch "+string(o.Kind), kinds[o.Kind]
	if k == nil {
		return adapters.Observation{}, mapping.NotCarried(op)
	}
	path := k.list + "/" + url.PathEscape(string(o.ExternalID))
	r, err := a.call(ctx, op, httpapi.Request{Method: http.MethodGet, Path: path})
	if err != nil {
		return adapters.Observation{}, err
	}
	observation, more, err := k.read(op, r)
	if err == nil && more {
		if r.Body, err = a.withAllLines(ctx, op, path+"/lines", r.Body); err == nil {
			observation, _, err = k.read(op, r)
		}
	}
	observation.At = r.Date
	return observation, err
}

// read is the object in an answer.
func (k *kind) read(op string, r httpapi.Response) (adapters.Observation, bool, error) {
	o, more, err := k.observe(r.Body)
	if err != nil {
		return o, more, &fault.Error{Category: fault.Permanent, Op: op, Status: r.Status, Err: err}
	}
	return o, more, nil
}

// withAllLines puts the further pages of an invoice's lines into it.
func (a *api) withAllLines(ctx context.Context, op, path string, body []byte) ([]byte, error) {
	var whole map[string]json.RawMessage
	var lines struct {
		Data    []json.RawMessage `json:"data"`
		HasMore bool              `json:"has_more"`
	}
	if json.Unmarshal(body, &whole) != nil || json.Unmarshal(whole["lines"], &lines) != nil {
		return nil, &fault.Error{Category: fault.Permanent, Op: op, Err: errShape}
	}
	all := lines.Data
	for page := 0; lines.HasMore && len(lines.Data) > 0; page++ {
		if page == maxLinePages {
			return nil, &fault.Error{Category: fault.Permanent, Op: op, Message: "the invoice has more than 10,000 lines"}
		}
		query := url.Values{"limit": {"100"}, "starting_after": {idOf(lines.Data[len(lines.Data)-1])}}
		r, err := a.call(ctx, op+" lines", httpapi.Request{Method: http.MethodGet, Path: path, Query: query})
		if err != nil {
			return nil, err
		}
		lines.Data, lines.HasMore = nil, false
		if err := json.Unmarshal(r.Body, &lines); err != nil {
			return nil, &fault.Error{Category: fault.Permanent, Op: op, Err: errShape}
		}
		all = append(all, lines.Data...)
	}
	var err error
	if whole["lines"], err = json.Marshal(map[string]any{"object": "list", "data": all, "has_more": false}); err != nil {
		return nil, err
	}
	return json.Marshal(whole)
}

// Probe makes the cheapest call that needs the key.
func (a *api) Probe(ctx context.Context) error {
	_, err := a.call(ctx, "probe", httpapi.Request{Method: http.MethodGet, Path: customers.list, Query: url.Values{"limit": {"1"}}})
	return err
}

// call makes a call; an answer that is no success is a fault.
func (a *api) call(ctx context.Context, op string, r httpapi.Request) (httpapi.Response, error) {
	r.Header = http.Header{"Stripe-Version": {version}}
	return a.client.Call(ctx, op, r, func(r httpapi.Response) *fault.Error { return failure(op, r) })
}

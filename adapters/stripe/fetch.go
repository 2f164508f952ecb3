package stripe

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// maxLinePages bounds an invoice's further pages of lines, of 100 each.
const maxLinePages = 100

// lists are the addresses of the objects of a kind.
var lists = map[adapters.Kind]string{customer: "/v1/customers", invoice: "/v1/invoices"}

// Fetch reads an object, an invoice with all its lines. A customer that was deleted comes back in a short form with
// status 200.
func (a *api) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	op := "fetch " + string(o.Kind)
	path := lists[o.Kind] + "/"
	r, err := a.call(ctx, op, httpapi.Request{Method: http.MethodGet, Path: path + url.PathEscape(string(o.ExternalID))})
	if err != nil {
		return adapters.Observation{}, err
	}
	observation, more, err := observe(o.Kind, r.Body)
	if err == nil && more {
		var whole []byte
		if whole, err = a.withAllLines(ctx, op, path+url.PathEscape(string(o.ExternalID))+"/lines", r.Body); err == nil {
			observation, _, err = observe(o.Kind, whole)
		}
	}
	observation.At = r.Date
	return observation, err
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
	_, err := a.call(ctx, "probe", httpapi.Request{Method: http.MethodGet, Path: "/v1/customers", Query: url.Values{"limit": {"1"}}})
	return err
}

// call makes a call; an answer that is no success is a fault.
func (a *api) call(ctx context.Context, op string, r httpapi.Request) (httpapi.Response, error) {
	r.Header = http.Header{"Stripe-Version": {version}}
	resp, err := a.client.Do(ctx, op, r)
	if err != nil {
		return resp, err
	}
	if resp.Status < 200 || resp.Status > 299 {
		return resp, failure(op, resp)
	}
	return resp, nil
}

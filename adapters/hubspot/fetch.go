package hubspot

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

// base is the contacts API, in a version that HubSpot keeps until September 2027.
const base = "/crm/objects/2026-03/contacts"

// contacts reads and writes the contacts of one account.
type contacts struct {
	api        *httpapi.Client
	connection string
	now        func() time.Time
}

// Probe lists one contact.
func (c *contacts) Probe(ctx context.Context) error {
	const op = "probe"
	r, err := c.call(ctx, op, httpapi.Request{Method: http.MethodGet, Path: base, Query: url.Values{"limit": {"1"}}}, nil)
	if err != nil {
		return ofNoObject(err)
	}
	var page struct {
		Results []json.RawMessage `json:"results"`
	}
	if json.Unmarshal(r.Body, &page) != nil || page.Results == nil {
		return &fault.Error{Category: fault.Permanent, Op: op, Status: r.Status, Message: "the answer is not HubSpot's"}
	}
	return nil
}

// Fetch reads a contact. One that was merged away answers with the contact that lives on: it is gone, and that other
// one has events of its own.
func (c *contacts) Fetch(ctx context.Context, o adapters.Object) (adapters.Observation, error) {
	const op = "fetch contact"
	if o.Kind != customer || !isID(string(o.ExternalID)) {
		return adapters.Observation{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "it is no contact's id"}
	}
	got, err := c.get(ctx, op, string(o.ExternalID))
	if err != nil {
		return adapters.Observation{}, err
	}
	if string(got.ID) != string(o.ExternalID) {
		return adapters.Observation{Object: o, At: got.at(), Gone: true, MergedInto: adapters.ExternalID(got.ID), Raw: got.raw}, nil
	}
	return observe(got, c.connection), nil
}

// get reads one contact with all mapped properties.
func (c *contacts) get(ctx context.Context, op, id string) (*object, error) {
	r, err := c.call(ctx, op, httpapi.Request{
		Method: http.MethodGet, Path: base + "/" + id, Query: url.Values{"properties": {strings.Join(asked, ",")}},
	}, nil)
	if err != nil {
		return nil, err
	}
	return decoded(op, r.Status, r.Body)
}

// lookup reads the contact that has a value in a unique property; nil where there is none. The value travels in the
// body: paths are logged.
func (c *contacts) lookup(ctx context.Context, op, property, text string) (*object, error) {
	body, err := json.Marshal(map[string]any{
		"idProperty": property, "inputs": []map[string]string{{"id": text}}, "properties": asked,
	})
	if err != nil {
		return nil, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be written"}
	}
	r, err := c.call(ctx, op, httpapi.Request{
		Method: http.MethodPost, Path: base + "/batch/read", Body: body, ContentType: "application/json"}, nil)
	if err != nil {
		f := fault.As(ofNoObject(err))
		f.MaybeDone = false // a read
		return nil, f
	}
	raw, p, err := single(op, r)
	switch {
	case err != nil:
		return nil, err
	case raw != nil:
		return decoded(op, r.Status, raw)
	case p == nil || p.Category == "OBJECT_NOT_FOUND":
		return nil, nil
	}
	return nil, itemFailure(op, *p, nil)
}

// call makes a call and turns an answer that is no success into its fault.
func (c *contacts) call(ctx context.Context, op string, q httpapi.Request, paths []string) (httpapi.Response, error) {
	r, err := c.api.Do(ctx, op, q)
	if err != nil {
		return r, err
	}
	if r.Status/100 != 2 {
		return r, failure(op, r, paths)
	}
	return r, nil
}

// ofNoObject judges a failure of a call that names no object by its path: a 404 then says that this version of the API
// has ended, or that the base URL is not HubSpot's. The work waits for somebody to see to it.
func ofNoObject(err error) error {
	if f := fault.As(err); f.Category == fault.Gone {
		f.Category, f.Message = fault.Transient, "there is no contacts API of this version at the base URL"
	}
	return err
}

// single is the result of a batch of one, or its problem, or neither.
func single(op string, r httpapi.Response) (json.RawMessage, *problem, error) {
	var batch struct {
		Results []json.RawMessage `json:"results"`
		Errors  []json.RawMessage `json:"errors"`
	}
	switch err := json.Unmarshal(r.Body, &batch); {
	case err != nil:
		return nil, nil, &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, Message: "the answer is not HubSpot's"}
	case len(batch.Results) > 0:
		return batch.Results[0], nil, nil
	case len(batch.Errors) > 0:
		p := parse(batch.Errors[0])
		return nil, &p, nil
	}
	return nil, nil, nil
}

func decoded(op string, status int, raw []byte) (*object, error) {
	o, err := decode(raw)
	if err != nil {
		return nil, &fault.Error{Category: fault.Transient, Op: op, Status: status, Message: "the answer cannot be used", Err: err}
	}
	return o, nil
}

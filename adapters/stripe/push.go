package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
	"github.com/canonhub/canonhub/adapters/mapping"
	canonicalv1 "github.com/canonhub/canonhub/gen/canonhub/canonical/v1"
)

// Prepare freezes a patch. A create leaves our record's id in the metadata. Addresses are sent with their other parts as the
// customer has them, since they may be replaced whole.
func (a *api) Prepare(p adapters.Patch) (adapters.Request, error) {
	k := kinds[p.Kind]
	if k == nil || p.ExternalID == "" && !k.creates {
		return adapters.Request{}, &fault.Error{Category: fault.Permanent, Op: "prepare", Message: "such a " + string(p.Kind) + " cannot be written to Stripe"}
	}
	f, err := k.Attempt(p)
	if err != nil {
		return adapters.Request{}, err
	}
	f.Also = mapping.Fields{}
	if p.ExternalID == "" {
		f.Also["metadata["+recordIDKey+"]"] = p.RecordID
	}
	written := f.Fields()
	for _, row := range k.Rows {
		if field := row.Fields[0]; p.Held != nil && row.Write != nil && has(written, group(field)) && written[field] == nil {
			if held, _ := k.Write(row.Path, false, p.Held); !mapping.Blank(held) { // what Stripe has it can hold
				mapping.Join(f.Also, held)
			}
		}
	}
	switch all := f.Fields(); {
	case !has(all, shipping):
	case !says(all, shipping):
		f.Also["shipping"] = "" // it is cleared as a whole
	case mapping.Blank(all["shipping[name]"]):
		f.Also["shipping[name]"] = mapping.WholeName(p.Message.(*canonicalv1.Customer).GetName())
	}
	return f.Freeze(p)
}

// shipping is what the names of the shipping address' fields begin with.
const shipping = "shipping["

// group is what the names of an address' fields begin with; empty for a field of no address.
func group(field string) string {
	for _, prefix := range []string{"address[", shipping} {
		if strings.HasPrefix(field, prefix) {
			return prefix
		}
	}
	return ""
}

// has says that some of a group's fields are written, says that one has a value.
func has(w mapping.Fields, group string) bool { return among(w, group, func(any) bool { return true }) }

func says(w mapping.Fields, group string) bool {
	return among(w, group, func(value any) bool { return !mapping.Blank(value) })
}

func among(w mapping.Fields, group string, is func(any) bool) bool {
	for field, value := range w {
		if group != "" && strings.HasPrefix(field, group) && is(value) {
			return true
		}
	}
	return false
}

// form is what is sent. Stripe clears by an empty text, a list by one without an index.
func form(f mapping.Frozen) url.Values {
	all, out := f.Fields(), url.Values{}
	for field, value := range all {
		text, _ := value.(string) // all are texts
		if field == "preferred_locales[0]" && text == "" {
			field = "preferred_locales[]"
		}
		if _, cleared := all["shipping"]; !cleared || !strings.HasPrefix(field, shipping) {
			out.Set(field, text)
		}
	}
	return out
}

// Push makes the call.
func (a *api) Push(ctx context.Context, r adapters.Request) (adapters.Ack, error) {
	op, k, f, err := mapping.Open(r, kinds)
	if err != nil {
		return adapters.Ack{}, err
	}
	path := k.list
	if r.ExternalID != "" {
		path += "/" + url.PathEscape(string(r.ExternalID))
	}
	resp, err := a.call(ctx, op, httpapi.Request{Method: http.MethodPost, Path: path, Body: []byte(form(f).Encode()),
		ContentType: "application/x-www-form-urlencoded", Key: r.Key})
	if err != nil {
		return adapters.Ack{}, err
	}
	o, more, err := k.read(op, resp)
	if err != nil {
		return adapters.Ack{}, fault.Done(err)
	}
	o.At = resp.Date
	if !replayed(resp) && !more {
		return adapters.Ack{Observation: o}, nil
	}
	return a.confirm(ctx, o.Object)
}

// confirm reads what was pushed: a saved answer is as old as the first send, and a long invoice is not all in an answer.
func (a *api) confirm(ctx context.Context, pushed adapters.Object) (adapters.Ack, error) {
	now, err := a.Fetch(ctx, pushed)
	switch {
	case err != nil:
		return adapters.Ack{}, fault.Done(err)
	case now.Gone:
		return adapters.Ack{}, &fault.Error{Category: fault.Gone, Op: "confirm " + string(pushed.Kind), Message: "it was deleted after it was written"}
	}
	return adapters.Ack{Observation: now}, nil
}

// Find looks for our record id, first among the customers with the e-mail address that was sent: lists are up to date,
// while the search lags behind by about a minute, and by up to an hour in incidents.
func (a *api) Find(ctx context.Context, r adapters.Request) (*adapters.Observation, error) {
	if f, err := mapping.Thaw(r); err == nil && form(f).Get("email") != "" {
		found, err := a.find(ctx, r.RecordID, customers.list, url.Values{"email": {form(f).Get("email")}, "limit": {"100"}})
		if found != nil || err != nil {
			return found, err
		}
	}
	query := url.Values{"query": {fmt.Sprintf("metadata['%s']:'%s'", recordIDKey, strings.ReplaceAll(r.RecordID, "'", ""))}, "limit": {"1"}}
	return a.find(ctx, r.RecordID, customers.list+"/search", query)
}

func (a *api) find(ctx context.Context, recordID, path string, query url.Values) (*adapters.Observation, error) {
	resp, err := a.call(ctx, "find customer", httpapi.Request{Method: http.MethodGet, Path: path, Query: query})
	if err != nil {
		return nil, err
	}
	var found struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(resp.Body, &found); err != nil {
		return nil, &fault.Error{Category: fault.Permanent, Op: "find customer", Err: errShape}
	}
	for _, raw := range found.Data {
		o, _, err := customers.observe(raw)
		if err != nil {
			return nil, &fault.Error{Category: fault.Permanent, Op: "find customer", Err: err}
		}
		if o.At = resp.Date; o.RecordID == recordID {
			return &o, nil
		}
	}
	return nil, nil
}

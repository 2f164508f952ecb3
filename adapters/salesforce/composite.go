package salesforce

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// step is one request inside a composite one.
type step struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Name    string            `json:"referenceId"`
	Headers map[string]string `json:"httpHeaders,omitempty"`
	Body    map[string]any    `json:"body,omitempty"`
}

// asks is a query as a step. Its text is in a body then, which nobody logs.
func (a *api) asks(q query) step {
	return step{Method: http.MethodGet, URL: a.root + live + "?" + q.values().Encode(), Name: "read"}
}

// together makes requests that are all done or not at all, and gives the answer to each.
func (a *api) together(ctx context.Context, op string, k *kind, paths []string, steps ...step) ([]httpapi.Response, error) {
	body := map[string]any{"allOrNone": true, "compositeRequest": steps}
	r, err := a.client.Send(ctx, op, httpapi.Request{Method: http.MethodPost, Path: a.root + "composite"}, body, a.judging(op, k, paths))
	if err != nil {
		return nil, err
	}
	var in struct {
		Answers []struct {
			Body   json.RawMessage `json:"body"`
			Status int             `json:"httpStatusCode"`
		} `json:"compositeResponse"`
	}
	if json.Unmarshal(r.Body, &in) != nil || len(in.Answers) != len(steps) {
		return nil, unread(op, r)
	}
	out := make([]httpapi.Response, len(steps))
	for i, one := range in.Answers {
		out[i] = r
		out[i].Status, out[i].Body = one.Status, one.Body
	}
	return out, nil
}

// unread is an answer to a write that does not tell what came of it.
func unread(op string, r httpapi.Response) *fault.Error {
	return &fault.Error{Category: fault.Transient, Op: op, Status: r.Status, MaybeDone: true, Message: "the answer is not Salesforce's"}
}

// halted is Salesforce's code for what was not done, or undone, since another step failed.
const halted = "PROCESSING_HALTED"

// put makes a write, and reads the row as the write left it. Where the write fails, the answer says how.
func (a *api) put(ctx context.Context, op string, k *kind, write step, where string, paths []string) (*object, httpapi.Response, error) {
	answers, err := a.together(ctx, op, k, paths, write, a.asks(k.where(where)))
	if err != nil {
		return nil, httpapi.Response{}, err
	}
	for _, r := range answers {
		if r.Status/100 != 2 && parse(r.Body).code() != halted {
			return nil, r, a.failure(op, r, k, paths)
		}
	}
	in, err := answered(op, answers[1])
	if err != nil || len(in.Records) != 1 {
		return nil, answers[1], unread(op, answers[1])
	}
	o, err := a.whole(ctx, op, k, in.Records[0])
	return o, answers[1], fault.Done(err)
}

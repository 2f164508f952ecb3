package shopify

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// shop reads and writes one shop's objects.
type shop struct{ api *httpapi.Client }

// document is a GraphQL operation with its variables.
type document struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// answer is what an operation came to.
type answer struct {
	// Data is by the fields of the operation's root.
	Data map[string]json.RawMessage
	// Date is Shopify's clock.
	Date time.Time
}

// read makes a call that changes nothing, whatever comes of it.
func (s *shop) read(ctx context.Context, op string, d document) (answer, error) {
	a, err := s.call(ctx, op, d)
	return a, fault.Undone(err)
}

// call makes a call. An operation answers with 200 even where it failed, and says so in its body.
func (s *shop) call(ctx context.Context, op string, d document) (answer, error) {
	r, err := s.api.Send(ctx, op, httpapi.Request{Method: http.MethodPost, Path: endpoint}, d,
		func(r httpapi.Response) *fault.Error { return failure(op, r) })
	if err != nil {
		return answer{}, err
	}
	var in struct {
		Data       map[string]json.RawMessage `json:"data"`
		Errors     json.RawMessage            `json:"errors"`
		Extensions json.RawMessage            `json:"extensions"`
	}
	readable := json.Unmarshal(r.Body, &in) == nil
	switch {
	case !readable || in.Data == nil && !some(in.Errors): // a proxy's page, half a text
		f := unread(op)
		f.Status, f.MaybeDone = r.Status, true
		return answer{}, f
	case some(in.Errors):
		return answer{}, failed(op, r, in.Errors)
	case misunderstood(in.Extensions):
		return answer{}, &fault.Error{Category: fault.Permanent, Op: op, Status: r.Status,
			Message: "Shopify did not understand the search, and answered without it"}
	}
	return answer{Data: in.Data, Date: r.Clock()}, nil
}

// some says that there are errors.
func some(errors json.RawMessage) bool {
	return len(errors) > 0 && !bytes.Equal(errors, []byte("null")) && !bytes.Equal(errors, []byte("[]"))
}

// misunderstood says that a part of the search was left out: such an answer is about all there is.
func misunderstood(extensions json.RawMessage) bool {
	var in struct {
		Search []struct {
			Warnings []json.RawMessage `json:"warnings"`
		} `json:"search"`
	}
	_ = json.Unmarshal(extensions, &in) // where there is no such thing, there is no warning
	for _, search := range in.Search {
		if len(search.Warnings) > 0 {
			return true
		}
	}
	return false
}

// unread is an answer that has not what was asked for.
func unread(op string) *fault.Error {
	return &fault.Error{Category: fault.Transient, Op: op, Message: "the answer is not Shopify's"}
}

// missing is the fault of an object that is not there. GraphQL has no status for it; this is the one that others have.
func missing(op string) *fault.Error {
	return &fault.Error{Category: fault.Gone, Op: op, Status: http.StatusNotFound, Message: "the shop has no such object"}
}

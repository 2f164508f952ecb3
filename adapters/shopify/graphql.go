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
type shop struct {
	api        *httpapi.Client
	connection string
}

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
	if err != nil {
		f := *fault.As(err)
		f.MaybeDone = false
		return a, &f
	}
	return a, nil
}

// call makes a call. An operation answers with 200 even where it failed, and says so in its body.
func (s *shop) call(ctx context.Context, op string, d document) (answer, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return answer{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be written"}
	}
	r, err := s.api.Do(ctx, op, httpapi.Request{Method: http.MethodPost, Path: endpoint, Body: body, ContentType: "application/json"})
	if err != nil {
		return answer{}, err
	}
	if r.Status/100 != 2 {
		return answer{}, failure(op, r)
	}
	var in struct {
		Data       map[string]json.RawMessage `json:"data"`
		Errors     json.RawMessage            `json:"errors"`
		Extensions json.RawMessage            `json:"extensions"`
	}
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return answer{}, foreign(op, r.Status)
	}
	switch {
	case len(in.Errors) > 0 && !bytes.Equal(in.Errors, []byte("null")) && !bytes.Equal(in.Errors, []byte("[]")):
		return answer{}, failed(op, r, in.Errors, costOf(in.Extensions))
	case in.Data == nil:
		return answer{}, foreign(op, r.Status)
	case misunderstood(in.Extensions):
		return answer{}, &fault.Error{Category: fault.Permanent, Op: op, Status: r.Status,
			Message: "Shopify did not understand the search, and answered without it"}
	}
	out := answer{Data: in.Data, Date: r.Date}
	if out.Date.IsZero() {
		out.Date = r.ReceivedAt.UTC()
	}
	return out, nil
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

// foreign is an answer in 2xx that is not GraphQL's: a proxy's page, half a text.
func foreign(op string, status int) *fault.Error {
	return &fault.Error{Category: fault.Transient, Op: op, Status: status, MaybeDone: true, Message: "the answer is not Shopify's"}
}

// missing is the fault of an object that is not there. GraphQL has no status for it; this is the one that others have.
func missing(op string) *fault.Error {
	return &fault.Error{Category: fault.Gone, Op: op, Status: http.StatusNotFound, Message: "the shop has no such object"}
}

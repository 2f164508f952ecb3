package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
)

// Judge makes the fault of an answer that is no success.
type Judge func(Response) *fault.Error

// Call makes one call, and judges an answer that is no success. The answer is there beside its fault.
func (c *Client) Call(ctx context.Context, op string, r Request, judge Judge) (Response, error) {
	answer, err := c.Do(ctx, op, r)
	if err != nil {
		return answer, err
	}
	if answer.Status/100 != 2 {
		return answer, judge(answer)
	}
	return answer, nil
}

// Read makes a call, a GET where it says no method, that changes nothing whatever becomes of it.
func (c *Client) Read(ctx context.Context, op string, r Request, judge Judge) (Response, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	answer, err := c.Call(ctx, op, r, judge)
	return answer, fault.Undone(err)
}

// Send makes a call with a body of JSON.
func (c *Client) Send(ctx context.Context, op string, r Request, body any, judge Judge) (Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Response{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be written"}
	}
	r.Body, r.ContentType = raw, "application/json"
	return c.Call(ctx, op, r, judge)
}

// Clock is the vendor's clock when it answered, or ours where it did not say.
func (r Response) Clock() time.Time {
	if r.Date.IsZero() {
		return r.ReceivedAt.UTC()
	}
	return r.Date
}

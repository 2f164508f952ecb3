// Package httpapi is the one HTTP client of all adapters. It makes one attempt a call: trying again is the job's matter.
//
// The one exception is net/http's own: a read on a kept connection that turns out to be broken is sent on another. That
// cannot be switched off, and a write is kept from it.
package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// maxResponse bounds a response's body, after decompression.
const maxResponse = 8 << 20

// Request is one call.
type Request struct {
	Method string
	// Path below the base URL, with a leading slash and escaped as it is sent.
	Path        string
	Query       url.Values
	Header      http.Header
	Body        []byte
	ContentType string
	// Key is sent as Idempotency-Key where it is not empty.
	Key string
}

// Response is an answer, whatever its status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Date is the vendor's clock, whole seconds in UTC; zero where it did not say.
	Date time.Time
	// ReceivedAt is our clock when it came.
	ReceivedAt time.Time
}

// Vendor is what calls to one vendor have of their own.
type Vendor struct {
	// Authorize adds the credentials to each request; nil where there are none. Its error is a *fault.Error, and the
	// request is not sent.
	Authorize func(*http.Request) error
	// Hints reads what an answer tells of the vendor's limits; nil where answers tell nothing.
	Hints func(Response) []adapters.Hint
}

// Client calls one connection's API.
type Client struct {
	base    string
	http    *http.Client
	now     func() time.Time
	vendor  Vendor
	observe func(adapters.Hint)
}

// New makes a client.
func New(s adapters.Settings, v Vendor) *Client {
	if s.Now == nil {
		s.Now = time.Now
	}
	return &Client{base: strings.TrimSuffix(s.BaseURL, "/"), http: s.HTTP, now: s.Now, vendor: v, observe: s.Observe}
}

// Bearer authorizes with the token that the hub keeps, or else with the credential of that name.
func Bearer(s adapters.Settings, credential string) func(*http.Request) error {
	return func(r *http.Request) error {
		token := s.Credentials[credential]
		if s.Token != nil {
			var err error
			if token, err = s.Token(r.Context()); err != nil {
				return err
			}
		}
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
		return nil
	}
}

// Do makes one call. The error, a *fault.Error, means that no usable answer came; every status is an answer. No error
// holds the query, a header or a body.
func (c *Client) Do(ctx context.Context, op string, r Request) (Response, error) {
	way := &way{}
	req, err := c.request(way.watch(ctx), r)
	var refused *fault.Error
	switch {
	case errors.As(err, &refused):
		return Response{}, unauthorized(op, refused)
	case err != nil:
		return Response{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be made", Err: cause(err)}
	}
	if err := ctx.Err(); err != nil {
		return Response{}, noAnswer(op, false, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Response{}, noAnswer(op, writes(r.Method) && way.maybeSent(err), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return Response{}, noAnswer(op, writes(r.Method), err)
	}
	if len(body) > maxResponse {
		return Response{}, &fault.Error{Category: fault.Permanent, Op: op, Status: resp.StatusCode, MaybeDone: writes(r.Method),
			Message: fmt.Sprintf("the answer is larger than %d MiB", maxResponse>>20)}
	}
	out := Response{Status: resp.StatusCode, Header: resp.Header, Body: body, ReceivedAt: c.now()}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		out.Date = date.UTC()
	}
	c.tell(out)
	return out, nil
}

// tell passes on what an answer says of the vendor's limits.
func (c *Client) tell(r Response) {
	if c.observe == nil || c.vendor.Hints == nil {
		return
	}
	for _, hint := range c.vendor.Hints(r) {
		c.observe(hint)
	}
}

// unauthorized is the failure to get a token, as the failure of the call that needed it. Nothing was sent.
func unauthorized(op string, err *fault.Error) *fault.Error {
	f := *err
	f.Op, f.MaybeDone = op, false
	if err.Op != "" {
		f.Op += ": " + err.Op
	}
	return &f
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	target := c.base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	if r.Key != "" {
		// Under its canonical name net/http takes the header for leave to send a write again by itself when a kept connection
		// breaks. On the wire the case of a name means nothing.
		req.Header["idempotency-key"] = []string{r.Key}
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if c.vendor.Authorize == nil {
		return req, nil
	}
	return req, c.vendor.Authorize(req)
}

// writes says whether a call may change something at the vendor.
func writes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

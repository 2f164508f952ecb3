// Package httpapi is the one HTTP client of all adapters. It makes one attempt a call: trying again is the job's matter.
package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

// maxResponse bounds a response's body.
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
}

// Client calls one connection's API.
type Client struct {
	base      string
	http      *http.Client
	authorize func(*http.Request)
}

// New makes a client. authorize adds the credentials to each request.
func New(s adapters.Settings, authorize func(*http.Request)) *Client {
	return &Client{base: strings.TrimSuffix(s.BaseURL, "/"), http: s.HTTP, authorize: authorize}
}

// Do makes one call. The error, a *fault.Error, means that no usable answer came; every status is an answer. No error
// holds the query, a header or a body.
func (c *Client) Do(ctx context.Context, op string, r Request) (Response, error) {
	sent := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent = true }})
	req, err := c.request(ctx, r)
	if err != nil {
		return Response{}, &fault.Error{Category: fault.Permanent, Op: op, Message: "the request cannot be made", Err: withoutURL(err)}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Response{}, noAnswer(op, r.Method, sent, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return Response{}, noAnswer(op, r.Method, true, err)
	}
	if len(body) > maxResponse {
		return Response{}, &fault.Error{Category: fault.Permanent, Op: op, Status: resp.StatusCode, MaybeDone: r.Method != http.MethodGet,
			Message: fmt.Sprintf("the answer is larger than %d MiB", maxResponse>>20)}
	}
	out := Response{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		out.Date = date.UTC()
	}
	return out, nil
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
		req.Header[name] = values
	}
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	if r.Key != "" {
		req.Header.Set("Idempotency-Key", r.Key)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	c.authorize(req)
	return req, nil
}

// noAnswer is the fault of a call that no answer came to. Work may have been done once the request was on its way.
func noAnswer(op, method string, sent bool, err error) *fault.Error {
	var unsent interface{ NotSent() bool }
	if errors.As(err, &unsent) {
		sent = false
	}
	message := "no answer from the vendor"
	if errors.Is(err, context.DeadlineExceeded) {
		message = "no answer from the vendor in time"
	}
	return &fault.Error{Category: fault.Transient, Op: op, Message: message, MaybeDone: sent && method != http.MethodGet, Err: withoutURL(err)}
}

// withoutURL takes off the url.Error, which prints the whole URL with its query.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

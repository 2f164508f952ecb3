package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// Options set the transport chain up.
type Options struct {
	// BaseURL of the API. Only where it is on loopback or in a private range may calls go there.
	BaseURL string
	// Timeout of a whole call; 0 means 20 s.
	Timeout time.Duration
	// Log takes one debug line a call; nil for none.
	Log *slog.Logger
}

// NewHTTPClient makes the hub's client for one connection. From the outside in: the budget of the whole call, redirects
// to the same host only, headers of the trace, the log, and the dialer, which refuses private addresses unless the base
// URL has one (a vendor's redirect or DNS must not lead into the house).
func NewHTTPClient(o Options) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if !isPrivate(o.BaseURL) {
		dialer.Control = publicOnly
	}
	transport := &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: o.Timeout, ExpectContinueTimeout: time.Second,
	}
	return &http.Client{Timeout: o.Timeout, Transport: &outgoing{next: transport, log: o.Log}, CheckRedirect: sameHost}
}

func sameHost(req *http.Request, via []*http.Request) error {
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return errors.New("the vendor redirects to another host; set base_url to where it is now")
	}
	if len(via) > 3 {
		return errors.New("the vendor redirects in circles")
	}
	return nil
}

// outgoing adds the trace and writes the log. It sees no body.
type outgoing struct {
	next http.RoundTripper
	log  *slog.Logger
}

// RoundTrip makes the call.
func (o *outgoing) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := TraceFrom(r.Context())
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "canonhub")
	if trace.CorrelationID != "" {
		r.Header.Set("X-Correlation-Id", trace.CorrelationID)
	}
	if trace.TraceParent != "" {
		r.Header.Set("Traceparent", ContinueTrace(trace.TraceParent))
	}
	begin := time.Now()
	resp, err := o.next.RoundTrip(r)
	if o.log != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		o.log.DebugContext(r.Context(), "vendor called", "method", r.Method, "host", r.URL.Host, "path", r.URL.Path,
			"status", status, "duration", time.Since(begin), "correlation_id", trace.CorrelationID)
	}
	return resp, err
}

// isPrivate says whether a base URL's host is an address of the house itself.
func isPrivate(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && private(ip)
}

func private(ip net.IP) bool {
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip.IsUnspecified()
}

func publicOnly(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || private(ip) {
		return fmt.Errorf("the vendor's name leads to the private address %s; set base_url to it if that is meant", host)
	}
	return nil
}

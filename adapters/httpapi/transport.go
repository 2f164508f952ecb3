package httpapi

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// Options set the transport chain up.
type Options struct {
	// BaseURL of the API. Only where it is on loopback or in a private range may calls go there.
	BaseURL string
	// Timeout of a whole call, within the context's own deadline; 0 means 20 s.
	Timeout time.Duration
	// HeaderTimeout is how long the vendor may think before its answer begins; 0 means 15 s.
	HeaderTimeout time.Duration
	// DialTimeout is how long a connection may take to come about, and TLSTimeout its handshake; 0 means 5 s.
	DialTimeout, TLSTimeout time.Duration
	// Log takes one debug line a call; nil for none.
	Log *slog.Logger
}

// NewHTTPClient makes the hub's client for one connection. From the outside in: the budget of the whole call, redirects
// of reads to the same host only, headers of the trace, the log, and the dialer, which refuses private addresses unless
// the base URL has one (a vendor's redirect or DNS must not lead into the house). Connections are kept for this client
// alone: those of another connection to the same vendor cannot use them up.
func NewHTTPClient(o Options) *http.Client {
	o.Timeout, o.HeaderTimeout = cmp.Or(o.Timeout, 20*time.Second), cmp.Or(o.HeaderTimeout, 15*time.Second)
	o.DialTimeout, o.TLSTimeout = cmp.Or(o.DialTimeout, 5*time.Second), cmp.Or(o.TLSTimeout, 5*time.Second)
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second}
	if !isPrivate(o.BaseURL) {
		dialer.Control = publicOnly
	}
	transport := &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: o.TLSTimeout, ResponseHeaderTimeout: o.HeaderTimeout, MaxResponseHeaderBytes: 1 << 20,
	}
	return &http.Client{Timeout: o.Timeout, Transport: &outgoing{next: transport, log: o.Log}, CheckRedirect: sameHost}
}

// sameHost lets reads be redirected within the host. A write is not: net/http would make it a read, whose success says
// nothing of the write; the redirect itself is the answer.
func sameHost(req *http.Request, via []*http.Request) error {
	switch {
	case writes(via[0].Method):
		return http.ErrUseLastResponse
	case req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme:
		return refusal("the vendor redirects to another host; set base_url to where it is now")
	case len(via) > 3:
		return refusal("the vendor redirects in circles")
	}
	return nil
}

// outgoing adds the trace, or begins one where nobody has, and writes the log. It sees no body.
type outgoing struct {
	next http.RoundTripper
	log  *slog.Logger
}

// RoundTrip makes the call.
func (o *outgoing) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := Traced(r.Context())
	trace := TraceFrom(ctx)
	r = r.Clone(ctx)
	r.Header.Set("User-Agent", "canonhub")
	r.Header.Set("X-Correlation-Id", trace.CorrelationID)
	r.Header.Set("Traceparent", ContinueTrace(trace.TraceParent))
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

// printable says that a header can carry an id that came from outside, instead of failing every call.
func printable(id string) bool {
	return id != "" && strings.IndexFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// CloseIdleConnections passes http.Client's wish on.
func (o *outgoing) CloseIdleConnections() {
	if c, ok := o.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

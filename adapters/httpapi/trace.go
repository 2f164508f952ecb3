package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
)

// Trace is what follows a piece of work from the edge to the vendor.
type Trace struct {
	// CorrelationID is sent as X-Correlation-Id.
	CorrelationID string
	// TraceParent is a W3C traceparent; each call goes out as a child of it.
	TraceParent string
}

type traceKey struct{}

// WithTrace attaches a trace to the calls made under the context.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceFrom is the context's trace; zero where it has none.
func TraceFrom(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}

// Traced gives the context what its trace lacks: whoever calls a vendor, a probe or a refresh of a token among them, is
// found again by both. An id that no header can carry is replaced.
func Traced(ctx context.Context) context.Context {
	t := TraceFrom(ctx)
	if printable(t.CorrelationID) && t.TraceParent != "" {
		return ctx
	}
	if !printable(t.CorrelationID) {
		t.CorrelationID = "c_" + randomHex(16)
	}
	if t.TraceParent == "" {
		t.TraceParent = NewTraceParent()
	}
	return WithTrace(ctx, t)
}

// traceParent is https://www.w3.org/TR/trace-context/, section 3.2: version, trace, parent, flags, and what a version
// after 00 may add.
var traceParent = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

// NewTraceParent begins a trace, sampled.
func NewTraceParent() string { return child(randomHex(16), "01") }

// ContinueTrace makes a traceparent in the trace of the incoming one, or in a new trace where that is missing or
// malformed. Of the flags it keeps the one that version 00 defines, whether the trace is sampled.
func ContinueTrace(incoming string) string {
	m := traceParent.FindStringSubmatch(incoming)
	if m == nil {
		return NewTraceParent()
	}
	version, trace, parent, flags, more := m[1], m[2], m[3], m[4], m[5]
	if version == "ff" || version == "00" && more != "" || isZero(trace) || isZero(parent) {
		return NewTraceParent()
	}
	if strings.ContainsAny(flags[1:], "13579bdf") {
		return child(trace, "01")
	}
	return child(trace, "00")
}

func child(trace, flags string) string { return "00-" + trace + "-" + randomHex(8) + "-" + flags }

func isZero(id string) bool { return strings.Trim(id, "0") == "" }

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand.Read crashes the program rather than return an error
	return hex.EncodeToString(b)
}

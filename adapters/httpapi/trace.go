package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
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

// traceParent is version 00 of https://www.w3.org/TR/trace-context/.
var traceParent = regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$`)

const zeroTrace = "00000000000000000000000000000000"

// ContinueTrace makes a traceparent in the trace of the incoming one, or in a new trace where that is missing or
// malformed.
func ContinueTrace(incoming string) string {
	trace, flags := randomHex(16), "01"
	if m := traceParent.FindStringSubmatch(incoming); m != nil && m[1] != zeroTrace {
		trace, flags = m[1], m[2]
	}
	return "00-" + trace + "-" + randomHex(8) + "-" + flags
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand.Read crashes the program rather than return an error
	return hex.EncodeToString(b)
}

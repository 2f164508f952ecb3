package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

// lastWord is how long a caller may take to read the end of a stream when the process ends.
const lastWord = 500 * time.Millisecond

var errShuttingDown = &failure{reason: hubv1.ErrorReason_ERROR_REASON_SHUTTING_DOWN, message: "this hub process ends; connect again"}

// ending ends streams when the process does: they would go on for as long as their callers stay.
func ending(stopping context.Context) layer {
	return func(ctx context.Context, _ string, next func(context.Context) error) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(stopping, func() { cancel(errShuttingDown) })()
		err := next(ctx)
		if err != nil && errors.Is(context.Cause(ctx), errShuttingDown) {
			return errShuttingDown
		}
		return err
	}
}

// lines is REST's form, with streams as newline-delimited JSON: the gateway would put each message into a `result`.
type lines struct{ strictBody }

// Marshal writes a message, bare.
func (l lines) Marshal(v any) ([]byte, error) {
	if envelope, ok := v.(map[string]any); ok && len(envelope) == 1 && envelope["result"] != nil {
		v = envelope["result"]
	}
	return l.strictBody.Marshal(v)
}

// StreamContentType is what streams are.
func (l lines) StreamContentType(any) string { return "application/x-ndjson" }

// stream prepares for an answer that is a stream. When the process ends, a caller that does not read cannot hold it up.
func (g *gateway) stream(w http.ResponseWriter) (out http.ResponseWriter, done func() bool) {
	return challenging{w}, context.AfterFunc(g.stopping, func() {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(lastWord))
	})
}

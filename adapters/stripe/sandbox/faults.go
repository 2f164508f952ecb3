package sandbox

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// Fault is something that goes wrong with the next calls of its kind.
type Fault struct {
	// Method and PathPrefix choose the calls; empty means any.
	Method, PathPrefix string
	// Times is how many calls it hits; 0 means one.
	Times int
	// Status is the answer; 0 means none: the connection is closed.
	Status int
	// RetryAfter is sent with the answer, in whole seconds, where it is not 0.
	RetryAfter time.Duration
	// AfterWork does the work first.
	AfterWork bool
	// Stored keeps the answer under the call's idempotency key, as Stripe does with a 5xx of work that had begun.
	Stored bool
	// Write lets calls that only read pass.
	Write bool
	// Hang gives no answer and leaves the connection open, until the client gives up.
	Hang bool
}

// Inject makes a fault due. Faults hit in the order in which they were injected.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(1, f.Times)
	s.faults = append(s.faults, &f)
}

// fail answers as the fault says.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f *Fault) {
	if f.Hang {
		_, _ = io.Copy(io.Discard, r.Body) // before the body is read, net/http does not see a client leave
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
	}
	if f.Hang || f.Status == 0 {
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	switch f.Status {
	case http.StatusTooManyRequests:
		problem(f.Status, "invalid_request_error", "rate_limit", "", "Too many requests").write(w)
	case http.StatusUnauthorized:
		problem(f.Status, "invalid_request_error", "api_key_expired", "", "Expired API Key provided").write(w)
	case http.StatusNotFound:
		missing("").write(w)
	default:
		problem(f.Status, "api_error", "", "", "An unknown error occurred").write(w)
	}
}

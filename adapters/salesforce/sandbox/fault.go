package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong with the next calls of its kind.
type Fault struct {
	// Method and PathPrefix choose the calls; empty means any.
	Method, PathPrefix string
	// Write chooses only calls that change something: no composite call that merely reads.
	Write bool
	// Times is how many calls it hits; 0 means one.
	Times int
	// Status is the answer; 0 means none: the connection is closed.
	Status int
	// Code is Salesforce's code in the answer; empty means the one that goes with the status.
	Code string
	// RetryAfter is sent with the answer, in whole seconds, where it is not 0.
	RetryAfter time.Duration
	// AfterWork does the work first.
	AfterWork bool
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

// takeFault uses up one of the first fault that is for this call.
func (s *Server) takeFault(r *http.Request, body []byte) *Fault {
	for i, f := range s.faults {
		if !f.hits(r, body) {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return f
	}
	return nil
}

func (f *Fault) hits(r *http.Request, body []byte) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.PathPrefix) && (!f.Write || writes(r, body))
}

// writes says that a call changes something.
func writes(r *http.Request, body []byte) bool {
	var in steps
	if r.Method == http.MethodGet || !strings.HasSuffix(r.URL.Path, "/composite") || json.Unmarshal(body, &in) != nil {
		return r.Method != http.MethodGet
	}
	return slices.ContainsFunc(in.Steps, func(one step) bool { return one.Method != http.MethodGet })
}

// fail answers as the fault says.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f *Fault) {
	switch {
	case f.Hang:
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	case f.Status == 0:
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	if f.Code != "" {
		problem(f.Status, f.Code, "It did not work.").write(w)
		return
	}
	failure(f.Status).write(w)
}

// failure is what Salesforce says with a status.
func failure(status int) reply {
	switch status {
	case http.StatusUnauthorized:
		return problem(status, "INVALID_SESSION_ID", "Session expired or invalid")
	case http.StatusForbidden, http.StatusTooManyRequests:
		return problem(status, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	case http.StatusNotFound:
		return deleted()
	case http.StatusServiceUnavailable:
		return problem(status, "SERVER_UNAVAILABLE", "Server unavailable, please retry later")
	case http.StatusBadRequest:
		return problem(status, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", []string{}...)
	}
	return problem(status, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 (1234567890)")
}

package sandbox

import (
	"cmp"
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
	// Write chooses only calls that change something.
	Write bool
	// Times is how many calls it hits; 0 means one.
	Times int
	// Status is the answer; 0 means none: the connection is closed.
	Status int
	// RetryAfter is sent with the answer, in whole seconds, where it is not 0.
	RetryAfter time.Duration
	// AfterWork does the work first.
	AfterWork bool
	// Hang gives no answer and leaves the connection open, until the client gives up.
	Hang bool

	// limit is what Xero says was used up; empty for the minute's.
	limit string
}

// Inject makes a fault due. Faults hit in the order in which they were injected.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(1, f.Times)
	s.faults = append(s.faults, &f)
}

// takeFault uses up one of the first fault that is for this call.
func (s *Server) takeFault(r *http.Request) *Fault {
	for i, f := range s.faults {
		if !f.hits(r) {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return f
	}
	return nil
}

func (f *Fault) hits(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.PathPrefix) && (!f.Write || r.Method != http.MethodGet)
}

// fail answers as the fault says.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f *Fault) {
	switch {
	case f.Hang:
		_, _ = io.Copy(io.Discard, r.Body) // before the body is read, net/http does not see a client leave
		select {
		case <-r.Context().Done():
		case <-s.closing:
		}
		panic(http.ErrAbortHandler) // net/http's way to close a connection without an answer
	case f.Status == 0:
		panic(http.ErrAbortHandler)
	}
	if f.Status == http.StatusTooManyRequests {
		w.Header().Set("X-Rate-Limit-Problem", cmp.Or(f.limit, "minute"))
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	failure(f.Status).write(w)
}

// failure is what Xero says with a status.
func failure(status int) reply {
	switch status {
	case http.StatusTooManyRequests:
		return reply{status: status, text: "429 Too Many Requests"}
	case http.StatusUnauthorized:
		return problem(status, "Unauthorized", "AuthenticationUnsuccessful")
	case http.StatusForbidden:
		return problem(status, "Forbidden", "AuthenticationUnsuccessful")
	case http.StatusNotFound:
		return notFound()
	case http.StatusServiceUnavailable:
		return problem(status, "Service Unavailable", "The Organisation is offline")
	}
	return problem(status, "An error occurred", "An error occurred in Xero. Check the API Status page http://status.developer.xero.com for current service status.")
}

// nowhere takes the answer of work whose answer is lost.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header       { return n.header }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

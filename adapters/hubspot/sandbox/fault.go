package sandbox

import (
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
	// Write chooses only calls that change something, whatever their method.
	Write bool
	// Skip is how many calls it lets pass first.
	Skip int
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

	// policy is which of its limits HubSpot names; empty for that of ten seconds.
	policy string
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
		if f.Skip > 0 {
			f.Skip--
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
	return (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.PathPrefix) && (!f.Write || writes(r))
}

// writes says whether a call changes something: HubSpot reads by POST, too.
func writes(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/batch/read") && !strings.HasSuffix(r.URL.Path, "/search")
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
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	out := s.failure(f.Status)
	if f.policy != "" {
		p := out.body.(*problem)
		p.PolicyName, p.Message = f.policy, "You have reached your "+strings.ToLower(f.policy)+" limit."
	}
	out.write(w)
}

// failure is what HubSpot says with a status.
func (s *Server) failure(status int) reply {
	switch status {
	case http.StatusTooManyRequests:
		r := s.problem(status, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.")
		r.body.(*problem).PolicyName = "TEN_SECONDLY_ROLLING"
		return r
	case http.StatusUnauthorized:
		return s.problem(status, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")
	case http.StatusForbidden:
		return s.problem(status, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call.")
	case http.StatusNotFound:
		return s.problem(status, "OBJECT_NOT_FOUND", "resource not found")
	}
	return s.problem(status, "", "internal error")
}

// nowhere takes the answer of work whose answer is lost.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header       { return n.header }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

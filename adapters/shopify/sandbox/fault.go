package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault is something that goes wrong with the next calls of its kind.
type Fault struct {
	// Write chooses only calls that change something; all calls are POST.
	Write bool
	// Times is how many calls it hits; 0 means one.
	Times int
	// Status is the answer; 0 means none: the connection is closed. 404 stands for an object that is not there, which
	// GraphQL tells within an answer of status 200.
	Status int
	// Code is an error in an answer of status 200, which is how most failures come: "THROTTLED".
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
func (s *Server) takeFault(op operation) *Fault {
	i := slices.IndexFunc(s.faults, func(f *Fault) bool { return !f.Write || op.mutation })
	if i < 0 {
		return nil
	}
	f := s.faults[i]
	if f.Times--; f.Times == 0 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return f
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
	case f.Code != "":
		answer{Errors: []problem{coded(f.Code, "injected")}, Extensions: map[string]any{"cost": s.status(100)}}.write(w)
		return
	case f.Status == http.StatusNotFound:
		answer{Errors: []problem{coded("RESOURCE_NOT_FOUND", "invalid id")}}.write(w)
		return
	case f.Status == 0:
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	if f.Status == http.StatusTooManyRequests {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(f.Status)
		_ = json.NewEncoder(w).Encode(answer{Errors: []problem{coded("THROTTLED", "Throttled")}})
		return
	}
	plain(w, f.Status, http.StatusText(f.Status))
}

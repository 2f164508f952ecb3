package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters/fault"
)

// maxRetryAfter bounds what a vendor can ask for.
const maxRetryAfter = 24 * time.Hour

// Fault judges a response that is no success by its status and headers; an adapter refines it by the body. A 5xx or 408
// leaves open whether the work was done.
func Fault(op string, r Response) *fault.Error {
	return &fault.Error{
		Category: fault.ForStatus(r.Status), Op: op, Status: r.Status,
		RetryAfter: RetryAfter(r.Header, r.Date), MaybeDone: r.Status >= 500 || r.Status == http.StatusRequestTimeout,
	}
}

// RetryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds, which some vendors write with a
// fraction, or a date, which counts from now; 0 where it is missing or malformed.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		if seconds > maxRetryAfter.Seconds() {
			return maxRetryAfter
		}
		return time.Duration(seconds * float64(time.Second))
	}
	date, err := http.ParseTime(text)
	if err != nil || now.IsZero() {
		return 0
	}
	return min(max(date.Sub(now), 0), maxRetryAfter)
}

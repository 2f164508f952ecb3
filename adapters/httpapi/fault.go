package httpapi

import (
	"net/http"
	"regexp"
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
		RetryAfter: RetryAfter(r.Header, r.Clock()), MaybeDone: r.Status >= 500 || r.Status == http.StatusRequestTimeout,
	}
}

// delaySeconds is RFC 9110's whole number, with the fraction that some vendors add.
var delaySeconds = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// RetryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds or a date, which counts from now; 0 where
// it is missing or malformed, or where it is a date and now is not known. More than a day counts as a day.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if delaySeconds.MatchString(text) {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || seconds > maxRetryAfter.Seconds() { // the one error possible is that it is out of range
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

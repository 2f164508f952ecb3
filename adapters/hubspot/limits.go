package hubspot

import (
	"net/http"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// limits are those of the smallest account. What an account has is told by every answer but a search's.
var limits = adapters.Limits{PerSecond: 9, Concurrency: 8, PerDay: 250_000}

// hints reads HubSpot's two limits: of an interval of some seconds, and of the day.
func hints(r httpapi.Response) []adapters.Hint {
	var out []adapters.Hint
	size, sized := count(r.Header, "X-HubSpot-RateLimit-Max")
	left, isLeft := count(r.Header, "X-HubSpot-RateLimit-Remaining")
	millis, timed := count(r.Header, "X-HubSpot-RateLimit-Interval-Milliseconds")
	if sized && isLeft && timed {
		out = append(out, adapters.Hint{Limit: "burst", Size: size, Remaining: left, Window: time.Duration(millis) * time.Millisecond})
	}
	size, sized = count(r.Header, "X-HubSpot-RateLimit-Daily")
	left, isLeft = count(r.Header, "X-HubSpot-RateLimit-Daily-Remaining")
	if sized && isLeft {
		out = append(out, adapters.Hint{Limit: "day", Size: size, Remaining: left, Window: 24 * time.Hour})
	}
	return out
}

// count reads a whole number from a header.
func count(h http.Header, name string) (float64, bool) {
	n, err := strconv.ParseUint(h.Get(name), 10, 31)
	return float64(n), err == nil
}

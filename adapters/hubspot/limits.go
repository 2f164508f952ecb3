package hubspot

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// limits are those of the smallest account. What an account has is told by every answer but a search's. Of
// searches, which pages of changes are, there are five a second whatever the account: four, and one that comes at once.
var limits = adapters.Limits{PerSecond: 9, Concurrency: 8, PerDay: 250_000, PagesPerMinute: 4 * 60}

// days end at midnight of the account, as far as its time zone is known: no answer tells it.
type days struct{ zone *time.Location }

// daysIn are the days of a time zone; unknown where it has no name.
func daysIn(name string) (days, error) {
	if name == "" {
		return days{}, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return days{}, &adapters.Mistake{At: []string{"time_zone"}, Reason: fmt.Sprintf("%.40q is no time zone; write it as Europe/Berlin", name)}
	}
	return days{zone}, nil
}

// rest is how much is left of the day of an answer; 0 where that is unknown.
func (d days) rest(r httpapi.Response) time.Duration {
	now := r.Clock()
	if d.zone == nil || now.IsZero() {
		return 0
	}
	now = now.In(d.zone)
	return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, d.zone).Sub(now)
}

// hints reads HubSpot's two limits: of an interval of some seconds, and of the day.
func (d days) hints(r httpapi.Response) []adapters.Hint {
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
		out = append(out, adapters.Hint{Limit: "day", Size: size, Remaining: left, Window: 24 * time.Hour, Reset: d.rest(r)})
	}
	return out
}

// count reads a whole number from a header.
func count(h http.Header, name string) (float64, bool) {
	n, err := strconv.ParseUint(h.Get(name), 10, 31)
	return float64(n), err == nil
}

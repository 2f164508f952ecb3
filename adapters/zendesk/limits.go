package zendesk

import (
	"net/http"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// limits are those of the smallest plan, 200 calls a minute. What an account has is told by every answer. Exports have a
// limit of their own, ten a minute, or thirty with the add-on for high volume, which no answer tells: a connection of such
// an account says so by its own limits.
var limits = adapters.Limits{PerSecond: 3, PagesPerMinute: 10}

// hints reads how many calls of this minute are left.
func hints(r httpapi.Response) []adapters.Hint {
	size, sized := count(r.Header, "X-Rate-Limit")
	left, isLeft := count(r.Header, "X-Rate-Limit-Remaining")
	if !sized || !isLeft {
		return nil
	}
	reset, _ := count(r.Header, "Ratelimit-Reset")
	return []adapters.Hint{{Limit: "minute", Size: size, Remaining: left, Window: time.Minute, Reset: time.Duration(reset) * time.Second}}
}

// count reads a whole number from a header.
func count(h http.Header, name string) (float64, bool) {
	n, err := strconv.ParseUint(h.Get(name), 10, 31)
	return float64(n), err == nil
}

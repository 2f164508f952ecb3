package xero

import (
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// limits are what Xero allows an app for each organisation (https://developer.xero.com/documentation/guides/oauth2/limits/).
// On its Starter tier a day has 1,000 calls: a connection of such an app says so by its own limits.
var limits = adapters.Limits{PerSecond: 1, Concurrency: 5, PerDay: 5000}

// counts are the headers in which Xero tells what is left. How many a day has differs, and is not told.
var counts = []struct {
	header string
	hint   adapters.Hint
}{
	{"X-MinLimit-Remaining", adapters.Hint{Limit: "minute", Size: 60, Window: time.Minute}},
	{"X-DayLimit-Remaining", adapters.Hint{Limit: "day", Window: 24 * time.Hour}},
	{"X-AppMinLimit-Remaining", adapters.Hint{Limit: "app minute", Size: 10_000, Window: time.Minute}},
}

// hints reads how many calls are left.
func hints(r httpapi.Response) []adapters.Hint {
	var out []adapters.Hint
	for _, count := range counts {
		left, err := strconv.ParseUint(r.Header.Get(count.header), 10, 31)
		if err != nil {
			continue
		}
		hint := count.hint
		hint.Remaining = float64(left)
		out = append(out, hint)
	}
	return out
}

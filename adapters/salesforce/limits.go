package salesforce

import (
	"regexp"
	"strconv"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// limits are those of the smallest org in production, without what its licences add, and the five calls at the same time
// of a developer's. What an org has is told by every answer.
var limits = adapters.Limits{PerDay: 100_000, Concurrency: 5}

// usage is how much of the last 24 hours' calls is used up.
var usage = regexp.MustCompile(`(?:^|[;\s])api-usage=([0-9]{1,9})/([0-9]{1,9})(?:[;\s]|$)`)

// hints reads how many calls are left.
func hints(r httpapi.Response) []adapters.Hint {
	m := usage.FindStringSubmatch(r.Header.Get("Sforce-Limit-Info"))
	if m == nil {
		return nil
	}
	used, _ := strconv.Atoi(m[1]) // the pattern lets numbers alone through
	size, _ := strconv.Atoi(m[2])
	return []adapters.Hint{{Limit: "day", Size: float64(size), Remaining: float64(max(size-used, 0)), Window: 24 * time.Hour}}
}

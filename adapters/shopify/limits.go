package shopify

import (
	"encoding/json"
	"math"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/httpapi"
)

// limits are those of the smallest plan, 100 points a second, for calls of some 25 points. What a shop has is told by
// every answer.
var limits = adapters.Limits{PerSecond: 4, Concurrency: 4}

// cost is what an operation took from the bucket of points, and what is left in it.
type cost struct {
	Requested float64 `json:"requestedQueryCost"`
	Throttle  struct {
		Maximum   float64 `json:"maximumAvailable"`
		Available float64 `json:"currentlyAvailable"`
		Restore   float64 `json:"restoreRate"`
	} `json:"throttleStatus"`
}

// costOf is what an answer tells of it; nothing where it tells none.
func costOf(r httpapi.Response) cost {
	var in struct {
		Extensions struct {
			Cost cost `json:"cost"`
		} `json:"extensions"`
	}
	if json.Unmarshal(r.Body, &in) != nil {
		return cost{}
	}
	return in.Extensions.Cost
}

// hints reads the bucket. It holds points, and the hub counts calls: it is told in calls like this one, since a call
// must find in the bucket what it asks for, and gets back what it did not use.
func hints(r httpapi.Response) []adapters.Hint {
	c := costOf(r)
	if c.Throttle.Maximum <= 0 || c.Throttle.Restore <= 0 || c.Throttle.Available < 0 {
		return nil
	}
	call := math.Max(c.Requested, 1)
	return []adapters.Hint{{
		Limit: "points", Size: c.Throttle.Maximum / call, Remaining: c.Throttle.Available / call,
		Window: seconds(c.Throttle.Maximum / c.Throttle.Restore),
	}}
}

// wait is how long until the bucket holds what was asked for; a second, which Shopify recommends, where it does not tell.
func (c cost) wait() time.Duration {
	missing := c.Requested - c.Throttle.Available
	if missing <= 0 || c.Throttle.Restore <= 0 {
		return time.Second
	}
	return max(time.Second, seconds(missing/c.Throttle.Restore))
}

// seconds is a time of up to an hour: a bucket that takes longer to fill is none.
func seconds(n float64) time.Duration {
	return time.Duration(math.Min(n, time.Hour.Seconds()) * float64(time.Second))
}

package jobs

import (
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/canonhub/canonhub/adapters/fault"
)

// Bound is how often, and for how long, a job is tried in the face of one category of failure.
type Bound struct {
	Attempts int
	Age      time.Duration
}

// MaxAttempts and MaxAge bound every job, whatever it fails by. How long it waited for its connection does not count,
// unless that was since the vendor failed. The attempts last for about three hours: where no breaker opens, since a part of
// a vendor fails or it is no vendor with an API, work outlives an outage, too.
const (
	MaxAttempts = 50
	MaxAge      = 72 * time.Hour
)

// Internal is the category of a failure that is no vendor's but the hub's own.
const Internal fault.Category = "internal"

// bounds are those of the categories that are tried again, counted from a job's first failure of the category on. Throttle
// and auth wait and are not tried; permanent and gone are over at once.
var bounds = map[fault.Category]Bound{
	fault.Transient: {MaxAttempts, MaxAge},
	// Each try reads the object anew. What still is not as it was read a moment ago, ten times over, has another cause than
	// bad luck, and an hour later nobody remembers what was meant.
	fault.Conflict: {10, time.Hour},
	// While the database is away no job is worked at all, so what fails here fails by its own content, or by a mistake that a
	// person must mend: they hear of it the same day.
	Internal: {20, 24 * time.Hour},
}

// BoundOf is the bound of a category.
func BoundOf(c fault.Category) Bound { return bounds[c] }

// failures are a job's of one category.
type failures struct {
	Times int `json:"times"`
	// From is how old the job was at the first, less what it had waited.
	From time.Duration `json:"from"`
}

// final says that one more failure at an age is the last, under the bound of its category.
func (f failures) final(c fault.Category, age time.Duration) bool {
	b := bounds[c]
	return f.Times+1 >= b.Attempts || f.Times > 0 && age-f.From > b.Age
}

// floor is the least wait between two tries, so that they are two.
const floor = 10 * time.Millisecond

// MaxBackoff bounds the wait between two tries.
const MaxBackoff = 10 * time.Minute

// retry is exponential backoff with full jitter.
type retry struct{ first time.Duration }

// NextRetry is River's question when to try again.
func (r retry) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().UTC().Add(floor + rand.N(r.most(len(job.Errors))))
}

// most is the upper bound of the wait after so many failures before this one.
func (r retry) most(failures int) time.Duration {
	if failures >= 63 || r.first > MaxBackoff>>failures {
		return MaxBackoff
	}
	return max(r.first<<failures, 1)
}

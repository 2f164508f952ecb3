package jobs

import (
	"time"

	"github.com/riverqueue/river"
)

// RetryPolicy is how River is told when to try again.
func RetryPolicy(first time.Duration) river.ClientRetryPolicy { return retry{first} }

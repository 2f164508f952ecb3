package api

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	hubv1 "github.com/canonhub/canonhub/gen/canonhub/hub/v1"
)

const (
	// callTime is how long a call may take that does not say so itself. Streams may take as long as their caller stays.
	callTime = 30 * time.Second
	// defaultConcurrency is how many calls of one caller run at a time where the configuration does not say.
	defaultConcurrency = 64
)

// timed gives a deadline to calls that have none, down to SQL.
func timed(ctx context.Context, _ string, next func(context.Context) error) error {
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTime)
		defer cancel()
	}
	return next(ctx)
}

// fairly keeps one caller from taking what others need.
func fairly(callers []Caller) layer {
	running := make(map[string]*atomic.Int64, len(callers))
	for _, c := range callers {
		running[c.Name] = &atomic.Int64{}
	}
	return func(ctx context.Context, _ string, next func(context.Context) error) error {
		caller := callerOf(ctx)
		if caller == nil {
			return next(ctx)
		}
		limit := cmp.Or(caller.Concurrency, defaultConcurrency)
		mine := running[caller.Name]
		defer mine.Add(-1)
		if mine.Add(1) > int64(limit) {
			return &failure{reason: hubv1.ErrorReason_ERROR_REASON_TOO_MANY_CALLS, metadata: map[string]string{"caller": caller.Name},
				message: fmt.Sprintf("the caller %s has %d calls running, as many as it may; try again, or raise concurrency in the configuration's callers", caller.Name, limit)}
		}
		return next(ctx)
	}
}

package jobs_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
	"pgregory.net/rapid"

	"github.com/canonhub/canonhub/adapters/fault"
	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
	"github.com/canonhub/canonhub/hub/store"
)

// try is one of a job: what it fails by, and how much time passes until the next.
type try struct {
	by     fault.Category
	passes time.Duration
}

func times(n int, t try) []try { return slices.Repeat([]try{t}, n) }

// A job is given up by the bound of what it fails by, counted from the first such failure; what else it suffered before
// takes nothing off that. What the API tells as the most is what it comes to.
func TestWhatAJobFailsByBoundsIt(t *testing.T) {
	t.Parallel()
	conflict, internal, transient := try{by: fault.Conflict}, try{by: jobs.Internal}, try{by: fault.Transient}
	for name, test := range map[string]struct {
		before []try // none is final
		last   try   // is
		most   int   // which the API tells before
	}{
		"conflicts":                           {times(9, conflict), conflict, 10},
		"failures of our own":                 {times(19, internal), internal, 20},
		"conflicts after failures in passing": {append(times(12, transient), times(9, conflict)...), conflict, 22},
		"conflicts for more than an hour":     {[]try{{fault.Conflict, 2 * time.Hour}}, conflict, 10},
		"conflicts after an outage of a day":  {[]try{{fault.Transient, 24 * time.Hour}, conflict, {fault.Conflict, 2 * time.Hour}}, conflict, 11},
		"our own for more than a day":         {[]try{{jobs.Internal, 25 * time.Hour}}, internal, 20},
		"in passing for more than three days": {[]try{{fault.Transient, 71 * time.Hour}, {fault.Transient, 2 * time.Hour}}, transient, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, answer := make(chan jobs.Run), make(chan error)
			shop := hubtest.NewVendor()
			h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop, "crm": hubtest.NewVendor()}, Policies: hubtest.Preferring("shop", "crm"),
				Wrap: func(all jobs.Handlers) jobs.Handlers {
					all.Deliver = func(_ context.Context, _ jobs.DeliverArgs, run jobs.Run) error {
						asked <- run
						return <-answer
					}
					return all
				}})
			h.Work()
			h.Observe("shop", shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
			for i, one := range test.before {
				if tried(t, h, asked).Final(one.by) {
					t.Fatalf("failure %d, %s, is final", i+1, one.by)
				}
				if _, err := h.Store.Pool().Exec(t.Context(), `update river_job set created_at = created_at - $1::interval where kind = 'deliver'`, one.passes); err != nil {
					t.Fatal(err)
				}
				answer <- errors.New("it fails")
			}
			last := tried(t, h, asked)
			if all, err := h.Store.Retries(t.Context(), "out-crm", "running", store.RetryPlace{}, 2); err != nil || len(all) != 1 {
				t.Errorf("%d jobs are told: %v", len(all), err)
			} else if all[0].MaxAttempts != test.most {
				t.Errorf("the most tries are told as %d, want %d", all[0].MaxAttempts, test.most)
			}
			if !last.Final(test.last.by) {
				t.Errorf("failure %d, %s, is not final", len(test.before)+1, test.last.by)
			}
			answer <- jobs.Cancel(errors.New("it was the last"))
		})
	}
}

// tried is the next try of the job, which is due at once.
func tried(t *testing.T, h *hubtest.Hub, asked <-chan jobs.Run) (run jobs.Run) {
	t.Helper()
	h.Until("the job is tried", func() bool {
		select {
		case run = <-asked:
			return true
		default:
		}
		_, err := h.Store.Pool().Exec(t.Context(), `update river_job set scheduled_at = now(), state = 'available'
			where kind = 'deliver' and state in ('retryable', 'available') and scheduled_at > now()`)
		if err != nil {
			t.Fatal(err)
		}
		return false
	})
	return run
}

// Full jitter: a wait is anything up to a bound that doubles, so that what failed together does not come back together.
func TestWaitsAreSpreadBelowABoundThatDoubles(t *testing.T) {
	t.Parallel()
	const floor = 10 * time.Millisecond
	rapid.Check(t, func(t *rapid.T) {
		first := time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "first"))
		if rapid.Bool().Draw(t, "usual") {
			first = time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Minute)).Draw(t, "usual first"))
		}
		failures := rapid.IntRange(0, 200).Draw(t, "failures")
		bound := jobs.MaxBackoff
		if doubled := float64(first) * math.Pow(2, float64(failures)); doubled < float64(bound) {
			bound = time.Duration(doubled)
		}
		policy, job := jobs.RetryPolicy(first), &rivertype.JobRow{Errors: make([]rivertype.AttemptError, failures)}
		const draws = 200
		low, high, sum := time.Duration(math.MaxInt64), time.Duration(0), time.Duration(0)
		for range draws {
			before := time.Now()
			next := policy.NextRetry(job)
			after := time.Now()
			if next.Before(before.Add(floor)) || next.After(after.Add(floor+bound)) {
				t.Fatalf("after %d failures, first %v: the next try is in %v, want %v at most", failures, first, next.Sub(after), bound)
			}
			wait := next.Sub(before) - floor
			low, high, sum = min(low, wait), max(high, wait), sum+wait/draws
		}
		if bound < time.Second {
			return // the clock's own steps are in the waits
		}
		if low > bound/4 || high < bound*3/4 || sum < bound*3/10 || sum > bound*7/10 {
			t.Fatalf("after %d failures, first %v: waits from %v to %v, %v on average, below %v", failures, first, low, high, sum, bound)
		}
	})
}

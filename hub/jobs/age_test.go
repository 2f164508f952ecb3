package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/hubtest"
	"github.com/canonhub/canonhub/hub/jobs"
)

// A job's age is what it was tried for: not how long its connection was paused, or had no time for it, but how long its
// vendor failed.
func TestTheAgeOfAJobIsHowLongItIsTried(t *testing.T) {
	t.Parallel()
	const beyond = jobs.MaxAge + 8*time.Hour
	for name, test := range map[string]struct {
		// answers are those of the tries before the last; behind each as much time passes as it asks for, or beyond.
		answers []error
		last    bool
	}{
		"at once":                                 {nil, false},
		"in a queue that was paused":              {[]error{jobs.Snooze(15 * time.Second)}, false},
		"paused more than once":                   {[]error{jobs.Snooze(15 * time.Second), jobs.Snooze(15 * time.Second)}, false},
		"throttled for days":                      {[]error{jobs.Snooze(beyond)}, false},
		"at a vendor that failed for days":        {[]error{jobs.Outlast(beyond)}, true},
		"paused, and at a vendor that then fails": {[]error{jobs.Snooze(15 * time.Second), jobs.Outlast(beyond)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := make(chan jobs.Run)
			answers := make(chan error)
			shop := hubtest.NewVendor()
			h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop, "crm": hubtest.NewVendor()}, Policies: hubtest.Preferring("shop", "crm"),
				Wrap: func(all jobs.Handlers) jobs.Handlers {
					all.Deliver = func(_ context.Context, _ jobs.DeliverArgs, run jobs.Run) error {
						tries <- run
						return <-answers
					}
					return all
				}})
			h.Work()
			h.Observe("shop", shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
			for i, answer := range test.answers {
				if run := <-tries; run.Last && i == 0 {
					t.Fatal("the first try is the last")
				}
				answers <- answer
				passes(t, h, answer, beyond)
			}
			if run := <-tries; run.Last != test.last {
				t.Errorf("the last try: %t, want %t", run.Last, test.last)
			}
			answers <- nil
		})
	}
}

// passes has time pass over the job, which then comes up again: as much as its wish to wait, and on top of a shorter one a
// pause of its queue.
func passes(t *testing.T, h *hubtest.Hub, answer error, pause time.Duration) {
	t.Helper()
	wait, _ := jobs.Snoozed(answer)
	if wait >= pause {
		pause = 0
	}
	h.Until("the try has ended", func() bool {
		tag, err := h.Store.Pool().Exec(t.Context(), `update river_job set created_at = created_at - $1::interval - $2::interval,
				scheduled_at = now() - $2::interval, state = 'available'
			where kind = 'deliver' and state = 'scheduled'`, wait, pause)
		if err != nil {
			t.Fatal(err)
		}
		return tag.RowsAffected() == 1
	})
}

// Work whose vendor fails while no breaker opens has its attempts alone to outlive that by.
func TestAttemptsOutlastAnOutage(t *testing.T) {
	t.Parallel()
	tries := make(chan jobs.Run)
	shop := hubtest.NewVendor()
	h := hubtest.New(t, hubtest.Options{Vendors: map[string]*hubtest.Vendor{"shop": shop, "crm": hubtest.NewVendor()}, Policies: hubtest.Preferring("shop", "crm"),
		Wrap: func(all jobs.Handlers) jobs.Handlers {
			all.Deliver = func(_ context.Context, _ jobs.DeliverArgs, run jobs.Run) error {
				tries <- run
				if run.Last {
					return jobs.Cancel(errors.New("it was the last"))
				}
				return errors.New("it fails")
			}
			return all
		}})
	h.Work()
	h.Observe("shop", shop.Edit("s1", hubtest.Named("Ada", "ada@example.com")))
	passed := time.Duration(0)
	for run := range tries {
		if run.Last {
			break
		}
		h.Until("the try has ended", func() bool {
			var wait time.Duration
			err := h.Store.Pool().QueryRow(t.Context(), `with retried as (select id, scheduled_at - clock_timestamp() as wait from river_job
					where kind = 'deliver' and state in ('retryable', 'available') and attempt = $1 for update)
				update river_job set state = 'available', scheduled_at = clock_timestamp() from retried where river_job.id = retried.id
				returning greatest(wait, interval '0')`, run.Attempt).Scan(&wait)
			if err != nil && !errors.Is(err, pgx.ErrNoRows) {
				t.Fatal(err)
			}
			passed += wait
			return err == nil
		})
	}
	if passed < 90*time.Minute {
		t.Errorf("the attempts are used up in %v, and an hour's outage is to be outlived for certain", passed)
	}
}

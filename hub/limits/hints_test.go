package limits_test

import (
	"context"
	"testing"
	"time"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/limits"
)

// What a vendor says of its limits decides how much work may begin: after a few calls there is more, or there is none.
func TestWhatVendorsSayOfTheirLimitsIsKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		hint       adapters.Hint
		live, pull bool // may work begin after ten calls?
	}{
		{"much is left of a window", adapters.Hint{Limit: "ten seconds", Size: 100, Remaining: 90, Reset: 10 * time.Second}, true, true},
		{"nothing is left of a window", adapters.Hint{Limit: "ten seconds", Size: 100, Remaining: 0, Reset: 10 * time.Second}, false, false},
		{"a little is left of a minute", adapters.Hint{Limit: "minute", Size: 60, Remaining: 6, Reset: time.Minute}, false, false},
		{"little is left of the day", adapters.Hint{Limit: "day", Size: 500000, Remaining: 50000, Reset: 10 * time.Hour}, true, false},
		{"half of the day's are left", adapters.Hint{Limit: "day", Size: 500000, Remaining: 200000, Reset: 10 * time.Hour}, true, true},
		{"none are left of the day", adapters.Hint{Limit: "day", Size: 500000, Remaining: 0, Reset: 10 * time.Hour}, false, false},
		{"much is left of 24 hours", adapters.Hint{Limit: "day", Size: 250000, Remaining: 200000, Window: 24 * time.Hour}, true, true},
		{"little is left of 24 hours", adapters.Hint{Limit: "day", Size: 5000000, Remaining: 900000, Window: 24 * time.Hour}, true, false},
		{"few are left of 24 hours", adapters.Hint{Limit: "day", Size: 250000, Remaining: 90, Window: 24 * time.Hour}, false, false},
		{"none are left of 24 hours", adapters.Hint{Limit: "day", Size: 250000, Remaining: 0, Window: 24 * time.Hour}, false, false},
		{"much is left of a day of untold size", adapters.Hint{Limit: "day", Remaining: 4000, Window: 24 * time.Hour}, true, true},
		{"few are left of a day of untold size", adapters.Hint{Limit: "day", Remaining: 900, Window: 24 * time.Hour}, false, false},
		{"none are left of a day of untold size", adapters.Hint{Limit: "day", Window: 24 * time.Hour}, false, false},
		{"a full bucket", adapters.Hint{Limit: "bucket", Size: 1000, Remaining: 1000, Window: 20 * time.Second}, true, true},
		{"an empty bucket that refills slowly", adapters.Hint{Limit: "bucket", Size: 10, Remaining: 0, Window: 100 * time.Second}, false, false},
		{"an empty bucket that refills fast", adapters.Hint{Limit: "bucket", Size: 1000, Remaining: 0, Window: 2 * time.Second}, true, true},
		{"a size alone", adapters.Hint{Limit: "day", Size: 5000, Remaining: 10}, true, true},
		{"nonsense", adapters.Hint{Limit: "x", Size: -1, Remaining: -5, Reset: -time.Second}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 4, PerDay: 5000})
			pull := limits.AsPull(t.Context(), "customer", 1)
			p.admitted(pull)
			p.hear(c.hint)
			for range 10 {
				if p.admit(t.Context()) == 0 {
					w.must(p.call(t.Context(), "/"))
				}
			}
			if live := p.admit(t.Context()) == 0; live != c.live {
				t.Errorf("live work may begin: %v, want %v", live, c.live)
			}
			if pulls := p.admit(pull) == 0; pulls != c.pull {
				t.Errorf("pulls may begin: %v, want %v", pulls, c.pull)
			}
		})
	}
}

// Where few calls are left for a long time, work that begins finds enough of them to come to its end; other work waits, and
// asks again before long, since a new day may have begun.
func TestWorkThatBeginsWithFewCallsLeftComesToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 4, PerDay: 5000})
	p.admitted(t.Context())
	p.hear(adapters.Hint{Limit: "day", Remaining: 100, Window: 24 * time.Hour})
	if wait := p.admit(t.Context()); wait != 0 {
		t.Fatalf("work waits %v", wait)
	}
	if wait := p.admit(t.Context()); wait <= time.Second {
		t.Errorf("other work that comes at once waits %v", wait)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 3 { // a read, a write and a read
		w.must(p.call(ctx, "/"))
	}
	if wait := p.admit(t.Context()); wait < time.Minute || wait > 10*time.Minute {
		t.Errorf("the next work waits %v", wait)
	}
}

// Where a day's calls are used up one call now and then asks whether there are more, and no more than that.
func TestNothingIsCalledWithNoneOfTheDaysCallsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 4, PerDay: 5000})
	p.admitted(t.Context())
	for _, none := range []adapters.Hint{
		{Limit: "day", Window: 24 * time.Hour},
		{Limit: "day", Size: 250000, Window: 24 * time.Hour},
		{Limit: "day", Size: 250000, Reset: 20 * time.Hour},
	} {
		p.hear(none)
		if p.admit(t.Context()) == 0 {
			w.must(p.call(t.Context(), "/"))
		}
		if wait := p.admit(t.Context()); wait < 5*time.Minute {
			t.Errorf("%+v: the next call comes in %v", none, wait)
		}
		if wait := p.admit(limits.AsPull(t.Context(), "customer", 1)); wait < 5*time.Minute {
			t.Errorf("%+v: a pull goes on in %v", none, wait)
		}
	}
}

// A day's calls are counted by all processes together, across their ends.
func TestTheCallsOfADayAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	today, err := w.db.CountCalls(t.Context(), "crm", 4990)
	w.must(err)
	if today != 4990 {
		t.Errorf("%d", today)
	}
	p := w.process("a", adapters.Limits{PerSecond: 1000, Concurrency: 4, PerDay: 5000})
	for range 3 {
		if p.admit(t.Context()) == 0 {
			w.must(p.call(t.Context(), "/"))
		}
	}
	if wait := p.admit(t.Context()); wait < 2*time.Second {
		t.Errorf("with 10 of the day's calls left work waits %v", wait)
	}
	if wait := p.admit(limits.AsPull(t.Context(), "customer", 0.5)); wait < time.Minute {
		t.Errorf("with 10 of the day's calls left a pull waits %v", wait)
	}
}

func TestAPullUsesItsShareAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 20, Concurrency: 4})
	pull := limits.AsPull(t.Context(), "customer", 0.1)
	p.admitted(pull)
	for range 3 {
		w.must(p.call(pull, "/"))
	}
	if wait := p.admit(limits.AsPull(t.Context(), "customer", 0.01)); wait <= time.Second {
		t.Errorf("the pull waits %v", wait)
	}
	if wait := p.admit(t.Context()); wait != 0 {
		t.Errorf("live work waits %v for the pull", wait)
	}
}

// A page of many calls at a slow pace goes on where it is; a new one waits in the queue.
func TestAPageThatHasBegunIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.process("a", adapters.Limits{PerSecond: 0.1, Concurrency: 4})
	pull := limits.AsPull(t.Context(), "customer", 1)
	p.admitted(pull)
	w.must(p.call(pull, "/"))
	if wait := p.admit(pull); wait <= time.Second {
		t.Errorf("a new page waits %v", wait)
	}
	if wait := p.admit(limits.Underway(pull)); wait != 0 {
		t.Errorf("the page that has begun waits %v", wait)
	}
	w.must(w.db.Break(t.Context(), "crm", time.Hour, time.Hour))
	if wait := p.admit(limits.Underway(pull)); wait < time.Minute {
		t.Errorf("it waits %v for a vendor that is away", wait)
	}
}

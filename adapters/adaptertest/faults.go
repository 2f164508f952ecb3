package adaptertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var faultChecks = []check{
	{"AFailedFetchHasItsCategory", needs(adapters.Fetches), fetchFaults},
	{"AFailedUpdateHasItsCategory", needs(adapters.Updates, adapters.Fetches), updateFaults},
	{"AFailedProbeHasItsCategory", nil, probeFaults},
	{"OneCallIsOneAttempt", nil, oneAttempt},
}

// failures are what every vendor does at times, and what it means.
var failures = []struct {
	fault     Fault
	category  fault.Category
	maybeDone bool // of a write
}{
	{Fault{Status: 429, RetryAfter: 7 * time.Second}, fault.Throttle, false},
	{Fault{Status: 500}, fault.Transient, true},
	{Fault{Status: 502}, fault.Transient, true},
	{Fault{Status: 503, RetryAfter: 11 * time.Second}, fault.Transient, true},
	{Fault{Status: 401}, fault.Auth, false},
	{Fault{Status: 404}, fault.Gone, false},
	{Fault{}, fault.Transient, true},
}

func (f Fault) String() string {
	if f.Status == 0 {
		return "a broken connection"
	}
	return fmt.Sprintf("an answer of %d", f.Status)
}

// judge compares a failure with what it should be.
func judge(t testing.TB, what string, err error, want Fault, category fault.Category) *fault.Error {
	t.Helper()
	f := faultIn(t, what, err)
	if f.Category != category || f.Status != want.Status || f.RetryAfter != want.RetryAfter {
		t.Errorf("%s: category %s, status %d, retry after %s (%v); want %s, %d, %s", what, f.Category, f.Status, f.RetryAfter, err, category, want.Status, want.RetryAfter)
	}
	return f
}

func fetchFaults(t testing.TB, s Suite) {
	st := s.stage(t)
	s.eachKind(readable, func(c adapters.Carriage) {
		o := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}
		for _, each := range failures {
			st.inject(each.fault)
			seen, err := st.Fetcher.Fetch(within(t), o)
			if each.category == fault.Gone && err == nil && seen.Gone {
				continue
			}
			judge(t, fmt.Sprintf("fetch %s, %s", c.Kind, each.fault), err, each.fault, each.category)
		}
		st.mustFetch(t, o)
	})
}

func updateFaults(t testing.TB, s Suite) {
	s.eachKind(writable, func(c adapters.Carriage) {
		to := s.target(t, c)
		to.record = proto.Clone(to.first)
		for _, each := range failures {
			each.fault.Write = true
			request := to.mustPrepare(t, to.patch(unseen, to.paths))
			to.inject(each.fault)
			_, err := to.Pusher.Push(within(t), request)
			what := fmt.Sprintf("update %s, %s", c.Kind, each.fault)
			if f := judge(t, what, err, each.fault, each.category); f.MaybeDone != each.maybeDone {
				t.Errorf("%s: maybe done is %v, want %v", what, f.MaybeDone, each.maybeDone)
			}
		}
		to.has(t, "after the failures", to.push(t, to.paths), to.paths)
	})
}

func probeFaults(t testing.TB, s Suite) {
	st := s.stage(t)
	for _, each := range failures {
		if each.category == fault.Gone {
			continue // there is no object
		}
		st.inject(each.fault)
		judge(t, fmt.Sprintf("probe, %s", each.fault), st.Prober.Probe(within(t)), each.fault, each.category)
	}
}

// Trying again is the job's matter: an adapter that did it by itself would multiply every retry. A use may take several
// calls; none follows the one that failed.
func oneAttempt(t testing.TB, s Suite) {
	for _, use := range s.uses(t) {
		for _, failure := range []Fault{{Status: 500}, {Status: 429}, {}} {
			failure.Write = use.writes
			use.attemptedOnce(t, failure)
		}
	}
}

// use is one use of an ability. Where it writes, the write is what fails.
type use struct {
	*stage
	what   string
	writes bool
	do     func(context.Context) error
}

// uses are those of all abilities that call the vendor, of all kinds.
func (s Suite) uses(t testing.TB) (all []use) {
	t.Helper()
	st := s.stage(t)
	add := func(at *stage, what string, writes bool, do func(context.Context) error) {
		all = append(all, use{at, what, writes, do})
	}
	add(st, "probe", false, st.Prober.Probe)
	for _, c := range s.carries() {
		o, q := adapters.Object{Kind: c.Kind, ExternalID: st.Seed(c.Kind)}, adapters.Query{Kind: c.Kind, Size: 2}
		if c.Can(adapters.Fetches) {
			add(st, "fetch "+string(c.Kind), false, func(ctx context.Context) error { _, err := st.Fetcher.Fetch(ctx, o); return err })
		}
		if c.Can(adapters.Pulls) {
			add(st, "pull "+string(c.Kind), false, func(ctx context.Context) error { _, err := st.Puller.Pull(ctx, q); return err })
		}
		if c.Can(adapters.Pulls) && st.Lister != nil {
			add(st, "list "+string(c.Kind), false, func(ctx context.Context) error { _, err := st.Lister.List(ctx, q); return err })
		}
		if c.Can(adapters.Counts) && st.Counter != nil {
			add(st, "count "+string(c.Kind), false, func(ctx context.Context) error { _, err := st.Counter.Count(ctx, c.Kind); return err })
		}
		if c.Can(adapters.Archives) {
			add(st, "archive "+string(c.Kind), true, func(ctx context.Context) error { _, err := st.Archiver.Archive(ctx, archival(o)); return err })
		}
		if creatable(c) {
			to := s.seeded(t, c)
			to.object.ExternalID = ""
			r := to.mustPrepare(t, to.patch(unseen, append(to.paths, expand(to.known, c.OnCreate, to.first)...)))
			add(to.stage, "create "+string(c.Kind), true, func(ctx context.Context) error { _, err := to.Pusher.Push(ctx, r); return err })
			add(to.stage, "find "+string(c.Kind), false, func(ctx context.Context) error { _, err := to.Pusher.Find(ctx, r); return err })
		}
		if writable(c) {
			to := s.target(t, c)
			to.record = proto.Clone(to.first)
			r := to.mustPrepare(t, to.patch(unseen, to.paths))
			add(to.stage, "update "+string(c.Kind), true, func(ctx context.Context) error { _, err := to.Pusher.Push(ctx, r); return err })
		}
	}
	return all
}

// attemptedOnce says that a use whose call fails ends with that call.
func (u use) attemptedOnce(t testing.TB, failure Fault) {
	t.Helper()
	u.inject(failure)
	u.calls.failing()
	err := u.do(within(t))
	if after, failed := u.calls.afterFailure(); err == nil || !failed || after > 0 {
		t.Errorf("%s, %s: %d calls after the one that failed (did one: %t), %v; want none, and the failure", u.what, failure, after, failed, err)
	}
}

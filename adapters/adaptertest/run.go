package adaptertest

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/canonhub/canonhub/adapters"
)

// check is one promise of the contract. It may assume that the abilities it needs are there.
type check struct {
	name  string
	needs []ability
	run   func(testing.TB, Suite)
}

// ability is a field of adapters.Adapter that may be nil.
type ability struct {
	name  string
	there func(*adapters.Adapter) bool
}

var (
	webhooks = ability{"Webhook", func(a *adapters.Adapter) bool { return a.Webhook != nil }}
	fetching = ability{"Fetcher", func(a *adapters.Adapter) bool { return a.Fetcher != nil }}
	pushing  = ability{"Pusher", func(a *adapters.Adapter) bool { return a.Pusher != nil }}
	probing  = ability{"Prober", func(a *adapters.Adapter) bool { return a.Prober != nil }}
)

// checks is all of them, each a group's file.
func checks() []check {
	var all []check
	for _, group := range [][]check{
		carriageChecks, signatureChecks, eventChecks, goldenChecks, bendChecks, openChecks, fetchChecks, prepareChecks, pushChecks, lossChecks,
		createChecks, faultChecks, answerChecks, cancelChecks, secretChecks,
	} {
		all = append(all, group...)
	}
	return all
}

// Run judges an adapter.
func Run(t *testing.T, s Suite) {
	t.Helper()
	a := s.unconnected(t, s.settings(nil))
	if a.Translator == nil {
		t.Fatal("the adapter has no Translator; every adapter needs one")
	}
	waived := 0
	for _, c := range checks() {
		reason, waive := s.Waive[c.name]
		if waive {
			waived++
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, need := range c.needs {
				if !need.there(a) {
					t.Skipf("the adapter has no %s", need.name)
				}
			}
			if !waive {
				c.run(t, s)
				return
			}
			failure := failureOf(t, func(t testing.TB) { c.run(t, s) })
			if failure == "" {
				t.Fatalf("the check passes: take its waiver away (%q)", reason)
			}
			t.Skipf("waived, %s: %s", reason, failure)
		})
	}
	if waived != len(s.Waive) {
		t.Errorf("Waive names a check that does not exist: %v", s.Waive)
	}
}

// failureOf runs a check for its first failure; "" where there is none.
func failureOf(t testing.TB, run func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // of its own, since FailNow ends the goroutine
		defer close(done)
		run(r)
	}()
	<-done
	return r.failure
}

// recorder notes failures where a test would fail.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) note(text string) {
	if r.failure == "" {
		r.failure = text
	}
}

// Failed says whether anything was noted.
func (r *recorder) Failed() bool { return r.failure != "" }

// Fail notes a failure without words.
func (r *recorder) Fail() { r.note("failed") }

// FailNow notes a failure without words and ends the check.
func (r *recorder) FailNow() {
	r.note("failed")
	runtime.Goexit()
}

// Error notes a failure.
func (r *recorder) Error(args ...any) { r.note(fmt.Sprint(args...)) }

// Errorf notes a failure.
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }

// Fatal notes a failure and ends the check.
func (r *recorder) Fatal(args ...any) {
	r.note(fmt.Sprint(args...))
	runtime.Goexit()
}

// Fatalf notes a failure and ends the check.
func (r *recorder) Fatalf(format string, args ...any) {
	r.note(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

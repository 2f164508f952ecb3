package adaptertest

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/canonhub/canonhub/adapters"
)

// check is one promise of the contract. It is made for every kind that has the abilities it needs; those that lack one
// have said why (Carriage.Lacks), and the check says so in turn.
type check struct {
	name  string
	needs []adapters.Ability
	run   func(testing.TB, Suite)
}

func needs(all ...adapters.Ability) []adapters.Ability { return all }

// absences are the kinds that a check is not made for, and why.
func (c check) absences(s Suite) (lines []string, all bool) {
	all = len(c.needs) > 0
	for _, carriage := range s.carries() {
		complete := true
		for _, a := range c.needs {
			if !carriage.Can(a) {
				complete = false
				lines = append(lines, fmt.Sprintf("declared: no %s of a %s: %s", a, carriage.Kind, carriage.Lacks[a]))
			}
		}
		all = all && !complete
	}
	return lines, all
}

// checks is all of them, each a group's file.
func checks() []check {
	var all []check
	for _, group := range [][]check{
		declarationChecks, carriageChecks, signatureChecks, eventChecks, goldenChecks, bendChecks, openChecks, fetchChecks, prepareChecks, pushChecks, lossChecks,
		createChecks, mergeChecks, pullChecks, archiveChecks, errorChecks, exactChecks, faultChecks, answerChecks, cancelChecks, secretChecks,
	} {
		all = append(all, group...)
	}
	return all
}

// Run judges an adapter.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if a := s.unconnected(t, s.settings(nil)); a.Translator == nil || a.Prober == nil {
		t.Fatal("the adapter has no Translator, or no Prober; every adapter needs both")
	}
	s.declared = s.carries() // once: to read options may take its time
	waived := 0
	for _, c := range checks() {
		reason, waive := s.Waive[c.name]
		if waive {
			waived++
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			absences, all := c.absences(s)
			for _, line := range absences {
				t.Log(line)
			}
			switch {
			case all && waive:
				t.Fatalf("the check does not apply: take its waiver away (%q)", reason)
			case all:
				return
			case !waive:
				c.run(t, s)
				return
			}
			failure := failureOf(t, func(t testing.TB) { c.run(t, s) })
			if failure == "" && s.ByChance[c.name] {
				return
			}
			if failure == "" {
				t.Fatalf("the check passes: take its waiver away (%q)", reason)
			}
			t.Logf("waived, %s: %s", reason, failure)
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

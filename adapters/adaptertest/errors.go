package adaptertest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/adapters/fault"
)

var errorChecks = []check{
	{"GoldenErrors", nil, goldenErrors},
	{"ATransientFailureIsRecorded", nil, recordedAs(fault.Transient)},
	{"AThrottleIsRecorded", nil, recordedAs(fault.Throttle)},
	{"APermanentFailureIsRecorded", nil, recordedAs(fault.Permanent)},
	{"ARefusedCredentialIsRecorded", nil, recordedAs(fault.Auth)},
	{"AMissingObjectIsRecorded", nil, recordedAs(fault.Gone)},
	{"AConflictIsRecorded", nil, recordedAs(fault.Conflict)},
	{"AThrottleIsReadInEachForm", nil, throttleForms},
	{"HintsAreRead", nil, hintsAreRead},
}

// goldenErrors compares what recorded failures are taken for.
func goldenErrors(t testing.TB, s Suite) {
	a := s.api(t)
	seen := map[int]bool{}
	for _, g := range s.read(t, filepath.Join("errors", "*.json"), "") {
		text, _, _ := strings.Cut(path.Base(g.name), "-")
		status, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: its name does not begin with a status and a hyphen", g.name)
		}
		seen[status] = true
		a.says(status, "application/json", g.input)
		a.header = s.headers(t, g)
		out := map[string]any{}
		for call, err := range a.readAndWrite(t, s) {
			out[call] = shown(t, g.name+", "+call, err)
		}
		s.compare(t, g, out)
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		if !seen[status] {
			t.Errorf("no answer with status %d is recorded: want %s/errors/%d-*.json", status, s.Golden, status)
		}
	}
}

// recordedAs says that one of the recorded failures is of a category: how this vendor says so is known, and no guess. A
// vendor that cannot say so waives it.
func recordedAs(c fault.Category) func(testing.TB, Suite) {
	return func(t testing.TB, s Suite) {
		a := s.api(t)
		for _, g := range s.read(t, filepath.Join("errors", "*.json"), "") {
			text, _, _ := strings.Cut(path.Base(g.name), "-")
			status, _ := strconv.Atoi(text) // GoldenErrors judges the name
			a.says(status, "application/json", g.input)
			a.header = s.headers(t, g)
			all := a.readAndWrite(t, s)
			all["probe"] = a.Prober.Probe(within(t)) // which every adapter has
			for _, err := range all {
				if fault.CategoryOf(err) == c {
					return
				}
			}
		}
		t.Errorf("no recorded answer in %s/errors is a failure of category %s", s.Golden, c)
	}
}

// headers are those of a recorded answer.
func (s Suite) headers(t testing.TB, g recorded) http.Header {
	t.Helper()
	out := http.Header{}
	text, err := os.ReadFile(filepath.Join(s.Golden, strings.TrimSuffix(g.name, ".json")+".header"))
	if errors.Is(err, os.ErrNotExist) {
		return out
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ": "); ok {
			out.Add(name, value)
		}
	}
	return out
}

// readAndWrite makes one call of each sort of the first kind that has it.
func (a *api) readAndWrite(t testing.TB, s Suite) map[string]error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out := map[string]error{}
	for _, c := range s.carries() {
		if _, done := out["fetch"]; !done && c.Can(adapters.Fetches) {
			_, out["fetch"] = a.Fetcher.Fetch(ctx, adapters.Object{Kind: c.Kind, ExternalID: "1"})
		}
		if _, done := out["pull"]; !done && c.Can(adapters.Pulls) {
			_, out["pull"] = a.Puller.Pull(ctx, adapters.Query{Kind: c.Kind, Size: 2})
		}
		request, ok := s.anyUpdate(t, a.Adapter, c)
		if _, done := out["update"]; !done && ok {
			_, out["update"] = a.Pusher.Push(ctx, request)
		}
		if _, done := out["create"]; !done && c.Create {
			if request, ok := anyRequest(t, a.Adapter, c); ok {
				_, out["create"] = a.Pusher.Push(ctx, request)
			}
		}
	}
	return out
}

// anyUpdate sets what can be set without a sandbox: each attribute in a form of which the vendor takes one.
func (s Suite) anyUpdate(t testing.TB, a *adapters.Adapter, c adapters.Carriage) (adapters.Request, bool) {
	t.Helper()
	known := schema(t, c.Kind)
	if !c.Can(adapters.Updates) {
		return adapters.Request{}, false
	}
	patch := adapters.Patch{Kind: c.Kind, RecordID: recordID(c.Kind), ExternalID: "1", Message: known.New(), Key: "key-1"}
	var request adapters.Request
	for _, path := range c.Out {
		if path == customs {
			continue
		}
		for _, m := range rough(known, path) {
			next := patch
			next.Paths = append(append([]string{}, patch.Paths...), path)
			known.Copy(next.Message, m, pathTo(path))
			if r, err := a.Pusher.Prepare(next); err == nil {
				patch, request = next, r
				break
			}
			known.Clear(next.Message, pathTo(path))
		}
	}
	return request, len(patch.Paths) > 0
}

// shown is a fault as a golden file shows it.
func shown(t testing.TB, what string, err error) any {
	t.Helper()
	if err == nil {
		return "done"
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Errorf("%s: %v is no *fault.Error", what, err)
		return nil
	}
	return present(map[string]any{"category": f.Category, "op": f.Op, "status": f.Status, "code": f.Code, "message": f.Message,
		"retry_after": f.RetryAfter.String(), "maybe_done": f.MaybeDone, "narrow": f.Narrow, "refused": f.Refused})
}

// Seconds, seconds with a fraction, and a date by the vendor's clock.
func throttleForms(t testing.TB, s Suite) {
	a := s.api(t)
	for text, want := range map[string]time.Duration{
		"7": 7 * time.Second, "2.5": 2500 * time.Millisecond, still.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
	} {
		for _, status := range []int{429, 503} {
			a.says(status, "application/json", []byte(`{}`))
			a.header = http.Header{"Retry-After": {text}}
			for call, err := range attempts(t, a.Adapter, s) {
				if f := faultIn(t, call, err); f.RetryAfter != want || status == 429 && f.Category != fault.Throttle {
					t.Errorf("%s, answered %d with Retry-After %s: %v, to be tried again after %s", call, status, text, err, f.RetryAfter)
				}
			}
		}
	}
}

func hintsAreRead(t testing.TB, s Suite) {
	if len(s.Limits) == 0 {
		t.Error("the Suite has no answer that tells of limits")
	}
	for i, one := range s.Limits {
		var got []adapters.Hint
		a := s.apiWith(t, func(settings *adapters.Settings) {
			settings.Observe = func(h adapters.Hint) { got = append(got, h) }
		})
		a.says(http.StatusOK, "application/json", []byte(one.Body))
		a.header = http.Header{}
		for name, value := range one.Header {
			a.header.Set(name, value)
		}
		_ = a.Prober.Probe(within(t)) // whatever it makes of the body
		if diff := cmp.Diff(one.Want, got); diff != "" {
			t.Errorf("Limits[%d] (- want, + told): %s", i, diff)
		}
	}
	a := s.apiWith(t, func(settings *adapters.Settings) {
		settings.Observe = func(h adapters.Hint) { sensible(t, h) }
	})
	for _, one := range s.Limits {
		for _, broken := range []string{"", "x", "-1", "1e400", "NaN", "Inf", "99999999999999999999", "1/0", "/", "0"} {
			a.header = http.Header{}
			for name := range one.Header {
				a.header.Set(name, broken)
			}
			a.says(http.StatusOK, "application/json", []byte(one.Body))
			_ = a.Prober.Probe(within(t))
		}
	}
}

package drift_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/canonhub/canonhub/adapters"
	"github.com/canonhub/canonhub/hub/drift"
	"github.com/canonhub/canonhub/hub/store"
)

// shelf keeps what is flushed, or fails.
type shelf struct {
	kept   []store.Drift
	shapes map[string]store.DriftShape
	broken error
}

func (s *shelf) PutDriftShapes(_ context.Context, all []store.DriftShape) error {
	if s.broken == nil {
		for _, d := range all {
			s.shapes[d.Connection+d.Kind+d.Op] = d
		}
	}
	return s.broken
}

func (s *shelf) DriftShapes(_ context.Context, connection string) (all []store.DriftShape, err error) {
	for _, d := range s.shapes {
		if d.Connection == connection {
			all = append(all, d)
		}
	}
	return all, s.broken
}

func (s *shelf) AddDrift(_ context.Context, all []store.Drift, _ int) error {
	if s.broken == nil {
		s.kept = append(s.kept, all...)
	}
	return s.broken
}

// told are the differences, with how often each was seen.
func (s *shelf) told() []string {
	var out []string
	for _, d := range s.kept {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", d.Change, d.Path, d.Seen, d.Detail)))
	}
	slices.Sort(out)
	return out
}

func newWatch(t testing.TB, log *bytes.Buffer) (*drift.Watch, *shelf) {
	t.Helper()
	kept := &shelf{shapes: map[string]store.DriftShape{}}
	logger := slog.New(slog.DiscardHandler)
	if log != nil {
		logger = slog.New(slog.NewTextHandler(log, nil))
	}
	w, err := drift.New(kept, prometheus.NewRegistry(), logger)
	if err != nil {
		t.Fatal(err)
	}
	return w, kept
}

// of is an observation of an object as the vendor says it.
func of(raw string, unknown ...string) adapters.Observation {
	return adapters.Observation{Object: adapters.Object{Kind: "customer"}, Raw: []byte(raw), Unknown: unknown}
}

// several sees the same object again and again.
func several(n int, raw string) (all []adapters.Observation) {
	for range n {
		all = append(all, of(raw))
	}
	return all
}

func TestDifferencesAreCounted(t *testing.T) {
	t.Parallel()
	partial := of(`{"id": 1}`)
	partial.Paths = []string{"email"}
	gone := of(`{"id": 1}`)
	gone.Gone = true
	for name, test := range map[string]struct {
		seen []adapters.Observation
		want []string
	}{
		"unknown field":                         {[]adapters.Observation{of(`{}`, "loyalty.tier"), of(`{}`, "loyalty.tier")}, []string{"unknown_field loyalty.tier 2"}},
		"unknown value":                         {[]adapters.Observation{of(`{}`, "status=on_hold")}, []string{"unknown_value status=on_hold 1"}},
		"unknown value that is somebody's text": {[]adapters.Observation{of(`{}`, "status=call Ms Doe, +49 30 1234")}, []string{"unknown_value status 1 no word"}},
		"another type":                          {append(several(3, `{"id": 1}`), several(2, `{"id": "1"}`)...), []string{"changed_type id 1 string, was number"}},
		"a list that is an object now":          {append(several(1, `{"tags": [{"a": 1}]}`), several(1, `{"tags": {"a": 1}}`)...), []string{"changed_type tags 1 object, was list"}},
		"an unknown field's name is somebody's": {[]adapters.Observation{of(`{}`, "jane@example.com"), of(`{}`, "+49 30 1234567"), of(`{}`, "notes.4711081500"), of(`{}`, "jane@example.com=x")}, []string{"unknown_field * 4 no name"}},
		"a column's name has words":             {[]adapters.Observation{of(`{}`, "Größe (cm)")}, []string{"unknown_field Größe (cm) 1"}},
		"a field of two types":                  {slices.Repeat([]adapters.Observation{of(`{"id": 1}`), of(`{"id": "1"}`)}, 50), []string{"changed_type id 1 string, was number"}},
		"null is of every type":                 {append(append(several(3, `{"id": null}`), several(3, `{"id": 1}`)...), several(3, `{"id": null}`)...), nil},
		"vanished":                              {append(several(60, `{"a": 1, "b": "x"}`), several(60, `{"b": "x"}`)...), []string{"vanished_field a 1 number"}},
		"back again, and vanished again": {slices.Concat(several(60, `{"a": 1, "b": 2}`), several(50, `{"b": 2}`), several(9000, `{"a": 1, "b": 2}`), several(50*8, `{"b": 2}`)),
			[]string{"vanished_field a 2 number"}},
		"not missed as soon as one lacks it":  {append(several(60, `{"a": 1, "b": 2}`), several(49, `{"b": 2}`)...), nil},
		"never a habit":                       {slices.Concat(several(40, `{"a": 1, "b": 2}`), several(60, `{"b": 2}`)), nil},
		"told in part, it lacks nothing":      {append(several(60, `{"id": 1, "a": 1}`), slices.Repeat([]adapters.Observation{partial}, 60)...), nil},
		"a deleted object has no shape":       {append(several(60, `{"id": 1, "a": 1}`), slices.Repeat([]adapters.Observation{gone}, 60)...), nil},
		"no JSON has no shape":                {append(several(60, `a;b;c`), several(60, ``)...), nil},
		"keys that people chose are no shape": {append(several(60, `{"metadata": {"jane@example.com": 1}}`), several(60, `{"metadata": {}}`)...), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, kept := newWatch(t, nil)
			for _, o := range test.seen {
				w.Of("shop")("pull", o)
			}
			if err := w.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := kept.told(); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// Noise at one connection takes no room from another, and hides nothing from the metric.
func TestNoiseHidesNothingElsewhere(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	kept := &shelf{shapes: map[string]store.DriftShape{}}
	w, err := drift.New(kept, registry, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		w.Of("noisy")("pull", of(`{}`, "f"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676))))
	}
	w.Of("shop")("pull", of(`{}`, "loyalty"))
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if told := kept.told(); len(told) != 501 || !slices.Contains(told, "unknown_field loyalty 1") {
		t.Errorf("%d differences are kept; of the quiet connection: %v", len(told), slices.Contains(told, "unknown_field loyalty 1"))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, m := range families[0].GetMetric() {
		total += m.GetCounter().GetValue()
	}
	if total != 2001 {
		t.Errorf("the metric counts %v of 2001", total)
	}
}

// The list of a vendor's pull and its events differ in form, and so do two connections: none is measured by another.
func TestFormsAreApart(t *testing.T) {
	t.Parallel()
	w, kept := newWatch(t, nil)
	for range 100 {
		w.Of("shop")("pull", of(`{"id": 1, "a": 1}`))
		w.Of("shop")("translate", of(`{"id": "1"}`))
		w.Of("crm")("pull", of(`{"id": true}`))
	}
	if err := w.Flush(t.Context()); err != nil || len(kept.kept) != 0 {
		t.Errorf("%v %q", err, kept.told())
	}
}

func TestWhatCannotBeStoredIsKeptForTheNextTime(t *testing.T) {
	t.Parallel()
	w, kept := newWatch(t, nil)
	kept.broken = errors.New("no database")
	w.Of("shop")("pull", of(`{}`, "x"))
	if err := w.Flush(t.Context()); !errors.Is(err, kept.broken) {
		t.Fatal(err)
	}
	w.Of("shop")("pull", of(`{}`, "x"))
	kept.broken = nil
	if err := w.Flush(t.Context()); err != nil || !slices.Equal(kept.told(), []string{"unknown_field x 2"}) {
		t.Errorf("%v %q", err, kept.told())
	}
	if err := w.Flush(t.Context()); err != nil || len(kept.kept) != 1 {
		t.Errorf("stored twice: %v %q", err, kept.told())
	}
}

func TestNoiseIsBoundedAndNoValueIsKept(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w, kept := newWatch(t, &log)
	const secret = "jane.doe@example.com"
	for i := range 2000 {
		w.Of("shop")("pull", of(fmt.Sprintf(`{"email": %q, "f%d": 1, "x": %s, "note": [%q]}`, secret, i, []string{"1", `"` + secret + `"`}[i%2], secret),
			fmt.Sprintf("field_%d.%s", i, strings.Repeat("x", 10_000)), "status="+secret))
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(kept.kept) == 0 || len(kept.kept) > 500 {
		t.Errorf("%d differences", len(kept.kept))
	}
	for _, d := range kept.kept {
		if len(d.Path) > 200 {
			t.Errorf("a path of %d bytes", len(d.Path))
		}
	}
	if told := fmt.Sprint(kept.told(), log.String()); strings.Contains(told, secret) {
		t.Error("a person's address was kept or logged")
	}
	if lines := strings.Count(log.String(), "\n"); lines == 0 || lines > 500 {
		t.Errorf("%d lines in the log", lines)
	}
}

// Whatever bytes come, the watch neither fails nor keeps a value.
func FuzzShapes(f *testing.F) {
	for _, seed := range []string{`{}`, `[]`, `{"a": {"b": [1, {"c": null}]}}`, `{"a": `, `{"a": 1e999}`, strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50), "\x00", `{"\u0000": 1}`} {
		f.Add([]byte(seed), []byte(`{"a": 1}`), "a=b")
	}
	f.Fuzz(func(t *testing.T, first, second []byte, unknown string) {
		w, kept := newWatch(t, nil)
		see := w.Of("shop")
		for _, raw := range [][]byte{first, second, first} {
			see("pull", of(string(raw), unknown))
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, d := range kept.kept {
			if strings.ContainsRune(d.Path, 0) || len([]rune(d.Path)) > 200 {
				t.Errorf("%q", d.Path)
			}
		}
	})
}

// What a vendor changes while no process of the hub runs is seen by the next one.
func TestWhatIsLearntOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	first, kept := newWatch(t, nil)
	for range 60 {
		first.Of("shop")("fetch", of(`{"id": "1", "total": "7", "note": "x"}`))
	}
	if err := first.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	next, err := drift.New(kept, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Learn(t.Context(), []string{"shop"}); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		next.Of("shop")("fetch", of(`{"id": "1", "total": 7}`))
	}
	if err := next.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := kept.told(); !slices.Equal(got, []string{"changed_type total 1 number, was string", "vanished_field note 1 string"}) {
		t.Errorf("%q", got)
	}
	kept.shapes["shopcustomerfetch"] = store.DriftShape{Connection: "shop", Kind: "customer", Op: "fetch", Shape: []byte("of another form")}
	if err := next.Learn(t.Context(), []string{"shop"}); err != nil {
		t.Errorf("what cannot be read is begun anew: %v", err)
	}
	next.Of("shop")("fetch", of(`{"id": 1}`))
	kept.broken = errors.New("away")
	if next.Flush(t.Context()) == nil {
		t.Error("what cannot be stored is no success")
	}
	kept.broken = nil
	if err := next.Flush(t.Context()); err != nil || !strings.Contains(string(kept.shapes["shopcustomerfetch"].Shape), `"number"`) {
		t.Errorf("%s, %v", kept.shapes["shopcustomerfetch"].Shape, err)
	}
}

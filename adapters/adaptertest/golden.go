package adaptertest

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/canonhub/canonhub/adapters"
)

var update = flag.Bool("update", false, "write the adapters' golden files anew")

var goldenChecks = []check{
	{"GoldenWebhooks", needs(adapters.Webhooks), goldenWebhooks},
	{"GoldenObjects", needs(adapters.Fetches), goldenObjects},
	{"TranslateIsPure", needs(adapters.Webhooks), translateIsPure},
}

// recorded is a golden input.
type recorded struct {
	name  string // below the folder
	kind  adapters.Kind
	input []byte
}

// goldenBodies are the recorded webhooks, by name.
func (s Suite) goldenBodies(t testing.TB) []recorded {
	t.Helper()
	all := s.read(t, "*.json", "")
	if len(all) == 0 {
		t.Fatalf("there is no webhook recorded: want %s/*.json", s.Golden)
	}
	return all
}

// goldenAnswers are the recorded answers of the API, by kind and name.
func (s Suite) goldenAnswers(t testing.TB) []recorded {
	t.Helper()
	var all []recorded
	for _, c := range s.carries() {
		all = append(all, s.read(t, filepath.Join("objects", string(c.Kind), "*.json"), c.Kind)...)
	}
	return all
}

// request is how a recorded webhook comes in.
func (s Suite) request(file string, input []byte) adapters.Delivery {
	if s.Request == nil {
		return adapters.Delivery{Method: "POST", Body: input}
	}
	return s.Request(file, input)
}

func (s Suite) read(t testing.TB, pattern string, kind adapters.Kind) []recorded {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.Golden, pattern))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	all := make([]recorded, len(names))
	for i, name := range names {
		input, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		below, err := filepath.Rel(s.Golden, name)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = recorded{filepath.ToSlash(below), kind, input}
	}
	return all
}

func goldenWebhooks(t testing.TB, s Suite) {
	a := s.unconnected(t, s.settings(nil))
	for _, g := range s.goldenBodies(t) {
		var out []any
		events, err := a.Webhook.Split(s.request(g.name, g.input))
		if err != nil {
			t.Errorf("%s: split: %v", g.name, err)
			continue
		}
		for _, e := range events {
			checkEvent(t, e)
			meaning, err := a.Translator.Translate(e)
			if err != nil {
				t.Errorf("%s: translate %s: %v", g.name, e.Type, err)
				continue
			}
			checkTranslation(t, s, e, meaning)
			out = append(out, rendered(t, e, meaning))
		}
		s.compare(t, g, out)
	}
}

func goldenObjects(t testing.TB, s Suite) {
	api := s.api(t)
	for _, g := range s.goldenAnswers(t) {
		api.says(http.StatusOK, "application/json", g.input)
		o, err := api.fetch(g)
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
			continue
		}
		checkObservation(t, s, o)
		s.compare(t, g, observed(t, o))
	}
}

func translateIsPure(t testing.TB, s Suite) {
	a := s.unconnected(t, s.settings(nil))
	for _, g := range s.goldenBodies(t) {
		events, err := a.Webhook.Split(s.request(g.name, g.input))
		if err != nil {
			t.Errorf("%s: split: %v", g.name, err)
			continue
		}
		for _, e := range events {
			before := bytes.Clone(e.Body)
			one, errOne := a.Translator.Translate(e)
			two, errTwo := a.Translator.Translate(e)
			if (errOne == nil) != (errTwo == nil) || !cmp.Equal(one, two, protocmp.Transform()) {
				t.Errorf("%s: translated twice into two things: %s", g.name, cmp.Diff(one, two, protocmp.Transform()))
			}
			if !bytes.Equal(before, e.Body) {
				t.Errorf("%s: Translate changes the event's bytes", g.name)
			}
		}
	}
}

// compare checks a golden file, or writes it.
func (s Suite) compare(t testing.TB, g recorded, out any) {
	t.Helper()
	got, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	name := filepath.Join(s.Golden, strings.TrimSuffix(g.name, ".json")+".golden")
	if *update {
		if err := os.WriteFile(name, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Errorf("%v; `go test -update` writes it", err)
		return
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("%s (- golden, + now; `go test -update` writes it anew):\n%s", name, diff)
	}
}

// rendered is an event as a golden file shows it: what is empty is left out.
func rendered(t testing.TB, e adapters.Event, meaning adapters.Translation) any {
	t.Helper()
	out := map[string]any{"key": e.Key, "type": e.Type, "occurred_at": moment(e.OccurredAt), "fetch": meaning.Fetch, "ignored": meaning.Ignored}
	var all []any
	for _, o := range meaning.Observations {
		all = append(all, observed(t, o))
	}
	out["observations"] = all
	return present(out)
}

// observed is an observation as a golden file shows it, without the raw bytes, which are the input's.
func observed(t testing.TB, o adapters.Observation) any {
	t.Helper()
	o = cleaned(t, o)
	out := map[string]any{
		"kind": o.Kind, "external_id": o.ExternalID, "record_id": o.RecordID, "at": moment(o.At), "version": o.Version, "gone": o.Gone, "erase": o.Erase, "merged_into": o.MergedInto,
		"paths": o.Paths, "unusable": o.Unusable, "unknown": o.Unknown,
	}
	if o.Message != nil {
		message, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(o.Message)
		if err != nil {
			t.Fatal(err)
		}
		out["message"] = json.RawMessage(message) // its blanks differ from build to build; MarshalIndent evens them out
	}
	return present(out)
}

func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// present drops what is empty.
func present(out map[string]any) map[string]any {
	for name, value := range out {
		v := reflect.ValueOf(value)
		if !v.IsValid() || v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
			delete(out, name)
		}
	}
	return out
}

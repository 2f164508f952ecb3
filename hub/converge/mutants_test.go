package converge_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutant is the core with one rule broken.
type mutant struct {
	name string
	// file below the project's root, in which was, found exactly once, is replaced by is.
	file, was, is string
}

var mutants = []mutant{
	{"what arrives last counts, not what is newest", "hub/view/view.go",
		"v.entries[at-1].stamp.Compare(e.stamp) > 0", "false && v.entries[at-1].stamp.Compare(e.stamp) > 0"},
	{"a delivered value is a claim", "hub/view/state.go",
		"v.schema.Copy(s.Agreed, e.agreed, path)\n", "v.schema.Copy(s.Agreed, e.agreed, path)\n\t\tv.claim(s, e, path)\n"},
	{"the vendor's form of a value is drift", "hub/view/state.go",
		"return s.agreed[path] && s.schema.Equal(message, s.Agreed, path)", "return false"},
	{"no clock is too far ahead", "hub/policy/resolve.go",
		"c.Stamp.Time.After(seen.Add(r.Skew))", "false"},
	{"the first is the newest", "hub/policy/resolve.go",
		"a.Stamp.Time.Compare(b.Stamp.Time)", "b.Stamp.Time.Compare(a.Stamp.Time)"},
	{"what was refused is sent again", "hub/policy/diff.go",
		"case isRefused(k.Schema, r.Message, v.Refused, path), v.Contested", "case v.Contested"},
	{"a tug of war has no end", "hub/deliver/contest.go",
		">= s.target.TugOfWar.Corrections", ">= 1000*s.target.TugOfWar.Corrections"},
	{"something newer is sent before an outcome is known", "hub/deliver/plan.go",
		"if attempt := b.PendingFor(o.args.RecordID, o.args.Connection); attempt != nil {", "if attempt := b.PendingFor(o.args.RecordID, o.args.Connection); attempt != nil && attempt.Sends > 1000 {"},
	{"a create is sent again without a search", "hub/deliver/deliver.go",
		`if attempt.Sends == 1 || attempt.ExternalID != "" {`, "if attempt.Sends > 0 {"},
	{"a job ends without another look", "hub/deliver/deliver.go",
		"if err != nil || one.ended {", "if err != nil || one.ended || next != nil {"},
	{"a delete yields to older updates", "hub/apply/application.go",
		"(p.in.Read || p.in.Observation.At.After(p.link.GoneAt))", "p.in.Observation.Message != nil"},
	{"a hub delivers by a policy that was replaced", "hub/apply/refold.go",
		"if b.ActivePolicy != a.Active().Version {", "if b.ActivePolicy < 0 {"},
	{"a placeholder stays one", "hub/apply/application.go",
		"p.bundle.Record.Placeholder, p.bundle.Record.Creator = false, p.key.Connection", "p.bundle.Record.Creator = p.key.Connection"},
	{"a merge is not folded", "hub/apply/merge.go",
		"_, err = a.Fold(ctx, tx, b, cause)\n\t\tresult =", "result ="},
	{"a merge leaves two primary objects", "hub/apply/merge.go",
		"revive(b.Record, from)\n\telect(tx, b, nil)\n", "revive(b.Record, from)\n"},
}

// TestConvergenceFindsMutants breaks the core one rule at a time, in a copy that the compiler sees instead, and expects
// the simulator to tell of each.
func TestConvergenceFindsMutants(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", m.overlay(t, root), "-vet=off", "-ldflags=-s -w", "-count=1",
				"-run", "^TestConvergence$", ".", "-runs", fmt.Sprint(*mutantRuns), "-rapid.nofailfile", "-rapid.shrinktime=1ms").CombinedOutput()
			switch told := string(out); {
			case err == nil:
				t.Errorf("the simulator finds nothing in %d histories", *mutantRuns)
			case !strings.Contains(told, "[rapid] failed after") && !strings.Contains(told, "[rapid] panic after"):
				t.Errorf("the simulator did not run: %v\n%s", err, told)
			default:
				t.Log(firstLine(told))
			}
		})
	}
}

// overlay writes the mutant's file, and what tells the compiler of it.
func (m mutant) overlay(t *testing.T, root string) string {
	t.Helper()
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.was); n != 1 {
		t.Fatalf("%s has %d times the text that the mutant replaces:\n%s", m.file, n, m.was)
	}
	broken, overlay := filepath.Join(t.TempDir(), "broken.go"), filepath.Join(t.TempDir(), "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{broken: strings.Replace(string(source), m.was, m.is, 1), overlay: string(replace)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// firstLine is what the simulator says that is wrong.
func firstLine(told string) string {
	_, rest, _ := strings.Cut(told, "[rapid] ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

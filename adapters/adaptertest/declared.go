package adaptertest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/canonhub/canonhub/adapters"
)

var declarationChecks = []check{
	{"WhatIsLackingIsDeclared", nil, lackingIsDeclared},
	{"AbilitiesAreThere", nil, abilitiesAreThere},
	{"TheReadmeTellsWhatIsCarried", nil, readmeTells},
}

func lackingIsDeclared(t testing.TB, s Suite) {
	for _, c := range s.carries() {
		for _, a := range adapters.Abilities() {
			reason, lacks := c.Lacks[a]
			switch {
			case lacks && strings.TrimSpace(reason) == "":
				t.Errorf("%s: Lacks does not say why there is no %s", c.Kind, a)
			case lacks && c.Can(a):
				t.Errorf("%s: Lacks says why there is no %s, and it is declared, too", c.Kind, a)
			case !lacks && !c.Can(a):
				t.Errorf("%s: there is no %s, and Lacks does not say why", c.Kind, a)
			}
		}
		for a := range c.Lacks {
			if !slices.Contains(adapters.Abilities(), a) {
				t.Errorf("%s: Lacks names %q, which is no ability", c.Kind, a)
			}
		}
		if c.Can(adapters.PullsChanges) && !c.Can(adapters.Pulls) || c.Can(adapters.PullsDeletes) && !c.Can(adapters.PullsChanges) {
			t.Errorf("%s: changes are pulled where all can be, and deletes where changes can be", c.Kind)
		}
		if c.Can(adapters.Counts) && !c.Can(adapters.Pulls) {
			t.Errorf("%s: what can be counted is what can be pulled", c.Kind)
		}
		if c.Can(adapters.DeleteWebhooks) && !c.Can(adapters.Webhooks) {
			t.Errorf("%s: without webhooks it cannot have webhooks of deletes", c.Kind)
		}
	}
}

// What one kind can do needs the interface for it; an interface that no kind needs is one too many.
func abilitiesAreThere(t testing.TB, s Suite) {
	a := s.unconnected(t, s.settings(nil))
	for name, one := range map[string]struct {
		there bool
		needs []adapters.Ability
	}{
		"Webhook": {a.Webhook != nil, needs(adapters.Webhooks)}, "Fetcher": {a.Fetcher != nil, needs(adapters.Fetches)},
		"Puller": {a.Puller != nil, needs(adapters.Pulls)}, "Pusher": {a.Pusher != nil, needs(adapters.Updates, adapters.Creates)},
		"Archiver": {a.Archiver != nil, needs(adapters.Archives)},
	} {
		wanted := false
		for _, c := range s.carries() {
			for _, ability := range one.needs {
				wanted = wanted || c.Can(ability)
			}
		}
		if wanted != one.there {
			t.Errorf("a kind with the abilities %v is carried: %v; the adapter has a %s: %v", one.needs, wanted, name, one.there)
		}
	}
	if (a.Lister != nil || a.Counter != nil) && a.Puller == nil || (a.Handshaker != nil || a.Acknowledger != nil) && a.Webhook == nil {
		t.Error("a Lister or Counter goes with a Puller, and a Handshaker or Acknowledger with a Webhook")
	}
}

const (
	tablesBegin = "<!-- carries -->\n"
	tablesEnd   = "<!-- /carries -->\n"
)

func readmeTells(t testing.TB, s Suite) {
	if s.Readme == "" {
		t.Fatal("the Suite names no Readme")
	}
	text, err := os.ReadFile(s.Readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tablesBegin)
	tables, after, ends := strings.Cut(rest, tablesEnd)
	if !begins || !ends {
		t.Fatalf("%s has no lines %q and %q, between which the tables go", s.Readme, tablesBegin, tablesEnd)
	}
	want := s.tables()
	if *update {
		if err := os.WriteFile(s.Readme, []byte(before+tablesBegin+want+tablesEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("%s (- declared, + written; `go test -update` writes it anew):\n%s", s.Readme, diff)
	}
}

// tables are what the adapter carries, for people.
func (s Suite) tables() string {
	var b strings.Builder
	for _, c := range s.carries() {
		fmt.Fprintf(&b, "\n## %s\n\n| can | |\n|---|---|\n", strings.ToUpper(string(c.Kind[:1]))+string(c.Kind[1:]))
		for _, a := range adapters.Abilities() {
			said := "yes"
			if reason, lacks := c.Lacks[a]; lacks {
				said = "no: " + reason
			}
			fmt.Fprintf(&b, "| %s | %s |\n", a, cell(said))
		}
		b.WriteString("\n| attribute | read | written | what is lost |\n|---|---|---|---|\n")
		all := slices.Sorted(slices.Values(slices.Concat(c.In, c.Out, c.OnCreate)))
		for _, path := range slices.Compact(all) {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", path, mark(slices.Contains(c.In, path)), writing(c, path), cell(c.Losses[path]))
		}
	}
	b.WriteString("\n")
	return b.String()
}

func writing(c adapters.Carriage, path string) string {
	if slices.Contains(c.OnCreate, path) {
		return "on create"
	}
	return mark(slices.Contains(c.Out, path))
}

func mark(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

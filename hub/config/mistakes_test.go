package config_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/canonhub/canonhub/hub/config"
)

const mistakes = "testdata/mistakes.txtar"

// TestEveryMistakeIsToldWithItsPlace reads pairs of a configuration and what is told of it.
func TestEveryMistakeIsToldWithItsPlace(t *testing.T) {
	archive := txtar.Parse(read(t, mistakes))
	for i := 0; i+1 < len(archive.Files); i += 2 {
		from, want := archive.Files[i], &archive.Files[i+1]
		name := strings.TrimSuffix(from.Name, ".yaml")
		if want.Name != name+".want" {
			t.Fatalf("%s is followed by %s", from.Name, want.Name)
		}
		t.Run(name, func(t *testing.T) {
			got := tell(t, bytes.ReplaceAll(from.Data, []byte("LATIN1"), []byte("\xe9")))
			if *update {
				want.Data = []byte(got)
			}
			if got != string(want.Data) {
				t.Errorf("told:\n%swant:\n%s", got, want.Data)
			}
			if strings.Contains(got, "s3cr3t") {
				t.Errorf("a secret is told")
			}
		})
	}
	if *update {
		if err := os.WriteFile(mistakes, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tell parses what has mistakes and returns the error's text, one mistake a line.
func tell(t *testing.T, text []byte) string {
	t.Helper()
	_, err := config.Parse("conf/hub.yaml", text, options())
	var all *config.Errors
	if !errors.As(err, &all) || len(all.All) == 0 {
		t.Fatalf("error is %v, want mistakes", err)
	}
	if !slices.IsSortedFunc(all.All, func(a, b config.Error) int { return a.Line - b.Line }) {
		t.Errorf("not in the file's order: %v", err)
	}
	return err.Error() + "\n"
}

package proto_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// promised is a schema in small. It imports a file from .deps, which is not in
// git: the old revision must compile without it.
const promised = `syntax = "proto3";

package shop.v1;

import "other/v1/other.proto";

message Order {
  string id = 1;
  int64 total = 2;
  State state = 3;
  other.v1.Other other = 4;
}

enum State {
  STATE_UNSPECIFIED = 0;
  STATE_OPEN = 1;
  STATE_PAID = 2;
}
`

const imported = `syntax = "proto3";

package other.v1;

message Other {}
`

func TestBreakingStopsWhatBreaksCallers(t *testing.T) {
	t.Parallel()
	repo := newRepo(t)
	for _, c := range []struct {
		name, from, to string
		says           string // what buf says of it; empty if it may pass
	}{
		{"nothing changed", "", "", ""},
		{"field added", "int64 total = 2;", "int64 total = 2;\n  string note = 5;", ""},
		{"enum value added", "STATE_PAID = 2;", "STATE_PAID = 2;\n  STATE_LATE = 3;", ""},
		{"field renamed", "int64 total", "int64 amount", `changed name from "total" to "amount"`},
		{"field's type changed", "int64 total", "string total", `changed type from "int64" to "string"`},
		{"field removed", "  int64 total = 2;\n", "", `field "2" with name "total" on message "Order" was deleted`},
		{"enum value removed", "  STATE_PAID = 2;\n", "", `enum value "2" on enum "State" was deleted`},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, repo, "proto/shop/v1/shop.proto", strings.Replace(promised, c.from, c.to, 1))
			out, err := command(repo, "bash", ".ci/breaking", "HEAD")
			switch {
			case c.says == "" && err != nil:
				t.Errorf("stopped, and should pass: %v\n%s", err, out)
			case c.says != "" && err == nil:
				t.Errorf("passed, and should be stopped\n%s", out)
			case !strings.Contains(out, c.says):
				t.Errorf("said %q, want %q in it", out, c.says)
			}
		})
	}
}

func TestBreakingComparesWithBaseline(t *testing.T) {
	t.Parallel()
	repo := newRepo(t)
	write(t, repo, "proto/shop/v1/shop.proto", strings.Replace(promised, "int64 total", "int64 amount", 1))

	out, err := command(repo, "bash", ".ci/breaking")
	if err != nil || !strings.Contains(out, "No schema has been promised yet") {
		t.Errorf("without a baseline: %v %s", err, out)
	}

	write(t, repo, ".ci/baseline", "HEAD\n")
	if out, err = command(repo, "bash", ".ci/breaking"); err == nil {
		t.Errorf("a break of the baseline passed: %s", out)
	}

	write(t, repo, ".ci/baseline", "no-such-revision\n")
	if out, err = command(repo, "bash", ".ci/breaking"); err == nil {
		t.Errorf("a baseline that does not exist passed: %s", out)
	}
}

// newRepo is a git repository with this one's settings and the promised schema
// committed.
func newRepo(t *testing.T) string {
	t.Helper()
	repo := t.TempDir()
	for _, file := range []string{".ci/breaking", "buf.yaml", "proto/tools.mod", "proto/tools.sum"} {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, repo, file, string(text))
	}
	write(t, repo, "go.mod", "module example.com/shop\n") // go tool asks for one, and reads tools.mod
	write(t, repo, ".gitignore", "/.deps/\n")
	write(t, repo, ".deps/other/v1/other.proto", imported)
	write(t, repo, "proto/shop/v1/shop.proto", promised)
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "promise"}} {
		if out, err := command(repo, "git", args...); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return repo
}

func write(t *testing.T, repo, file, text string) {
	t.Helper()
	path := filepath.Join(repo, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// command runs in the repository, without the git settings of whoever runs the
// test: neither theirs nor those that a git hook hands down.
func command(repo, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = repo
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "GIT_") {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	cmd.Env = append(cmd.Env,
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com",
		"GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com",
	)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

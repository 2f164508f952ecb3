package cluster

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldestMajor is the oldest PostgreSQL that the hub's SQL is written for.
const oldestMajor = 14

// installation is one PostgreSQL on this machine.
type installation struct {
	bin   string // the directory of initdb and postgres
	major int
}

func (i installation) initdb() string   { return filepath.Join(i.bin, "initdb") }
func (i installation) postgres() string { return filepath.Join(i.bin, "postgres") }

// findInstallation returns the PostgreSQL of the wanted major version, or the preferred one where wanted is 0.
func findInstallation(ctx context.Context, wanted int) (installation, error) {
	var found []string
	for _, dir := range candidates(ctx) {
		i, err := inspect(ctx, dir)
		if err != nil {
			continue
		}
		if i.major == wanted || wanted == 0 && i.major >= oldestMajor {
			return i, nil
		}
		if seen := fmt.Sprintf("%d in %s", i.major, i.bin); !slices.Contains(found, seen) {
			found = append(found, seen)
		}
	}
	release, _ := os.ReadFile("/etc/os-release")
	remedy := Remedy(runtime.GOOS, string(release))
	switch {
	case len(found) == 0:
		return installation{}, fmt.Errorf("PostgreSQL is not installed: %s", remedy)
	case wanted == 0:
		return installation{}, fmt.Errorf("PostgreSQL %d or newer is needed, found only %s: %s", oldestMajor, strings.Join(found, ", "), remedy)
	default:
		return installation{}, fmt.Errorf("the data was written by PostgreSQL %d, which is not installed (found %s): install version %d beside it",
			wanted, strings.Join(found, ", "), wanted)
	}
}

// candidates are the directories to look in: what the user's PATH says first, then the usual places, newest first.
func candidates(ctx context.Context) []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/lib/postgresql*/bin",
		"/usr/libexec/postgresql*",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/bin",
		"/usr/local/pgsql/bin",
	} {
		matches, _ := filepath.Glob(pattern)
		slices.SortFunc(matches, func(a, b string) int { return cmp.Compare(versionIn(b), versionIn(a)) })
		dirs = append(dirs, matches...)
	}
	return dirs
}

var digits = regexp.MustCompile(`\d+`)

// versionIn is the first number of a path or a version line; 0 where there is none.
func versionIn(s string) int {
	n, _ := strconv.Atoi(digits.FindString(s))
	return n
}

// inspect asks the binaries of dir for their version. A program linked into dir runs from where it really is: it
// finds its other files from there.
func inspect(ctx context.Context, dir string) (installation, error) {
	path, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return installation{}, err
	}
	i := installation{bin: filepath.Dir(path)}
	if _, err := os.Stat(i.initdb()); err != nil {
		return installation{}, err
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return installation{}, err
	}
	i.major = versionIn(string(out))
	return i, nil
}

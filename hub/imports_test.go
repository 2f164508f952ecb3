package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/canonhub/canonhub/"

// allowed says which of our packages those under a folder may import: the most specific row counts, and a package may
// always import those below itself. What nothing here allows is not allowed.
var allowed = map[string][]string{
	"gen":      {"gen"},
	"proto":    {},
	"adapters": {"gen", "adapters"},
	"clients":  {"gen"},
	// It names what the kinds' lists are filtered by.
	"proto/internal/openapi": {"hub/model"},

	// The decision core knows neither adapters nor anything that does I/O.
	"hub/model":  {"gen"},
	"hub/view":   {"gen", "hub/model"},
	"hub/policy": {"gen", "hub/model", "hub/view"},

	"hub/postgres": {},
	"hub/store":    {"gen", "hub/model", "hub/view"},
	"hub/jobs":     {"adapters/fault", "hub/store"},
	"hub/config":   {"gen", "adapters", "hub/model", "hub/policy"},

	"hub/connection": {"adapters", "hub/model"},
	"hub/drift":      {"adapters", "hub/model", "hub/store"},
	"hub/limits":     {"adapters", "hub/store"},
	"hub/secrets":    {"adapters"},
	// It follows what the configuration says of where a connection's secrets come from.
	"hub/credentials": {"adapters", "hub/config", "hub/connection", "hub/store"},
	"hub/oauth":       {"adapters", "hub/store"},
	"hub/gate":        {"adapters/fault", "hub/jobs", "hub/limits", "hub/store"},
	"hub/receive":     {"gen", "adapters", "hub/connection", "hub/store"},
	"hub/apply":       {"gen", "adapters", "hub/connection", "hub/jobs", "hub/model", "hub/policy", "hub/store", "hub/view"},
	// A request that was kept is cut again as it is at the door.
	"hub/translate": {"adapters", "hub/apply", "hub/connection", "hub/jobs", "hub/model", "hub/receive", "hub/store"},
	"hub/feed":      {"hub/model", "hub/store"},
	"hub/deliver":   {"gen", "adapters", "hub/apply", "hub/connection", "hub/jobs", "hub/model", "hub/policy", "hub/store", "hub/view"},
	"hub/plan":      {"hub/apply", "hub/connection", "hub/model", "hub/policy", "hub/store"},
	"hub/redrive":   {"hub/jobs", "hub/store"},
	"hub/pull":      {"adapters", "hub/apply", "hub/connection", "hub/jobs", "hub/limits", "hub/model", "hub/store", "hub/view"},
	// The proof of convergence runs the core over facts of its own; it is all tests.
	"hub/converge": {},
	"hub/sweep":    {"hub/apply", "hub/connection", "hub/drift", "hub/feed", "hub/gate", "hub/jobs", "hub/pull", "hub/store"},
	"hub/api":      {"gen", "adapters", "hub/apply", "hub/credentials", "hub/feed", "hub/gate", "hub/jobs", "hub/model", "hub/oauth", "hub/plan", "hub/policy", "hub/redrive", "hub/store", "hub/view"},
	"hub/server":   {"gen", "adapters", "hub"},
	"hub/demo":     {"gen", "adapters", "clients", "hub"},
	"hub/hubtest":  {"gen", "adapters", "hub"},

	"hub": {"gen", "adapters", "clients", "hub"}, // main joins all
}

// pure are the packages that do no I/O and know no clock of their own.
var pure = []string{"hub/model", "hub/view", "hub/policy"}

// impure are imports that such a package must not have.
var impure = []string{"os", "net", "net/http", "database/sql", "io/fs", "log/slog", "context", "math/rand/v2", "crypto/rand",
	"github.com/jackc/pgx/v5", "github.com/riverqueue/river"}

// Imports go one way. Tests may import what helps them, but no main and no sandbox from outside of tests and demo.
func TestImportDirections(t *testing.T) {
	t.Parallel()
	eachFile(t, "..", func(folder, file string, imports []string) {
		test := strings.HasSuffix(file, "_test.go") || strings.HasSuffix(folder, "test")
		for _, imported := range imports {
			ours, isOurs := strings.CutPrefix(imported, module)
			switch {
			case isOurs && ours == "hub":
				t.Errorf("%s/%s imports main", folder, file)
			case isOurs && !test && !permits(folder, ours):
				t.Errorf("%s/%s imports %s: no row in the table allows that", folder, file, ours)
			case isOurs && strings.HasSuffix(ours, "/sandbox") && !test && folder != "hub/demo" && folder != "hub":
				t.Errorf("%s/%s imports %s: test vendors are for tests and the demo", folder, file, ours)
			case isOurs && strings.HasPrefix(folder, "adapters/") && vendorOf(ours) != "" && vendorOf(ours) != vendorOf(folder) && folder != "adapters/catalog":
				t.Errorf("%s/%s imports another adapter, %s", folder, file, ours)
			case !test && under(folder, pure) && under(imported, impure):
				t.Errorf("%s/%s imports %s: the decision core does no I/O", folder, file, imported)
			}
		}
	})
}

// beyond are imports that an adapter must not have: it writes no log, knows no database and no queue, and holds nothing
// that two calls could share. Of sync it has OnceValue alone, for a table that never changes.
var beyond = []string{"log", "database/sql", "github.com/jackc/pgx/v5", "github.com/riverqueue/river", "sync/atomic", "golang.org/x/sync"}

// An adapter translates and nothing else: what it must not do, it has no means to.
func TestAdaptersHoldNothingAndStartNothing(t *testing.T) {
	t.Parallel()
	vendors := map[string]bool{}
	eachFile(t, "..", func(folder, file string, _ []string) {
		vendor := vendorOf(folder)
		if vendor == "" || strings.HasSuffix(file, "_test.go") || under(folder, []string{"adapters/" + vendor + "/sandbox"}) {
			return
		}
		vendors[vendor] = true
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(folder), file))
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range oversteps(t, text) {
			t.Errorf("%s/%s %s: an adapter translates and nothing else (adapters/adapter.go)", folder, file, wrong)
		}
	})
	if len(vendors) < 7 {
		t.Errorf("only these adapters were found: %v", vendors)
	}
}

// oversteps are what an adapter's file does that is not an adapter's matter.
func oversteps(t *testing.T, source []byte) (all []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil || under(name, beyond) || name == "sync" && spec.Name != nil {
			all = append(all, "imports "+name)
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			all = append(all, "starts a goroutine")
		case *ast.SelectorExpr:
			if of, is := n.X.(*ast.Ident); is && of.Name == "sync" && n.Sel.Name != "OnceValue" {
				all = append(all, "uses sync."+n.Sel.Name)
			}
		}
		return true
	})
	return all
}

func TestAnAdapterThatOverstepsIsSeen(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"package a\nimport (\"context\"; \"logical\"; \"net/http\")\nfunc f() { defer f() }": 0,
		"package a\nimport \"log\"":                                           1,
		"package a\nimport l \"log/slog\"":                                    1,
		"package a\nimport (l \"sync\"; _ \"sync/atomic\"; \"database/sql\")": 3,
		"package a\nimport \"sync\"\nvar m sync.Mutex":                        1,
		"package a\nimport \"sync\"\nvar m = sync.OnceValue(f)":               0,
		"package a\nimport \"github.com/jackc/pgx/v5/pgxpool\"":               1,
		"package a\nimport \"github.com/riverqueue/river\"":                   1,
		"package a\nfunc f() { func() { for { go f() } }() }":                 1,
	} {
		if got := oversteps(t, []byte(source)); len(got) != want {
			t.Errorf("%q: seen is %v", source, got)
		}
	}
}

// shared are the folders of adapters that are no vendor's.
var shared = map[string]bool{"adaptertest": true, "around": true, "catalog": true, "cursor": true, "fault": true, "httpapi": true, "mapping": true, "money": true, "normal": true, "signature": true}

func vendorOf(folder string) string {
	rest, ok := strings.CutPrefix(folder, "adapters/")
	vendor, _, _ := strings.Cut(rest, "/")
	if !ok || shared[vendor] {
		return ""
	}
	return vendor
}

func permits(folder, imported string) bool {
	if imported == folder || strings.HasPrefix(imported, folder+"/") {
		return true
	}
	for at := folder; at != "."; at = path.Dir(at) {
		if row, ok := allowed[at]; ok {
			return imported == at || strings.HasPrefix(imported, at+"/") || under(imported, row)
		}
	}
	return false
}

func under(name string, folders []string) bool {
	for _, f := range folders {
		if name == f || strings.HasPrefix(name, f+"/") {
			return true
		}
	}
	return false
}

// eachFile parses the imports of every Go file of the project.
func eachFile(t *testing.T, root string, do func(folder, file string, imports []string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && at != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(at, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, name)
		}
		relative, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		files++
		do(filepath.ToSlash(filepath.Dir(relative)), filepath.Base(at), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Fatalf("only %d files were found: is %s the project's root?", files, root)
	}
}

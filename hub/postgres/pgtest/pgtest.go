// Package pgtest gives each test a PostgreSQL database of its own.
//
// All test binaries of a user share one server, in the user's cache directory: `go test ./...` runs packages as
// processes side by side, and the first to come starts it. The server may forget everything in a power cut (fsync is
// off), which makes it fast, and it ends by itself when it has had no users for a while (see watchdog.go).
// CANONHUB_TEST_DATABASE_URL names another server instead; its role must be allowed to create databases.
//
// A database is copied from a template, which was migrated once. Databases live in a time zone with an odd offset, so
// that a time that went through the session's zone is noticed. What killed test runs left behind is dropped by later
// ones.
//
// One thing is shared by all databases of a server: transaction ids. A snapshot's xmin is held back by transactions
// of tests that run at the same time.
package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"testing"
	"time"
)

// patience bounds what one test waits for its database.
const patience = 2 * time.Minute

// New returns the URL of a database for t alone, dropped when t ends; connections that t forgot are cut. The first test
// to ask for a template makes it: migrate is called with the URL of an empty database. The name of a template must
// change whenever migrate would do something else, for a template serves until the server ends: see Key.
func New(t testing.TB, template string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := shared(ctx)
	if err != nil {
		t.Fatalf("no PostgreSQL for tests: %v", err)
	}
	name, err := server.create(ctx, template, migrate)
	if err != nil {
		t.Fatalf("no database for this test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.drop(ctx, name); err != nil {
			t.Errorf("drop this test's database: %v", err)
		}
	})
	return server.url(name)
}

// Key names a template after the files that it is made from, such as embedded migrations.
func Key(name string, files fs.FS) string {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(h, "%s\x00%d\x00%s", path, len(text), text)
		return err
	})
	if err != nil {
		fmt.Fprint(h, err)
	}
	return name + "-" + hex.EncodeToString(h.Sum(nil)[:8])
}

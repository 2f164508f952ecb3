package postgres_test

import (
	"errors"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/canonhub/canonhub/hub/postgres"
)

func TestRestartKeepsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	first := start(t, dir)
	mustQuery(t, first.URL(), `select lo_from_bytea(4711, 'kept')::text`)
	stop(t, first)
	stop(t, first) // which does nothing
	if pid := postmaster(t, dir); pid != 0 {
		t.Fatalf("process %d still runs", pid)
	}
	second := start(t, dir)
	if got := mustQuery(t, second.URL(), `select convert_from(lo_get(4711), 'UTF8')`); got != "kept" {
		t.Errorf("found %q", got)
	}
	if second.URL() != first.URL() {
		t.Error("the URL changed")
	}
}

func TestWhatIsCommittedIsDurable(t *testing.T) {
	t.Parallel()
	server := start(t, ready(t))
	for setting, want := range map[string]string{
		"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "listen_addresses": "", "timezone": "UTC",
	} {
		if got := mustQuery(t, server.URL(), "show "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if got := mustQuery(t, server.URL(), `select rolsuper::text from pg_roles where rolname = current_user`); got != "false" {
		t.Error("the hub is a superuser")
	}
}

func TestDirectoryClosedToOthers(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "data")
	server := start(t, dir)
	mustQuery(t, server.URL(), `select 'works'`)
	pid := postmaster(t, dir)
	signalKill(t, pid)
	eventually(t, "restart", func() bool { _, err := query(t.Context(), server.URL(), `select 'back'`); return err == nil })
}

func TestPathTooLongForASocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 20), strings.Repeat("longer", 20))
	server := start(t, dir)
	mustQuery(t, server.URL(), `select 'works'`)
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal("the URL is none")
	}
	link := u.Query().Get("host")
	if err := os.Remove(link); err != nil { // as cleaners of temporary files do
		t.Fatal(err)
	}
	second := start(t, dir)
	mustQuery(t, server.URL(), `select 'works again'`)
	stop(t, server)
	stop(t, second)
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link to the socket was left behind: %v", err)
	}
}

func TestPasswordIsAskedForAndNeverTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	told := &journal{}
	server, err := postgres.Start(t.Context(), dir, told.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal("the URL is none")
	}
	password, _ := u.User.Password()

	u.User = url.UserPassword(u.User.Username(), "wrong")
	var refusal *pgconn.PgError
	if _, err := query(t.Context(), u.String(), `select 'in'`); !errors.As(err, &refusal) || refusal.Code != "28P01" {
		t.Errorf("a wrong password: %v, want 28P01", err)
	}
	if info, err := os.Stat(passwordFile(dir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file: %v, %v", info, err)
	}
	if processes, err := exec.Command("ps", "axeww").Output(); err == nil && strings.Contains(string(processes), password) {
		t.Error("the list of processes tells the password")
	}
	if strings.Contains(told.String(), password) {
		t.Error("the hub's log tells the password")
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "postgres", "log", "*.log"))
	if len(logs) == 0 {
		t.Error("the server writes no log")
	}
	for _, path := range append(logs, filepath.Join(dir, "postgres.start.log")) {
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), password) {
			t.Errorf("%s tells the password, or cannot be read: %v", path, err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"open to all":      {func(t *testing.T, dir string) { must(t, os.Chmod(dir, 0o777)) }, "chmod o-w"},
		"password missing": {func(t *testing.T, dir string) { must(t, os.Remove(passwordFile(dir))) }, "restore it from a backup"},
		"password open":    {func(t *testing.T, dir string) { must(t, os.Chmod(passwordFile(dir), 0o644)) }, "chmod 600"},
		"no cluster":       {func(*testing.T, string) {}, "is not a PostgreSQL cluster"},
		"other version": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "postgres", "PG_VERSION"), []byte("9\n"), 0o600))
		}, "written by PostgreSQL 9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			must(t, os.Chmod(dir, 0o700))
			must(t, os.Mkdir(filepath.Join(dir, "postgres"), 0o700))
			must(t, os.WriteFile(passwordFile(dir), []byte("password\n"), 0o600))
			c.spoil(t, dir)
			mustFail(t, dir, c.want)
		})
	}
}

func TestClusterThatDoesNotStart(t *testing.T) {
	t.Parallel()
	dir := ready(t)
	must(t, os.WriteFile(passwordFile(dir), []byte("wrong\n"), 0o600))
	mustFail(t, dir, "restore the one that it was made with")
	must(t, os.Remove(filepath.Join(dir, "postgres", "global", "pg_control")))
	mustFail(t, dir, "could not find the database system")
}

func passwordFile(dir string) string { return filepath.Join(dir, "postgres.password") }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustFail(t *testing.T, dir, want string) {
	t.Helper()
	server, err := postgres.Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err == nil {
		stop(t, server)
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Start: %v, want an error that says %q", err, want)
	}
}

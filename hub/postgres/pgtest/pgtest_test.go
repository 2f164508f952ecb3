package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/canonhub/canonhub/hub/postgres/pgtest"
)

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, `create table things (id int primary key)`)
	return err
}

// joinDir makes this test binary a process that uses the test server of that directory until it is killed.
const joinDir = "CANONHUB_PGTEST_JOIN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(joinDir); dir != "" {
		if err := pgtest.Join(context.Background(), dir, 1, migrate); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("joined")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// join starts another process that uses the server in dir.
func join(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), joinDir+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil { // open for as long as this process lives
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "joined\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestEachTestHasAMigratedDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 3 {
		conn := connect(t, pgtest.New(t, "pgtest-things", migrate))
		if _, err := conn.Exec(t.Context(), `insert into things values (1)`); err != nil {
			t.Error(err)
		}
		var zone string
		if err := conn.QueryRow(t.Context(), `show timezone`).Scan(&zone); err != nil || zone != "Canada/Newfoundland" {
			t.Errorf("time zone %q, %v", zone, err)
		}
	}
}

func TestTemplateIsMadeOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	template := fmt.Sprintf("once-%d-%d", os.Getpid(), time.Now().UnixNano())
	counted := func(ctx context.Context, url string) error {
		calls.Add(1)
		return migrate(ctx, url)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { pgtest.New(t, template, counted) })
	}
	all.Wait()
	if calls.Load() != 1 {
		t.Errorf("migrated %d times", calls.Load())
	}
}

func TestFailedMigrationLeavesNoTemplate(t *testing.T) {
	t.Parallel()
	template := fmt.Sprintf("fails-%d-%d", os.Getpid(), time.Now().UnixNano())
	broken := &recorder{TB: t}
	broken.run(func() {
		pgtest.New(broken, template, func(ctx context.Context, url string) error {
			return errors.Join(migrate(ctx, url), errors.New("half way"))
		})
	})
	if !strings.Contains(broken.said, "half way") {
		t.Errorf("the test was told %q", broken.said)
	}
	connect(t, pgtest.New(t, template, migrate))
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	panic(r)
}

func (r *recorder) run(body func()) {
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
	}()
	body()
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var gone string
	t.Run("inner", func(t *testing.T) {
		gone = pgtest.New(t, "pgtest-things", migrate)
		conn, err := pgx.Connect(t.Context(), gone)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn // forgotten
	})
	if conn, err := pgx.Connect(t.Context(), gone); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database is still there")
	}
}

func TestLaterRunDropsWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pgtest.New(t, "pgtest-things", migrate))
	if err != nil {
		t.Fatal("the URL is none")
	}
	u.Path = "/postgres"
	conn := connect(t, u.String())
	left := fmt.Sprintf("canonhub_test_%d_1", os.Getpid())
	if _, err := conn.Exec(t.Context(), "create database "+left); err != nil {
		t.Fatal(err)
	}
	other := exec.Command(os.Args[0], "-test.run=^TestEachTestHasAMigratedDatabaseOfItsOwn$", "-test.count=1")
	if out, err := other.CombinedOutput(); err != nil {
		t.Fatalf("another run: %v: %s", err, out)
	}
	var exists bool
	if err := conn.QueryRow(t.Context(), `select exists (select from pg_database where datname = $1)`, left).Scan(&exists); err != nil || exists {
		t.Errorf("what the killed run left is still there: %v, %v", exists, err)
	}
}

func TestServerEndsWithoutUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := join(t, dir), join(t, dir)
	pidFile := filepath.Join(dir, "postgres", "postmaster.pid")
	before, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	kill(first)
	third := join(t, dir)
	kill(second)
	fourth := join(t, dir)
	if now, err := os.ReadFile(pidFile); err != nil || string(now) != string(before) {
		t.Errorf("the server changed under its users: %q became %q, %v", before, now, err)
	}
	kill(third)
	kill(fourth)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if _, err := os.Stat(pidFile); errors.Is(err, os.ErrNotExist) {
			return
		}
	}
	t.Error("the server still runs")
}

func TestKeyChangesWithTheFiles(t *testing.T) {
	t.Parallel()
	one := pgtest.Key("k", fstest.MapFS{"1.sql": {Data: []byte("select 1")}})
	two := pgtest.Key("k", fstest.MapFS{"1.sql": {Data: []byte("select 2")}})
	if one == two {
		t.Errorf("both keys are %s", one)
	}
}

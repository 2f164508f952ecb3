package postgres_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/canonhub/canonhub/hub/postgres"
)

func signalKill(t *testing.T, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("no server to kill: process %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestKilledServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	dir, told := ready(t), &journal{}
	server, err := postgres.Start(t.Context(), dir, told.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	mustQuery(t, server.URL(), `select lo_from_bytea(4711, 'kept')::text`)
	for round := range 2 {
		pid := postmaster(t, dir)
		signalKill(t, pid)
		eventually(t, "a new server with the old data", func() bool {
			answer, err := query(t.Context(), server.URL(), `select convert_from(lo_get(4711), 'UTF8')`)
			return err == nil && answer == "kept" && postmaster(t, dir) != pid
		})
		eventually(t, "a line about it in the log", func() bool {
			return strings.Count(told.String(), "PostgreSQL started") == round+2
		})
	}
	if n := strings.Count(told.String(), "PostgreSQL is gone"); n != 2 {
		t.Errorf("the log tells of %d losses:\n%s", n, told)
	}
}

func TestServerOfAKilledHubIsAdopted(t *testing.T) {
	t.Parallel()
	dir := ready(t)
	kill(t, hold(t, dir))
	orphan := postmaster(t, dir)
	server := start(t, dir)
	if pid := postmaster(t, dir); pid != orphan || pid == 0 {
		t.Errorf("process %d serves, want the orphan %d", pid, orphan)
	}
	mustQuery(t, server.URL(), `select 'works'`)
	signalKill(t, orphan)
	eventually(t, "the adopter starts it again", func() bool {
		_, err := query(t.Context(), server.URL(), `select 'works'`)
		return err == nil
	})
	stop(t, server)
	if pid := postmaster(t, dir); pid != 0 {
		t.Errorf("process %d still runs: the killed hub's lock outlived it", pid)
	}
}

func TestHubAndServerBothKilled(t *testing.T) {
	t.Parallel()
	dir := ready(t)
	hub := hold(t, dir)
	pid := postmaster(t, dir)
	// Stopped first, the hub cannot start its server again.
	if err := hub.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	signalKill(t, pid)
	kill(t, hub)
	server := start(t, dir)
	if now := postmaster(t, dir); now == pid {
		t.Errorf("the pid file still names %d", pid)
	}
	mustQuery(t, server.URL(), `select 'works'`)
}

func TestInterruptAtTheTerminalIsForTheHubAlone(t *testing.T) {
	t.Parallel()
	dir := ready(t)
	hub := hold(t, dir)
	pid := postmaster(t, dir)
	if err := syscall.Kill(-hub.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = hub.Wait()
	server := start(t, dir)
	if now := postmaster(t, dir); now != pid {
		t.Errorf("process %d serves instead of %d", now, pid)
	}
	mustQuery(t, server.URL(), `select 'works'`)
}

func TestLastUserStopsTheServer(t *testing.T) {
	t.Parallel()
	dir := ready(t)
	hub := hold(t, dir)
	first, second := start(t, dir), start(t, dir)
	pid := postmaster(t, dir)
	stop(t, first)
	mustQuery(t, second.URL(), `select 'works'`)
	kill(t, hub)
	mustQuery(t, second.URL(), `select 'works'`)
	if now := postmaster(t, dir); now != pid {
		t.Errorf("process %d serves instead of %d", now, pid)
	}
	stop(t, second)
	if now := postmaster(t, dir); now != 0 {
		t.Errorf("process %d still runs", now)
	}
}

func TestManyStartAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	servers := make([]*postgres.Server, 5)
	var all sync.WaitGroup
	for i := range servers {
		all.Go(func() {
			server, err := postgres.Start(t.Context(), dir, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = server
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	for _, server := range servers {
		mustQuery(t, server.URL(), `select 'works'`)
	}
	for _, server := range servers {
		all.Go(func() { stop(t, server) })
	}
	all.Wait()
	if pid := postmaster(t, dir); pid != 0 {
		t.Errorf("process %d still runs", pid)
	}
}

func TestStalePidFile(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]func(t *testing.T, dir string) string{
		"of a process that is gone":       func(*testing.T, string) string { return "2147483646\n" },
		"cut off by a power cut":          func(*testing.T, string) string { return "" },
		"number now an unrelated process": unrelatedProcess,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := ready(t)
			// The server's own account must be able to replace the file.
			owner := clusterOwner(t, dir)
			for _, file := range []string{pidFile(dir), filepath.Join(dir, "postgres", ".s.PGSQL.5432.lock")} {
				if err := os.WriteFile(file, []byte(content(t, dir)), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
					t.Fatal(err)
				}
			}
			mustQuery(t, start(t, dir).URL(), `select 'works'`)
		})
	}
}

// unrelatedProcess runs a program as the server's own account, and writes a pid file that names it.
func unrelatedProcess(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("sleep", "300")
	if owner := clusterOwner(t, dir); os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return fmt.Sprintf("%d\n%s\n1700000000\n5432\n.\n\n   123456         0\nready   \n", cmd.Process.Pid, strconv.Quote(dir))
}

func clusterOwner(t *testing.T, dir string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a process of this machine, told apart from a later one with the same number where the system says when
// it was born.
type process struct {
	pid   int
	birth string
}

func lookUp(pid int) process { return process{pid: pid, birth: status(pid).birth} }

// alive tells whether the process still runs. One that ended and was not waited for by its parent does not.
func (p process) alive() bool {
	if p.pid <= 0 {
		return false
	}
	err := syscall.Kill(p.pid, 0)
	if err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	now := status(p.pid)
	return now.state != "Z" && now.state != "X" && now.birth == p.birth
}

// procStatus is what the system tells of a process; empty where it tells nothing.
type procStatus struct {
	state, parent, birth string
}

func status(pid int) procStatus {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procStatus{}
	}
	line := string(text)
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:]) // a name may hold anything
	if len(fields) < 20 {
		return procStatus{}
	}
	return procStatus{state: fields[0], parent: fields[1], birth: fields[19]}
}

// parentOf is the number of a process's parent, or "" where there is no such process.
func parentOf(pid int) string {
	if runtime.GOOS == "linux" {
		return status(pid).parent
	}
	out, _ := exec.Command("ps", "-o", "ppid=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(out))
}

// mayServe tells whether the process may be a PostgreSQL of the cluster in dir; when in doubt it may.
func (p process) mayServe(dir string) bool {
	proc := "/proc/" + strconv.Itoa(p.pid)
	name, err := os.ReadFile(proc + "/comm")
	if runtime.GOOS != "linux" {
		name, err = exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(p.pid)).Output()
	}
	if err != nil {
		return true
	}
	switch filepath.Base(strings.TrimSpace(string(name))) {
	case "postgres", "postmaster":
	default:
		return false
	}
	works, err := os.Stat(proc + "/cwd")
	if err != nil {
		return true
	}
	cluster, err := os.Stat(dir)
	return err != nil || os.SameFile(works, cluster)
}

// shutDown ends a postmaster: its clients are cut, what they committed is kept.
func (p process) shutDown(ctx context.Context) error {
	if err := syscall.Kill(p.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", p.pid, err)
	}
	for p.alive() {
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("process %d is still shutting down: %w", p.pid, err)
		}
	}
	return nil
}

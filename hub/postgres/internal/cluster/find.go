package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// errNotRunning says that no server runs on the cluster.
var errNotRunning = errors.New("PostgreSQL is not running")

// errElsewhere says that a server answers that this process could not watch or stop.
var errElsewhere = errors.New("a server answers that is not the process that its pid file names: it may run in another container; stop it there")

// silence is how long a process that may be our server may go without answering.
const silence = 15 * time.Second

// halfWritten is how long a pid file may take from its making to its first line.
const halfWritten = time.Second

// find returns the server that runs on the cluster, once it answers. Its socket lies in the cluster's directory and it
// knows our password, so that it is ours. While anything answers there, nothing is taken for dead: the server may run
// in another container, where processes are numbered differently. The caller holds the start lock.
func (s *Server) find(ctx context.Context) (process, error) {
	if err := s.linkSocket(); err != nil {
		return process{}, err
	}
	quietSince := time.Now()
	for {
		recorded, err := s.recorded()
		if err != nil {
			return process{}, err
		}
		parent, err := s.ask(ctx)
		switch {
		case err == nil && recorded.alive() && parent == strconv.Itoa(recorded.pid):
			return recorded.process, nil
		case err == nil:
			err = errElsewhere
		case starting(err):
			quietSince = time.Now()
		case refused(err):
			return process{}, fmt.Errorf("process %d runs on the cluster and refuses our password: %w", recorded.pid, err)
		case recorded.pid <= 0 && time.Since(quietSince) < halfWritten:
			// being written just now, or the remains of a power cut
		case !recorded.alive() || !recorded.mayServe(s.place.cluster()):
			return process{}, s.disown(recorded)
		}
		if time.Since(quietSince) > silence && errors.Is(err, errElsewhere) {
			return process{}, err
		}
		if time.Since(quietSince) > silence {
			return process{}, fmt.Errorf("process %d looks like the server and does not answer: stop it, or remove %s if it is another program: %w",
				recorded.pid, s.place.pidFile(), err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return process{}, fmt.Errorf("wait for process %d to answer: %w", recorded.pid, err)
		}
	}
}

// record is what a server wrote of itself into its pid file.
type record struct {
	process
	lines []string
}

func (s *Server) recorded() (record, error) {
	text, err := os.ReadFile(s.place.pidFile())
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, errNotRunning
	}
	if err != nil {
		return record{}, fmt.Errorf("read the pid file: %w", err)
	}
	lines := strings.Split(string(text), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(lines[0]))
	return record{process: lookUp(pid), lines: lines}, nil
}

// ask asks the server on our socket who it is: the process that our session's process has for a parent.
func (s *Server) ask(ctx context.Context) (parent string, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	var pid int
	if err := conn.QueryRow(ctx, `select pg_backend_pid()`).Scan(&pid); err != nil {
		return "", err
	}
	return parentOf(pid), nil
}

// starting tells whether a server answered that it is not yet, or no more, there for clients.
func starting(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == "57P03"
}

// refused tells whether a server answered that it does not know us.
func refused(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && strings.HasPrefix(answer.Code, "28")
}

// disown takes the number of a process that is not our server out of the pid file: PostgreSQL itself would take an
// unrelated or an unburied process for one. The rest stays: from it PostgreSQL sees whether children of the dead server are left.
func (s *Server) disown(r record) error {
	r.lines[0] = "2147483647" // no system numbers its processes that high
	if err := os.WriteFile(s.place.pidFile(), []byte(strings.Join(r.lines, "\n")), 0o600); err != nil {
		return fmt.Errorf("clear the stale pid file: %w", err)
	}
	if err := os.Remove(s.place.socketLock()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the stale socket lock: %w", err)
	}
	return errNotRunning
}

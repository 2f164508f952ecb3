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

// silence is how long a process that may be our server may go without answering.
const silence = 15 * time.Second

// find returns the server that runs on the cluster, once it answers. Its socket lies in the cluster's directory and it
// knows our password, so that it is ours; it wrote the pid file if both tell the same start.
func (s *Server) find(ctx context.Context) (process, error) {
	if err := s.ensureSocket(); err != nil {
		return process{}, err
	}
	quietSince := time.Now()
	for {
		recorded, err := s.recorded()
		if err != nil {
			return process{}, err
		}
		if !recorded.process.alive() {
			return process{}, errNotRunning
		}
		started, err := s.askStart(ctx)
		switch {
		case err == nil && started == recorded.started:
			return recorded.process, nil
		case starting(err):
			quietSince = time.Now()
		case refused(err):
			return process{}, fmt.Errorf("process %d runs on the cluster and refuses our password: %w", recorded.pid, err)
		case !recorded.mayServe(s.place.cluster()):
			return process{}, s.disown(recorded)
		case time.Since(quietSince) > silence:
			return process{}, fmt.Errorf("process %d looks like the server and does not answer: stop it, or remove %s if it is another program: %w",
				recorded.pid, s.place.pidFile(), errors.Join(err, context.DeadlineExceeded))
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return process{}, fmt.Errorf("wait for process %d to answer: %w", recorded.pid, err)
		}
	}
}

// record is what a server wrote of itself into its pid file.
type record struct {
	process
	started int64
	lines   []string
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
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return record{}, errNotRunning // half written by a server that died: PostgreSQL judges it itself
	}
	r := record{process: lookUp(pid), lines: lines}
	if len(lines) > 2 {
		r.started, _ = strconv.ParseInt(lines[2], 10, 64)
	}
	return r, nil
}

// askStart asks the server on our socket when it was started.
func (s *Server) askStart(ctx context.Context) (int64, error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	var started int64
	err = conn.QueryRow(ctx, `select floor(extract(epoch from pg_postmaster_start_time()))::bigint`).Scan(&started)
	return started, err
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

// disown takes the number of an unrelated process out of the pid file, for PostgreSQL itself would take that process
// for a server. The rest stays: from it PostgreSQL sees whether children of the dead server are left.
func (s *Server) disown(r record) error {
	const nobody = "2147483647" // no system numbers its processes that high
	r.lines[0] = nobody
	if err := os.WriteFile(s.place.pidFile(), []byte(strings.Join(r.lines, "\n")), 0o600); err != nil {
		return fmt.Errorf("clear the stale pid file: %w", err)
	}
	if err := os.Remove(s.place.socketLock()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the stale socket lock: %w", err)
	}
	return errNotRunning
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// leftovers is how long what is left of a killed server may take to go, or to answer.
const leftovers = 20 * time.Second

// slowStart is after what time the log says that one is being waited for.
const slowStart = 5 * time.Second

// errOccupied says that a server launched by a process that was killed, or the children of a killed server, are in the way.
var errOccupied = errors.New("another PostgreSQL works on the cluster")

// ensureRunning adopts the server that runs, or starts one. The caller holds the start lock.
func (s *Server) ensureRunning(ctx context.Context) (process, error) {
	deadline := time.Now().Add(leftovers)
	for {
		running, err := s.find(ctx)
		if err == nil {
			s.log.Info("PostgreSQL found running", "dir", s.place.dir, "pid", running.pid)
			return running, nil
		}
		if !errors.Is(err, errNotRunning) {
			return process{}, err
		}
		running, err = s.launch(ctx)
		if err == nil {
			s.log.Info("PostgreSQL started", "dir", s.place.dir, "pid", running.pid)
			return running, nil
		}
		if !errors.Is(err, errOccupied) || time.Now().After(deadline) {
			return process{}, err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return process{}, err
		}
	}
}

// launch starts the server and waits until it answers.
func (s *Server) launch(ctx context.Context) (process, error) {
	cmd, err := s.prepare(ctx)
	if err != nil {
		return process{}, err
	}
	err = cmd.Start()
	closeFiles(cmd)
	if err != nil {
		return process{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	launched := lookUp(cmd.Process.Pid)
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	if err := s.awaitAnswer(ctx, launched, gone); err != nil {
		if launched.alive() { // nobody can have used it, so that it may go the quick way
			_ = syscall.Kill(launched.pid, syscall.SIGQUIT)
		}
		<-gone
		return process{}, err
	}
	return launched, nil
}

// prepare builds the command; nothing of ours is inherited but the cluster's directory and the start log.
func (s *Server) prepare(ctx context.Context) (*exec.Cmd, error) {
	major, err := s.version()
	if err != nil {
		return nil, err
	}
	installed, err := findInstallation(ctx, major)
	if err != nil {
		return nil, err
	}
	owner, err := accountFor(s.place.cluster())
	if err != nil {
		return nil, err
	}
	said, err := os.OpenFile(s.place.startLog(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the start log: %w", err)
	}
	cmd, err := command(context.WithoutCancel(ctx), installed.postgres(), s.place.cluster(), owner, s.parameters())
	if err != nil {
		_ = said.Close()
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = said, said
	return cmd, nil
}

// parameters are given anew at each start, so that a newer hub's settings reach an older cluster.
func (s *Server) parameters() []string {
	all := map[string]string{
		"listen_addresses":        "",
		"port":                    port,
		"unix_socket_directories": ".", // the working directory of the server is the cluster's
		"unix_socket_permissions": "0700",
		"password_encryption":     "scram-sha-256",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"cluster_name":            "canonhub",
	}
	maps.Copy(all, logParameters())
	maps.Copy(all, s.settings.Parameters)
	var arguments []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		arguments = append(arguments, "-c", name+"="+all[name])
	}
	return arguments
}

// awaitAnswer waits until the server lets clients in. Recovery after a crash takes as long as it takes.
func (s *Server) awaitAnswer(ctx context.Context, launched process, gone <-chan struct{}) error {
	slow := time.AfterFunc(slowStart, func() {
		s.log.Info("PostgreSQL takes its time to start, it may be recovering", "dir", s.place.dir, "pid", launched.pid)
	})
	defer slow.Stop()
	for {
		_, err := s.ask(ctx)
		if err == nil {
			return nil
		}
		if refused(err) {
			return fmt.Errorf("the cluster refuses the password in %s, restore the one that it was made with: %w", s.place.password(), err)
		}
		select {
		case <-gone:
			return s.whyGone()
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL (process %d) to answer: %w", launched.pid, errors.Join(ctx.Err(), err))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// whyGone tells in the server's own words why it ended instead of answering.
func (s *Server) whyGone() error {
	said := s.lastWords()
	if strings.Contains(said, "pre-existing shared memory block") || strings.Contains(said, `lock file "postmaster.pid" already exists`) {
		return fmt.Errorf("%w: %s", errOccupied, said)
	}
	return fmt.Errorf("PostgreSQL ended instead of starting: %s", said)
}

package cluster

import (
	"context"
	"fmt"
	"time"
)

const (
	watchEvery    = 200 * time.Millisecond
	tidyEvery     = time.Minute
	restartSoon   = 100 * time.Millisecond
	restartAtMost = 10 * time.Second
)

// watch restarts the server whenever it is gone, until ctx ends.
func (s *Server) watch(ctx context.Context, running process) {
	defer close(s.watched)
	tidied := time.Time{}
	for ctx.Err() == nil {
		if !running.alive() {
			s.log.Warn("PostgreSQL is gone, starting it again", "dir", s.place.dir, "pid", running.pid)
			running = s.revive(ctx)
		}
		if time.Since(tidied) > tidyEvery {
			tidied = time.Now()
			s.tidy()
		}
		_ = pause(ctx, watchEvery)
	}
}

// tidy keeps what time wears out: logs grow, and cleaners of temporary files take links away.
func (s *Server) tidy() {
	s.pruneLogs()
	if err := s.linkSocket(); err != nil {
		s.log.Error("PostgreSQL's socket cannot be reached", "dir", s.place.dir, "error", err)
	}
}

// revive tries until the server runs, more and more slowly, and tells of the first failure only.
func (s *Server) revive(ctx context.Context) process {
	wait := restartSoon
	for told := false; ctx.Err() == nil; told = true {
		running, err := s.reviveOnce(ctx)
		if err == nil {
			return running
		}
		if !told && ctx.Err() == nil {
			s.log.Error("PostgreSQL cannot be started again, trying on", "dir", s.place.dir, "error", err)
		}
		_ = pause(ctx, wait)
		wait = min(2*wait, restartAtMost)
	}
	return process{}
}

func (s *Server) reviveOnce(ctx context.Context) (process, error) {
	starting, err := acquire(ctx, s.place.startLock())
	if err != nil {
		return process{}, fmt.Errorf("restart: %w", err)
	}
	defer starting.release()
	return s.ensureRunning(ctx)
}

// Package cluster runs a private PostgreSQL server in a directory, for any number of processes at once.
//
// # What is in the directory
//
//	postgres/            the cluster, its socket and its log; owned by the account that the server runs as
//	postgres.password    the password of both roles (0600)
//	postgres.lock        held while a process starts, adopts or stops the server
//	postgres.users       held shared by each process that uses the server
//	postgres.new-*       a cluster in the making
//	postgres.start.log   what the server said before its own log was open
//
// # Who may connect
//
// The server listens on one Unix socket, inside the cluster's directory, which only its owner may enter; the password
// is asked for all the same. A TCP port was rejected: it is one more thing to collide and to guard. A socket's
// path may have some hundred bytes only: the server binds it relative to its working directory, and clients reach a cluster
// with a longer path through a short symbolic link (see socket.go). Programs use the role canonhub, which is no
// superuser: what an injected statement can do ends at the database.
//
// # Who stops it
//
// Processes count themselves with kernel locks, which vanish with their holder: whoever stops tries to turn its shared
// lock on postgres.users into an exclusive one, and stops the server only if that succeeds. A process that is killed
// leaves the server running; the next one adopts it, after the server has proved that it is the one of this directory.
//
// # Running as root
//
// PostgreSQL refuses root, so the server runs as an unprivileged account that owns the cluster's directory and nothing
// else. That account often cannot walk to the directory (a home directory is closed to others). The directory is
// therefore opened here and handed over as an open file, which the server names /proc/self/fd/3. Capabilities
// (CAP_DAC_READ_SEARCH) were rejected: they would let the server read every file of the machine.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

const (
	// Database is the database that exists in every cluster, owned by Role.
	Database = "canonhub"
	// Role is what clients connect as: it may create databases, and is no superuser.
	Role = "canonhub"
	// superuser sets the cluster up.
	superuser = "postgres"
	// maintenance is the database that always exists.
	maintenance = "postgres"
)

// Settings say what a server is for.
type Settings struct {
	// Sync makes a new cluster durable before it is used.
	Sync bool
	// Parameters are PostgreSQL's own, by name. They win over the cluster's configuration files.
	Parameters map[string]string
}

// Server is one process's hold on a running PostgreSQL.
type Server struct {
	place    place
	settings Settings
	log      *slog.Logger
	password string
	users    *lock
	socket   string // the directory in which clients find the socket

	endWatch context.CancelFunc
	watched  chan struct{}
	stopOnce sync.Once
	stopErr  error
}

// Start starts or adopts the server of dir. The context bounds the start alone.
func Start(ctx context.Context, dir string, settings Settings, log *slog.Logger) (*Server, error) {
	p, err := openPlace(dir)
	if err != nil {
		return nil, fmt.Errorf("built-in PostgreSQL: %w", err)
	}
	s := &Server{place: p, settings: settings, log: log, socket: p.socket(), watched: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		return nil, fmt.Errorf("built-in PostgreSQL in %s: %w", p.dir, err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	starting, err := acquire(ctx, s.place.startLock())
	if err != nil {
		return err
	}
	defer starting.release()
	s.users, err = share(s.place.usersLock())
	if err != nil {
		return err
	}
	running, err := s.ensureReady(ctx)
	if err != nil {
		s.users.release()
		return err
	}
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.endWatch = cancel
	go s.watch(watch, running)
	return nil
}

// ensureReady leaves a server that runs and holds our role and database. The caller holds the start lock.
func (s *Server) ensureReady(ctx context.Context) (process, error) {
	if err := s.ensureCluster(ctx); err != nil {
		return process{}, err
	}
	running, err := s.ensureRunning(ctx)
	if err != nil {
		return process{}, err
	}
	return running, s.ensureDatabase(ctx)
}

// Stop ends this process's use of the server, and the server too where nobody else uses it.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		if err := s.stop(ctx); err != nil {
			s.stopErr = fmt.Errorf("stop built-in PostgreSQL in %s: %w", s.place.dir, err)
		}
	})
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	s.endWatch()
	<-s.watched
	defer s.users.release()
	starting, err := acquire(ctx, s.place.startLock())
	if err != nil {
		return err
	}
	defer starting.release()
	if !s.users.upgrade() {
		s.log.Info("PostgreSQL stays up for other processes", "dir", s.place.dir)
		return nil
	}
	running, err := s.find(ctx)
	if errors.Is(err, errNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := running.shutDown(ctx); err != nil {
		return err
	}
	s.unlinkSocket()
	s.log.Info("PostgreSQL stopped", "dir", s.place.dir, "pid", running.pid)
	return nil
}

// Package postgres is the hub's built-in PostgreSQL: a private server, run from the binaries that the machine has,
// so that nothing but the hub needs to be started to try it or to run it on one machine.
//
// The server outlives the hub that started it when that hub is killed, and the next hub adopts it; any number of hubs
// share one data directory, and the last to stop takes the server with it. How that is kept is told in
// internal/cluster. This package only settles what a server must promise when it holds the hub's data: whatever
// was committed survives a power cut. A server for tests promises less; see pgtest.
package postgres

import (
	"context"
	"log/slog"

	"github.com/canonhub/canonhub/hub/postgres/internal/cluster"
)

// Server is a running built-in PostgreSQL. It is watched and restarted until Stop.
type Server struct {
	cluster *cluster.Server
}

// Start starts the PostgreSQL of dataDir, making it first where there is none, or adopts the one that already runs.
// The context bounds the start alone.
func Start(ctx context.Context, dataDir string, log *slog.Logger) (*Server, error) {
	c, err := cluster.Start(ctx, dataDir, durable(), log)
	if err != nil {
		return nil, err
	}
	return &Server{cluster: c}, nil
}

// URL is where clients find the hub's database. It contains the password: it is not for logs.
func (s *Server) URL() string { return s.cluster.URL(cluster.Database) }

// Stop ends this process's use of the server and, where no other process uses it, the server too.
// Open connections are cut. Stopping twice does nothing.
func (s *Server) Stop(ctx context.Context) error { return s.cluster.Stop(ctx) }

// durable is what a server that holds the hub's data runs with.
func durable() cluster.Settings {
	return cluster.Settings{
		Sync: true,
		Parameters: map[string]string{
			"fsync":              "on",
			"full_page_writes":   "on",
			"synchronous_commit": "on",
			"wal_compression":    "on",
			"max_connections":    "200",
			"shared_buffers":     "192MB",
		},
	}
}

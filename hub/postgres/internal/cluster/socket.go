package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// port names the socket's file; no network port is used.
	port = "5432"
	// longestSocket is how long a socket's path may be on every system.
	longestSocket = 103
)

// socket is the directory in which clients find the socket: the cluster's, or a short link to it.
func (p place) socket() string {
	dir := p.cluster()
	if len(filepath.Join(dir, ".s.PGSQL."+port)) <= longestSocket {
		return dir
	}
	digest := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), fmt.Sprintf("canonhub-%d-%s", os.Geteuid(), hex.EncodeToString(digest[:6])))
}

// linkSocket makes the short link where one is needed, also anew: cleaners of temporary files take it away. A link that
// another user put there is not followed.
func (s *Server) linkSocket() error {
	dir, link := s.place.cluster(), s.socket
	if link == dir {
		return nil
	}
	info, err := os.Lstat(link)
	if err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
			return fmt.Errorf("%s belongs to another user: remove it, or choose a shorter data directory", link)
		}
		if target, err := os.Readlink(link); err == nil && target == dir {
			return nil
		}
		if err := os.Remove(link); err != nil {
			return fmt.Errorf("replace the link to the socket: %w", err)
		}
	}
	if err := os.Symlink(dir, link); err != nil && !os.IsExist(err) {
		return fmt.Errorf("link to the socket (its own path is too long): %w", err)
	}
	return nil
}

// unlinkSocket removes the short link of a server that was stopped.
func (s *Server) unlinkSocket() {
	if s.socket != s.place.cluster() {
		_ = os.Remove(s.socket)
	}
}

// URL is where clients find a database of this server.
func (s *Server) URL(database string) string { return s.url(Role, database) }

// SuperuserURL is for what only PostgreSQL's own superuser may do.
func (s *Server) SuperuserURL() string { return s.url(superuser, maintenance) }

func (s *Server) url(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, s.password), Path: "/" + database}
	u.RawQuery = url.Values{"host": {s.socket}, "port": {port}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

// connect connects as the superuser, whose statements are never logged: one of them contains the password.
func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(s.SuperuserURL())
	if err != nil {
		return nil, err
	}
	config.ConnectTimeout = 2 * time.Second
	config.RuntimeParams["log_min_error_statement"] = "panic"
	config.RuntimeParams["application_name"] = "canonhub"
	return pgx.ConnectConfig(ctx, config)
}

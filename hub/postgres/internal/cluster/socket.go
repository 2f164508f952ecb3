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

// ensureSocket sets the directory in which clients find the socket: the cluster's, or a short link to it, made anew
// where a cleaner of temporary files took it away.
func (s *Server) ensureSocket() error {
	dir := s.place.cluster()
	if len(filepath.Join(dir, ".s.PGSQL."+port)) <= longestSocket {
		s.socket = dir
		return nil
	}
	digest := sha256.Sum256([]byte(dir))
	link := filepath.Join(os.TempDir(), fmt.Sprintf("canonhub-%d-%s", os.Geteuid(), hex.EncodeToString(digest[:6])))
	s.socket = link
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

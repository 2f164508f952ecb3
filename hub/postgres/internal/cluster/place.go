package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// place is the directory that a server lives in, by its real path.
type place struct{ dir string }

func (p place) cluster() string    { return filepath.Join(p.dir, "postgres") }
func (p place) password() string   { return filepath.Join(p.dir, "postgres.password") }
func (p place) startLock() string  { return filepath.Join(p.dir, "postgres.lock") }
func (p place) usersLock() string  { return filepath.Join(p.dir, "postgres.users") }
func (p place) startLog() string   { return filepath.Join(p.dir, "postgres.start.log") }
func (p place) pidFile() string    { return filepath.Join(p.cluster(), "postmaster.pid") }
func (p place) socketLock() string { return filepath.Join(p.cluster(), ".s.PGSQL."+port+".lock") }
func (p place) logs() string       { return filepath.Join(p.cluster(), logDirectory) }

// openPlace makes dir where it is missing.
func openPlace(dir string) (place, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return place{}, fmt.Errorf("make the data directory: %w", err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("data directory %s: %w", dir, err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return place{}, fmt.Errorf("data directory %s: %w", abs, err)
	}
	return place{dir: real}, refuseForeign(real)
}

// refuseForeign refuses a directory in which another ordinary user could swap the cluster.
func refuseForeign(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("data directory %s may be written to by every user: use a directory of your own, or chmod o-w it", dir)
	}
	self := os.Geteuid()
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && self != 0 && owner.Uid != 0 && int(owner.Uid) != self {
		return fmt.Errorf("data directory %s belongs to user %d, and this process runs as %d: use a directory of your own", dir, owner.Uid, self)
	}
	return nil
}

// newCluster makes an empty directory for a cluster, under a name that was never used: a program that outlived an
// earlier, killed attempt may still be writing to that one's.
func (p place) newCluster() (string, error) {
	const prefix = "postgres.new-"
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			_ = os.RemoveAll(filepath.Join(p.dir, e.Name())) // if it is still being written to, a later start has better luck
		}
	}
	return os.MkdirTemp(p.dir, prefix)
}

// exists tells whether there is a finished cluster.
func (p place) exists() (bool, error) {
	_, err := os.Lstat(p.cluster())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

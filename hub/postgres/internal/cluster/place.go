package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// place is the directory that a server lives in, by its real path.
type place struct{ dir string }

func (p place) cluster() string    { return filepath.Join(p.dir, "postgres") }
func (p place) unfinished() string { return filepath.Join(p.dir, "postgres.new") }
func (p place) password() string   { return filepath.Join(p.dir, "postgres.password") }
func (p place) startLock() string  { return filepath.Join(p.dir, "postgres.lock") }
func (p place) usersLock() string  { return filepath.Join(p.dir, "postgres.users") }
func (p place) startLog() string   { return filepath.Join(p.dir, "postgres.start.log") }
func (p place) pidFile() string    { return filepath.Join(p.cluster(), "postmaster.pid") }
func (p place) socketLock() string { return filepath.Join(p.cluster(), ".s.PGSQL."+port+".lock") }
func (p place) logs() string       { return filepath.Join(p.cluster(), logDirectory) }

// openPlace makes dir where it is missing and refuses one that any user may write to: they could swap the cluster.
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
	info, err := os.Stat(real)
	if err != nil {
		return place{}, fmt.Errorf("data directory %s: %w", real, err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return place{}, fmt.Errorf("data directory %s may be written to by every user: use a directory of your own, or chmod o-w it", real)
	}
	return place{dir: real}, nil
}

// exists tells whether there is a finished cluster.
func (p place) exists() (bool, error) {
	_, err := os.Lstat(p.cluster())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

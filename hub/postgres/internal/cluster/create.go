package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ensureCluster leaves a cluster and its password. It is made under another name first, so that what is there is whole.
func (s *Server) ensureCluster(ctx context.Context) error {
	exists, err := s.place.exists()
	if err != nil {
		return err
	}
	s.password, err = readPassword(s.place.password())
	switch {
	case exists && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing, and the cluster cannot be entered without it: restore it from a backup, or move %s away to start anew",
			s.place.password(), s.place.cluster())
	case errors.Is(err, fs.ErrNotExist):
		s.password, err = newPassword(s.place.password())
	}
	if err != nil || exists {
		return err
	}
	return s.create(ctx)
}

func (s *Server) create(ctx context.Context) error {
	installed, err := findInstallation(ctx, 0)
	if err != nil {
		return err
	}
	owner, err := newAccount()
	if err != nil {
		return err
	}
	dir, err := s.place.newCluster()
	if err != nil {
		return fmt.Errorf("make the cluster's directory: %w", err)
	}
	if owner.other {
		if err := os.Lchown(dir, int(owner.uid), int(owner.gid)); err != nil {
			return fmt.Errorf("give the cluster's directory to uid %d, as whom PostgreSQL is to run (or run the hub as an ordinary user): %w", owner.uid, err)
		}
	}
	if err := s.initdb(ctx, installed, dir, owner); err != nil {
		return err
	}
	if err := os.Rename(dir, s.place.cluster()); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	s.log.Info("PostgreSQL cluster made", "dir", s.place.cluster(), "version", installed.major)
	return syncDir(s.place.dir)
}

// initdb fills dir. Text is compared by its bytes, so that an order does not depend on the machine's locales.
func (s *Server) initdb(ctx context.Context, installed installation, dir string, owner account) error {
	secret, err := secretFile(s.place.dir, s.password, owner)
	if err != nil {
		return fmt.Errorf("hand over the password: %w", err)
	}
	arguments := []string{
		"--username=" + superuser, "--pwfile=/dev/fd/4",
		"--auth-local=scram-sha-256", "--auth-host=reject",
		"--encoding=UTF8", "--locale=C",
	}
	if !s.settings.Sync {
		arguments = append(arguments, "--no-sync")
	}
	defer func() { _ = secret.Close() }()
	cmd, err := command(ctx, installed.initdb(), dir, owner, arguments)
	if err != nil {
		return err
	}
	defer closeFiles(cmd)
	cmd.ExtraFiles = append(cmd.ExtraFiles, secret)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("make a new cluster: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("%s failed as uid %d in %s: %w: %s", installed.initdb(), owner.uid, dir, err, lastLines(string(out)))
	}
	return nil
}

// secretFile is an open file with the password that owner may read and that has no name any more.
func secretFile(dir, password string, owner account) (*os.File, error) {
	f, err := os.CreateTemp(dir, "postgres.secret")
	if err != nil {
		return nil, err
	}
	err = os.Remove(f.Name())
	if err == nil && owner.other {
		err = f.Chown(int(owner.uid), int(owner.gid))
	}
	if err == nil {
		_, err = f.WriteString(password + "\n")
	}
	if err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// version is the major version that wrote the cluster.
func (s *Server) version() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.place.cluster(), "PG_VERSION"))
	if err != nil {
		return 0, fmt.Errorf("%s is not a PostgreSQL cluster (move it away to start anew): %w", s.place.cluster(), err)
	}
	return versionIn(strings.TrimSpace(string(text))), nil
}

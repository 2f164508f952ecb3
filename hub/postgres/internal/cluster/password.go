package cluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readPassword reads the password's file, which must be closed to others.
func readPassword(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s holds a password and is open to others: chmod 600 it, and make sure that nobody read it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	password := strings.TrimSpace(string(text))
	if password == "" {
		return "", fmt.Errorf("%s is empty: restore it, or remove it if there is no cluster yet", path)
	}
	return password, nil
}

// newPassword makes the file whole or not at all.
func newPassword(path string) (string, error) {
	password := rand.Text()
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new") // 0600
	if err != nil {
		return "", fmt.Errorf("store the password: %w", err)
	}
	_, err = f.WriteString(password + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("store the password: %w", err)
	}
	return password, syncDir(filepath.Dir(path))
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

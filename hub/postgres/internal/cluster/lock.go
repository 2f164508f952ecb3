package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock is a kernel lock on a file. It ends with its holder, however that ends, and is not inherited by children
// (Go opens files close-on-exec).
type lock struct{ file *os.File }

// acquire waits for the exclusive lock on path.
func acquire(ctx context.Context, path string) (*lock, error) {
	l, err := openLock(path)
	if err != nil {
		return nil, err
	}
	for {
		err := l.try(syscall.LOCK_EX)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			l.release()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			l.release()
			return nil, fmt.Errorf("lock %s (another process is starting or stopping the server): %w", path, err)
		}
	}
}

// share takes a shared lock on path. Nobody keeps an exclusive one there without holding the start lock.
func share(path string) (*lock, error) {
	l, err := openLock(path)
	if err != nil {
		return nil, err
	}
	if err := l.try(syscall.LOCK_SH); err != nil {
		l.release()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return l, nil
}

func openLock(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	return &lock{file: f}, nil
}

// upgrade turns a shared lock into an exclusive one, or fails where others share it; the shared lock is lost then.
func (l *lock) upgrade() bool { return l.try(syscall.LOCK_EX) == nil }

func (l *lock) try(how int) error {
	for {
		err := syscall.Flock(int(l.file.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// release unlocks before it closes: a child between fork and exec may still hold the file open.
func (l *lock) release() {
	_ = l.try(syscall.LOCK_UN)
	_ = l.file.Close()
}

// pause waits for d, or for the end of ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

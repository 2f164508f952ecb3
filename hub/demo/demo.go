// Package demo shows the hub at work: real hub processes, PostgreSQL, and simulated vendors on loopback, in a story whose
// every step is checked from outside, at the vendors and over REST.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/canonhub/canonhub/hub/postgres"
)

// Options set the demo up.
type Options struct {
	// Exit ends the demo after the story; otherwise it stays up until the context ends.
	Exit bool
	// DataDir is where the demo keeps a database of its own, under demo; it is made anew every time.
	DataDir string
	// HTTPAddr and GRPCAddr are the hub's; port 0 picks one.
	HTTPAddr, GRPCAddr string
	Out                io.Writer
	// Colour says that Out is a terminal.
	Colour bool
}

// Run tells the story. An error means that a step did not come out as it should.
func Run(ctx context.Context, o Options) (err error) {
	t := &teller{out: o.Out, colour: o.Colour, began: time.Now()}
	t.title("canonhub: a customer's attributes, each with its own authority")
	s, err := raise(ctx, o, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.strike()) }()
	for _, chapter := range story {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		t.chapter(chapter.title)
		if err := chapter.play(ctx, s); err != nil {
			t.failed(err)
			t.line("The hub's log is in " + s.logPath)
			s.keep = true
			return fmt.Errorf("%s: %w", chapter.title, err)
		}
	}
	t.verdict()
	if o.Exit {
		return nil
	}
	s.whatNext()
	<-ctx.Done()
	return nil
}

// raise starts the database, the vendors and the hub.
func raise(ctx context.Context, o Options, t *teller) (*stage, error) {
	dir, err := filepath.Abs(filepath.Join(o.DataDir, "demo"))
	if err != nil {
		return nil, err
	}
	if err := clear(ctx, dir); err != nil {
		return nil, err
	}
	s := &stage{t: t, dir: dir, logPath: filepath.Join(dir, "hub.log")}
	if s.database, err = postgres.Start(ctx, dir, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(err, s.strike())
	}
	return s, nil
}

// clear removes what an earlier demo left, its database's process first.
func clear(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
		old, err := postgres.Start(ctx, dir, slog.New(slog.DiscardHandler))
		if err == nil {
			err = old.Stop(ctx)
		}
		if err != nil {
			return fmt.Errorf("an earlier demo is in the way in %s; remove that folder: %w", dir, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove an earlier demo: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	return nil
}

package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/canonhub/canonhub/adapters/fault"
)

// snooze is the wish to be called again later. Where it ages the wait is part of the job's age.
type snooze struct {
	wait time.Duration
	ages bool
}

func (s snooze) Error() string { return "wait " + s.wait.String() }

// Snooze says that the work must wait; it uses up no attempt, and no time.
func Snooze(wait time.Duration) error { return snooze{wait: max(wait, 0)} }

// Outlast says that the work must wait since its vendor fails; it uses up no attempt, but the time that a failing vendor
// is given: it may be this work that makes it fail.
func Outlast(wait time.Duration) error { return snooze{wait: max(wait, 0), ages: true} }

// Outlasts says that err is that wish.
func Outlasts(err error) bool {
	var s snooze
	return errors.As(err, &s) && s.ages
}

// cancel is the end of a job that cannot succeed.
type cancel struct{ err error }

func (c cancel) Error() string { return c.err.Error() }
func (c cancel) Unwrap() error { return c.err }

// Cancel says that trying again cannot help.
func Cancel(err error) error { return cancel{err} }

// worker is one kind of job as River calls it.
type worker[A river.JobArgs] struct {
	river.WorkerDefaults[A]
	work    func(context.Context, A, Run) error
	timeout time.Duration
}

// Timeout is River's question how long a try may last; 0 means the client's default.
func (w *worker[A]) Timeout(*river.Job[A]) time.Duration { return w.timeout }

// Work runs the handler and turns its answer into River's words.
func (w *worker[A]) Work(ctx context.Context, job *river.Job[A]) error {
	life := lifeOf(job.JobRow)
	age, category := time.Since(job.CreatedAt)-life.Waited, Internal
	run := Run{
		Attempt: job.Attempt,
		Last:    job.Attempt >= job.MaxAttempts || age > MaxAge,
		fails: func(c fault.Category) bool {
			category = c
			return life.Failed[c].final(c, age)
		},
		Complete: func(ctx context.Context, tx Tx) error {
			sql, err := tx.SQL(ctx)
			if err != nil {
				return err
			}
			_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, sql, job)
			return err
		},
	}
	err := w.work(ctx, job.Args, run)
	var (
		wait snooze
		end  cancel
	)
	switch {
	case err == nil || errors.As(err, &end):
	case errors.As(err, &wait) && !wait.ages:
		life.Waited += wait.wait
	case !errors.As(err, &wait):
		life.fail(category, age, job.JobRow)
	}
	if err != nil {
		if err := river.RecordOutput(ctx, life); err != nil {
			return err
		}
	}
	switch {
	case errors.As(err, &wait):
		return river.JobSnooze(wait.wait)
	case errors.As(err, &end):
		return river.JobCancel(end.err)
	}
	return err
}

// life is what a job keeps of its tries so far.
type life struct {
	// Waited is how long it waited for its connection's turn, a pause to end, or a worker: that is no part of its age.
	Waited time.Duration `json:"waited"`
	// Failed are its failures by category.
	Failed map[fault.Category]failures `json:"failed,omitempty"`
	// MaxAttempts is how often it is tried at most if it goes on to fail as it did last; 0 where it has not failed.
	MaxAttempts int `json:"max_attempts,omitempty"`
}

// fail notes a failure.
func (l *life) fail(c fault.Category, age time.Duration, job *rivertype.JobRow) {
	f := l.Failed[c]
	if f.Times == 0 {
		f.From = age
	}
	f.Times++
	if l.Failed == nil {
		l.Failed = map[fault.Category]failures{}
	}
	l.Failed[c] = f
	l.MaxAttempts = min(job.MaxAttempts, job.Attempt+max(0, bounds[c].Attempts-f.Times))
}

// lifeOf reads it, with the wait for a worker that has just ended. What cannot be read is a job that has not waited.
func lifeOf(job *rivertype.JobRow) (l life) {
	_ = json.Unmarshal(job.Output(), &l)
	if job.AttemptedAt != nil {
		l.Waited += max(0, job.AttemptedAt.Sub(job.ScheduledAt))
	}
	return l
}

// quiet passes River's warnings and errors on. A job that fails and is tried again is told by its handler.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

// Snoozed is the wait that err wishes for; false where it is no such wish.
func Snoozed(err error) (wait time.Duration, wished bool) {
	var s snooze
	wished = errors.As(err, &s)
	return s.wait, wished
}

// IsSnooze says that err is the wish to be called again later.
func IsSnooze(err error) bool {
	_, wished := Snoozed(err)
	return wished
}

// IsCancel says that err ends a job that cannot succeed.
func IsCancel(err error) bool {
	var c cancel
	return errors.As(err, &c)
}

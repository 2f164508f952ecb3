package converge_test

import (
	"context"
	"fmt"
	"iter"
)

// task is something that a hub does and that takes several steps: it stops before and after each transaction and each
// call to a vendor, and goes on when it is told to. A task that never goes on is one whose process crashed.
type task struct {
	name string
	hub  *hub
	job  int64 // 0 for none
	next func() (string, bool)
	stop func()
	// dies says that the process crashes in its next transaction, before that commits.
	dies bool
	// at is where it stands.
	at   string
	halt func(string) bool
}

// begin starts a task, which stands before its first step.
func (w *world) begin(h *hub, name string, job int64, do func(context.Context)) *task {
	t := &task{name: name, hub: h, job: job, at: "its beginning"}
	t.next, t.stop = iter.Pull(func(yield func(string) bool) {
		defer func() {
			if r := recover(); r != nil && r != any(errCrashed) {
				panic(r)
			}
		}()
		t.halt = yield
		do(context.Background())
	})
	w.tasks = append(w.tasks, t)
	return t
}

// step lets a task go on to where it stops next, and says whether it is at its end.
func (w *world) step(t *task) (ended bool) {
	before := w.running
	w.running = t
	at, more := t.next()
	w.running = before
	w.tick()
	if more {
		t.at = at
		return false
	}
	w.forget(t)
	return true
}

// finish lets a task go on to its end.
func (w *world) finish(t *task) {
	for steps := 0; !w.step(t); steps++ {
		if steps > 500 {
			w.fail("%s comes to no end", t.name)
		}
	}
}

func (w *world) forget(t *task) {
	for i, other := range w.tasks {
		if other == t {
			w.tasks = append(w.tasks[:i:i], w.tasks[i+1:]...)
			return
		}
	}
}

// point is where a task may stop.
func (w *world) point(at string) {
	if w.running != nil && !w.running.halt(at) {
		panic(errCrashed)
	}
}

// beforeCommit is where a task's process may crash with its transaction.
func (w *world) beforeCommit() {
	if w.running != nil && w.running.dies {
		panic(errCrashed)
	}
}

// crash ends a hub process, in the midst of whatever it does; another takes up its jobs.
func (w *world) crash(h *hub) {
	for _, t := range append([]*task{}, w.tasks...) {
		if t.hub != h {
			continue
		}
		w.say("  %s was at %s", t.name, t.at)
		t.stop()
		w.forget(t)
		w.rescue(t.job)
	}
	*h = *w.newHub(h.name)
}

// crashIn lets a task's process crash in the task's next transaction, before that commits.
func (w *world) crashIn(t *task) {
	t.dies = true
	w.finish(t)
	w.rescue(t.job)
	w.crash(t.hub)
}

func (t *task) String() string { return fmt.Sprintf("%s, at %s", t.name, t.at) }

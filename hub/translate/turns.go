package translate

import (
	"context"
	"sync"

	"github.com/canonhub/canonhub/hub/store"
)

// Turns lets those of one process who want to read one object do so one after another: events often come several at a
// time, and who waited finds the object read. Nil lets all read at once. The zero value is ready.
type Turns struct {
	mu      sync.Mutex
	waiting map[store.LinkKey]*turn
}

type turn struct {
	free  chan struct{}
	users int
}

// take waits for an object's turn; the caller ends it by calling done.
func (t *Turns) take(ctx context.Context, key store.LinkKey) (done func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	t.mu.Lock()
	if t.waiting == nil {
		t.waiting = map[store.LinkKey]*turn{}
	}
	mine := t.waiting[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		t.waiting[key] = mine
	}
	mine.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.waiting, key)
		}
	}
	select {
	case mine.free <- struct{}{}:
		return func() { <-mine.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

package limits

import (
	"context"
	"sync"
)

// slots bounds how many calls there are at a time. Who waits gets a slot in the order of coming, live calls before all
// others.
type slots struct {
	mu          sync.Mutex
	size, used  int
	live, pulls []chan struct{}
}

// take waits for a slot.
func (s *slots) take(ctx context.Context, pull bool) error {
	s.mu.Lock()
	if s.used < s.size && len(s.live) == 0 && (!pull || len(s.pulls) == 0) {
		s.used++
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	if pull {
		s.pulls = append(s.pulls, turn)
	} else {
		s.live = append(s.live, turn)
	}
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.leave(turn)
		return ctx.Err()
	}
}

// leave takes one that waits no longer off; one whose turn has come meanwhile gives it back.
func (s *slots) leave(turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&s.live, &s.pulls} {
		for i, waiting := range *queue {
			if waiting == turn {
				*queue = append((*queue)[:i:i], (*queue)[i+1:]...)
				return
			}
		}
	}
	s.used--
	s.serve()
}

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	s.serve()
}

// resize sets how many there are. Those in use beyond that are not taken away.
func (s *slots) resize(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = size
	s.serve()
}

func (s *slots) serve() {
	for s.used < s.size {
		queue := &s.live
		if len(s.live) == 0 {
			queue = &s.pulls
		}
		if len(*queue) == 0 {
			return
		}
		close((*queue)[0])
		*queue = (*queue)[1:]
		s.used++
	}
}

// none says that this process has no slot.
func (s *slots) none() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size == 0
}

// waiting is how many wait for a slot.
func (s *slots) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live) + len(s.pulls)
}

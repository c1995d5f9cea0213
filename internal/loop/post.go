package loop

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// postQueue is the work handed to a loop by other goroutines, guarded by mu. any is set while items
// is not empty, so that a turn with nothing posted costs one atomic load.
type postQueue struct {
	mu    sync.Mutex
	items []func()
	spare []func() // the emptied slice of the last run, the loop's own
	any   atomic.Bool
	ended bool
}

// Post runs fn on the loop, outside any fiber, in one of its next turns. It is the only way into a
// loop and may be called from any goroutine. Of a batch of posts the first alone wakes the loop. It
// reports false, and does nothing, if the loop has ended.
func (l *Loop) Post(fn func()) bool {
	q := &l.posted
	q.mu.Lock()
	if q.ended {
		q.mu.Unlock()
		return false
	}
	first := len(q.items) == 0
	q.items = append(q.items, fn)
	q.any.Store(true)
	if first {
		// Under the lock, because close takes it before the descriptor goes away.
		l.poll.wake()
	}
	q.mu.Unlock()
	return true
}

func (q *postQueue) run(l *Loop) {
	q.mu.Lock()
	items := q.items
	q.items = q.spare[:0]
	q.any.Store(false)
	q.mu.Unlock()
	for i, fn := range items {
		items[i] = nil
		l.guard(fn)
	}
	q.spare = items
}

func (q *postQueue) close() {
	q.mu.Lock()
	q.ended, q.items = true, nil
	q.any.Store(false)
	q.mu.Unlock()
}

func yieldThread() { runtime.Gosched() }

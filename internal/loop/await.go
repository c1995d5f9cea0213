package loop

import (
	"fmt"
	"runtime/debug"
)

// Await runs fn on an ordinary goroutine and parks the current fiber until it is done: for what can
// only block, such as name look-ups, a slow disk, or expensive cryptography. A panic in fn is raised
// again in the fiber. In a Sim fn runs at once, in the fiber.
func (l *Loop) Await(fn func()) {
	f := l.mustBeInFiber()
	if _, sim := l.poll.(*simPoller); sim {
		fn()
		return
	}
	a := &await{fiber: f}
	l.awaits++
	f.awaiting = true
	go a.run(fn)
	for !a.done {
		f.yield()
	}
	f.awaiting = false
	l.awaits--
	if a.failure != nil {
		panic(a.failure)
	}
}

// await is one call of Await. Its goroutine owns failure until it posts the end; then the fiber does.
type await struct {
	fiber   *fiber
	done    bool // the loop's own
	failure any
}

func (a *await) run(fn func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			a.failure = fmt.Sprintf("%v (in Await)\n%s", v, debug.Stack())
		} else if !returned {
			a.failure = "loop: goroutine ended in Await"
		}
		a.fiber.loop.Post(a.end)
	}()
	fn()
	returned = true
}

func (a *await) end() {
	a.done = true
	a.fiber.loop.wake(a.fiber)
}

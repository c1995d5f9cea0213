package loop

import (
	"fmt"
	"iter"
	"runtime/debug"
)

// Task is a piece of work that runs in a fiber. Long-lived pointer types implement it, so that
// starting one allocates nothing. A Task may also implement PanicHandler.
type Task interface{ RunFiber() }

// PanicHandler is implemented by a Task that must let go of something, such as a connection, when its
// RunFiber panics. It is called in the fiber, after the panic has been logged.
type PanicHandler interface{ FiberPanicked(v any) }

// fiber is a coroutine: resume runs it until it parks. Between tasks it waits in the free list with
// its stack grown, so a task in steady state costs two switches and no allocation.
type fiber struct {
	loop   *Loop
	resume func() (struct{}, bool)
	end    func() // ends a fiber that is between tasks
	park   func(struct{}) bool
	task   Task

	timer    Timer // the deadline of the present wait; left in the heap when the wait ends early
	queued   bool  // in the run queue
	timedOut bool
	awaiting bool // parked in Await, which a stop does not cut short
	parked   bool // inside a wait
	spent    int  // bytes moved since it was resumed; see Charge
	place    int  // in fiberList.all
}

// fiberList is a loop's fibers: those between tasks and those parked in a wait.
//
// After a burst the free list would hold the burst's stacks for ever, so every trimEvery the fibers
// that were not needed since the last time are ended, down to spare ones.
type fiberList struct {
	free []*fiber // last in, first out: the warmest stack is used first
	low  int      // the fewest free ones since the last trim
	live int      // those with a task
	all  []*fiber // in no order; a stop looks here for those that wait
	trim Timer
}

const trimEvery = 10e9 // nanoseconds

func (fl *fiberList) take(l *Loop) *fiber {
	fl.live++
	n := len(fl.free)
	if n == 0 {
		return newFiber(l)
	}
	f := fl.free[n-1]
	fl.free[n-1] = nil
	fl.free = fl.free[:n-1]
	fl.low = min(fl.low, n-1)
	return f
}

func (fl *fiberList) put(f *fiber) {
	fl.live--
	fl.free = append(fl.free, f)
	if len(fl.free) > f.loop.opts.Spare && !fl.trim.Pending() {
		fl.low = len(fl.free)
		fl.trim.Reset(f.loop, f.loop.now+trimEvery, (*fiberTrim)(f.loop))
	}
}

func (fl *fiberList) release(keep int) {
	surplus := max(len(fl.free)-keep, 0)
	for _, f := range fl.free[:surplus] { // the coldest
		last := fl.all[len(fl.all)-1]
		fl.all[f.place], last.place = last, f.place
		fl.all[len(fl.all)-1] = nil
		fl.all = fl.all[:len(fl.all)-1]
		f.end()
	}
	kept := copy(fl.free, fl.free[surplus:])
	clear(fl.free[kept:])
	fl.free = fl.free[:kept]
}

// fiberTrim is the Loop in its part as the owner of the trim timer.
type fiberTrim Loop

func (t *fiberTrim) OnTimer(*Timer) {
	l := (*Loop)(t)
	fl := &l.fibers
	fl.release(max(len(fl.free)-fl.low, l.opts.Spare))
	fl.low = len(fl.free)
	if len(fl.free) > l.opts.Spare {
		fl.trim.Reset(l, l.now+trimEvery, t)
	}
}

func newFiber(l *Loop) *fiber {
	f := &fiber{loop: l, place: len(l.fibers.all)}
	l.fibers.all = append(l.fibers.all, f)
	f.resume, f.end = iter.Pull(func(yield func(struct{}) bool) {
		f.park = yield
		for {
			f.run()
			f.task = nil
			l.fibers.put(f)
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return f
}

// run runs the task. Its panic ends here, so that the fiber, whose stack has been unwound to this
// point, is as good as before; the task alone is lost.
func (f *fiber) run() {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		l := f.loop
		h, handled := f.task.(PanicHandler)
		if s := l.Sim(); s != nil && s.Log == nil && !handled {
			panic(fmt.Sprintf("%v\n%s", v, debug.Stack())) // a test wants to know
		}
		l.logPanic(v)
		if handled {
			l.guard(func() { h.FiberPanicked(v) })
		}
	}()
	f.task.RunFiber()
}

func (l *Loop) resume(f *fiber) {
	l.current = f
	f.spent = 0
	f.resume()
	l.current = nil
}

// wake puts a parked fiber in the run queue.
func (l *Loop) wake(f *fiber) {
	if f.queued {
		return
	}
	f.queued = true
	l.queue = append(l.queue, runnable{fiber: f})
}

// Start runs t in a fiber, at the next drain of the run queue of this turn.
func (l *Loop) Start(t Task) { l.queue = append(l.queue, runnable{task: t}) }

// Go runs fn in a fiber. It allocates; use Start where requests are served.
func (l *Loop) Go(fn func()) { l.Start(taskFunc(fn)) }

type taskFunc func()

func (fn taskFunc) RunFiber() { fn() }

// InFiber tells whether the caller runs in a fiber of this loop, and so may wait.
func (l *Loop) InFiber() bool { return l.current != nil }

// yield parks the current fiber until something wakes it.
func (f *fiber) yield() {
	f.loop.current = nil
	f.parked = true
	f.park(struct{}{})
	f.parked = false
}

func (l *Loop) mustBeInFiber() *fiber {
	if l.current == nil {
		panic("loop: wait outside a fiber of this loop")
	}
	return l.current
}

// Yield lets everything else that is runnable go first.
func (l *Loop) Yield() {
	f := l.mustBeInFiber()
	l.wake(f)
	f.yield()
}

// turnBytes is how much a fiber may move before the others get a turn.
const turnBytes = 512 << 10

// Breathe yields if the current fiber has moved turnBytes since it was resumed. What moves bytes
// without waiting calls it now and then.
func (l *Loop) Breathe() {
	if f := l.current; f != nil && f.spent >= turnBytes {
		l.Yield()
	}
}

// Charge counts n bytes moved by the current fiber. Data that is always there would let a fiber run
// on without ever parking; once it has moved turnBytes, its next Breathe, or Wait for what has
// already happened, yields.
func (l *Loop) Charge(n int) {
	if f := l.current; f != nil {
		f.spent += n
	}
}

package loop

// Event is something that one fiber can wait for. It stays set until Clear. It belongs to one loop,
// and at most one fiber may wait for it at a time.
type Event struct {
	waiter *fiber
	set    bool
}

// Set marks the event and makes its waiter, if any, runnable. l is the loop that owns the event.
func (e *Event) Set(l *Loop) {
	e.set = true
	if e.waiter != nil {
		l.wake(e.waiter)
	}
}

// Clear takes the mark away.
func (e *Event) Clear() { e.set = false }

// IsSet tells whether the event is marked.
func (e *Event) IsSet() bool { return e.set }

// Waited tells whether a fiber waits for the event.
func (e *Event) Waited() bool { return e.waiter != nil }

func anySet(on []*Event) bool {
	for _, e := range on {
		if e != nil && e.set {
			return true
		}
	}
	return false
}

// waitCharge is what a wait that ends at once counts for, in bytes: a fiber that waits in a circle, for an event that it
// does not clear or a deadline it does not move, wastes time but does not stop its loop.
const waitCharge = 512

// Wait parks the current fiber until one of the events is set (nil) or the deadline passes
// (ErrTimeout; 0 = no deadline). A nil event never happens. The caller looks which it was. On a loop that is stopping
// it returns ErrStopped. It does not allocate, and costs no system call: a deadline usually is a
// store into the fiber's timer, which is still in the heap from an earlier wait.
func (l *Loop) Wait(deadline Instant, on ...*Event) error {
	f := l.mustBeInFiber()
	if anySet(on) {
		f.spent += waitCharge
		l.Breathe()
		return nil
	}
	if l.stopping {
		return ErrStopped
	}
	if deadline != 0 && deadline <= l.now {
		f.spent += waitCharge
		l.Breathe()
		return ErrTimeout
	}
	for _, e := range on {
		if e == nil {
			continue
		}
		if e.waiter != nil {
			panic("loop: two fibers wait for one event")
		}
		e.waiter = f
	}
	f.timedOut = false
	if deadline != 0 {
		f.timer.Reset(l, deadline, f)
	}
	for {
		f.yield()
		if f.timedOut || l.stopping || anySet(on) {
			break
		}
		// Woken by an event that another fiber has cleared since: wait on.
	}
	f.timer.Pause()
	for _, e := range on {
		if e != nil {
			e.waiter = nil
		}
	}
	switch {
	case anySet(on):
		return nil
	case l.stopping:
		return ErrStopped
	}
	return ErrTimeout
}

// OnTimer ends the wait whose deadline has passed.
func (f *fiber) OnTimer(*Timer) {
	f.timedOut = true
	f.loop.wake(f)
}

package loop

// Timer calls its owner back on the loop when its time comes, outside any fiber. It is embedded in
// what it times, and belongs to the loop it was last Reset on.
//
// Most timers are pushed back again and again and hardly ever fire, so Reset to a later time is a
// store: the entry in the heap keeps its old time, and is queued again when that comes up.
type Timer struct {
	at    Instant // when to fire, 0 = not set
	place int32   // in the heap, from 1; 0 = not there
	loop  *Loop
	owner TimerFunc
}

// TimerFunc is told that a timer's time has come.
type TimerFunc interface{ OnTimer(t *Timer) }

// Reset sets the timer to call owner at the given time, whatever it was set to before. A timer that
// is set on another loop has to be stopped there first.
func (t *Timer) Reset(l *Loop, at Instant, owner TimerFunc) {
	t.owner = owner
	t.at = at
	h := &l.timers
	switch {
	case t.place == 0:
		t.loop = l
		h.push(at, t)
	case t.loop != l:
		panic("loop: timer reset on a loop that does not own it")
	case at < h.entries[t.place-1].when:
		i := int(t.place - 1)
		h.entries[i].when = at
		h.up(i)
	}
}

// Stop unsets the timer and takes it off the heap, so that nothing holds its owner.
func (t *Timer) Stop() {
	t.at = 0
	if t.place != 0 {
		t.loop.timers.remove(int(t.place - 1))
	}
	t.owner = nil
}

// Pause unsets the timer but leaves its entry in the heap, so that setting it again for later is a store. The entry
// goes when its time comes; until then the heap holds what the timer is embedded in.
func (t *Timer) Pause() { t.at = 0 }

// Pending tells whether the timer is set.
func (t *Timer) Pending() bool { return t.at != 0 }

// At is the time the timer is set to, 0 if it is not.
func (t *Timer) At() Instant { return t.at }

// timerHeap is a binary heap of the loop's timers by the time they were queued for, which is never
// later than the time they are set to.
type timerHeap struct{ entries []timerEntry }

type timerEntry struct {
	when  Instant
	timer *Timer
}

// next is the time the heap wants to be looked at, 0 if it is empty.
func (h *timerHeap) next() Instant {
	if len(h.entries) == 0 {
		return 0
	}
	return h.entries[0].when
}

// expire fires what is due. A timer that its owner sets again for a time already past fires in the
// next turn: each entry present at the start is looked at once at most.
func (h *timerHeap) expire(now Instant) {
	for n := len(h.entries); n > 0 && len(h.entries) > 0 && h.entries[0].when <= now; n-- {
		t := h.entries[0].timer
		if t.at > now { // pushed back since it was queued
			h.entries[0].when = t.at
			h.down(0)
			continue
		}
		h.remove(0)
		if t.at != 0 {
			t.at = 0
			l, owner := t.loop, t.owner
			l.guardTimer(owner, t)
		}
	}
}

func (l *Loop) guardTimer(owner TimerFunc, t *Timer) {
	defer func() {
		if v := recover(); v != nil {
			l.panicked(v)
		}
	}()
	owner.OnTimer(t)
}

func (h *timerHeap) push(when Instant, t *Timer) {
	h.entries = append(h.entries, timerEntry{when, t})
	t.place = int32(len(h.entries))
	h.up(len(h.entries) - 1)
}

func (h *timerHeap) remove(i int) {
	h.entries[i].timer.place = 0
	last := len(h.entries) - 1
	if i != last {
		h.set(i, h.entries[last])
	}
	h.entries[last] = timerEntry{}
	h.entries = h.entries[:last]
	if i != last {
		h.up(i)
		h.down(i)
	}
}

func (h *timerHeap) set(i int, e timerEntry) {
	h.entries[i] = e
	e.timer.place = int32(i + 1)
}

func (h *timerHeap) up(i int) {
	e := h.entries[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h.entries[parent].when <= e.when {
			break
		}
		h.set(i, h.entries[parent])
		i = parent
	}
	h.set(i, e)
}

func (h *timerHeap) down(i int) {
	e := h.entries[i]
	for {
		child := 2*i + 1
		if child >= len(h.entries) {
			break
		}
		if child+1 < len(h.entries) && h.entries[child+1].when < h.entries[child].when {
			child++
		}
		if e.when <= h.entries[child].when {
			break
		}
		h.set(i, h.entries[child])
		i = child
	}
	h.set(i, e)
}

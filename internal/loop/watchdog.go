package loop

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// watchdog notices a loop that does not come back from a turn: code in it blocks or spins, and every
// connection of the loop stands still. The loop stores when its turn began (0 while it sleeps); a
// goroutine of the watchdog's own reads that now and then, and takes the stack while the stall lasts.
type watchdog struct {
	began atomic.Int64 // Instant
	last  Instant      // the loop's own copy
}

func (w *watchdog) turnBegins(now Instant) {
	w.last = now
	w.began.Store(int64(now))
}

// turnEnds notes how long the turn took; now is read before the loop goes to sleep or begins the next.
func (w *watchdog) turnEnds(l *Loop, now Instant) {
	if w.last == 0 {
		return // it ended before the sleep
	}
	if d := now.Sub(w.last); int64(d) > l.stats.maxTurn.Load() {
		l.stats.maxTurn.Store(int64(d))
	}
	w.last = 0
}

// sleeps is told that the turn is over and nothing to do.
func (w *watchdog) sleeps(l *Loop, now Instant) {
	w.turnEnds(l, now)
	w.began.Store(0)
}

func (w *watchdog) start(l *Loop) (stop func()) {
	if l.opts.Stall <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(max(l.opts.Stall/2, time.Millisecond))
		defer tick.Stop()
		var reported int64
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				reported = w.look(l, reported)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// look reports a stall of the present turn once; it returns the turn last reported.
func (w *watchdog) look(l *Loop, reported int64) int64 {
	began := w.began.Load()
	took := clock().Sub(Instant(began))
	if began == 0 || began == reported || took < l.opts.Stall {
		return reported
	}
	l.stats.stalls.Add(1)
	l.opts.Log(fmt.Sprintf("loop %d has been in one turn for %v\n%s", l.opts.ID, took.Round(time.Millisecond), busyStacks()))
	return began
}

// busyStacks returns the stacks of the loops and fibers that are not parked, this loop's among them.
func busyStacks() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var out []string
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		state, _, _ := strings.Cut(g, "\n")
		ours := strings.Contains(g, "loop.(*fiber).run") || strings.Contains(g, "loop.(*Loop).turn")
		if ours && !strings.Contains(state, "[coroutine") && !strings.Contains(state, "[IO wait") {
			out = append(out, g)
		}
	}
	return strings.Join(out, "\n\n")
}

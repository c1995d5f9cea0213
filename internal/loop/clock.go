package loop

import "time"

// Instant is a point on the process's monotonic clock, in nanoseconds; only differences mean something. Zero means
// none, or never.
type Instant int64

// Add returns the instant d later, or, of the longest durations that a configuration can have, farOff: they must not come
// round to the past.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(min(d, farOff)) }

// farOff is 73 years: no process sees its end, and twice that can be reckoned with.
const farOff = time.Duration(1 << 61)

// Sub returns how much later i is than j.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// origin is the process's start, put back so far that an instant a while ago is not zero. The clock is read through
// time.Since, which reads CLOCK_MONOTONIC alone in the vDSO. Where the kernel's own zero is, nobody needs to know.
var origin = time.Now().Add(-time.Duration(SimStart))

func clock() Instant { return Instant(time.Since(origin)) }

// Now is the time on the clock of every real loop, for code that is on none. A Sim has its own.
func Now() Instant { return clock() }

// Clock is the time on the loop's clock at this moment, not at the turn's beginning. From any goroutine.
func (l *Loop) Clock() Instant {
	if s := l.Sim(); s != nil {
		return s.Now()
	}
	return clock()
}

// wallClock gives wall time from the loop's own clock. It reads the system's anew when its last
// reading is wallRefresh old, so a step of the system's clock shows up after that time.
type wallClock struct {
	read time.Time // stripped of its monotonic part
	when Instant
	fake bool // never read the system's
}

const wallRefresh = 100 * time.Millisecond

func (w *wallClock) at(now Instant) time.Time {
	if !w.fake && (w.when == 0 || now.Sub(w.when) >= wallRefresh) {
		w.read, w.when = time.Now().Round(0), clock()
	}
	return w.read.Add(now.Sub(w.when))
}

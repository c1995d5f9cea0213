package loop

import (
	"sync/atomic"
	"time"
)

// counters are written by the loop (stalls by its watchdog) and read by anyone.
type counters struct {
	turns, events, stale, panics, stalls atomic.Int64
	maxTurn                              atomic.Int64 // nanoseconds
	live, free, timers                   atomic.Int64 // as of the last sleep
}

// Stats are a loop's figures.
type Stats struct {
	Turns       int64         // rounds of the loop
	Events      int64         // readiness events delivered
	StaleEvents int64         // events dropped, their descriptor having changed hands
	Panics      int64         // panics caught
	Stalls      int64         // turns longer than Options.Stall
	MaxTurn     time.Duration // the longest turn
	FibersLive  int           // fibers with a task
	FibersFree  int           // fibers between tasks
	Timers      int           // entries in the timer heap
	Clients     int64         // accepted connections that are open
}

// Stats may be called from any goroutine.
func (l *Loop) Stats() Stats {
	s := &l.stats
	return Stats{
		Turns: s.turns.Load(), Events: s.events.Load(), StaleEvents: s.stale.Load(),
		Panics: s.panics.Load(), Stalls: s.stalls.Load(), MaxTurn: time.Duration(s.maxTurn.Load()),
		FibersLive: int(s.live.Load()), FibersFree: int(s.free.Load()), Timers: int(s.timers.Load()),
		Clients: l.clients.Load(),
	}
}

func (l *Loop) publish() {
	s := &l.stats
	s.live.Store(int64(l.fibers.live))
	s.free.Store(int64(len(l.fibers.free)))
	s.timers.Store(int64(len(l.timers.entries)))
}

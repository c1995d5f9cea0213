package loop

import (
	"slices"
	"time"
)

// Sim runs loops without a kernel and on a clock of its own, all on the goroutine of the test.
// Everything happens in a fixed order: loops take their turns in the order they were made, events
// arrive in the order they were reported. Time stands still but for Advance.
type Sim struct {
	// Log receives what the loops log. While it is nil, a panic in a fiber whose task does not
	// handle it is the test's.
	Log func(msg string)

	now     Instant
	loops   []*Loop
	running bool
}

// The instant and the wall time at which a Sim starts.
const SimStart = Instant(1000 * time.Second)

// SimWall is the wall-clock time at SimStart.
var SimWall = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// NewSim returns a Sim without loops.
func NewSim() *Sim { return &Sim{now: SimStart} }

// Loop makes another loop.
func (s *Sim) Loop() *Loop {
	log := func(msg string) {
		if s.Log != nil {
			s.Log(msg)
		}
	}
	l := newLoop(Options{ID: len(s.loops), Log: log}, &simPoller{sim: s})
	l.now = s.now
	l.wall = wallClock{read: SimWall, when: SimStart, fake: true}
	s.loops = append(s.loops, l)
	return l
}

// Now is the Sim's time.
func (s *Sim) Now() Instant { return s.now }

// Run turns all loops until nothing is runnable.
func (s *Sim) Run() {
	if s.running {
		panic("loop: Sim.Run called from one of its own loops")
	}
	s.running = true
	defer func() {
		s.running = false
		for _, l := range s.loops {
			l.dropCurrent()
		}
	}()
	for again := true; again; {
		again = false
		for _, l := range s.loops {
			for l.simBusy() {
				l.turn(false)
				again = true
			}
		}
	}
}

// dropCurrent tidies up after a fiber that took the test's goroutine with it, by t.Fatal or a panic, so that
// the test's cleanups find a loop in order.
func (l *Loop) dropCurrent() {
	if l.current == nil {
		return
	}
	l.current = nil
	l.fibers.live--
	l.queue = slices.DeleteFunc(l.queue, func(r runnable) bool { return r == runnable{} })
}

func (l *Loop) simBusy() bool {
	p := l.poll.(*simPoller)
	next := l.timers.next()
	return len(l.queue) > 0 || len(p.events) > 0 || l.posted.any.Load() || p.woken || len(l.ends) > 0 ||
		next != 0 && next <= p.sim.now
}

// Advance moves the clock on by d, stopping at every timer on the way, and runs what that wakes.
func (s *Sim) Advance(d time.Duration) {
	s.Run()
	end := s.now.Add(d)
	for {
		var next Instant
		for _, l := range s.loops {
			if n := l.timers.next(); n != 0 && (next == 0 || n < next) {
				next = n
			}
		}
		if next == 0 || next > end {
			break
		}
		s.now = max(s.now, next)
		s.Run()
	}
	s.now = end
	for _, l := range s.loops {
		l.now = end
	}
	s.Run()
}

// Do runs fn as a fiber on l, and then everything, until nothing is runnable. fn may still be waiting then.
func (s *Sim) Do(l *Loop, fn func()) {
	l.Go(fn)
	s.Run()
}

// Stop stops all loops and runs their fibers to the end.
func (s *Sim) Stop() {
	for _, l := range s.loops {
		l.Stop()
	}
	s.Run()
	for _, l := range s.loops {
		for l.fibers.live > 0 && l.graceful > 0 {
			l.turn(false)
		}
		l.finish()
	}
}

// simPoller is the fake poller: its events are those that in-memory sources report.
type simPoller struct {
	sim    *Sim
	events []simEvent
	woken  bool
}

type simEvent struct {
	handle *Handle
	gen    uint32
	ready  Readiness
	call   func()
}

// Report queues an event of an in-memory source for l's next turn. l is a loop of a Sim.
func (l *Loop) Report(h *Handle, ev Readiness) {
	p := l.poll.(*simPoller)
	p.events = append(p.events, simEvent{handle: h, gen: h.generation(), ready: ev})
}

// ReportCall queues a call among the events of l's next turn: what a scripted peer does in answer to
// something. l is a loop of a Sim.
func (l *Loop) ReportCall(fn func()) {
	p := l.poll.(*simPoller)
	p.events = append(p.events, simEvent{call: fn})
}

// RegisterMemory registers an in-memory source with l, a loop of a Sim.
func (l *Loop) RegisterMemory(h *Handle, s Source) {
	h.source = s
	h.word.Store(uint64(newGeneration()) << generationShift)
}

// MoveMemory is Move for an in-memory source: events reported to its former loop are stale from now on.
func (h *Handle) MoveMemory() {
	h.word.Store(uint64(newGeneration())<<generationShift | uint64(Lent))
}

// ForgetMemory is Forget for an in-memory source.
func (h *Handle) ForgetMemory() { h.word.Store(0) }

// Sim returns the Sim that l is a loop of, nil for a real loop.
func (l *Loop) Sim() *Sim {
	if p, ok := l.poll.(*simPoller); ok {
		return p.sim
	}
	return nil
}

func (p *simPoller) poll(l *Loop, _ bool) {
	l.now = p.sim.now
	p.woken = false
	events := p.events
	p.events = nil
	for _, e := range events {
		if e.call != nil {
			e.call()
		} else if !e.handle.deliver(e.gen, e.ready) {
			l.stats.stale.Add(1)
		}
	}
	l.publish()
}

func (p *simPoller) wake()                            { p.woken = true }
func (p *simPoller) close()                           {}
func (p *simPoller) add(int, uint32, uint32) error    { panic("loop: a descriptor on a Sim") }
func (p *simPoller) modify(int, uint32, uint32) error { panic("loop: a descriptor on a Sim") }
func (p *simPoller) remove(int) error                 { panic("loop: a descriptor on a Sim") }

// Package loop runs plain blocking code as fibers on an epoll loop.
//
// A Loop is an ordinary goroutine that owns everything that happens on it: fibers (stackful
// coroutines), timers, and the descriptors registered with it. What one loop owns nobody else
// touches, so none of it is locked. The only ways in from outside are Post and Stop.
//
// The package knows descriptors and readiness, not streams: reading and writing are package conn's.
// A Sim runs the same loops without a kernel, on a clock that the test moves.
package loop

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// ErrTimeout is what a wait ends with when its deadline passes.
var ErrTimeout = errors.New("timed out")

// ErrStopped is what every wait ends with once the loop is told to stop.
var ErrStopped = errors.New("loop stopped")

// Options of a loop.
type Options struct {
	ID    int              // its place among the process's loops, from 0
	Log   func(msg string) // told of panics and stalls, on any goroutine; nil drops them
	Stall time.Duration    // a turn longer than this is counted and logged with the stack; 0 = no watchdog
	Spare int              // idle fibers kept whatever the load; 0 = 32

	// OwnProcessor promises that GOMAXPROCS is greater than the number of loops, so that the loop can keep a processor
	// while it waits for a moment; see sleep.
	OwnProcessor bool
}

// Loop is one event loop. Its methods are for its own goroutine (that is, for its fibers and the
// callbacks it makes) except ID, Post, Stop, Stats and Clients, which are for anyone.
type Loop struct {
	opts Options
	poll poller
	now  Instant
	wall wallClock

	queue   []runnable // what the next drain runs, in order
	current *fiber     // nil outside fibers
	fibers  fiberList
	timers  timerHeap
	ends    []TurnEnder
	rests   []TurnEnder // for a little later
	unrest  Instant     // since when the first of rests waits
	posted  postQueue
	awaits  int // fibers parked in Await
	values  map[any]any
	seats   []any // see Seat

	stopAsked atomic.Bool
	stopping  bool
	graceful  int // turns left to the fibers once stopping

	watch   watchdog
	clients atomic.Int64
	stats   counters
}

// poller is what differs between a real loop and one of a Sim.
type poller interface {
	// poll hands the events there are to their sources, waiting for one if sleep is set, and
	// reads the clock into l.now when it is done.
	poll(l *Loop, sleep bool)
	add(fd int, gen uint32, mask uint32) error
	modify(fd int, gen uint32, mask uint32) error
	remove(fd int) error
	wake() // from any goroutine: makes a sleeping poll return
	close()
}

// runnable is an entry of the run queue: a parked fiber to resume, or a task still without one. A
// task gets its fiber only when it runs, so a burst of short tasks shares one warm fiber.
type runnable struct {
	fiber *fiber
	task  Task
}

// drainBound is how many runnables one turn runs before it looks at the descriptors again, so that
// fibers that keep waking each other cannot starve the rest.
const drainBound = 1024

// New returns a loop with its epoll descriptor open. It serves once Run is called.
func New(opts Options) (*Loop, error) {
	p, err := newEpoll()
	if err != nil {
		return nil, err
	}
	return newLoop(opts, p), nil
}

func newLoop(opts Options, p poller) *Loop {
	if opts.Spare == 0 {
		opts.Spare = 32
	}
	if opts.Log == nil {
		opts.Log = func(string) {}
	}
	l := &Loop{opts: opts, poll: p}
	if _, real := p.(*epoll); real {
		l.now = clock()
	}
	return l
}

// Run serves until Stop has been carried out, on the calling goroutine, which needs no thread of its own.
//
// Best with one processor of Go's (GOMAXPROCS) for each loop and one for all else: signers, the garbage collector, Await.
func (l *Loop) Run() {
	unwatch := l.watch.start(l)
	defer unwatch()
	for l.turn(true) {
	}
	l.finish()
}

// turn is one round of the loop, in two phases. First everything that happened is only noted: events
// mark their sources, posted work and timers run their short callbacks. Then the fibers run. So no
// fiber runs while a batch of events is half delivered, and none closes a descriptor that a later
// event of the same batch names. It reports whether another turn is wanted.
func (l *Loop) turn(maySleep bool) bool {
	sleep := maySleep && len(l.queue) == 0 && !l.posted.any.Load() && (!l.stopping || l.awaits > 0)
	l.poll.poll(l, sleep)
	l.watch.turnBegins(l.now)
	l.stats.turns.Add(1)

	if l.posted.any.Load() {
		l.posted.run(l)
	}
	l.timers.expire(l.now)
	if l.stopAsked.Load() && !l.stopping {
		l.beginStop()
	}
	l.drain()
	l.endTurn()
	if len(l.rests) > 0 && (l.now.Sub(l.unrest) >= restWithin || l.Sim() != nil) {
		l.rest()
	}
	if l.awaits > 0 {
		yieldThread() // a busy loop would keep Await's goroutine waiting for a processor
	}
	if l.stopping {
		l.graceful--
		return l.fibers.live > 0 && l.graceful > 0 || l.awaits > 0
	}
	return true
}

func (l *Loop) drain() {
	n := 0
	for ; n < len(l.queue) && n < drainBound; n++ {
		r := l.queue[n]
		l.queue[n] = runnable{}
		if r.fiber != nil {
			r.fiber.queued = false
			l.resume(r.fiber)
			continue
		}
		f := l.fibers.take(l)
		f.task = r.task
		l.resume(f)
	}
	l.queue = l.queue[:copy(l.queue, l.queue[n:])]
}

// TurnEnder is called back at the end of a turn; see EndOfTurn.
type TurnEnder interface{ EndTurn() }

// EndOfTurn has f.EndTurn called once, at the end of this turn, before the loop looks for events. An
// owner that may ask many times in a turn keeps a flag of its own. Counters are published then; log lines can wait for
// AtRest.
func (l *Loop) EndOfTurn(f TurnEnder) { l.ends = append(l.ends, f) }

// AtRest is EndOfTurn for what can wait a little longer: f.EndTurn is called after two milliseconds, or before the loop
// goes to sleep soundly. Access logs are written then: one write has the lines of many turns. It matters more than the
// system call itself costs, because the scheduler has to be told of a write to a file, and on a busy machine it takes the
// processor away meanwhile.
func (l *Loop) AtRest(f TurnEnder) {
	if len(l.rests) == 0 {
		l.unrest = l.now
	}
	l.rests = append(l.rests, f)
}

// restWithin is how long what was handed to AtRest waits at the most, but for one turn.
const restWithin = 2 * time.Millisecond

func (l *Loop) endTurn() { l.callAll(&l.ends) }

func (l *Loop) rest() { l.callAll(&l.rests) }

// callAll calls the callbacks of a list, those that are added meanwhile too, and empties it.
func (l *Loop) callAll(list *[]TurnEnder) {
	for i := 0; i < len(*list); i++ {
		f := (*list)[i]
		(*list)[i] = nil
		l.guard(f.EndTurn)
	}
	*list = (*list)[:0]
}

// guard runs a callback of the loop itself, so that its panic costs that callback and nothing else.
func (l *Loop) guard(fn func()) {
	defer func() {
		if v := recover(); v != nil {
			l.panicked(v)
		}
	}()
	fn()
}

func (l *Loop) panicked(v any) {
	if s := l.Sim(); s != nil && s.Log == nil {
		panic(v) // a test wants to know
	}
	l.logPanic(v)
}

func (l *Loop) logPanic(v any) {
	l.stats.panics.Add(1)
	l.opts.Log(fmt.Sprintf("panic: %v\n%s", v, debug.Stack()))
}

// stopTurns bounds how long fibers that ignore ErrStopped can hold up the end of a loop.
const stopTurns = 1000

// Stop ends the loop: every wait from now on returns ErrStopped, and Run returns when the fibers have
// ended. It is safe from any goroutine and may be called again. Closing gracefully first (letting
// requests finish) is the caller's business.
func (l *Loop) Stop() {
	l.stopAsked.Store(true)
	l.Post(func() {}) // wakes it, if it has not ended
}

func (l *Loop) beginStop() {
	l.stopping, l.graceful = true, stopTurns
	for _, f := range l.fibers.all {
		if f.parked && !f.awaiting {
			l.wake(f)
		}
	}
}

func (l *Loop) finish() {
	l.fibers.release(0)
	l.rest()
	l.posted.close()
	l.poll.close()
}

// ID is the loop's place among the process's loops.
func (l *Loop) ID() int { return l.opts.ID }

// Now is the time this turn began.
func (l *Loop) Now() Instant { return l.now }

// Wall is the wall-clock time of this turn, for logs and Date.
func (l *Loop) Wall() time.Time { return l.wall.at(l.now) }

// Clients is the number of accepted connections that are open on this loop. Package conn keeps it, and
// reads those of all loops to spread new connections evenly, hence atomic.
func (l *Loop) Clients() *atomic.Int64 { return &l.clients }

// Value returns what SetValue stored under key: the seat of per-loop state of other packages.
func (l *Loop) Value(key any) any { return l.values[key] }

// SetValue stores v under key.
func (l *Loop) SetValue(key, v any) {
	if l.values == nil {
		l.values = make(map[any]any)
	}
	l.values[key] = v
}

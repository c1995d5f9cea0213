package conn

import (
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// Listener is a listening socket. It outlives configurations: AcceptOn and Spread may be called again to have
// other functions, or other loops, serve its connections from then on.
//
// # Spreading connections over loops
//
// A listener is polled by one loop, which hands each connection to the loop that has the fewest. That is
// exact however few connections there are. Sharing the descriptor among the loops with EPOLLEXCLUSIVE is not: the
// loop that happens to be awake takes most. Nor is a SO_REUSEPORT socket for each loop, where a hash of
// the addresses decides: of 8 connections over 2 loops it puts 6 or more on one in 29 cases of 100 (and
// connections waiting in the queue of a socket that is closed, as when the number of loops goes down, are
// reset). Handing over costs one queue and one eventfd write for a batch; a connection that stays on
// the accepting loop costs nothing more. `listen ... reuseport` still makes one socket for each loop, each
// polled by its own by AcceptOn.
type Listener struct {
	// OnError, if not nil, is told on the accepting loop of a failed accept that is not the client's doing. With
	// paused the process is out of descriptors or memory, and the listener rests for half a second: idle
	// connections should be given up. Set it before AcceptOn or Spread.
	OnError func(err error, paused bool)

	fd       int
	addr     Addr
	handle   loop.Handle
	loop     *loop.Loop // that polls it; set by attach, on which everything below happens
	timer    loop.Timer // ends a pause
	polled   bool
	closed   atomic.Bool
	accepted atomic.Int64

	mu      sync.Mutex
	targets atomic.Pointer[[]*target]
	next    int // where the search for the emptiest loop begins, so that equal ones take turns
}

// target is a loop that serves connections of a listener.
type target struct {
	loop  *loop.Loop
	serve func(*Conn)

	mu      sync.Mutex // guards inbox, which is the accepting loop's to fill and loop's to empty
	inbox   []accepted
	pending atomic.Int64 // in the inbox, so that a burst within one turn is spread too
	drain   func()
}

type accepted struct {
	fd     int
	remote Addr
}

// FD is the socket, for handing it to another process. It stays the Listener's.
func (ln *Listener) FD() int { return ln.fd }

// Addr is the address that is listened on.
func (ln *Listener) Addr() Addr { return ln.addr }

// Accepted is the number of connections accepted so far.
func (ln *Listener) Accepted() int64 { return ln.accepted.Load() }

// AcceptOn has l accept and serve connections. serve is called on l, outside fibers.
func (ln *Listener) AcceptOn(l *loop.Loop, serve func(*Conn)) error {
	return ln.Spread([]*loop.Loop{l}, serve)
}

// Spread has the connections served by the given loops, as evenly as possible. serve is called on the
// loop that a connection is given to, outside fibers. The first loop of the first call accepts. It may be called from
// any goroutine, and again: then it holds from the next connection on.
func (ln *Listener) Spread(loops []*loop.Loop, serve func(*Conn)) error {
	ts := make([]*target, len(loops))
	for i, l := range loops {
		t := &target{loop: l, serve: serve}
		t.drain = t.takeOver
		ts[i] = t
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed.Load() {
		return ErrClosed
	}
	ln.targets.Store(&ts)
	if ln.loop != nil {
		return nil
	}
	ln.loop, ln.polled = loops[0], true // before the first event
	if err := ln.loop.RegisterListener(ln.fd, &ln.handle, ln); err != nil {
		ln.loop = nil
		return err
	}
	return nil
}

// acceptBound is how many connections are accepted in one turn.
const acceptBound = 64

// Ready accepts. It is the loop's to call.
func (ln *Listener) Ready(loop.Readiness) {
	for range acceptBound {
		if ln.closed.Load() {
			return
		}
		switch errno := ln.acceptOne(); errno {
		case 0:
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			ln.pause()
			ln.failed(errno, true)
			return
		default:
			ln.failed(errno, false)
			return
		}
	}
}

// acceptOne accepts a connection and hands it over. A client that has gone again counts as one.
func (ln *Listener) acceptOne() syscall.Errno {
	fd, remote, errno := ln.accept()
	switch errno {
	case 0:
		ln.accepted.Add(1)
		ln.hand(fd, remote)
	case unix.ECONNABORTED, unix.EINTR, unix.EPROTO:
		return 0
	}
	return errno
}

// drainBound is how many connections a socket's queue can hold, and so how many are accepted at its end: others may go
// on coming until it is closed.
const drainBound = 64 << 10

// acceptQueued accepts what waits in the queue of a socket that is about to be closed.
func (ln *Listener) acceptQueued() {
	for range drainBound {
		if ln.acceptOne() != 0 {
			return
		}
	}
}

func (ln *Listener) failed(err error, paused bool) {
	if ln.OnError != nil {
		ln.OnError(err, paused)
	}
}

func (ln *Listener) accept() (int, Addr, syscall.Errno) {
	var s sockaddr
	s.clear()
	fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(ln.fd), uintptr(unsafe.Pointer(&s.raw)),
		uintptr(unsafe.Pointer(&s.n)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, Addr{}, errno
	}
	return int(fd), s.decode(), 0
}

// hand gives the connection to the loop that has the fewest.
func (ln *Listener) hand(fd int, remote Addr) {
	ts := *ln.targets.Load()
	best := ts[ln.next%len(ts)]
	for i := 1; i < len(ts); i++ {
		if t := ts[(ln.next+i)%len(ts)]; t.load() < best.load() {
			best = t
		}
	}
	ln.next++
	if best.loop == ln.loop {
		best.adopt(accepted{fd, remote})
		return
	}
	best.put(accepted{fd, remote})
}

func (t *target) load() int64 { return t.loop.Clients().Load() + t.pending.Load() }

func (t *target) adopt(a accepted) {
	if c, err := Adopt(t.loop, a.fd, a.remote); err == nil {
		t.serve(c)
	}
}

func (t *target) put(a accepted) {
	t.pending.Add(1)
	t.mu.Lock()
	t.inbox = append(t.inbox, a)
	first := len(t.inbox) == 1
	t.mu.Unlock()
	if first && !t.loop.Post(t.drain) {
		t.refuse()
	}
}

// refuse closes what a loop that has ended can no longer take.
func (t *target) refuse() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.inbox {
		closeFD(a.fd)
		t.pending.Add(-1)
	}
	t.inbox = nil
}

// takeOver runs on the target's loop.
func (t *target) takeOver() {
	t.mu.Lock()
	in := t.inbox
	t.inbox = nil
	t.mu.Unlock()
	for _, a := range in {
		t.adopt(a)
		t.pending.Add(-1)
	}
}

// pause takes the listener off the poller for a while; it is level-triggered and would report without end.
func (ln *Listener) pause() {
	ln.loop.Unregister(ln.fd, &ln.handle)
	ln.polled = false
	ln.timer.Reset(ln.loop, ln.loop.Now().Add(acceptPause), ln)
}

// OnTimer ends a pause.
func (ln *Listener) OnTimer(*loop.Timer) {
	if ln.closed.Load() {
		return
	}
	if err := ln.loop.RegisterListener(ln.fd, &ln.handle, ln); err != nil {
		ln.timer.Reset(ln.loop, ln.loop.Now().Add(acceptPause), ln)
		return
	}
	ln.polled = true
}

// Close stops listening. Connections that are accepted already are served, and so are those in the socket's queue, which
// their clients take for established: closing it would reset them. It may be called from any goroutine,
// and again. The descriptor is closed by the accepting loop, so that no accept of its own meets another's socket.
func (ln *Listener) Close() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed.Swap(true) {
		return
	}
	posted := ln.loop != nil && ln.loop.Post(func() {
		ln.timer.Stop()
		ln.acceptQueued()
		if ln.polled {
			ln.handle.Forget(ln.fd)
		}
		closeFD(ln.fd)
	})
	if !posted {
		closeFD(ln.fd)
	}
}

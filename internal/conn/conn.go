// Package conn is a byte stream on a loop: TCP, unix sockets, TLS on either, and in-memory streams for tests.
//
// Reads and writes are plain calls that park the fiber; each also has a Try form that does not wait.
// The package knows sockets and their options, not what is said over them, and keeps no buffers: an idle
// connection is its small struct and nothing else.
package conn

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

var (
	// ErrAgain is what the Try forms return when they would have to wait.
	ErrAgain = errors.New("operation would block")
	// ErrUnexpected is Peek's finding of bytes where there should be none.
	ErrUnexpected = errors.New("unexpected data")
	// ErrPartial is Peek's finding of the beginning of a TLS record.
	ErrPartial = errors.New("incomplete TLS record")
	// ErrClosed is the error of using a Conn after its Close.
	ErrClosed = net.ErrClosed
)

// Conn is one end of a stream. It belongs to a loop; one fiber may read while another writes.
//
// Readiness is edge-triggered: the poller reports a change once, and the readable and writable events
// remember it until it is used up. A read that comes back short has emptied the socket, so it clears
// readable without another read that would say EAGAIN. The exception is the peer's end: its report may come
// together with the last bytes, and is not repeated, so once it has been seen readable stays set until a read has
// returned the end itself. A write that comes back short has filled the socket; the kernel reports
// when there is room again.
type Conn struct {
	handle             loop.Handle
	loop               *loop.Loop // while lent, guarded by the lenders' lock
	readable, writable loop.Event
	hangUp             loop.Event // the poller has reported the peer's end, or an error
	idle               atomic.Pointer[idleSlot]
	mem                *memory // nil for a socket
	tls                *secure // nil without TLS
	backlog            *backlog
	fd                 int32
	posted             int32 // place in the loop's outbox, from 1; 0 = not there
	closed             bool
	connecting         bool
	quiet              bool // the registration leaves writing out, see loop.Register
	client             bool // counted in loop.Clients

	// BytesRead and BytesWritten count what has passed, whichever way.
	BytesRead, BytesWritten int64

	remote Addr
}

// IdleHandler is told that something happened on a Conn that no fiber waits on; see OnIdle.
type IdleHandler interface{ ConnReady(c *Conn) }

// idleSlot lets a handler be replaced atomically.
type idleSlot struct {
	handler IdleHandler
	watches bool // told of everything, although the connection is not lent: see Watch
	backlog bool // the connection, a client's and so always its loop's, has one: see outbox
}

var open atomic.Int64

// Open is the number of Conns of the process that have not been closed, for leak tests.
func Open() int64 { return open.Load() }

// newConn makes a Conn of an open socket and registers it. On an error fd is still the caller's.
func newConn(l *loop.Loop, fd int, remote Addr, connecting bool) (*Conn, error) {
	c := &Conn{loop: l, fd: int32(fd), remote: remote, connecting: connecting}
	if !connecting {
		// Room to write is taken for granted and watched only after the first EAGAIN. Else the
		// registration itself would report it, and a unix socket would whenever its peer has read.
		c.quiet = true
		c.writable.Set(l)
	}
	if err := l.Register(fd, &c.handle, c, c.quiet); err != nil {
		return nil, err
	}
	open.Add(1)
	return c, nil
}

// Adopt makes a client's Conn on l of a connected socket, which must be non-blocking and becomes the
// Conn's: on an error it has been closed.
func Adopt(l *loop.Loop, fd int, remote Addr) (*Conn, error) {
	c, err := newConn(l, fd, remote, false)
	if err != nil {
		closeFD(fd)
		return nil, err
	}
	c.client = true
	l.Clients().Add(1)
	return c, nil
}

// Ready notes what the poller reports. It is the loop's to call.
func (c *Conn) Ready(ev loop.Readiness) {
	if ev&loop.Lent != 0 {
		// c may be another loop's by now, so nothing of it is touched but the atomic slot.
		s := c.idle.Load()
		if s != nil && s.backlog && ev&loop.Writable != 0 {
			c.pushBacklog()
		}
		if s != nil && ev&^(loop.Lent|loop.Writable) != 0 {
			s.handler.ConnReady(c)
		}
		return
	}
	c.mark(ev)
	if s := c.idle.Load(); s != nil && s.watches {
		s.handler.ConnReady(c)
	}
}

func (c *Conn) mark(ev loop.Readiness) {
	if ev&(loop.HangUp|loop.Failed) != 0 {
		c.hangUp.Set(c.loop)
	}
	if ev&(loop.Readable|loop.HangUp|loop.Failed) != 0 {
		if c.tls != nil {
			c.tls.dry = false
		}
		c.readable.Set(c.loop)
	}
	if (ev&(loop.Writable|loop.Failed) != 0 || c.connecting && ev&loop.HangUp != 0) && c.pushBacklog() {
		c.writable.Set(c.loop)
	}
}

// OnIdle lends the connection to h: from now on h.ConnReady(c) is called on the loop, outside any
// fiber, for everything that comes in (bytes, end, error). While it is lent no fiber may use it. Under a
// lock of h's, it may be moved to another loop or closed from one; so ConnReady, which is called
// without that lock, must take it and make sure that the connection is still there and still of this loop.
//
// OnIdle(nil) takes the connection back, on the loop that owns it; what was reported meanwhile then shows in Readable.
// What was there before OnIdle is not reported: look first if Readable is set.
func (c *Conn) OnIdle(h IdleHandler) {
	if h == nil {
		if c.handle.IsLent() {
			c.mark(c.handle.Reclaim())
		}
		return
	}
	backlog := c.backlog != nil
	if s := c.idle.Load(); s == nil || s.handler != h || s.watches || s.backlog != backlog {
		c.idle.Store(&idleSlot{handler: h, backlog: backlog})
	}
	c.handle.Lend()
}

// Watch has h.ConnReady(c) called, on the loop and outside any fiber, after everything that is reported from now on: bytes,
// the end, an error, room to write. Unlike a lent connection it stays its loop's, and is read and written as ever, so one that
// several requests share needs no fiber of its own. Watch(nil) ends that.
func (c *Conn) Watch(h IdleHandler) {
	if h == nil {
		c.idle.Store(nil)
		return
	}
	c.idle.Store(&idleSlot{handler: h, watches: true})
}

// Move makes a lent connection `to`'s, on whose goroutine it is called, under the lenders' lock. Events that
// the former loop has already fetched are dropped there (see loop.Handle), and those that still matter
// are reported again on the new one. On an error the connection can only be closed.
func (c *Conn) Move(to *loop.Loop) error {
	if !c.handle.IsLent() || c.closed {
		panic("conn: moving a connection that is not idle")
	}
	from := c.loop
	if from == to {
		return nil
	}
	if c.client {
		from.Clients().Add(-1)
		to.Clients().Add(1)
	}
	c.loop = to
	if c.tls != nil {
		c.tls.buffers = cipherBuffersOf(to)
	}
	if c.mem != nil {
		c.handle.MoveMemory()
		c.mem.report()
		return nil
	}
	return to.Move(from, int(c.fd), &c.handle, c.quiet)
}

// Loop returns the loop that owns the connection.
func (c *Conn) Loop() *loop.Loop { return c.loop }

// Readable is set while a read may find something: bytes, the end or an error.
func (c *Conn) Readable() *loop.Event { return &c.readable }

// Writable is set while a write may find room, or an error.
func (c *Conn) Writable() *loop.Event { return &c.writable }

// HungUp tells whether the peer's end, or an error, has been reported. There may still be bytes to read before it.
func (c *Conn) HungUp() bool { return c.hangUp.IsSet() }

// HangUp is set from the report of the peer's end, or of an error, on. Unlike Readable it does not tell of bytes, so it can be
// waited for while there are some that nobody wants to read yet.
func (c *Conn) HangUp() *loop.Event { return &c.hangUp }

// Read reads into p, waiting until there is something. At the peer's end it returns io.EOF, once the deadline has passed
// loop.ErrTimeout. A zero deadline is none.
func (c *Conn) Read(p []byte, deadline loop.Instant) (int, error) {
	for {
		n, err := c.TryRead(p)
		if err != ErrAgain {
			c.loop.Breathe()
			return n, err
		}
		if err := c.loop.Wait(deadline, &c.readable); err != nil {
			return 0, err
		}
	}
}

// TryRead reads what is there, or returns ErrAgain. It makes no system call if the loop knows that there is nothing.
func (c *Conn) TryRead(p []byte) (int, error) {
	if !c.readable.IsSet() {
		return 0, ErrAgain
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.closed {
		return 0, ErrClosed
	}
	if c.tls != nil {
		return c.tls.read(p)
	}
	n, errno := c.recv(p, 0)
	switch {
	case (errno == unix.EAGAIN || errno == 0 && n == 0) && c.sendError() != 0:
		return 0, c.sendError()
	case errno == unix.EAGAIN:
		c.readable.Clear()
		return 0, ErrAgain
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	if n < len(p) && !c.hangUp.IsSet() {
		c.readable.Clear()
	}
	c.BytesRead += int64(n)
	c.loop.Charge(n)
	return n, nil
}

// Peek looks at a connection that ought to be quiet: nil if it is, io.EOF if the peer has closed it, ErrUnexpected
// if there are bytes, or the connection's error. With TLS, what the protocol itself says there (session tickets, key updates) is
// taken in and is no bytes, while a goodbye is the end; ErrPartial is a record of which the rest is missing, so
// that nobody can know yet what it is.
//
// Without TLS any goroutine may call it that keeps others away from the connection, with TLS only its loop's.
func (c *Conn) Peek() error {
	if c.closed {
		return ErrClosed
	}
	if c.tls != nil {
		return c.tls.peek()
	}
	var one [1]byte
	n, errno := c.recv(one[:], unix.MSG_PEEK)
	switch {
	case errno == unix.EAGAIN:
		c.readable.Clear()
		return nil
	case errno != 0:
		return errno
	case n == 0:
		return io.EOF
	}
	return ErrUnexpected
}

// Write writes all of p, waiting for room as often as it takes. The timeout is for each wait, that
// is between two successful writes, as nginx's send_timeout; zero is none.
func (c *Conn) Write(p []byte, timeout time.Duration) error {
	for {
		n, err := c.TryWrite(p)
		if p = p[n:]; len(p) == 0 && err == nil {
			c.loop.Breathe()
			return nil
		}
		if err := c.waitRoom(err, timeout); err != nil {
			return err
		}
	}
}

// waitRoom waits after a write that ended with err: nil for one that was cut short, or ErrAgain.
func (c *Conn) waitRoom(err error, timeout time.Duration) error {
	if err != nil && err != ErrAgain {
		return err
	}
	var deadline loop.Instant
	if timeout > 0 {
		deadline = c.loop.Now().Add(timeout)
	}
	return c.loop.Wait(deadline, &c.writable)
}

// TryWrite writes what there is room for, and returns ErrAgain if that is nothing.
func (c *Conn) TryWrite(p []byte) (int, error) {
	c.settle()
	if c.closed {
		return 0, ErrClosed
	}
	if !c.writable.IsSet() {
		return 0, ErrAgain
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.tls != nil {
		return c.tls.write(p)
	}
	n, errno := c.send(p)
	return c.wrote(n, len(p), errno)
}

// wrote accounts for a write of n out of want bytes.
func (c *Conn) wrote(n, want int, errno syscall.Errno) (int, error) {
	if errno == unix.EAGAIN {
		c.full()
		return 0, ErrAgain
	}
	if errno != 0 {
		return 0, errno
	}
	if n < want {
		c.full()
	}
	c.BytesWritten += int64(n)
	c.loop.Charge(n)
	return n, nil
}

// full notes that there is no room, and has the poller tell when there is.
func (c *Conn) full() {
	c.writable.Clear()
	if c.quiet {
		c.quiet = false
		if err := c.loop.WatchWrites(int(c.fd), &c.handle); err != nil {
			c.writable.Set(c.loop) // cannot happen on a registered socket; retrying beats hanging
		}
	}
}

// WaitConnected waits for the end of a connect that Dial began: nil, loop.ErrTimeout, or why it failed.
func (c *Conn) WaitConnected(deadline loop.Instant) error {
	for c.connecting {
		if c.closed {
			return ErrClosed
		}
		if c.writable.IsSet() {
			c.connecting = false
			if !c.hangUp.IsSet() {
				break
			}
			if err := c.pendingError(); err != nil {
				return err
			}
			break
		}
		if err := c.loop.Wait(deadline, &c.writable); err != nil {
			return err
		}
	}
	return nil
}

// RemoteAddr is the peer's address; for a client on a unix socket the zero Addr.
func (c *Conn) RemoteAddr() Addr { return c.remote }

// FD is the descriptor, -1 for an in-memory connection. It stays the Conn's.
func (c *Conn) FD() int { return int(c.fd) }

// Closed tells whether Close has been called.
func (c *Conn) Closed() bool { return c.closed }

// Close closes the connection; what was written is still delivered. A fiber that waits on it wakes to
// ErrClosed. Only the first call does anything.
func (c *Conn) Close() { c.close(false) }

// Reset closes the connection and has the peer see a reset.
func (c *Conn) Reset() { c.close(true) }

func (c *Conn) close(reset bool) {
	if c.closed {
		return
	}
	if reset {
		c.dropPosted()
	}
	c.settle()
	if c.tls != nil {
		c.tls.leave(c.handle.IsLent(), reset)
	}
	c.closed = true
	open.Add(-1)
	if c.client {
		c.loop.Clients().Add(-1)
	}
	if c.mem != nil {
		c.handle.ForgetMemory()
		c.mem.closed(reset)
	} else {
		if reset {
			unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
		c.handle.Forget(int(c.fd))
		closeFD(int(c.fd))
		c.fd = -1
	}
	// Nobody waits on a lent connection, so these touch no loop but the owner's.
	c.readable.Set(c.loop)
	c.writable.Set(c.loop)
	c.hangUp.Set(c.loop)
}

// CloseWrite ends what we send; the peer may go on.
func (c *Conn) CloseWrite() error {
	if c.closed {
		return ErrClosed
	}
	if c.tls != nil {
		c.tls.finish()
	}
	c.settle()
	if c.mem != nil {
		return c.mem.closeWrite()
	}
	return unix.Shutdown(int(c.fd), unix.SHUT_WR)
}

package frontend

import (
	"sync/atomic"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/loop"
)

// clientConn is one client connection. It is what an idle one costs, so it is small.
//
// It is the connection's idle handler, its timer's owner and, while it has a session, the fiber's task.
type clientConn struct {
	conn       *conn.Conn
	shard      *shard
	port       *core.Port
	tls        *core.TLSState // nil: plain
	session    *session       // nil unless active with HTTP/1
	h2         *h2Conn        // nil unless it speaks HTTP/2
	prev, next *clientConn    // in the shard's list for its state
	timer      loop.Timer
	number     uint64       // $connection
	opened     loop.Instant // for keepalive_time
	until      loop.Instant // new: when Drain saw it first; keep-alive: not closed for want of descriptors or a graceful end before it; lingering: closed then whatever comes
	requests   int32        // served so far
	state      connState
	draining   bool   // the request under way, or the next one, is its last
	greeted    bool   // the first bytes have been looked at: whether they are TLS
	toHTTPS    bool   // they are not, and ought to be
	lingerEach uint32 // lingering: the longest silence, in milliseconds
}

type connState uint8

const (
	isNew    connState = iota // accepted, no byte yet
	isKept                    // between requests
	isActive                  // has a session
	isLinger                  // closed for writing; what still comes is thrown away
	isClosed                  // gone; callbacks that were under way find it so
)

// serial counts connections over all loops: $connection and the error log's *N.
var serial atomic.Uint64

// Serve takes a connection that has been accepted on a socket of port. It is called on the connection's loop.
func Serve(port *core.Port, c *conn.Conn) {
	sh := shardOf(c.Loop())
	h := &clientConn{conn: c, shard: sh, port: port, number: serial.Add(1), opened: sh.loop.Now()}
	sh.counters.accepted++
	sh.changed()
	sh.idle.push(h)
	if c.Readable().IsSet() && h.begin() || h.state == isClosed {
		return
	}
	h.timer.Reset(sh.loop, sh.loop.Now().Add(h.serverConf().ClientHeaderTimeout), h)
	h.lend()
}

// lend has the connection call ConnReady when something comes. All that was there has been read.
func (h *clientConn) lend() { h.conn.OnIdle(h) }

// list is the shard's list for the connection's state.
func (h *clientConn) list() *connList {
	switch h.state {
	case isActive:
		return &h.shard.active
	case isLinger:
		return &h.shard.lingering
	}
	return &h.shard.idle
}

func (h *clientConn) enter(state connState) {
	h.list().remove(h)
	h.state = state
	h.list().push(h)
	h.shard.changed()
}

// ConnReady is told by the connection that something happened while no fiber waits for it.
//
// Client connections stay on their loop, so unlike a pool's they need no lock here.
func (h *clientConn) ConnReady(c *conn.Conn) {
	if h.h2 != nil {
		h.h2.ready()
		return
	}
	if h.state == isClosed || h.state == isActive {
		return
	}
	c.OnIdle(nil)
	if h.state == isLinger {
		h.discard()
	} else if !h.begin() && h.state != isClosed {
		h.lend()
	}
}

// begin reads the first bytes of a request, without a fiber, since all there is may be the connection's end. If there are any,
// it starts the fiber and reports true.
func (h *clientConn) begin() bool {
	s := h.shard.takeSession()
	s.in.open(h.shard)
	n, err := h.conn.TryRead(s.in.space())
	switch {
	case err == nil && n > 0:
		s.in.filled(n)
		h.activate(s)
		h.shard.loop.Start(h)
		return true
	case err != nil && err != conn.ErrAgain: // io.EOF: the usual end of a connection
		h.close()
	}
	s.in.release(h.shard)
	h.shard.putSession(s)
	return false
}

func (h *clientConn) activate(s *session) {
	s.closeBy = h.timer.At()
	h.timer.Pause() // the connection will soon be idle again, so its place in the heap is kept
	h.session = s
	h.enter(isActive)
	s.attach(h)
}

// RunFiber serves requests until the connection is idle or closed.
func (h *clientConn) RunFiber() { h.session.run() }

// FiberPanicked ends the connection, without an answer if there was none yet. The session is not used again: nobody knows
// what state it is in.
func (h *clientConn) FiberPanicked(any) {
	s := h.session
	if s == nil {
		h.close()
		return
	}
	s.count(false)
	h.session = nil
	if s.endsByClose() && !s.out.complete() {
		h.reset()
	} else {
		h.close()
	}
}

// rest makes the connection idle until the next request: the fiber ends and the session goes back.
func (h *clientConn) rest() {
	s := h.session
	h.session = nil
	now := h.shard.loop.Now()
	switch {
	case s.closeBy != 0: // nothing but empty lines
		h.timer.Reset(h.shard.loop, s.closeBy, h)
	case s.last == nil || h.requests == 0: // nothing but a handshake so far
		h.timer.Reset(h.shard.loop, s.headDeadline(s.server), h)
	default:
		h.until = now.Add(s.last.KeepaliveMinTimeout)
		h.timer.Reset(h.shard.loop, now.Add(s.last.KeepaliveTimeout.Idle), h)
	}
	s.detach()
	h.enter(isKept)
	h.lend()
}

// OnTimer closes a connection that has been idle, or lingering, for long enough.
func (h *clientConn) OnTimer(*loop.Timer) {
	if h.h2 != nil {
		h.h2.timedOut()
		return
	}
	h.close()
}

// close ends the connection, whatever its state.
func (h *clientConn) close() { h.end((*conn.Conn).Close) }

// reset ends it with a TCP reset, for answers that must not look complete.
func (h *clientConn) reset() { h.end((*conn.Conn).Reset) }

func (h *clientConn) end(how func(*conn.Conn)) {
	if h.state == isClosed {
		return
	}
	if h.h2 != nil {
		h.h2.close()
	}
	h.timer.Stop()
	h.list().remove(h)
	h.state = isClosed
	h.shard.changed()
	how(h.conn)
	if s := h.session; s != nil {
		h.session = nil
		s.detach()
	}
}

// serverConf is that of the address's default server in the newest generation.
func (h *clientConn) serverConf() *core.ServerConf {
	return h.shard.engine.server(h.shard.engine.address(h.port, h.conn.LocalAddr))
}

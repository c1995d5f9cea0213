package conn

import (
	"syscall"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// memory is a Conn's stream in a Sim: what the kernel would hold. It follows the same contract as a
// socket with its poller: a change is reported once, in the owning loop's next turn.
type memory struct {
	conn   *Conn
	in     []byte // sent by the peer, not yet read
	eof    bool   // the peer sends no more
	out    []byte // written, not yet taken by the peer
	window int    // how much out may hold
	ended  bool   // we send no more
	err    syscall.Errno
	local  Addr
	peer   *Peer
}

// defaultWindow is how much a Conn may write before its peer takes it.
const defaultWindow = 1 << 20

func (m *memory) recv(p []byte, peek bool) (int, syscall.Errno) {
	switch {
	case len(m.in) > 0:
		n := copy(p, m.in)
		if !peek {
			m.in = m.in[n:]
		}
		return n, 0
	case m.err != 0:
		return 0, m.err
	case m.eof:
		return 0, 0
	}
	return 0, unix.EAGAIN
}

func (m *memory) send(p []byte) (int, syscall.Errno) {
	switch {
	case m.err != 0:
		return 0, m.err
	case m.ended, m.peer.gone:
		return 0, unix.EPIPE
	case m.conn.connecting:
		return 0, unix.EAGAIN
	}
	n := min(len(p), m.window-len(m.out))
	if n <= 0 {
		return 0, unix.EAGAIN
	}
	m.out = append(m.out, p[:n]...)
	m.peer.notify()
	return n, 0
}

// report tells the owning loop of the state the stream is in.
func (m *memory) report() {
	var ev loop.Readiness
	if len(m.in) > 0 || m.eof {
		ev |= loop.Readable
	}
	if m.eof {
		ev |= loop.HangUp
	}
	if m.err != 0 {
		ev |= loop.Failed | loop.HangUp
	}
	if m.window > len(m.out) && !m.conn.connecting {
		ev |= loop.Writable
	}
	if ev != 0 && !m.conn.closed {
		m.conn.loop.Report(&m.conn.handle, ev)
	}
}

func (m *memory) closeWrite() error {
	if m.err != 0 || m.ended {
		return unix.ENOTCONN
	}
	m.ended = true
	m.peer.notify()
	return nil
}

func (m *memory) closed(reset bool) {
	m.ended = true
	m.peer.connClosed = true
	// As the kernel does: closing with unread bytes resets too.
	m.peer.connReset = reset || len(m.in) > 0
	m.peer.notify()
}

// Peer is the test's side of an in-memory Conn. What it does shows on the Conn in the loop's next turn.
type Peer struct {
	// OnData, if not nil, is called in the loop's next turn after the Conn has written, ended or
	// closed: a scripted peer answers there.
	OnData func(p *Peer)

	mem                   *memory
	gone                  bool // Close or Reset was called
	connClosed, connReset bool
	told                  bool
	local                 Addr
}

// Pair returns an in-memory Conn on l, a loop of a Sim, and the test's side of it.
func Pair(l *loop.Loop) (*Conn, *Peer) {
	c, p := memoryConn(l, MustAddr("127.0.0.1:50000"), MustAddr("127.0.0.1:80"))
	c.writable.Set(l)
	return c, p
}

func memoryConn(l *loop.Loop, remote, local Addr) (*Conn, *Peer) {
	c := &Conn{loop: l, fd: -1, remote: remote}
	c.mem = &memory{conn: c, window: defaultWindow, local: local}
	c.mem.peer = &Peer{mem: c.mem, local: remote}
	l.RegisterMemory(&c.handle, c)
	open.Add(1)
	return c, c.mem.peer
}

// notify has OnData called, once however many changes there were.
func (p *Peer) notify() {
	if p.OnData == nil || p.told {
		return
	}
	p.told = true
	p.mem.conn.loop.ReportCall(func() {
		p.told = false
		if p.OnData != nil {
			p.OnData(p)
		}
	})
}

// Send sends b to the Conn.
func (p *Peer) Send(b []byte) {
	if p.gone || p.mem.eof {
		panic("conn: Send on a Peer that has ended")
	}
	p.mem.in = append(p.mem.in, b...)
	p.mem.report()
}

// Received takes what the Conn has written so far, which makes room for more.
func (p *Peer) Received() []byte {
	m := p.mem
	wasFull := len(m.out) >= m.window
	out := m.out
	m.out = nil
	if wasFull && m.window > 0 {
		m.report()
	}
	return out
}

// Pending is what the Conn has written, left where it is.
func (p *Peer) Pending() []byte { return p.mem.out }

// SetWindow sets how many bytes the Conn may have written that the peer has not taken.
func (p *Peer) SetWindow(n int) {
	m := p.mem
	wasFull := len(m.out) >= m.window
	m.window = n
	if wasFull && len(m.out) < n {
		m.report()
	}
}

// CloseWrite ends what the peer sends; the Conn reads io.EOF after the bytes sent before.
func (p *Peer) CloseWrite() {
	p.mem.eof = true
	p.mem.report()
}

// Close closes the peer's end: the Conn reads what was sent and then io.EOF, and its writes fail with EPIPE.
func (p *Peer) Close() {
	p.gone = true
	p.CloseWrite()
}

// Reset has the Conn see ECONNRESET; what it has not read yet is lost.
func (p *Peer) Reset() {
	p.gone = true
	p.mem.in = nil
	p.mem.err = unix.ECONNRESET
	p.mem.report()
}

// Ended tells whether the Conn has ended what it sends, by CloseWrite or by closing.
func (p *Peer) Ended() bool { return p.mem.ended }

// ConnClosed tells whether the Conn has been closed.
func (p *Peer) ConnClosed() bool { return p.connClosed }

// ConnReset tells whether the Conn has been closed in a way that resets the connection.
func (p *Peer) ConnReset() bool { return p.connReset }

// Conn is the other side.
func (p *Peer) Conn() *Conn { return p.mem.conn }

// Addr is the address that the Conn sees the peer at.
func (p *Peer) Addr() Addr { return p.local }

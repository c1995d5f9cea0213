package frontend

import (
	"errors"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// errGone is why nothing more is sent to a client that has left, or sent half a message.
var errGone = errors.New("client prematurely closed connection")

// session is what a connection has while it has a request. It belongs to the fiber that serves the connection; between
// connections it waits in its shard's free list. It is the request's core.Downstream.
type session struct {
	h      *clientConn
	shard  *shard
	loop   *loop.Loop
	conn   *conn.Conn
	in     inBuffer
	parser http1.RequestParser
	req    *core.Request // nil between requests
	addr   *core.Address
	client core.Client
	server *core.ServerConf

	body    requestBody
	out     output
	hijack  bool               // the connection is a tunnel's
	reading bool               // no request yet: counted as reading
	last    *core.LocationConf // of the request served last
	closeBy loop.Instant       // when the connection was to be closed if nothing came; 0 = there has been a handshake or a request since
}

var _ core.Downstream = (*session)(nil)

func newSession(sh *shard) *session {
	s := &session{shard: sh, loop: sh.loop}
	s.client.Local = s.localAddr
	return s
}

func (s *session) localAddr() conn.Addr { return s.conn.LocalAddr() }

// attach binds the session to a connection whose first bytes it has read.
func (s *session) attach(h *clientConn) {
	s.h, s.conn = h, h.conn
	s.count(true)
	c := &s.client
	c.Number, c.Since, c.Conn = h.number, h.opened, h.conn
	c.Peer = h.conn.RemoteAddr()
	c.TLS, c.ToHTTPS = h.tls, h.toHTTPS
}

// detach ends that; the session and its buffers go back to the shard.
func (s *session) detach() {
	s.count(false)
	s.in.release(s.shard)
	s.out.release(s.shard)
	s.h, s.conn, s.client.Conn, s.addr, s.req = nil, nil, nil, nil, nil
	s.shard.putSession(s)
}

// count says whether the connection counts as one whose request is being read, or as one that is being answered.
func (s *session) count(reading bool) {
	if s.reading != reading {
		s.reading = reading
		if reading {
			s.shard.counters.reading++
		} else {
			s.shard.counters.reading--
		}
	}
	s.shard.changed()
}

// pipelineTurn is how many requests are served in a row before others on the loop get a turn.
const pipelineTurn = 16

// run serves requests for as long as they come, and leaves the connection idle, lingering or closed.
func (s *session) run() {
	if !s.h.greeted && !s.greet() {
		return
	}
	for n := 1; ; n++ {
		if !s.readHead() {
			return
		}
		s.serve()
		if !s.settle() {
			return
		}
		if s.in.empty() && !s.conn.Readable().IsSet() {
			s.h.rest()
			return
		}
		if n%pipelineTurn == 0 {
			s.loop.Yield()
		}
	}
}

// begin prepares for a new request on the connection.
func (s *session) begin() {
	s.addr = s.shard.engine.address(s.h.port, s.client.Local)
	s.server = s.shard.engine.handshaken(s.addr, s.h.tls)
	s.resetParser()
}

func (s *session) resetParser() {
	s.parser.Reset(&s.server.Requests)
	s.parser.ByHost(s.shard.engine.byHost(s.addr))
}

// readHead reads a request's head. False: there was none, and the connection has been dealt with.
func (s *session) readHead() bool {
	s.begin()
	started := s.loop.Now()
	deadline := s.headDeadline(s.server)
	for {
		if !s.in.empty() {
			n, err := s.parser.Parse(s.in.bytes())
			if err == nil {
				s.in.use(n)
				s.open(started, n)
				return true
			}
			if err != http1.ErrIncomplete {
				s.refuse(started, err.(*http1.Error))
				return false
			}
			s.skipEmptyLines()
			s.in.grow(s.shard)
		}
		var n int
		var err error
		if s.in.empty() {
			n, err = s.conn.TryRead(s.in.space())
		} else {
			n, err = s.conn.Read(s.in.space(), deadline)
		}
		switch {
		case err == nil:
			s.in.filled(n)
		case err == conn.ErrAgain:
			s.h.rest()
			return false
		default:
			s.abandon(started, err)
			return false
		}
	}
}

// headDeadline is when a head that begins now has to be complete. The first one's time began with the connection, or with
// the end of the handshake.
func (s *session) headDeadline(of *core.ServerConf) loop.Instant {
	if s.closeBy != 0 && s.h.requests == 0 {
		return s.closeBy
	}
	return s.loop.Now().Add(of.ClientHeaderTimeout)
}

// skipEmptyLines drops them where no request follows yet: the connection can be idle after them. Half a line end is kept, since what
// it is depends on the next byte.
func (s *session) skipEmptyLines() {
	b := s.in.bytes()
	if s.parser.Started() || b[len(b)-1] == '\r' {
		return
	}
	s.in.useAll()
	s.in.rewind(s.shard)
	s.resetParser()
}

// newRequest makes the request object for what the parser has read.
func (s *session) newRequest(started loop.Instant, headLength int) *core.Request {
	// The head may have taken long, and a reload have come between: the newest generation serves it. From here to
	// where the request is counted in (core.Serve) nothing waits, so an old generation's count cannot rise again.
	s.addr = s.shard.engine.address(s.h.port, s.client.Local)
	s.server = s.shard.engine.handshaken(s.addr, s.h.tls)
	h := s.h
	h.requests++
	s.closeBy = 0
	s.shard.counters.requests++
	s.count(false)

	s.client.Requests = int(h.requests)
	s.client.Remote = s.client.Peer

	r := core.Acquire(s.loop)
	r.Down, r.Client, r.Head = s, &s.client, &s.parser.Head
	r.Started, r.StartedWall = started, s.loop.Wall()
	r.Length = int64(headLength)
	s.req = r
	s.hijack = false
	s.out.begin(r)
	return r
}

// open begins the request whose head has been read.
func (s *session) open(started loop.Instant, headLength int) {
	s.newRequest(started, headLength)
	s.body.begin(&s.parser.Head, s.in.r)
	s.out.version(&s.parser.Head)
}

// serve has the request answered.
func (s *session) serve() { s.shard.engine.serve(s.req, s.addr) }

// refuse answers a request that is none, and closes: where the next one would begin is not known.
func (s *session) refuse(started loop.Instant, e *http1.Error) {
	s.reject(started, s.shard.engine.reject, e.Status, e.Reason)
	s.settle()
}

// abandon ends a request whose head did not come in full. As in nginx it is logged, and nothing is sent: whoever is so
// slow, or has closed, does not wait for an answer.
func (s *session) abandon(started loop.Instant, err error) {
	if !s.parser.Started() || err == loop.ErrStopped {
		s.h.close()
		return
	}
	doing := " while reading client request line"
	if s.parser.HaveLine() {
		doing = " while reading client request headers"
	} else {
		s.parser.Cut(s.in.bytes())
	}
	s.out.err = errGone
	if err == loop.ErrTimeout {
		s.out.timedOut = true
		s.reject(started, s.shard.engine.abandon, 408, "client timed out (110: Connection timed out)"+doing)
	} else {
		s.reject(started, s.shard.engine.abandon, 400, errGone.Error()+doing)
	}
	s.settle()
}

// reject has a request that was not read answered, or logged.
func (s *session) reject(started loop.Instant, by func(*core.Request, *core.Address, int, string), status int, reason string) {
	gone, timedOut := s.out.err, s.out.timedOut
	r := s.newRequest(started, len(s.in.bytes()))
	s.out.err, s.out.timedOut = gone, timedOut
	s.body.none()
	s.out.version(&s.parser.Head)
	s.out.noKeepAlive = true
	by(r, s.addr, status, reason)
}

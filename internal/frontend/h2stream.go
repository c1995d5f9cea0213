package frontend

import (
	"errors"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/http2"
	"hearth/internal/loop"
)

// h2Stream is one request on a connection of HTTP/2, and its answer. It is the fiber's task and the request's
// core.Downstream; between requests it waits in its shard's free list.
//
// It belongs to its fiber, but for what comes in: take, lose and room are called by the loop while the fiber is parked, or
// has not begun.
type h2Stream struct {
	conn       *h2Conn
	shard      *shard
	loop       *loop.Loop
	wire       *http2.Wire
	ws         *http2.Stream
	prev, next *h2Stream // in conn.streams
	req        *core.Request
	client     core.Client
	composer   http1.Composer
	refusal    *http1.Error // the head is none: what to answer

	body h2Body
	out  h2Output
	left loop.Event // the client has left
}

func (sh *shard) takeStream() *h2Stream {
	s, ok := sh.streams.take()
	if !ok {
		s = &h2Stream{shard: sh, loop: sh.loop}
		s.client.Local = s.localAddr
	}
	return s
}

func (sh *shard) putStream(s *h2Stream) {
	sh.streams.put(s)
	sh.trimLater(len(sh.streams.items) > spareSessions)
}

func (s *h2Stream) localAddr() conn.Addr { return s.conn.h.conn.LocalAddr() }

// begin prepares for the request of a head that has come. It is called by the loop; the rest is done in the fiber.
func (s *h2Stream) begin(c *h2Conn, ws *http2.Stream, b *http2.Block, end bool) {
	s.conn, s.wire, s.ws = c, c.wire, ws
	ws.Owner = s
	h := c.h
	parts := http1.Parts{
		Method: b.Method, Scheme: b.Scheme, Authority: b.Authority, Path: b.Path,
		Fields: b.Fields, ContentLength: b.ContentLength, Open: !end, TooLarge: b.TooLarge,
	}
	s.refusal = s.composer.Compose(&parts, &c.server().Requests)
	s.body.begin(&s.composer.Head, end)
	s.out.begin(s.loop)
	s.left.Clear()

	local := s.client.Local
	s.client = c.client
	s.client.Local, s.client.Requests = local, int(h.requests)

	r := core.Acquire(s.loop)
	r.Down, r.Client, r.Head = s, &s.client, &s.composer.Head
	r.Started, r.StartedWall = s.loop.Now(), s.loop.Wall()
	r.Length = int64(b.Size - frameHead)
	s.req = r
}

// frameHead is the size of a frame's head (RFC 9113, 4.1), which nginx counts for responses and not for requests.
const frameHead = 9

// RunFiber serves the request.
func (s *h2Stream) RunFiber() {
	e := s.shard.engine
	// From here to where the request is counted in nothing waits: see session.newRequest.
	addr := e.address(s.conn.h.port, s.client.Local)
	if bad, ok := s.body.err.(*http1.Error); ok { // the body, which has come in the same turn
		s.refusal = bad
	}
	switch {
	case s.refusal == nil && s.out.err != nil: // reset before it began
		e.abandon(s.req, addr, core.StatusClientClosed, "client canceled stream")
	case s.refusal != nil:
		e.reject(s.req, addr, s.refusal.Status, s.refusal.Reason)
	default:
		e.serve(s.req, addr)
	}
	complete := s.out.complete() && !s.req.Aborted
	set := s.settings()
	core.Release(s.req)
	s.end(complete, set)
	s.shard.putStream(s)
}

// FiberPanicked ends the stream and leaves the others of the connection alone. The objects are not used again.
func (s *h2Stream) FiberPanicked(any) { s.end(false, nil) }

// end lets go of the stream. One that has not been answered in full is reset, so that the client cannot take it for whole;
// so is one whose body the client is still sending (RFC 9113, 8.1: with NO_ERROR).
func (s *h2Stream) end(complete bool, set *core.LocationConf) {
	c := s.conn
	if !complete {
		s.wire.Reset(s.ws, http2.InternalError)
	}
	s.body.release(s)
	s.out.release(s.shard)
	c.streams.remove(s)
	if s.ws.Owner = nil; !complete || !c.linger(s.ws, set) {
		s.wire.Release(s.ws)
	}
	s.shard.counters.streams--
	if c.streams.n == 0 {
		s.shard.counters.multiplexed--
	}
	s.shard.changed()
	s.conn, s.wire, s.ws, s.req, s.client.Conn, s.client.TLS = nil, nil, nil, nil, nil, nil
	if !c.gone {
		c.askTurnEnd()
	}
}

// lose tells the request that nobody waits for its answer any more.
func (s *h2Stream) lose(err error) {
	s.out.fail(err)
	s.body.fail(err)
	s.left.Set(s.loop)
	s.out.writable.Set(s.loop)
	s.body.readable.Set(s.loop)
}

// Gone implements core.Downstream.
func (s *h2Stream) Gone() *loop.Event { return &s.left }

// ClientGone implements core.Downstream.
func (s *h2Stream) ClientGone() bool { return s.out.err != nil }

// NoKeepAlive implements core.Downstream. One request says nothing of the connection's others.
func (s *h2Stream) NoKeepAlive() {}

// settings are those of the location in force.
func (s *h2Stream) settings() *core.LocationConf { return s.shard.engine.location(s.req) }

// Raw implements core.Downstream: there is no raw connection.
func (s *h2Stream) Raw() *conn.Conn { return nil }

// CountSent implements core.Downstream.
func (s *h2Stream) CountSent(int64) {}

var errNoTunnel = errors.New("HTTP/2 streams are not made tunnels")

// Hijack implements core.Downstream: CONNECT is refused, and there is no Upgrade in HTTP/2 (RFC 9113, 8.6).
func (s *h2Stream) Hijack() (*conn.Conn, []byte, error) { return nil, nil, errNoTunnel }

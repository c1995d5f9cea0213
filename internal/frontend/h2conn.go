package frontend

import (
	"fmt"
	"runtime/debug"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http2"
	"hearth/internal/loop"
)

// h2Conn is what a client connection that speaks HTTP/2 has beside its clientConn: the wire and the streams under way.
//
// It has no fiber. What comes in is fed to the wire where the loop reports it, and the wire calls h2Conn's handler methods
// (h2handler.go), which start a fiber for each request. What all of them have to say is collected by the wire, and leaves in
// one write at the end of the turn. While the connection is idle it has neither streams nor buffers.
type h2Conn struct {
	h        *clientConn
	shard    *shard
	wire     *http2.Wire
	streams  h2List  // those with a request, in order of their beginning
	rests    *h2Rest // those that have been answered, and whose client is still sending
	client   core.Client
	asked    bool         // EndTurn will be called
	blocked  bool         // the socket takes no more for now
	held     bool         // nothing is read until there is less to write
	halfHead bool         // the timer is that of an unfinished frame
	gone     bool         // the connection is closed
	restsBy  loop.Instant // when it is closed if no request comes; 0 = it has not been idle since the last
}

var _ http2.Handler = (*h2Conn)(nil)

// speakHTTP2 makes the connection one of HTTP/2, which begins with early. The session, if it had one, is not its any more.
func (h *clientConn) speakHTTP2(addr *core.Address, early []byte) {
	c := &h2Conn{h: h, shard: h.shard}
	c.client = core.Client{Number: h.number, Since: h.opened, Remote: h.conn.RemoteAddr(), Peer: h.conn.RemoteAddr(), Conn: h.conn, TLS: h.tls}
	c.client.Local = h.conn.LocalAddr
	h.h2 = c
	c.wire = http2.NewServer(h.shard.h2Options(h.shard.engine.handshaken(addr, h.tls)), c)
	h.enter(isKept)
	h.conn.Watch(h)
	c.askTurnEnd()
	if len(early) > 0 && !c.feed(early) {
		return
	}
	c.ready()
}

// h2Options are those of the wires of a server's connections. They are made again when the server is another: nearly always
// it is the one before.
func (sh *shard) h2Options(of *core.ServerConf) *http2.Options {
	if sh.h2of != of {
		sh.h2of = of
		sh.h2opt = &http2.Options{
			MaxStreams: of.HTTP2.MaxStreams, StreamWindow: int(max(of.HTTP2.Preread, 1)),
			MaxHeaderBytes: of.LargeHeaderBuffers.Num * int(of.LargeHeaderBuffers.Size), MaxFields: of.MaxHeaders, Memory: &sh.h2memory,
		}
	}
	return sh.h2opt
}

// readsPerTurn bounds what one connection is read in one turn: so many times the scratch buffer.
const readsPerTurn = 8

// ready reads what has come, and writes what there is room for again.
//
// It runs outside fibers and their guard, so a panic ends the connection here, and is raised again where it is only logged.
func (c *h2Conn) ready() {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			c.h.close()
			c.shard.loop.Post(func() { panic(fmt.Sprintf("%v\n%s", v, stack)) })
		}
	}()
	if c.blocked && c.h.conn.Writable().IsSet() {
		c.askTurnEnd()
	}
	sh := c.shard
	for n := 0; c.h.conn.Readable().IsSet() && !c.gone; n++ {
		if c.wire.Backlogged() { // the client makes us answer, and does not read
			c.held = true
			return
		}
		if n == readsPerTurn {
			sh.loop.Post(c.ready) // the edge has been used up: nobody will call again
			return
		}
		n, err := c.h.conn.TryRead(sh.scratchBuffer())
		if err == conn.ErrAgain {
			return
		}
		if err != nil { // io.EOF: as in nginx, a client that closes its side has gone
			c.h.close()
			return
		}
		if !c.feed(sh.scratch[:n]) {
			return
		}
	}
}

// feed hands bytes to the wire. False: that was the connection's end.
func (c *h2Conn) feed(p []byte) bool {
	c.askTurnEnd()
	err := c.wire.Feed(p, int64(c.shard.loop.Now()))
	if err == nil {
		return true
	}
	c.log(err.Error())
	c.farewell()
	return false
}

// log writes to the error log what a client did wrong with the connection as a whole.
func (c *h2Conn) log(what string) {
	c.shard.engine.log(c.shard.engine.address(c.h.port, c.client.Local), c.shard.loop, &c.client, "client "+what+" while processing HTTP/2 connection")
}

// askTurnEnd has EndTurn called at the end of this turn. Whatever changes something calls it.
func (c *h2Conn) askTurnEnd() {
	if !c.asked {
		c.asked = true
		c.shard.loop.EndOfTurn(c)
	}
}

// EndTurn writes what the streams have said in this turn, and decides what the connection waits for.
func (c *h2Conn) EndTurn() {
	c.asked = false
	if c.gone {
		return
	}
	c.flush()
	if c.held && !c.gone && !c.wire.Backlogged() {
		c.held = false
		c.shard.loop.Post(c.ready)
	}
	c.settle()
}

// flush writes what is in the wire's output until there is none, or no room in the socket. Streams that wait for room in the
// output refill it meanwhile.
func (c *h2Conn) flush() {
	for sent := 0; !c.gone; {
		out := c.wire.Output()
		if len(out) == 0 {
			c.blocked = false
			return
		}
		if sent >= flushBytes {
			c.shard.loop.Post(c.askTurnEnd) // let others have their turn
			return
		}
		n, err := c.h.conn.TryWrite(out)
		if err == conn.ErrAgain {
			if !c.blocked || sent > 0 {
				c.stuck()
			}
			return
		}
		if err != nil {
			c.h.close()
			return
		}
		sent += n
		c.wire.Sent(n)
	}
}

// stuck notes that the socket takes no more: send_timeout begins anew.
func (c *h2Conn) stuck() {
	c.blocked, c.halfHead = true, false
	c.h.timer.Reset(c.shard.loop, c.shard.loop.Now().Add(c.settings().SendTimeout), c.h)
}

// settle sets the timer for what the connection waits for, and closes it when there is nothing to wait for any more.
//
// While there are requests they have timeouts of their own. Between them it is keepalive_timeout, and client_header_timeout
// for a request's head that has come in part.
func (c *h2Conn) settle() {
	h := c.h
	switch {
	case c.gone, c.blocked:
		return
	case c.streams.n > 0:
		h.timer.Pause()
		c.halfHead = false
		return
	case c.wire.GoingAway():
		if c.endRests() {
			c.askTurnEnd()
			return
		}
		c.leave()
		return
	}
	now := c.shard.loop.Now()
	if c.rests == nil && !c.wire.Idle() {
		if !c.halfHead {
			c.halfHead = true
			h.timer.Reset(c.shard.loop, now.Add(c.server().ClientHeaderTimeout), h)
		}
		return
	}
	c.halfHead = false
	settings := c.settings()
	if h.state != isKept {
		h.until = now.Add(settings.KeepaliveMinTimeout)
		h.enter(isKept)
	}
	if c.restsBy == 0 { // frames that are no requests, such as PING, keep no connection
		timeout := settings.KeepaliveTimeout.Idle
		if h.requests == 0 { // there may be no keep-alive, but one request
			timeout = max(timeout, c.server().ClientHeaderTimeout)
		}
		c.restsBy = now.Add(timeout)
	}
	h.timer.Reset(c.shard.loop, c.restsBy, h)
}

// server is the address's default one, in the newest generation.
func (c *h2Conn) server() *core.ServerConf {
	return c.shard.engine.server(c.shard.engine.address(c.h.port, c.client.Local))
}

// settings are those of the address's default server, as nginx has them for what concerns the connection.
func (c *h2Conn) settings() *core.LocationConf {
	return c.shard.engine.outermost(c.shard.engine.address(c.h.port, c.client.Local))
}

// goAway lets no further streams begin. Those there are go on, and then the connection is closed.
func (c *h2Conn) goAway() {
	if !c.wire.GoingAway() {
		c.wire.GoAway(http2.NoError, "")
		c.askTurnEnd()
	}
}

// leave closes a connection whose last stream has ended after GOAWAY. The client may have sent more before it read that.
func (c *h2Conn) leave() {
	settings := c.settings()
	if settings.LingeringClose == core.LingeringOff || c.h.conn.HungUp() {
		c.h.close()
		return
	}
	c.h.linger(settings.LingeringTimeout, settings.LingeringTime)
}

// farewell ends a connection whose client has broken the protocol: it is told why, if it listens.
func (c *h2Conn) farewell() {
	c.flush()
	if !c.gone {
		c.leave()
	}
}

// close is what clientConn.end does for HTTP/2: the client is told (if it is idle, and has not been), and the requests under way
// find it gone.
func (c *h2Conn) close() {
	if c.gone {
		return
	}
	if c.streams.n == 0 && !c.blocked && !c.wire.GoingAway() && !c.h.conn.HungUp() {
		c.wire.GoAway(http2.NoError, "")
		c.h.conn.TryWrite(c.wire.Output())
	}
	c.gone = true
	for s := c.streams.first; s != nil; s = s.next {
		s.lose(errGone)
	}
	c.endRests()
	c.wire.Close()
	c.h.conn.Watch(nil)
}

// timedOut is the end of a connection that has been idle, or stuck, for too long. In the latter case its requests have timed
// out.
func (c *h2Conn) timedOut() {
	if c.blocked {
		for s := c.streams.first; s != nil; s = s.next {
			s.out.timedOut = true
			s.lose(loop.ErrTimeout)
		}
		if c.settings().ResetTimedout {
			c.h.reset()
			return
		}
	}
	c.h.close()
}

package frontend

import (
	"time"

	"hearth/internal/core"
	"hearth/internal/http2"
	"hearth/internal/loop"
)

// h2Rest is a stream that has been answered while its client was still sending the request's body. The stream could be reset
// at once (RFC 9113, 8.1), but there are clients that throw the answer away when they find the reset right behind it. So, as a
// connection of HTTP/1 lingers, the stream is left open until the client ends it, or restFor has passed.
// What comes is thrown away, and is worth no credit, so the client sends no more than it could at that moment.
type h2Rest struct {
	conn       *h2Conn
	ws         *http2.Stream
	prev, next *h2Rest // in conn.rests
	timer      loop.Timer
}

// restFor is long enough for the answer to have been read; lingering_timeout, if it is shorter, is in its place.
const restFor = time.Second

// linger leaves a stream that has been answered to its client. False: it may be released.
func (c *h2Conn) linger(ws *http2.Stream, set *core.LocationConf) bool {
	if c.gone || ws.Closed() || ws.PeerEnded() || set.LingeringClose == core.LingeringOff || c.wire.GoingAway() {
		return false
	}
	r := &h2Rest{conn: c, ws: ws, next: c.rests}
	if r.next != nil {
		r.next.prev = r
	}
	c.rests = r
	ws.Owner = r
	l := c.shard.loop
	r.timer.Reset(l, l.Now().Add(min(restFor, set.LingeringTimeout)), r)
	return true
}

// endRests lets go of all of them, and tells whether there were any.
func (c *h2Conn) endRests() (any bool) {
	for ; c.rests != nil; any = true {
		c.rests.end()
	}
	return any
}

// OnTimer resets a stream whose client has not ended it.
func (r *h2Rest) OnTimer(*loop.Timer) {
	r.end()
	r.conn.askTurnEnd()
}

// end lets go of the stream.
func (r *h2Rest) end() {
	r.timer.Stop()
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		r.conn.rests = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	}
	r.conn.wire.Release(r.ws)
}

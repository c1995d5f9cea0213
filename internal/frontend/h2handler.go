package frontend

import (
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/http2"
)

// OnHeaders implements http2.Handler: a request's head, or its trailers.
func (c *h2Conn) OnHeaders(ws *http2.Stream, b *http2.Block, end bool) {
	if b.Kind == http2.Trailers {
		switch o := ws.Owner.(type) {
		case *h2Stream:
			o.req.Length += int64(b.Size)
			o.body.trailers = append(o.body.trailers[:0], b.Fields...)
			o.take(nil, end)
		case *h2Rest:
			o.end()
		}
		return
	}
	h, sh := c.h, c.shard
	sh.counters.requests++
	h.requests++
	c.restsBy = 0
	s := sh.takeStream()
	s.begin(c, ws, b, end)
	c.streams.push(s)
	sh.counters.streams++
	if h.state != isActive {
		h.enter(isActive)
		sh.counters.multiplexed++
	}
	sh.changed()
	if c.lastRequest() {
		c.goAway()
	}
	sh.loop.Start(s)
}

// lastRequest decides whether the request that has just begun is the connection's last, by the settings of the address's default
// server, as in nginx.
func (c *h2Conn) lastRequest() bool {
	h, set := c.h, c.settings()
	return c.shard.draining || h.draining || set.KeepaliveTimeout.Idle == 0 || int(h.requests) >= set.KeepaliveRequests ||
		c.shard.loop.Now().Sub(h.opened) > set.KeepaliveTime
}

// OnData implements http2.Handler.
func (c *h2Conn) OnData(ws *http2.Stream, p []byte, end bool) {
	switch o := ws.Owner.(type) {
	case *h2Stream:
		o.take(p, end)
	case *h2Rest:
		if end {
			o.end()
		}
	}
}

// OnReset implements http2.Handler. A client that resets a stream has left it, and nothing else. One that has broken a rule is told
// of by whoever reads the body, or here where that has come.
func (c *h2Conn) OnReset(ws *http2.Stream, code http2.ErrCode, byPeer bool, reason string) {
	switch o := ws.Owner.(type) {
	case *h2Stream:
		switch {
		case byPeer:
		case o.body.ended:
			c.log(reason)
		default:
			o.body.fail(&http1.Error{Status: 400, Reason: "client " + reason})
		}
		o.lose(errGone)
	case *h2Rest:
		o.end()
	}
}

// OnRoom implements http2.Handler.
func (c *h2Conn) OnRoom(ws *http2.Stream) {
	if s, ok := ws.Owner.(*h2Stream); ok {
		s.room()
	}
}

// OnRefused implements http2.Handler.
func (c *h2Conn) OnRefused(_ uint32, _ http2.ErrCode, reason string) { c.log(reason) }

// OnSettings implements http2.Handler.
func (c *h2Conn) OnSettings() {}

// OnGoAway implements http2.Handler. A client that says so will close the connection when it has its answers.
func (c *h2Conn) OnGoAway(uint32, http2.ErrCode, []byte) {}

// OnPong implements http2.Handler.
func (c *h2Conn) OnPong([8]byte) {}

// h2List is a list of streams threaded through them.
type h2List struct {
	first, last *h2Stream
	n           int
}

func (l *h2List) push(s *h2Stream) {
	s.prev, s.next = l.last, nil
	if l.last != nil {
		l.last.next = s
	} else {
		l.first = s
	}
	l.last = s
	l.n++
}

func (l *h2List) remove(s *h2Stream) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		l.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		l.last = s.prev
	}
	s.prev, s.next = nil, nil
	l.n--
}

var _ core.Downstream = (*h2Stream)(nil)

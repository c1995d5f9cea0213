package frontend

import (
	"hearth/internal/core"
	"hearth/internal/loop"
)

// Drain begins a graceful end: idle connections are closed (once keepalive_min_timeout has passed), the others when their
// request is done. New connections are served one request: whoever has just been accepted may have sent it already, so he
// is closed by the second call that finds him silent. It is called on l's goroutine, again and again until all have gone.
func Drain(l *loop.Loop) {
	sh := shardOf(l)
	sh.draining = true
	for h := sh.idle.first; h != nil; {
		next := h.next
		h.drain(l.Now())
		h = next
	}
	for h := sh.active.first; h != nil; h = h.next {
		if h.h2 != nil {
			h.h2.goAway()
		}
	}
}

// DrainPort is Drain for the connections of one port, whose address is not listened on any more. It returns how many there still are:
// until there are none, requests may come that find the port's last generation.
func DrainPort(l *loop.Loop, port *core.Port) (left int) {
	sh := shardOf(l)
	for h := sh.idle.first; h != nil; {
		next := h.next
		if h.port == port {
			h.drain(l.Now())
			if h.state != isClosed {
				left++
			}
		}
		h = next
	}
	for h := sh.active.first; h != nil; h = h.next {
		if h.port == port {
			h.draining = true
			left++
			if h.h2 != nil {
				h.h2.goAway()
			}
		}
	}
	return left
}

// drain closes an idle connection, or makes its next request its last.
func (h *clientConn) drain(now loop.Instant) {
	h.draining = true
	switch {
	case h.conn.Posted(): // it has not taken all of its last answer: the next call looks again
	case h.state == isNew && h.until == 0:
		h.until = now
	case h.until > now:
		h.timer.Reset(h.shard.loop, min(h.until, h.timer.At()), h)
	default:
		h.close()
	}
}

// CloseIdle closes up to n connections that wait for a request or linger, those that have done so longest first, and returns how
// many: for when descriptors run out. One that has just been accepted may have its request on the way, so no more than half of them
// are closed, or the only one. On l's goroutine.
func CloseIdle(l *loop.Loop, n int) int {
	sh, closed := shardOf(l), 0
	n = min(n, (sh.idle.n+sh.lingering.n+1)/2)
	now := l.Now()
	for _, list := range []*connList{&sh.lingering, &sh.idle} {
		for h := list.first; h != nil && closed < n; {
			next := h.next
			if h.state == isLinger || h.until <= now && !h.conn.Posted() {
				h.close()
				closed++
			}
			h = next
		}
	}
	return closed
}

// CloseAll closes every connection, whatever it is doing (worker_shutdown_timeout, a fast end). Requests under way fail at their next
// read or write. On l's goroutine.
func CloseAll(l *loop.Loop) {
	sh := shardOf(l)
	sh.draining = true
	for sh.idle.first != nil {
		sh.idle.first.close()
	}
	for sh.lingering.first != nil {
		sh.lingering.first.close()
	}
	for h := sh.active.first; h != nil; {
		next := h.next
		if h.h2 != nil {
			h.close()
		} else {
			h.conn.Close() // its fiber finds out and does the rest
		}
		h = next
	}
}

// CloseRequests ends the connections whose request under way is a generation's (worker_shutdown_timeout after a reload), or the streams
// of an HTTP/2 connection. On l's goroutine.
func CloseRequests(l *loop.Loop, of *core.Generation) {
	for h := shardOf(l).active.first; h != nil; h = h.next {
		if h.h2 == nil {
			if s := h.session; s != nil && s.req != nil && s.req.Gen == of {
				h.conn.Close() // its fiber finds out and does the rest
			}
			continue
		}
		for s := h.h2.streams.first; s != nil; s = s.next {
			if s.req.Gen == of {
				s.lose(errGone)
			}
		}
	}
}

// Connections is the number of l's client connections. On l's goroutine.
func Connections(l *loop.Loop) int {
	sh := shardOf(l)
	return sh.idle.n + sh.active.n + sh.lingering.n
}

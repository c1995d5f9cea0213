package frontend

import (
	"hearth/internal/core"
)

// settle ends the request that has been served, and decides what becomes of the connection. True: it goes on with the next
// request, of which there may be bytes already.
func (s *session) settle() bool {
	h, o, c := s.h, &s.out, s.settings()
	s.last = c
	complete := o.complete() && !s.req.Aborted
	now := s.req.Aborted && s.req.Status() == core.StatusCloseNow
	again := complete && o.keepAlive && !o.noKeepAlive && !s.hijack && !s.shard.draining && !s.h.draining && s.drainBody(c)
	core.Release(s.req)
	s.req, o.req = nil, nil
	if again {
		s.in.rewind(s.shard)
		s.count(true)
		return true
	}
	switch {
	case complete && s.worthLingering(c):
		h.linger(c.LingeringTimeout, c.LingeringTime)
	case (o.timedOut || now) && c.ResetTimedout, !complete && s.endsByClose():
		h.reset()
	default:
		h.close()
	}
	return false
}

// worthLingering tells whether the client may still be sending, so that closing at once could cost it the answer.
func (s *session) worthLingering(c *core.LocationConf) bool {
	switch {
	case s.hijack, s.conn.HungUp(), c.LingeringClose == core.LingeringOff:
		return false
	case c.LingeringClose == core.LingeringAlways:
		return true
	}
	return s.body.present || !s.in.empty() || s.conn.Readable().IsSet()
}

// endsByClose tells whether the end of the response is told by closing: one that has been cut short is reset instead, so that the
// client cannot take it for whole.
func (s *session) endsByClose() bool {
	return s.out.started && s.out.framing == byClose && !s.hijack
}

package server

import (
	"hearth/internal/conn"
	"hearth/internal/frontend"
	"hearth/internal/logs"
	"hearth/internal/upstream"
)

// giveUp is how many idle connections each loop, and each upstream, closes when descriptors run out.
const giveUp = 32

// acceptFailed is told, on the accepting loop, of an accept that failed. When it is for want of descriptors the listener
// rests for a while; meanwhile idle connections are closed, those of clients and those of backends.
func (s *Server) acceptFailed(err error, paused bool) {
	s.say.writef(logs.Crit, "accept4() failed %s", conn.ErrnoText(err))
	if !paused {
		return
	}
	for _, l := range s.loops {
		l.Post(func() { frontend.CloseIdle(l, giveUp) })
	}
	if g := s.current.Load(); g != nil {
		s.loops[0].Post(func() { closeBackends(g) })
	}
}

func closeBackends(g *generation) {
	upstream.Each(g.Generation, func(_ string, shared *upstream.Shared) {
		for n := 0; n < giveUp && shared.Pool.CloseOldest(); n++ {
			continue
		}
	})
}

package frontend

import "hearth/internal/conn"

// What bypasses the output queue: splicing a body from socket to socket, and tunnels.

// Raw implements core.Downstream. It sends what is queued; if that cannot leave now, there is no raw connection yet.
func (s *session) Raw() *conn.Conn {
	o := &s.out
	if s.conn.TLS() != nil || !o.started || o.err != nil || s.TryFlush() != nil || o.pending() || o.pace.rate > 0 || o.framing != byLength && o.framing != byClose {
		return nil
	}
	return s.conn
}

// CountSent implements core.Downstream.
func (s *session) CountSent(n int64) {
	s.out.took(n)
	s.out.left -= n
}

// Hijack implements core.Downstream. The connection is closed when the request's handler returns.
func (s *session) Hijack() (*conn.Conn, []byte, error) {
	if err := s.WaitFlush(); err != nil {
		return nil, nil, err
	}
	if o := &s.out; o.queue != nil {
		s.shard.putBuffer(o.queue)
		o.queue = nil
	}
	early := s.in.bytes()
	s.in.useAll()
	s.hijack = true
	return s.conn, early, nil
}

package frontend

import "hearth/internal/http1"

// sendContinue tells the client to send the body it has announced (RFC 9110, 10.1.1).
func (s *session) sendContinue() error {
	if s.out.started {
		return nil
	}
	s.room()
	s.out.queue = append(s.out.queue, "HTTP/1.1 100 Continue\r\n\r\n"...)
	return s.TryFlush()
}

// SendInterim implements core.Downstream. Clients older than HTTP/1.1 do not know interim answers and are sent none.
func (s *session) SendInterim(status int, fields []http1.Field) error {
	o := &s.out
	if o.err != nil || !o.http11 || o.started {
		return o.err
	}
	if status == 100 {
		s.body.expect = false
	}
	s.room()
	o.queue = http1.AppendStatusLine(o.queue, status, nil)
	o.queue = append(appendFields(o.queue, fields), "\r\n"...)
	return s.TryFlush()
}

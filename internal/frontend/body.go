package frontend

import (
	"io"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// requestBody is the request's body as far as it has been read: framed by Content-Length or by chunks (RFC 9112, 6).
type requestBody struct {
	chunked bool
	left    int64 // by Content-Length: bytes still to come
	done    bool
	err     error  // what ended it early; every later read repeats it
	expect  bool   // the client waits for 100 (Continue) before it sends the body
	data    []byte // decoded and not yet taken, a view of the read buffer
	base    int    // where in the read buffer body bytes may be read to: the head ends there
	present bool   // there is a body at all
	chunks  http1.ChunkReader
}

// begin prepares for the body of a request whose head ends at base in the read buffer.
func (b *requestBody) begin(head *http1.RequestHead, base int) {
	b.none()
	b.base = base
	if !head.HasBody() {
		return
	}
	b.present, b.done, b.expect = true, false, head.Expect100
	if b.chunked = head.Chunked; b.chunked {
		b.chunks.ResetRequest(0)
	} else {
		b.left = head.ContentLength
	}
}

// none is the body of a request without one.
func (b *requestBody) none() {
	b.chunked, b.left, b.done, b.present = false, 0, true, false
	b.err, b.expect, b.data = nil, false, nil
}

// ReadBody implements core.Downstream.
func (s *session) ReadBody(p []byte) (int, error) {
	for {
		n, err := s.TryReadBody(p)
		if err != conn.ErrAgain {
			return n, err
		}
		deadline := s.loop.Now().Add(s.settings().ClientBodyTimeout)
		if err := s.loop.Wait(deadline, s.conn.Readable()); err != nil {
			return 0, s.bodyFailed(err)
		}
	}
}

// TryReadBody implements core.Downstream.
func (s *session) TryReadBody(p []byte) (int, error) {
	b := &s.body
	switch {
	case b.err != nil:
		return 0, b.err
	case b.done:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	if b.expect {
		b.expect = false
		if err := s.sendContinue(); err != nil {
			return 0, err
		}
	}
	if b.chunked {
		return s.readChunked(p)
	}
	return s.readLength(p)
}

func (s *session) readLength(p []byte) (int, error) {
	b := &s.body
	p = p[:min(int64(len(p)), b.left)]
	n := copy(p, s.in.bytes())
	if n > 0 {
		s.in.use(n)
	} else {
		var err error
		if n, err = s.conn.TryRead(p); err != nil {
			return 0, s.bodyFailed(err)
		}
	}
	s.req.Length += int64(n)
	b.left -= int64(n)
	b.done = b.left == 0
	return n, nil
}

func (s *session) readChunked(p []byte) (int, error) {
	b := &s.body
	for {
		if len(b.data) > 0 {
			n := copy(p, b.data)
			b.data = b.data[n:]
			return n, nil
		}
		if b.chunks.Done() {
			b.done = true
			return 0, io.EOF
		}
		if s.in.empty() {
			if err := s.refill(); err != nil {
				return 0, err
			}
		}
		data, used, err := b.chunks.Decode(s.in.bytes())
		s.in.use(used)
		s.req.Length += int64(used)
		if err != nil {
			return 0, s.bodyFailed(err)
		}
		b.data = data
		if len(data) == 0 && s.in.empty() && b.chunks.Remaining() > 0 { // the beginning of a chunk, and none of it
			return 0, nil
		}
	}
}

// refill reads more of a chunked body behind the head.
func (s *session) refill() error {
	s.body.base = s.in.reuse(s.shard, s.body.base)
	n, err := s.conn.TryRead(s.in.space())
	if err != nil {
		return s.bodyFailed(err)
	}
	s.in.filled(n)
	return nil
}

// bodyFailed ends the body, unless it only has to be waited for. After a malformed body an answer can still be sent; to a client that
// left in the middle, or stopped sending, nothing is sent (as in nginx).
func (s *session) bodyFailed(err error) error {
	switch err.(type) {
	case *http1.Error:
		s.out.noKeepAlive = true
		s.body.err = err
		return err
	}
	switch err {
	case conn.ErrAgain:
		return err
	case io.EOF:
		err = io.ErrUnexpectedEOF
	case loop.ErrTimeout:
		s.out.timedOut = true
	}
	s.body.err = err
	s.out.fail(errGone)
	return err
}

// BodyReadable implements core.Downstream. It is worth waiting for after TryReadBody has returned conn.ErrAgain.
func (s *session) BodyReadable() *loop.Event { return s.conn.Readable() }

// BodyAhead implements core.Downstream.
func (s *session) BodyAhead() int64 {
	b := &s.body
	if b.chunked {
		return int64(len(b.data)) + b.chunks.Remaining()
	}
	return b.left
}

// RequestTrailers implements core.Downstream.
func (s *session) RequestTrailers() []http1.Field {
	if !s.body.chunked || !s.body.done {
		return nil
	}
	return s.body.chunks.Trailers()
}

// discardBody throws away what has come of the body. conn.ErrAgain: there is more to come.
func (s *session) discardBody() error {
	scratch := s.shard.scratchBuffer()
	for {
		if _, err := s.TryReadBody(scratch); err != nil {
			return err
		}
	}
}

// drainBody reads the rest of a body that nobody wanted, so that the connection can be used again. As for a lingering close the
// client has lingering_timeout for each part and lingering_time for all. False: it is not worth it.
func (s *session) drainBody(c *core.LocationConf) bool {
	if s.body.done {
		return true
	}
	if s.body.expect { // the client may or may not send it
		return false
	}
	end := s.loop.Now().Add(c.LingeringTime)
	for {
		switch s.discardBody() {
		case io.EOF:
			return true
		case conn.ErrAgain:
		default:
			return false
		}
		deadline := min(end, s.loop.Now().Add(c.LingeringTimeout))
		if s.loop.Wait(deadline, s.conn.Readable()) != nil {
			return false
		}
	}
}

// settings are those of the location in force.
func (s *session) settings() *core.LocationConf { return s.shard.engine.location(s.req) }

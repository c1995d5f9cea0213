package frontend

import (
	"io"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// h2Body is a request's body as far as it has come: what nobody has read yet lies in buffers of the shard. Its size is bounded
// by the credit the client has, which is given back as it is read.
type h2Body struct {
	parts    [][]byte // not read yet, in order
	read     int      // of the first part
	left     int64    // by Content-Length, not read yet; -1 = not told
	ended    bool     // no more will come
	expect   bool     // the client waits for 100 (Continue) before it sends the body
	wide     bool     // the client has been given the credit of a body that is read
	err      error    // what ended it early; every later read repeats it
	trailers []http1.Field
	readable loop.Event
}

// wideWindow is how much of a body may be under way once it is being read, in bytes: for clients that are far away.
const wideWindow = 256 << 10

func (b *h2Body) begin(head *http1.RequestHead, end bool) {
	b.left, b.ended, b.err = head.ContentLength, end, nil
	b.expect, b.wide = head.Expect100 && !end, false
	b.trailers = b.trailers[:0]
	b.readable.Clear()
}

// release gives what is left of the body back.
func (b *h2Body) release(s *h2Stream) {
	for len(b.parts) > 0 {
		s.wire.Consumed(s.ws, len(b.parts[0])-b.read)
		b.drop(s.shard)
	}
	clear(b.trailers)
}

// drop gives the first part's buffer back.
func (b *h2Body) drop(sh *shard) {
	sh.putBuffer(b.parts[0])
	n := copy(b.parts, b.parts[1:])
	b.parts[n] = nil
	b.parts, b.read = b.parts[:n], 0
}

func (b *h2Body) fail(err error) {
	if b.err == nil && !b.ended {
		b.err = err
	}
}

// take has a part of the body, or its end. It is called by the loop.
func (s *h2Stream) take(p []byte, end bool) {
	b := &s.body
	for len(p) > 0 {
		last := len(b.parts) - 1
		if last < 0 || len(b.parts[last]) == cap(b.parts[last]) {
			b.parts = append(b.parts, s.shard.takeBuffer())
			last++
		}
		part := b.parts[last]
		n := copy(part[len(part):cap(part)], p)
		b.parts[last] = part[:len(part)+n]
		p = p[n:]
	}
	b.ended = b.ended || end
	b.readable.Set(s.loop)
}

// ReadBody implements core.Downstream.
func (s *h2Stream) ReadBody(p []byte) (int, error) {
	for {
		n, err := s.TryReadBody(p)
		if err != conn.ErrAgain {
			return n, err
		}
		deadline := s.loop.Now().Add(s.settings().ClientBodyTimeout)
		if err := s.loop.Wait(deadline, &s.body.readable); err != nil {
			s.out.timedOut = err == loop.ErrTimeout
			s.body.err = err
			s.out.fail(errGone)
			return 0, err
		}
	}
}

// TryReadBody implements core.Downstream.
func (s *h2Stream) TryReadBody(p []byte) (int, error) {
	b := &s.body
	if len(p) == 0 && b.err == nil {
		return 0, nil
	}
	if b.expect && !b.ended {
		b.expect = false
		s.sendContinue()
	}
	if !b.wide && !b.ended && (b.left < 0 || b.left > wideWindow/8) {
		b.wide = true
		s.wire.Widen(s.ws, wideWindow)
		s.conn.askTurnEnd()
	}
	n := 0
	for len(b.parts) > 0 && n < len(p) {
		m := copy(p[n:], b.parts[0][b.read:])
		n += m
		if b.read += m; b.read == len(b.parts[0]) {
			b.drop(s.shard)
		}
	}
	switch {
	case n > 0:
		s.given(n)
		return n, nil
	case b.err != nil:
		if b.err == errGone {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, b.err
	case b.ended:
		return 0, io.EOF
	}
	b.readable.Clear()
	return 0, conn.ErrAgain
}

// given accounts for n bytes that the handler has read, and lets the client send as many more.
func (s *h2Stream) given(n int) {
	b := &s.body
	s.req.Length += int64(n)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	s.wire.Consumed(s.ws, n)
	s.conn.askTurnEnd()
}

// BodyReadable implements core.Downstream.
func (s *h2Stream) BodyReadable() *loop.Event { return &s.body.readable }

// BodyAhead implements core.Downstream.
func (s *h2Stream) BodyAhead() int64 { return max(s.body.left, 0) }

// RequestTrailers implements core.Downstream.
func (s *h2Stream) RequestTrailers() []http1.Field { return s.body.trailers }

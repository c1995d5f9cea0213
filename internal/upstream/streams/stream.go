package streams

import (
	"hearth/internal/http1"
	"hearth/internal/http2"
	"hearth/internal/loop"
	"hearth/internal/upstream"
)

// stream is one exchange on a line: upstream.Stream. The wire's calls fill it, outside any fiber; the exchange's fiber
// empties it.
type stream struct {
	line  *line
	wire  *http2.Stream
	place int // in line.streams

	readable, writable loop.Event

	isHead   bool
	interims []interim
	status   int // of the final response; 0 = it has not come
	fields   []http1.Field
	length   int64
	tooLarge bool
	in       body
	lent     int // bytes handed out by TryBody, for which there is no credit yet
	window   int // what the backend may have on the way
	taken    int // since the window is that large
	trailers []http1.Field
	ended    bool  // the response is complete
	err      error // it will not be

	received, sent int64
}

// interim is a 1xx answer.
type interim struct {
	status int
	fields []http1.Field
}

// maxInterims bounds those that wait for the exchange; it has a bound of its own for all of them.
const maxInterims = 100

// frameHead is the size of a frame's header, for the byte counts.
const frameHead = 9

// Readable implements upstream.Stream.
func (s *stream) Readable() *loop.Event { return &s.readable }

// Writable implements upstream.Stream.
func (s *stream) Writable() *loop.Event { return &s.writable }

// Stopped implements upstream.Stream.
func (s *stream) Stopped() bool { return s.ended || s.err != nil }

// Traffic implements upstream.Stream.
func (s *stream) Traffic() (received, sent int64) { return s.received, s.sent }

// writeHead begins the request; false if there is no connection any more.
func (s *stream) writeHead(h *upstream.RequestHead, end bool) bool {
	if s.Stopped() {
		return false
	}
	w := s.line.wire.Headers(s.wire)
	w.Request(h.Method, h.Scheme, h.Authority, h.Path)
	for i := range h.Fields {
		w.Field(h.Fields[i])
	}
	s.sent += int64(w.End(end))
	s.line.touch()
	return true
}

// Write implements upstream.Stream.
func (s *stream) Write(p []byte, end bool) int {
	if s.Stopped() {
		return len(p)
	}
	n := s.line.wire.WriteData(s.wire, p, end)
	if n > 0 || end && n == len(p) {
		s.sent += int64(n + frameHead)
		s.line.touch()
	}
	if n < len(p) {
		s.writable.Clear()
	}
	return n
}

// WriteTrailers implements upstream.Stream.
func (s *stream) WriteTrailers(fields []http1.Field) {
	if s.Stopped() {
		return
	}
	w := s.line.wire.Headers(s.wire)
	for i := range fields {
		w.Field(fields[i])
	}
	s.sent += int64(w.End(true))
	s.line.touch()
}

// credit tells the backend that what TryBody has handed out was taken. A client that has taken a whole window's worth and
// left nothing lying could have taken more: the next window is twice as large, so that a backend far away is not held
// up by the way there and back.
func (s *stream) credit() {
	if s.lent > 0 && !s.line.closed {
		s.line.wire.Consumed(s.wire, s.lent)
		if s.taken += s.lent; s.taken >= s.window && s.window < widestWindow && s.in.empty() {
			s.window, s.taken = 2*s.window, 0
			s.line.wire.Widen(s.wire, s.window)
		}
		s.line.touch()
	}
	s.lent = 0
}

// Release implements upstream.Stream.
func (s *stream) Release() {
	l := s.line
	s.in.drop() // the wire gives the connection's credit back, whoever the bytes were for
	l.wire.Release(s.wire)
	l.remove(s)
	l.touch()
	stock := s.in.stock
	clear(s.fields)
	clear(s.trailers)
	*s = stream{fields: s.fields[:0], trailers: s.trailers[:0]}
	if len(stock.streams) < spare {
		stock.streams = append(stock.streams, s)
	}
}

// fail ends the stream with its connection, unless the response has come.
func (s *stream) fail(err error) {
	if !s.ended && s.err == nil {
		s.err = err
	}
	s.wake()
}

// wake has the exchange look.
func (s *stream) wake() {
	l := s.line.loop
	s.readable.Set(l)
	s.writable.Set(l)
}

// onHeaders takes a header block.
func (s *stream) onHeaders(h *http2.Block, end bool) {
	s.received += int64(h.Size)
	switch h.Kind {
	case http2.Interim:
		if len(s.interims) < maxInterims {
			s.interims = append(s.interims, interim{h.Status, append([]http1.Field(nil), h.Fields...)})
		} else {
			s.fail(&upstream.InvalidResponse{Cause: "upstream sent too many 1xx responses"})
		}
	case http2.Response:
		s.status, s.length, s.tooLarge = h.Status, h.ContentLength, h.TooLarge
		s.fields = append(s.fields[:0], h.Fields...)
	case http2.Trailers:
		s.trailers = append(s.trailers[:0], h.Fields...)
	}
	s.end(end)
	s.readable.Set(s.line.loop)
}

// onData takes a part of the body.
func (s *stream) onData(p []byte, end bool) {
	s.received += int64(len(p) + frameHead)
	s.in.add(p)
	s.end(end)
	s.readable.Set(s.line.loop)
}

func (s *stream) end(end bool) {
	if end {
		s.ended = true
		s.writable.Set(s.line.loop) // an upload in progress has lost its purpose
	}
}

// onReset takes the end of the stream that is not one of the response.
func (s *stream) onReset(code http2.ErrCode, byPeer bool, reason string) {
	s.fail(&upstream.ResetError{Code: code, ByPeer: byPeer, Refused: byPeer && code == http2.RefusedStream, Reason: reason})
}

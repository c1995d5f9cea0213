package http2

// receiveWindow is how much the peer may send on the whole connection.
type receiveWindow struct {
	left   int
	credit int // given back, but not announced
}

// mostCredit is how much credit is kept back at most, however large the window is.
const mostCredit = 4 << 20

// dataBegins takes the head of a DATA frame: what it says is checked before a byte of it is delivered.
func (w *Wire) dataBegins(f *frame) {
	in := &w.in
	in.stream = nil
	w.receive.left -= f.length
	if w.receive.left < 0 {
		w.fail(FlowControlError, "violated connection flow control")
		return
	}
	if w.idleStream(f.id) {
		w.fail(ProtocolError, "sent DATA frame for a stream that was not opened")
		return
	}
	s := w.streams.find(f.id)
	if w.late(s, f) {
		s = nil
	} else if code, reason := w.acceptData(s, f); code != NoError {
		w.streamError(s, f.id, code, reason)
		s = nil
	}
	if s == nil {
		w.giveBack(f.length) // nobody takes it
		return
	}
	in.stream = s
	s.receiveLeft -= f.length
	size := in.left - in.pad
	if s.bodyLeft >= 0 {
		s.bodyLeft -= int64(size)
	}
	if padding := f.length - size; padding > 0 {
		s.unconsumed += padding
		w.Consumed(s, padding)
	}
	switch {
	case f.has(flagEndStream):
		if s.bodyLeft > 0 {
			in.stream = nil
			w.giveBack(size)
			w.streamError(s, f.id, ProtocolError, "sent a body shorter than its Content-Length")
		}
	case size == 0:
		w.control()
	default:
		w.floods.useful(0, 2)
	}
}

// late reports whether a DATA frame was sent before its sender can have known that nobody takes it: it is dropped. That is
// so for no more than the stream's window.
func (w *Wire) late(s *Stream, f *frame) bool {
	switch {
	case s != nil && s.reset == byUs:
		s.receiveLeft -= f.length
		if s.receiveLeft >= 0 {
			return true
		}
	case s != nil:
		return false
	case w.beyondGoAway(f.id):
		return true
	default:
		r := w.streams.wasReset(f.id)
		if r == nil {
			return false
		}
		if r.left -= f.length; r.left >= 0 {
			return true
		}
	}
	w.fail(FlowControlError, "violated flow control of a stream that was reset")
	return true
}

// acceptData says whether a DATA frame may be taken.
func (w *Wire) acceptData(s *Stream, f *frame) (ErrCode, string) {
	size := w.in.left - w.in.pad
	switch {
	case s == nil, s.reset == byPeer, s.peerDone:
		return StreamClosed, "sent DATA frame on a closed stream"
	case !w.server && !s.headDone:
		return ProtocolError, "sent DATA frame before the response's head"
	case f.length > s.receiveLeft:
		return FlowControlError, "violated flow control of a stream"
	case s.bodyLeft >= 0 && int64(size) > s.bodyLeft:
		return ProtocolError, "sent a body longer than its Content-Length"
	}
	return NoError, ""
}

// data delivers a piece of a DATA frame.
func (w *Wire) data(p []byte, last bool) {
	s := w.in.stream
	if s == nil {
		return
	}
	if s.Closed() { // since the frame began
		w.giveBack(len(p))
		return
	}
	end := last && w.in.frame.has(flagEndStream)
	if len(p) == 0 && !end {
		return
	}
	s.unconsumed += len(p)
	if last {
		w.in.stream = nil
	}
	if end {
		w.peerEnd(s)
	}
	w.h.OnData(s, p, end)
}

// Consumed gives the peer credit for n bytes that OnData has delivered. WINDOW_UPDATE is put off until it is worth a frame.
func (w *Wire) Consumed(s *Stream, n int) {
	s.unconsumed -= n
	if s.unconsumed < 0 {
		panic("http2: more was consumed than delivered")
	}
	w.giveBack(n)
	s.credit += n
	w.announce(s)
}

// announce sends what credit a stream has, if that is worth a frame.
func (w *Wire) announce(s *Stream) {
	if s.credit < min(s.receiveSize/2, mostCredit) || s.credit <= 0 || s.peerDone || s.Closed() || w.err != nil || s.ID == 0 {
		return
	}
	w.out.windowUpdate(w, s.ID, s.credit)
	s.receiveLeft += s.credit
	s.credit = 0
}

// giveBack is Consumed for the connection alone.
func (w *Wire) giveBack(n int) {
	r := &w.receive
	if r.credit += n; r.credit < min(w.opt.ConnWindow/2, mostCredit) || w.err != nil {
		return
	}
	w.out.windowUpdate(w, 0, r.credit)
	r.left += r.credit
	r.credit = 0
}

// Widen sets how much the peer may have in flight on this stream, if that is more than before: for an upload that is
// read as it comes.
func (w *Wire) Widen(s *Stream, window int) {
	if more := min(window, maxWindow) - s.receiveSize; more > 0 {
		s.receiveSize += more
		s.credit += more
		w.announce(s)
	}
}

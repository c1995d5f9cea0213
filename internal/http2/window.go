package http2

// sendWindow is how much the peer takes on the whole connection, and the streams that wait for the connection or the
// output, the longest waiting first.
type sendWindow struct {
	left       int
	head, tail *Stream
	round      uint32 // counts the times those who wait were told
	waking     bool
}

// waiting is a stream's part of it.
type waiting struct {
	next, prev *Stream
	queued     bool // for the connection
	own        bool // for the stream's own window
	queuedIn   uint32
	wroteIn    uint32 // the round that taken is of
	taken      int    // how much it has written in that round
}

// WriteData queues p as DATA, as much of it as the stream's window, the connection's and the limit of the output allow,
// and returns how much it took. end: nothing follows p; END_STREAM is sent if all of p was taken (also an empty p). When
// less was taken than offered, OnRoom is called for the stream once there is room. On a closed stream, and on one that
// has ended, it takes all and sends nothing.
func (w *Wire) WriteData(s *Stream, p []byte, end bool) (taken int) {
	if s.Closed() || s.ended || w.err != nil {
		return len(p)
	}
	if len(p) == 0 {
		if end {
			w.out.frame(w, 0, frameData, flagEndStream, s.ID)
			w.end(s)
		}
		return 0
	}
	n := w.share(s, len(p))
	if n == 0 {
		return 0
	}
	most := w.chunk(s)
	w.out.room(w, n+(n+most-1)/most*frameHeaderLen)
	for taken < n {
		size := min(most, n-taken)
		flags := uint8(0)
		if end && taken+size == len(p) {
			flags = flagEndStream
		}
		w.out.buf = appendFrame(w.out.buf, size, frameData, flags, s.ID)
		w.out.buf = append(w.out.buf, p[taken:taken+size]...)
		taken += size
	}
	w.wrote(s, n)
	if end && n == len(p) {
		w.end(s)
	}
	return n
}

// Reserve returns room for up to n bytes of DATA in the output itself, so that a file or a socket can be read straight
// into it: fewer, or none (OnRoom will be called), when there is less room. It must be followed by Commit before
// any other call, unless it returned none. On a closed stream it returns nil.
func (w *Wire) Reserve(s *Stream, n int) []byte {
	if s.Closed() || s.ended || w.err != nil {
		return nil
	}
	if n = w.share(s, min(n, w.chunk(s))); n == 0 {
		return nil
	}
	w.out.room(w, frameHeaderLen+n)
	at := len(w.out.buf) + frameHeaderLen
	return w.out.buf[at : at+n : at+n]
}

// Commit sends the first n bytes of what Reserve has returned as one frame; 0 sends nothing unless end is set.
func (w *Wire) Commit(s *Stream, n int, end bool) {
	if s.Closed() || s.ended || w.err != nil {
		return
	}
	if n == 0 {
		w.WriteData(s, nil, end)
		return
	}
	flags := uint8(0)
	if end {
		flags = flagEndStream
	}
	at := len(w.out.buf)
	w.out.buf = w.out.buf[:at+frameHeaderLen+n]
	putFrame(w.out.buf[at:], n, frameData, flags, s.ID)
	w.wrote(s, n)
	if end {
		w.end(s)
	}
}

// Room is how much WriteData would take now; it does not ask for OnRoom.
func (w *Wire) Room(s *Stream) int {
	if s.Closed() || s.ended || w.err != nil {
		return 0
	}
	return max(0, min(s.window, w.send.left, w.opt.OutputLimit-w.out.pending()))
}

func (w *Wire) chunk(s *Stream) int {
	if s.Chunk > 0 {
		return min(s.Chunk, w.peer.maxFrame)
	}
	return minMaxFrame
}

// share is how much of n the stream may write now. While others wait, it gets no more than its part of the output.
func (w *Wire) share(s *Stream, n int) int {
	room := min(n, w.Room(s))
	if s.wait.wroteIn != w.send.round {
		s.wait.wroteIn, s.wait.taken = w.send.round, 0
	}
	if w.send.head != nil && w.send.head != s && w.out.pending() > w.low() {
		part := max(w.opt.OutputLimit/8, minMaxFrame/2)
		room = min(room, max(0, part-s.wait.taken))
	}
	if room < n {
		if s.window < n && s.window <= room {
			s.wait.own = true
		} else {
			w.send.queue(s)
		}
	}
	return room
}

func (w *Wire) wrote(s *Stream, n int) {
	s.window -= n
	w.send.left -= n
	s.wait.taken += n
	if n >= dribble || s.window > 0 && w.send.left > 0 {
		most := w.chunk(s)
		w.floods.useful(0, 2*int64((n+most-1)/most)) // WINDOW_UPDATE for stream and connection, for each frame
	}
}

// dribble is a piece so small that it does not pay for the WINDOW_UPDATE that was needed to send it: the peer that gives credit
// in such pieces has it for the asking, and costs us a frame each time (CVE-2019-9511).
const dribble = 256

// low is how little there must be in the output for those who wait to be told.
func (w *Wire) low() int { return w.opt.OutputLimit / 4 }

func (q *sendWindow) queue(s *Stream) {
	if s.wait.queued {
		return
	}
	s.wait.queued, s.wait.queuedIn = true, q.round
	s.wait.prev, s.wait.next = q.tail, nil
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.wait.next = s
	}
	q.tail = s
}

func (q *sendWindow) forget(s *Stream) {
	s.wait.own = false
	if !s.wait.queued {
		return
	}
	s.wait.queued = false
	next, prev := s.wait.next, s.wait.prev
	if prev == nil {
		q.head = next
	} else {
		prev.wait.next = next
	}
	if next == nil {
		q.tail = prev
	} else {
		next.wait.prev = prev
	}
}

// wake tells all streams that wait for the connection, each once. They are told together because nobody knows which of
// them still has something to write; those who find no room queue up behind the others again.
func (w *Wire) wake() {
	q := &w.send
	if q.head == nil || q.waking || q.left <= 0 || w.out.pending() > w.low() || w.err != nil {
		return
	}
	q.waking = true
	q.round++
	for q.head != nil && q.head.wait.queuedIn != q.round && q.left > 0 && !w.Congested() && w.err == nil {
		s := q.head
		q.forget(s)
		w.h.OnRoom(s)
	}
	q.waking = false
}

// windowUpdate takes WINDOW_UPDATE (RFC 9113, section 6.9).
func (w *Wire) windowUpdate(id uint32, n int) {
	if w.control(); w.err != nil {
		return
	}
	if id == 0 {
		switch w.send.left += n; {
		case n == 0:
			w.fail(ProtocolError, "sent WINDOW_UPDATE frame with incorrect window increment 0")
		case w.send.left > maxWindow:
			w.fail(FlowControlError, "violated connection flow control: the window is too large")
		default:
			w.wake()
		}
		return
	}
	if w.idleStream(id) {
		w.fail(ProtocolError, "sent WINDOW_UPDATE frame for a stream that was not opened")
		return
	}
	s := w.streams.find(id)
	if s == nil || s.Closed() {
		return
	}
	switch {
	case n == 0:
		w.streamError(s, id, ProtocolError, "sent WINDOW_UPDATE frame with incorrect window increment 0")
	case s.window+n > maxWindow:
		w.streamError(s, id, FlowControlError, "violated flow control: the stream's window is too large")
	default:
		s.window += n
		w.wakeOwn(s)
	}
}

// wakeOwn tells a stream whose own window was closed that it has opened.
func (w *Wire) wakeOwn(s *Stream) {
	if s.wait.own && s.window > 0 && !s.Closed() {
		s.wait.own = false
		w.h.OnRoom(s)
	}
}

// changeWindows follows a change of the peer's SETTINGS_INITIAL_WINDOW_SIZE; windows may become negative by it.
func (w *Wire) changeWindows(by int) {
	for _, s := range w.streams.buckets {
		for ; s != nil; s = s.next {
			if s.window += by; s.window > maxWindow && !s.Closed() {
				w.fail(FlowControlError, "sent SETTINGS that make a window too large")
				return
			}
		}
	}
	for by > 0 && w.err == nil {
		s := w.streams.any(func(s *Stream) bool { return s.wait.own && s.window > 0 && !s.Closed() })
		if s == nil {
			break
		}
		w.wakeOwn(s)
	}
}

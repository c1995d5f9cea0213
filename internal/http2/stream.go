package http2

// Stream is the wire's record of one stream. See the package comment for its life.
type Stream struct {
	// ID is 0 at a client until the stream's headers have been begun.
	ID uint32
	// Owner is whatever the wire's user puts there.
	Owner any
	// Chunk is the largest DATA frame to send on this stream (http2_chunk_size), in bytes; 0 = 16384.
	Chunk int

	next     *Stream // in its bucket
	reset    resetBy
	ended    bool // END_STREAM sent
	peerDone bool // END_STREAM received
	headDone bool // client: the final response has come
	toHEAD   bool // client: the request's method is HEAD
	released bool
	bodyLeft int64 // what Content-Length says is to come; -1 = not told

	// Sending: see window.go.
	window int // how much the peer takes
	wait   waiting

	// Receiving: see credit.go.
	receiveLeft int // how much the peer may send
	receiveSize int // the window that is kept up
	unconsumed  int // delivered, and not given back
	credit      int // given back, but not announced
}

type resetBy uint8

const (
	notReset resetBy = iota
	byUs
	byPeer
)

// Closed reports whether both sides have ended, or the stream was reset.
func (s *Stream) Closed() bool { return s.reset != notReset || s.ended && s.peerDone }

// Ended reports whether this side has sent END_STREAM.
func (s *Stream) Ended() bool { return s.ended }

// PeerEnded reports whether the peer has sent END_STREAM.
func (s *Stream) PeerEnded() bool { return s.peerDone }

// WasReset reports whether the stream was closed by RST_STREAM of either side, or by GOAWAY.
func (s *Stream) WasReset() bool { return s.reset != notReset }

// streamTable finds streams by number. Numbers come in sequence, so that they spread evenly over the buckets, and the
// table needs no memory of its own.
type streamTable struct {
	buckets [32]*Stream
	live    int                            // not released
	open    int                            // not closed
	resets  *[rememberedResets]resetStream // nil until there is one
	nextRST int
}

const rememberedResets = 128

// resetStream is one that this side has reset not long ago, so that the peer may not have known when it sent: what comes on
// it is dropped.
type resetStream struct {
	id   uint32
	left int // how much may come
}

func (t *streamTable) bucket(id uint32) **Stream { return &t.buckets[id>>1%uint32(len(t.buckets))] }

func (t *streamTable) find(id uint32) *Stream {
	for s := *t.bucket(id); s != nil; s = s.next {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (t *streamTable) put(s *Stream) {
	b := t.bucket(s.ID)
	s.next, *b = *b, s
}

func (t *streamTable) drop(s *Stream) {
	for p := t.bucket(s.ID); *p != nil; p = &(*p).next {
		if *p == s {
			*p = s.next
			return
		}
	}
}

// any returns some stream of which ok is true.
func (t *streamTable) any(ok func(*Stream) bool) *Stream {
	for _, s := range t.buckets {
		for ; s != nil; s = s.next {
			if ok(s) {
				return s
			}
		}
	}
	return nil
}

// wasReset returns what is known of a stream that this side has reset, or nil.
func (t *streamTable) wasReset(id uint32) *resetStream {
	if t.resets != nil {
		for i := range t.resets {
			if t.resets[i].id == id {
				return &t.resets[i]
			}
		}
	}
	return nil
}

func (t *streamTable) rememberReset(id uint32, left int) {
	if t.resets == nil {
		t.resets = new([rememberedResets]resetStream)
	}
	t.resets[t.nextRST%rememberedResets] = resetStream{id, left}
	t.nextRST++
}

// newStream makes a record for an open stream.
func (w *Wire) newStream(id uint32) *Stream {
	s := w.mem.stream()
	s.ID = id
	s.window = w.peer.window
	s.receiveSize = w.opt.StreamWindow
	s.receiveLeft = s.receiveSize
	if !w.in.acked {
		s.receiveLeft = max(s.receiveLeft, defaultWindow)
	}
	s.bodyLeft = -1
	w.streams.live++
	w.streams.open++
	w.streams.put(s)
	return s
}

// Open makes a stream at a client. Its number is assigned by Headers. head: the request's method is HEAD, so that the
// answer's Content-Length says nothing of its body. The error is ErrFull or ErrGoingAway.
func (w *Wire) Open(owner any, head bool) (*Stream, error) {
	if w.GoingAway() || int(w.lastID)+2*w.streams.open >= maxStreamID-2 {
		return nil, ErrGoingAway
	}
	if w.streams.open >= w.peer.maxStreams {
		return nil, ErrFull
	}
	s := w.newStream(0)
	s.Owner, s.toHEAD = owner, head
	return s, nil
}

// number gives a client's stream its number, now that its headers are sent: they must go up in the order of the frames.
func (w *Wire) number(s *Stream) {
	w.streams.drop(s)
	if w.lastID == 0 {
		s.ID = 1
	} else {
		s.ID = w.lastID + 2
	}
	w.lastID = s.ID
	w.streams.put(s)
}

// Release ends the use of s, which must not be touched afterwards: no handler is called with it any more. If the stream
// is not closed it is reset: with NO_ERROR when this is a server that has ended its answer before it has the whole
// request, else with CANCEL.
func (w *Wire) Release(s *Stream) {
	if s.released {
		panic("http2: a stream was released twice")
	}
	if !s.Closed() {
		code := Cancel
		if w.server && s.ended {
			code = NoError
		}
		w.Reset(s, code)
	}
	s.released = true
	if w.in.stream == s {
		w.in.stream = nil
	}
	w.send.forget(s)
	w.giveBack(s.unconsumed)
	w.streams.drop(s)
	w.streams.live--
	w.mem.putStream(s)
	w.wake()
}

// Reset closes the stream with RST_STREAM, unless it is closed. What has been written before is still sent.
func (w *Wire) Reset(s *Stream, code ErrCode) {
	if s.Closed() {
		return
	}
	w.closeByReset(s, byUs)
	if s.ID != 0 && w.err == nil {
		w.out.reset(w, s.ID, code)
		if !s.peerDone {
			w.streams.rememberReset(s.ID, s.receiveLeft)
		}
	}
}

func (w *Wire) closeByReset(s *Stream, by resetBy) {
	s.reset = by
	w.streams.open--
}

// end marks this side's END_STREAM as sent.
func (w *Wire) end(s *Stream) {
	s.ended = true
	if s.peerDone {
		w.finished()
	}
}

// peerEnd marks the peer's as received.
func (w *Wire) peerEnd(s *Stream) {
	s.peerDone = true
	if s.ended {
		w.finished()
	}
}

// finished: a stream has ended as it should.
func (w *Wire) finished() {
	w.streams.open--
	w.floods.useful(1, 4)
}

// streamError resets a stream on which the peer has broken the protocol. s is nil when there is no record of it.
func (w *Wire) streamError(s *Stream, id uint32, code ErrCode, reason string) {
	if s != nil && s.Closed() {
		s = nil // its owner knows that it is
	}
	w.out.reset(w, id, code)
	w.answered()
	if s == nil {
		w.h.OnRefused(id, code, reason)
	} else {
		if !s.peerDone {
			w.streams.rememberReset(id, s.receiveLeft)
		}
		w.closeByReset(s, byUs)
		w.h.OnReset(s, code, false, reason)
	}
	w.provokedReset()
}

// refuse is streamError for a request that is not shown.
func (w *Wire) refuse(p *partialBlock, code ErrCode, reason string) {
	if !p.end {
		w.streams.rememberReset(p.id, max(w.opt.StreamWindow, defaultWindow))
	}
	w.streamError(nil, p.id, code, reason)
}

// peerReset takes RST_STREAM (RFC 9113, section 6.4).
func (w *Wire) peerReset(id uint32, code ErrCode) {
	if w.idleStream(id) {
		w.fail(ProtocolError, "sent RST_STREAM frame for a stream that was not opened")
		return
	}
	s := w.streams.find(id)
	if s == nil || s.Closed() {
		w.control()
		return
	}
	w.closeByReset(s, byPeer)
	w.h.OnReset(s, code, true, "sent RST_STREAM")
	w.provokedReset()
}

// idleStream reports whether nobody can have opened a stream of this number.
func (w *Wire) idleStream(id uint32) bool { return id > w.lastID || id%2 == 0 }

// wasOpened reports whether the client has opened this stream, which is not forgotten: it may have skipped numbers.
func (w *Wire) wasOpened(id uint32) bool { return w.opened>>((w.lastID-id)/2)&1 != 0 }

// forgotten reports whether a stream is so far below the last one that nobody knows what became of it.
func (w *Wire) forgotten(id uint32) bool { return (w.lastID-id)/2 >= 64 }

// rememberOpened notes that id, which is above all others, was opened.
func (w *Wire) rememberOpened(id uint32) {
	w.opened = w.opened<<((id-w.lastID)/2) | 1 // shifts by 64 and more give 0
	w.lastID = id
}

// priority takes PRIORITY, of which only its misuse matters here (RFC 9113, section 5.3.2).
func (w *Wire) priority(f *frame, depends uint32) {
	if w.control(); w.err == nil && depends == f.id {
		w.misprioritized(f.id, ProtocolError, "sent PRIORITY frame that makes a stream depend on itself")
	}
}

func (w *Wire) badPriority(f *frame) {
	w.misprioritized(f.id, FrameSizeError, "sent PRIORITY frame with a wrong length")
}

func (w *Wire) misprioritized(id uint32, code ErrCode, reason string) {
	if s := w.streams.find(id); s != nil && !s.Closed() {
		w.streamError(s, id, code, reason)
	} else {
		w.fail(code, reason)
	}
}

package http2

import "encoding/binary"

// input is where in the peer's bytes the wire is. It holds at most a frame's header or the fixed part of its payload, so
// that whoever reads need not keep anything.
type input struct {
	state inputState
	have  int // bytes in hold
	hold  [frameHeaderLen]byte
	frame frame
	left  int // of the frame's payload, not yet taken
	pad   int // of those, padding

	// DATA: the stream that it goes to; nil = nowhere. Cleared by Release.
	stream *Stream

	settled  bool // the first SETTINGS have come
	acked    bool // the peer has acknowledged ours
	window   int  // SETTINGS: the new initial window, -1 = unchanged
	goAway   uint32
	goAwayBy ErrCode
	debug    []byte
}

type inputState uint8

const (
	inHeader inputState = iota
	inPreface
	inFixed
	inBody
	inPadding
)

// Feed takes all of p, which was read from the peer. now is the time on any clock that only goes forward, in
// nanoseconds; floods are measured with it. An error is a *ConnError, and the same ever after: write what is in Output
// and close. The streams are not told: their owner is who calls.
func (w *Wire) Feed(p []byte, now int64) error {
	w.now = now
	for w.err == nil {
		var more bool
		if p, more = w.step(p); !more {
			break
		}
	}
	return w.Err()
}

// step takes one part of a frame from p and returns what is behind it, or more = false when p has not all of it.
func (w *Wire) step(p []byte) (rest []byte, more bool) {
	in := &w.in
	switch in.state {
	case inHeader:
		b, rest := in.gather(p, frameHeaderLen)
		if b == nil {
			return nil, false
		}
		w.begin(parseFrame(b))
		return rest, true

	case inFixed:
		n := in.frame.fixed()
		b, rest := in.gather(p, n)
		if b == nil {
			return nil, false
		}
		in.left -= n
		in.state = inBody
		if w.fixed(b); in.left == in.pad {
			w.body(nil)
		}
		return rest, true

	case inBody:
		if len(p) == 0 {
			return nil, false
		}
		n := min(len(p), in.left-in.pad)
		in.left -= n
		w.body(p[:n])
		return p[n:], true

	case inPadding:
		if len(p) == 0 {
			return nil, false
		}
		n := min(len(p), in.left)
		if in.left -= n; in.left == 0 {
			in.state = inHeader
		}
		return p[n:], true

	default:
		return w.prefaceStep(p)
	}
}

// gather returns n bytes: of p if they are all there, else of what has been held back, or nil.
func (in *input) gather(p []byte, n int) (b, rest []byte) {
	if in.have == 0 && len(p) >= n {
		return p[:n], p[n:]
	}
	taken := copy(in.hold[in.have:n], p)
	if in.have += taken; in.have < n {
		return nil, nil
	}
	in.have = 0
	return in.hold[:n], p[taken:]
}

func (w *Wire) prefaceStep(p []byte) (rest []byte, more bool) {
	in := &w.in
	want := preface[in.have:]
	n := min(len(p), len(want))
	if string(p[:n]) != want[:n] {
		w.fail(ProtocolError, "sent an invalid connection preface")
		return nil, false
	}
	if in.have += n; in.have < len(preface) {
		return nil, false
	}
	in.have, in.state = 0, inHeader
	return p[n:], true
}

// begin takes a frame's header.
func (w *Wire) begin(f frame) {
	in := &w.in
	in.frame, in.left, in.pad = f, f.length, 0
	switch {
	case f.length > w.opt.MaxFrame:
		w.fail(FrameSizeError, "sent "+f.typ.String()+" frame that is too large")
		return
	case !in.settled && (f.typ != frameSettings || f.has(flagAck)):
		w.fail(ProtocolError, "sent "+f.typ.String()+" frame before SETTINGS")
		return
	case (w.part.id != 0) != (f.typ == frameContinuation) || w.part.id != 0 && w.part.id != f.id:
		w.fail(ProtocolError, "sent "+f.typ.String()+" frame in the wrong place of a header block")
		return
	}
	if code, reason := f.check(); code != NoError {
		w.fail(code, "sent "+f.typ.String()+" "+reason)
		return
	}
	switch {
	case f.typ == framePriority && f.length != 5:
		w.badPriority(&f)
		in.state = inBody
	case f.fixed() > 0:
		in.state = inFixed
		if f.typ == frameSettings {
			in.window = -1
		}
		return
	default:
		in.state = inBody
		w.fixed(nil)
	}
	if w.err == nil && in.left == in.pad {
		w.body(nil)
	}
}

// fixed takes the front of a payload; for DATA, HEADERS and CONTINUATION it is called whether there is one or not.
func (w *Wire) fixed(b []byte) {
	in := &w.in
	f := &in.frame
	if f.has(flagPadded) && (f.typ == frameData || f.typ == frameHeaders) {
		if in.pad = int(b[0]); in.pad > in.left {
			w.fail(ProtocolError, "sent "+f.typ.String()+" frame with too much padding")
			return
		}
		b = b[1:]
	}
	switch f.typ {
	case frameData:
		w.dataBegins(f)
	case frameHeaders:
		depends := uint32(0)
		if f.has(flagPriority) {
			depends = binary.BigEndian.Uint32(b) & maxStreamID
		}
		w.headersBegin(f, depends)
	case frameContinuation:
		w.continuationBegins(f)
	case framePriority:
		w.priority(f, binary.BigEndian.Uint32(b)&maxStreamID)
	case frameRSTStream:
		w.peerReset(f.id, ErrCode(binary.BigEndian.Uint32(b)))
	case frameSettings:
		if b != nil {
			w.setting(binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:]))
			if in.left > 0 && w.err == nil {
				in.state = inFixed
			}
		}
	case framePing:
		w.pinged(f, [8]byte(b))
	case frameGoAway:
		in.goAway = binary.BigEndian.Uint32(b) & maxStreamID
		in.goAwayBy = ErrCode(binary.BigEndian.Uint32(b[4:]))
	case frameWindowUpdate:
		w.windowUpdate(f.id, int(binary.BigEndian.Uint32(b)&maxWindow))
	default:
		w.control() // a frame of an unknown type: ignored (RFC 9113, section 4.1)
	}
}

// body takes a piece of the rest of a payload, without padding. It is called at least once for each frame, at its end.
func (w *Wire) body(p []byte) {
	in := &w.in
	if w.err != nil || in.state != inBody {
		return
	}
	last := in.left == in.pad
	if last {
		if in.state = inHeader; in.left > 0 {
			in.state = inPadding
		}
	}
	switch in.frame.typ {
	case frameData:
		w.data(p, last)
	case frameHeaders, frameContinuation:
		w.fragment(p, last)
	case frameSettings:
		w.settingsEnd()
	case frameGoAway:
		w.goAwayPiece(p, last)
	}
}

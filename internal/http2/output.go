package http2

import "encoding/binary"

// output is what is to be written: one buffer, borrowed while there is something in it.
type output struct {
	buf  []byte
	sent int // of buf
}

func (o *output) pending() int { return len(o.buf) - o.sent }

// room makes sure that n bytes can be appended to buf without moving it.
func (o *output) room(w *Wire, n int) {
	if cap(o.buf)-len(o.buf) >= n {
		return
	}
	if pending := o.pending(); pending+n <= cap(o.buf) && o.sent >= pending {
		o.buf = o.buf[:copy(o.buf, o.buf[o.sent:])]
		o.sent = 0
		return
	}
	bigger := append(w.mem.buffer(o.pending()+n), o.buf[o.sent:]...)
	w.mem.putBuffer(o.buf)
	o.buf, o.sent = bigger, 0
}

func (o *output) take(w *Wire, n int) {
	if o.sent += n; o.sent == len(o.buf) {
		o.release(w)
	}
}

func (o *output) release(w *Wire) {
	if o.buf != nil {
		w.mem.putBuffer(o.buf)
	}
	*o = output{}
}

func (o *output) frame(w *Wire, length int, t frameType, flags uint8, id uint32) {
	o.room(w, frameHeaderLen+length)
	o.buf = appendFrame(o.buf, length, t, flags, id)
}

func (o *output) reset(w *Wire, id uint32, code ErrCode) {
	o.frame(w, 4, frameRSTStream, 0, id)
	o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(code))
}

func (o *output) windowUpdate(w *Wire, id uint32, n int) {
	o.frame(w, 4, frameWindowUpdate, 0, id)
	o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(n))
}

func (o *output) ping(w *Wire, flags uint8, data [8]byte) {
	o.frame(w, 8, framePing, flags, 0)
	o.buf = append(o.buf, data[:]...)
}

func (o *output) goAway(w *Wire, last uint32, code ErrCode, debug string) {
	if w.closed {
		return
	}
	o.frame(w, 8+len(debug), frameGoAway, 0, 0)
	o.buf = binary.BigEndian.AppendUint32(o.buf, last)
	o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(code))
	o.buf = append(o.buf, debug...)
}

// Congested reports whether OutputLimit has been reached: DATA is not taken for now.
func (w *Wire) Congested() bool { return w.out.pending() >= w.opt.OutputLimit }

// Backlogged reports whether the output is so far beyond its limit that the peer must be provoking answers without reading
// them: nothing more should be read from it until Sent has made it less.
func (w *Wire) Backlogged() bool { return w.out.pending() >= 2*w.opt.OutputLimit }

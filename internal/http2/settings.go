package http2

import "encoding/binary"

// The parameters of RFC 9113, section 6.5.2, and RFC 8441.
const (
	settingHeaderTableSize = 0x1
	settingEnablePush      = 0x2
	settingMaxStreams      = 0x3
	settingWindow          = 0x4
	settingMaxFrame        = 0x5
	settingMaxHeaderList   = 0x6
	settingConnectProtocol = 0x8
)

// headerTableSize is the size of both header tables: the decoder's as it is by default, the encoder's at most.
const headerTableSize = 4096

// peerSettings are those of the peer that matter here.
type peerSettings struct {
	window     int // of a new stream
	maxFrame   int
	maxStreams int
}

// greet queues our SETTINGS, and the credit for the connection.
func (w *Wire) greet() {
	var b [4 * 6]byte
	s := b[:0]
	put := func(id uint16, value int) {
		s = binary.BigEndian.AppendUint16(s, id)
		s = binary.BigEndian.AppendUint32(s, uint32(value))
	}
	if w.server {
		put(settingMaxStreams, w.opt.MaxStreams)
	} else {
		put(settingEnablePush, 0)
	}
	put(settingWindow, w.opt.StreamWindow)
	if w.opt.MaxFrame != minMaxFrame {
		put(settingMaxFrame, w.opt.MaxFrame)
	}
	if w.server && w.opt.ExtendedConnect {
		put(settingConnectProtocol, 1)
	}
	w.out.frame(w, len(s), frameSettings, 0, 0)
	w.out.buf = append(w.out.buf, s...)
	if more := w.opt.ConnWindow - defaultWindow; more > 0 {
		w.out.windowUpdate(w, 0, more)
		w.receive.left += more
	}
}

// setting takes one parameter of the peer's.
func (w *Wire) setting(id uint16, value uint32) {
	switch id {
	case settingHeaderTableSize:
		w.encoder.limit(value)
	case settingEnablePush:
		if value > 1 || value == 1 && !w.server {
			w.fail(ProtocolError, "sent SETTINGS with a wrong SETTINGS_ENABLE_PUSH")
		}
	case settingMaxStreams:
		w.peer.maxStreams = int(min(value, maxStreamID))
	case settingWindow:
		if value > maxWindow {
			w.fail(FlowControlError, "sent SETTINGS with a wrong SETTINGS_INITIAL_WINDOW_SIZE")
			return
		}
		w.in.window = int(value)
	case settingMaxFrame:
		if value < minMaxFrame || value > maxMaxFrame {
			w.fail(ProtocolError, "sent SETTINGS with a wrong SETTINGS_MAX_FRAME_SIZE")
			return
		}
		w.peer.maxFrame = int(value)
	case settingConnectProtocol:
		if value > 1 {
			w.fail(ProtocolError, "sent SETTINGS with a wrong SETTINGS_ENABLE_CONNECT_PROTOCOL")
		}
	}
}

// settingsEnd acts on a SETTINGS frame that has been read. The windows are changed once a frame: the order of its
// parameters is kept, the last one being in force.
func (w *Wire) settingsEnd() {
	in := &w.in
	if in.frame.has(flagAck) {
		in.acked = true
		w.control()
		return
	}
	first := !in.settled
	in.settled = true
	w.out.frame(w, 0, frameSettings, flagAck, 0)
	if !first {
		w.control()
		w.answered()
	}
	if in.frame.length > 0 && in.window >= 0 && in.window != w.peer.window {
		w.changeWindows(in.window - w.peer.window)
		w.peer.window = in.window
	}
	if w.err != nil {
		return
	}
	w.h.OnSettings()
	w.wake()
}

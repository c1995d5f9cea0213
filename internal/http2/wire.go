package http2

import "golang.org/x/net/http2/hpack"

// Options are the limits of an endpoint. Sizes are in bytes. They may be shared by wires.
type Options struct {
	// MaxStreams is how many streams the peer may have open at a time (http2_max_concurrent_streams); 0 = 128.
	MaxStreams int
	// StreamWindow is how much the peer may send on a stream before it is given credit (http2_body_preread_size); 0 = 65536.
	// In the time before it has read our SETTINGS it may send 65535 in any case.
	StreamWindow int
	// ConnWindow is the same for all streams together, at least 65535; 0 = as much as the protocol allows.
	ConnWindow int
	// MaxFrame is the largest frame payload to take, 16384 to 16777215; 0 = 16384.
	MaxFrame int
	// MaxHeaderBytes bounds a header block, as decoded: names, values and 32 for each field; 0 = 32768. A block that
	// goes beyond is delivered as TooLarge; one that goes far beyond ends the connection.
	MaxHeaderBytes int
	// MaxFields bounds the fields of a block (max_headers); 0 = 1000.
	MaxFields int
	// OutputLimit is how much may lie in Output before WriteData takes no more; 0 = 65536. Headers and what the protocol
	// itself sends may go beyond.
	OutputLimit int
	// ExtendedConnect announces SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441) at a server.
	ExtendedConnect bool
	// Memory is where buffers and streams come from; nil = the wire's own.
	Memory *Memory
}

func orDefault(n *int, otherwise int) {
	if *n == 0 {
		*n = otherwise
	}
}

// Wire is one endpoint of a connection.
type Wire struct {
	h      Handler
	opt    Options // with defaults
	mem    *Memory
	server bool
	closed bool
	err    *ConnError
	now    int64

	in      input
	part    partialBlock
	decoder *hpack.Decoder
	block   *Block // being decoded
	verdict blockVerdict
	encoder encoder
	writer  HeaderWriter
	out     output
	peer    peerSettings
	send    sendWindow
	receive receiveWindow
	streams streamTable
	floods  floods

	lastID     uint32 // server: the highest stream the client has opened; client: the last opened by us
	opened     uint64 // server: which of the 64 streams up to lastID were opened
	sentGoAway bool
	goAwayLast uint32 // what GOAWAY has said, once it is sent
	gotGoAway  bool
}

// NewServer returns the wire of a server. It expects the client's preface first; its own SETTINGS and WINDOW_UPDATE are
// in Output at once.
func NewServer(o *Options, h Handler) *Wire {
	w := newWire(o, h)
	w.server = true
	w.in.state = inPreface
	w.greet()
	return w
}

// NewClient returns the wire of a client. Preface, SETTINGS and WINDOW_UPDATE are in Output at once, and streams may be
// opened without waiting for the server's.
func NewClient(o *Options, h Handler) *Wire {
	w := newWire(o, h)
	w.out.room(w, len(preface))
	w.out.buf = append(w.out.buf, preface...)
	w.greet()
	return w
}

func newWire(o *Options, h Handler) *Wire {
	w := &Wire{h: h, opt: *o}
	orDefault(&w.opt.MaxStreams, 128)
	orDefault(&w.opt.StreamWindow, 1<<16)
	orDefault(&w.opt.ConnWindow, maxWindow)
	orDefault(&w.opt.MaxFrame, minMaxFrame)
	orDefault(&w.opt.MaxHeaderBytes, 32<<10)
	orDefault(&w.opt.MaxFields, 1000)
	orDefault(&w.opt.OutputLimit, 64<<10)
	w.opt.ConnWindow = max(w.opt.ConnWindow, defaultWindow)
	if w.mem = o.Memory; w.mem == nil {
		w.mem = new(Memory)
	}
	w.peer = peerSettings{window: defaultWindow, maxFrame: minMaxFrame, maxStreams: 100}
	w.send.left = defaultWindow
	w.receive.left = defaultWindow
	w.encoder.max = headerTableSize
	w.decoder = hpack.NewDecoder(headerTableSize, w.field)
	w.decoder.SetMaxStringLength(4 * w.opt.MaxHeaderBytes)
	return w
}

// Output is what is to be written to the peer. It is valid until the next call of a method of the wire.
func (w *Wire) Output() []byte { return w.out.buf[w.out.sent:] }

// Sent says that the first n bytes of Output have been written. Streams that wait for room may be told so.
func (w *Wire) Sent(n int) {
	w.out.take(w, n)
	w.wake()
}

// Idle reports whether nothing is going on: no stream that is not released, no frame or header block half-way, no output.
func (w *Wire) Idle() bool {
	return w.streams.live == 0 && w.in.state == inHeader && w.in.have == 0 && w.part.id == 0 && w.out.pending() == 0
}

// Close gives memory back when the connection has ended. Streams that are not yet released may still be; every other
// call does nothing.
func (w *Wire) Close() {
	if w.err == nil {
		w.err = &ConnError{NoError, "the connection was closed"}
	}
	w.closed = true
	w.part.drop(w)
	w.out.release(w)
	w.decoder = nil
	w.encoder = encoder{}
}

// Err is what Feed has failed with, or nil.
func (w *Wire) Err() error {
	if w.err == nil {
		return nil
	}
	return w.err
}

// Streams is how many streams are not released.
func (w *Wire) Streams() int { return w.streams.live }

// Ready reports whether the peer's SETTINGS have come.
func (w *Wire) Ready() bool { return w.in.settled }

// PeerMaxStreams is how many streams the peer lets this client have open at a time: 100 until it has told.
func (w *Wire) PeerMaxStreams() int { return w.peer.maxStreams }

// fail ends the connection.
func (w *Wire) fail(code ErrCode, reason string) {
	if w.err != nil {
		return
	}
	w.goAway(code, "")
	w.err = &ConnError{code, reason}
}

// goAway sends GOAWAY. The last of the peer's streams that may have been processed is told once for all; a client's peer
// has none.
func (w *Wire) goAway(code ErrCode, debug string) {
	if w.server && !w.sentGoAway {
		w.goAwayLast = w.lastID
	}
	w.sentGoAway = true
	w.out.goAway(w, w.goAwayLast, code, debug)
}

// beyondGoAway reports whether a stream was opened after GOAWAY had been sent: what comes on it is ignored.
func (w *Wire) beyondGoAway(id uint32) bool { return w.sentGoAway && id > w.goAwayLast }

// GoAway announces the end of the connection (RFC 9113, section 6.8). With NoError what is open goes on to its end, and the
// peer's streams above the last one are not processed any more; the last one is the highest that was shown to the
// handler. Any other code fails the connection: Err says so, and Feed takes nothing more.
func (w *Wire) GoAway(code ErrCode, debug string) {
	if w.err != nil || w.sentGoAway && code == NoError {
		return
	}
	w.goAway(code, debug)
	if code != NoError {
		w.err = &ConnError{code, debug}
	}
}

// GoingAway reports whether GOAWAY has been sent or received, or the connection has failed.
func (w *Wire) GoingAway() bool { return w.sentGoAway || w.gotGoAway || w.err != nil }

// goAwayPiece takes the debug data of a GOAWAY, and acts on it at the end of the frame.
func (w *Wire) goAwayPiece(p []byte, last bool) {
	in := &w.in
	if !last {
		const most = 256
		in.debug = append(in.debug, p[:min(len(p), most-len(in.debug))]...)
		return
	}
	if in.debug != nil {
		p = append(in.debug, p...)
	}
	in.debug = nil
	w.gotGoAway = true
	w.control()
	if w.server {
		w.h.OnGoAway(in.goAway, in.goAwayBy, p)
		return
	}
	for w.err == nil {
		s := w.streams.any(func(s *Stream) bool { return (s.ID == 0 || s.ID > in.goAway) && !s.Closed() })
		if s == nil {
			break
		}
		w.closeByReset(s, byPeer)
		w.h.OnReset(s, RefusedStream, true, "sent GOAWAY")
	}
	if w.err != nil {
		return
	}
	w.h.OnGoAway(in.goAway, in.goAwayBy, p)
}

// Ping sends PING; OnPong is called with the same data when the peer answers.
func (w *Wire) Ping(data [8]byte) {
	if w.err == nil {
		w.out.ping(w, 0, data)
	}
}

func (w *Wire) pinged(f *frame, data [8]byte) {
	if f.has(flagAck) {
		w.h.OnPong(data)
		return
	}
	if w.control(); w.err == nil {
		w.out.ping(w, flagAck, data)
		w.answered()
	}
}

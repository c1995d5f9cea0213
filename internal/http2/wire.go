package http2

// Options are the limits of an endpoint. Sizes are in bytes. They are not changed while a Wire uses them, and may be shared.
type Options struct {
	// MaxStreams is how many streams the peer may have open at a time (http2_max_concurrent_streams); 0 = 128.
	MaxStreams int
	// StreamWindow is how much the peer may send on a stream before it is given credit (http2_body_preread_size); 0 = 65536.
	StreamWindow int
	// ConnWindow is the same for all streams together; 0 = as much as the protocol allows.
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

// Wire is one endpoint of a connection.
type Wire struct {
	opt *Options
	h   Handler
}

// NewServer returns the wire of a server. It expects the client's preface first; its own SETTINGS and WINDOW_UPDATE are
// in Output at once.
func NewServer(o *Options, h Handler) *Wire { return &Wire{opt: o, h: h} }

// NewClient returns the wire of a client. Preface, SETTINGS and WINDOW_UPDATE are in Output at once, and streams may be
// opened without waiting for the server's.
func NewClient(o *Options, h Handler) *Wire { return &Wire{opt: o, h: h} }

// Feed takes all of p, which was read from the peer. now is the time on any clock that only goes forward, in
// nanoseconds; floods are measured with it. An error is a *ConnError, and the same ever after: write what is in Output
// and close. The streams are not told: their owner is who calls.
func (w *Wire) Feed(p []byte, now int64) error { panic("not yet") }

// Output is what is to be written to the peer. It is valid until the next call of a method of the wire.
func (w *Wire) Output() []byte { panic("not yet") }

// Sent says that the first n bytes of Output have been written. Streams that wait for room may be told so.
func (w *Wire) Sent(n int) { panic("not yet") }

// Idle reports whether nothing is going on: no stream that is not released, no frame or header block half-way, no output.
func (w *Wire) Idle() bool { panic("not yet") }

// Close gives memory back when the connection has ended. Streams that are not yet released may still be; every other
// call does nothing.
func (w *Wire) Close() { panic("not yet") }

// Err is what Feed has failed with, or nil.
func (w *Wire) Err() error { panic("not yet") }

// Streams is how many streams are not released.
func (w *Wire) Streams() int { panic("not yet") }

// Ready reports whether the peer's SETTINGS have come.
func (w *Wire) Ready() bool { panic("not yet") }

// PeerMaxStreams is how many streams the peer lets this client have open at a time: 100 until it has told.
func (w *Wire) PeerMaxStreams() int { panic("not yet") }

// GoAway announces the end of the connection (RFC 9113, section 6.8). With NoError what is open goes on to its end, and the
// peer's streams above the last one are not processed any more; the last one is the highest that was shown to the
// handler. Any other code fails the connection: Err says so, and Feed takes nothing more.
func (w *Wire) GoAway(code ErrCode, debug string) { panic("not yet") }

// GoingAway reports whether GOAWAY has been sent or received, or the connection has failed.
func (w *Wire) GoingAway() bool { panic("not yet") }

// Ping sends PING; OnPong is called with the same data when the peer answers.
func (w *Wire) Ping(data [8]byte) { panic("not yet") }

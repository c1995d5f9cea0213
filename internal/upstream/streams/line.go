package streams

import (
	"errors"
	"io"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/http2"
	"hearth/internal/loop"
	"hearth/internal/pool"
	"hearth/internal/upstream"
)

// Connections is upstream.Streams: it makes lines.
var Connections upstream.Streams = connections{}

type connections struct{}

// The backend may have streamWindow bytes of each response on the way; so much a client that takes nothing costs, and no
// more than his own stream stands still, because the connection's window is as wide as can be.
const (
	streamWindow = 128 << 10
	widestWindow = 1 << 20   // of a stream whose client is quick, see stream.credit
	headerBytes  = 256 << 10 // the location's buffer_size is the limit that counts
	outputLimit  = 128 << 10
	readSize     = 64 << 10
	readTurn     = 512 << 10 // how much is read before others get a turn
)

var options = http2.Options{StreamWindow: streamWindow, MaxFrame: pieceSize, MaxHeaderBytes: headerBytes, OutputLimit: outputLimit}

// memories are the wires' spare buffers, by loop.
var memories = loop.NewSeat[wireMemory]()

type wireMemory struct {
	http2.Memory
	options http2.Options
}

// Carry implements upstream.Streams.
func (connections) Carry(c *conn.Conn, shared *pool.Shared) pool.Carrier {
	l := &line{conn: c, loop: c.Loop(), shared: shared}
	m := memories.Of(l.loop)
	if m.options.Memory == nil {
		m.options = options
		m.options.Memory = &m.Memory
	}
	l.heard = l.loop.Now()
	l.wire = http2.NewClient(&m.options, l)
	c.Watch(l)
	l.touch()
	if c.Readable().IsSet() {
		l.loop.Start(l)
	}
	return l
}

// Open implements upstream.Streams.
func (connections) Open(c pool.Carrier, x *upstream.Exchange) upstream.Stream {
	l := c.(*line)
	if l.closed {
		return nil
	}
	stock := stocks.Of(l.loop)
	var s *stream
	if n := len(stock.streams); n > 0 {
		s, stock.streams = stock.streams[n-1], stock.streams[:n-1]
	} else {
		s = new(stream)
	}
	s.line, s.in.stock, s.length, s.window = l, stock, -1, streamWindow
	s.isHead = http1.MethodOf(x.Request.Method) == http1.MethodHead
	wire, err := l.wire.Open(s, s.isHead)
	if err != nil {
		s.line = nil
		stock.streams = append(stock.streams, s)
		return nil
	}
	s.wire = wire
	s.writable.Set(l.loop)
	s.place = len(l.streams)
	l.streams = append(l.streams, s)
	l.watchSilence()
	return s
}

// line is one HTTP/2 connection to a backend: pool.Carrier, and what its wire and its socket tell of.
type line struct {
	wire    *http2.Wire
	conn    *conn.Conn
	loop    *loop.Loop
	shared  *pool.Shared
	streams []*stream // in use, in no order

	touched  bool // EndTurn will be called
	again    bool // RunFiber will be called
	closed   bool
	settings bool // SETTINGS came in what is being fed
	goneAway bool // GOAWAY did
	refusing bool // it has refused a stream: it takes no more at once than it has, whatever it said

	ping
}

// Limit implements pool.Carrier.
func (l *line) Limit() int {
	if l.closed || l.wire.GoingAway() {
		return 0
	}
	n := l.wire.PeerMaxStreams()
	if l.refusing {
		n = min(n, max(1, len(l.streams)))
	}
	return n
}

// Shut implements pool.Carrier. The peer is told, as far as the socket takes it.
func (l *line) Shut(pool.Close) {
	if l.closed {
		return
	}
	l.wire.GoAway(http2.NoError, "")
	if out := l.wire.Output(); len(out) > 0 {
		l.conn.TryWrite(out)
	}
	l.close()
}

func (l *line) close() {
	l.closed = true
	l.timer.Stop()
	l.conn.Watch(nil)
	l.conn.Close()
	l.wire.Close()
}

// fail ends the connection and all exchanges on it: the pool says which of them may be tried again.
func (l *line) fail(err error) {
	if l.closed {
		return
	}
	l.close()
	why := pool.Error
	if err == io.EOF {
		why, err = pool.UpstreamEOF, io.ErrUnexpectedEOF // io.EOF is the end of a whole body
	}
	for _, s := range l.streams {
		s.fail(err)
	}
	l.shared.Lost(why)
}

func (l *line) remove(s *stream) {
	last := l.streams[len(l.streams)-1]
	l.streams[s.place], last.place = last, s.place
	l.streams[len(l.streams)-1] = nil
	l.streams = l.streams[:len(l.streams)-1]
	if !refused(s) {
		l.refusing = false // there is room again
	}
}

// ConnReady implements conn.IdleHandler: something has come, or there is room to write.
func (l *line) ConnReady(*conn.Conn) {
	if !l.again {
		l.move()
	}
}

// RunFiber goes on reading where a turn's share was used up.
func (l *line) RunFiber() {
	l.again = false
	l.move()
}

func (l *line) move() {
	if l.closed {
		return
	}
	l.read()
	if !l.closed && l.conn.Writable().IsSet() {
		l.touch()
	}
}

// read feeds the wire with what has come.
func (l *line) read() {
	st := stocks.Of(l.loop)
	if st.scratch == nil {
		st.scratch = make([]byte, readSize)
	}
	for taken := 0; ; {
		n, err := l.conn.TryRead(st.scratch)
		if n == 0 {
			if err != conn.ErrAgain {
				l.fail(err)
			}
			return
		}
		if !l.feed(st.scratch[:n]) {
			return
		}
		if taken += n; taken >= readTurn {
			l.again = true
			l.loop.Start(l)
			return
		}
	}
}

// feed hands bytes to the wire and then does what may not be done while it is at it; false if the connection ended.
func (l *line) feed(p []byte) bool {
	l.heard = l.loop.Now()
	err := l.wire.Feed(p, int64(l.heard))
	l.touch()
	if err != nil {
		l.flush() // the GOAWAY that says why
		var broken *http2.ConnError
		if errors.As(err, &broken) {
			err = &upstream.InvalidResponse{Cause: "upstream " + broken.Reason}
		}
		l.fail(err)
		return false
	}
	if l.goneAway {
		l.goneAway = false
		l.shared.Retire(pool.UpstreamConnectionClose)
	} else if l.settings {
		l.shared.Changed()
	}
	l.settings = false
	return !l.closed
}

// touch has what is in the wire's output written at the end of the turn, with what others add until then.
func (l *line) touch() {
	if !l.touched && !l.closed {
		l.touched = true
		l.loop.EndOfTurn(l)
	}
}

// EndTurn implements loop.TurnEnder.
func (l *line) EndTurn() {
	l.touched = false
	if l.closed {
		return
	}
	if err := l.flush(); err != nil {
		l.read() // what the backend said before it went still counts
		l.fail(err)
	}
}

// flush writes what the socket takes. ConnReady tells when it takes more.
func (l *line) flush() error {
	for {
		out := l.wire.Output()
		if len(out) == 0 {
			return nil
		}
		n, err := l.conn.TryWrite(out)
		if n > 0 {
			l.wire.Sent(n)
			continue
		}
		if err == conn.ErrAgain {
			return nil
		}
		return err
	}
}

// The wire's calls. Those that may end the connection only leave a mark, see feed.

// OnHeaders implements http2.Handler.
func (l *line) OnHeaders(s *http2.Stream, h *http2.Block, end bool) { of(s).onHeaders(h, end) }

// OnData implements http2.Handler.
func (l *line) OnData(s *http2.Stream, p []byte, end bool) { of(s).onData(p, end) }

// OnReset implements http2.Handler.
func (l *line) OnReset(s *http2.Stream, code http2.ErrCode, byPeer bool, reason string) {
	if byPeer && code == http2.RefusedStream {
		l.refusing = true
	}
	of(s).onReset(code, byPeer, reason)
}

// OnRoom implements http2.Handler.
func (l *line) OnRoom(s *http2.Stream) { of(s).writable.Set(l.loop) }

// OnSettings implements http2.Handler.
func (l *line) OnSettings() { l.settings, l.refusing = true, false }

// OnGoAway implements http2.Handler. The streams that it leaves out have been reset.
func (l *line) OnGoAway(_ uint32, code http2.ErrCode, _ []byte) {
	l.goneAway = true
	for _, s := range l.streams {
		if refused(s) {
			reset := s.err.(*upstream.ResetError)
			reset.GoAway, reset.Code = true, code
		}
	}
}

// OnRefused implements http2.Handler; a client has none.
func (l *line) OnRefused(uint32, http2.ErrCode, string) {}

func refused(s *stream) bool {
	reset, ok := s.err.(*upstream.ResetError)
	return ok && reset.Refused
}

func of(s *http2.Stream) *stream { return s.Owner.(*stream) }

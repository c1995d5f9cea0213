package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"hearth/internal/loop"
)

// secure is TLS on a connection: crypto/tls above, the connection's own reads and writes below. A Conn that has one
// reads and writes through it, so that who uses the Conn need not know.
//
// It is the net.Conn that crypto/tls is given. During the handshake, which runs in a fiber, its Read parks. Afterwards it
// never waits: it returns errNothing, which crypto/tls takes for temporary and forgets. Its Write takes all ciphertext
// into a buffer and never fails half way, since crypto/tls could not go on after that; flush sends what the socket takes.
// So the locks inside crypto/tls are never held across a wait, but by the fiber of the handshake.
type secure struct {
	conn    *Conn
	tls     *tls.Conn
	record  int    // plaintext bytes in a record, at most
	early   []byte // read from the socket before TLS began
	out     []byte // ciphertext; out[done:] has not been sent. nil while there is none
	done    int
	taken   int  // plaintext bytes that are encrypted, and that nobody has been told are written
	dry     bool // the socket is known to be empty
	shaking bool // in the handshake
	looking bool // in Peek
	ended   bool // the socket's end has been read
	server  bool
	records recordEdge
	note    any
	until   loop.Instant
	err     error // of the socket: it says so only once
	buffers *cipherBuffers
	one     [1][]byte
}

// TLSOptions are what AcceptTLS and ConnectTLS need besides the configuration.
type TLSOptions struct {
	RecordSize int          // plaintext bytes in one record; 0 = 16 KB
	Early      []byte       // bytes that have been read already; they are copied
	Deadline   loop.Instant // for the whole handshake; 0 = none
}

const (
	maxRecord = 16 << 10
	// writeBound is how much plaintext one write encrypts, so that the ciphertext a blocked connection keeps is bounded.
	writeBound = 64 << 10
	// outBound is more than any honest use leaves unsent: a peer that provokes answers and reads none is cut off.
	outBound = 1 << 20
	// spareCiphers is how many unused buffers a loop keeps, each of up to writeBound and a little.
	spareCiphers = 16
)

// nothing is Read's answer when it would have to wait.
type nothing struct{}

func (nothing) Error() string   { return "nothing to read yet" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true } // crypto/tls does not keep such an error

var (
	errNothing net.Error = nothing{}
	errFlood             = errors.New("too much unsent TLS data")
)

// AcceptTLS makes the connection a TLS server's. It is called in a fiber, waits for the handshake, and on an error the
// connection can only be closed. From then on reads and writes are of what is inside the TLS stream.
func (c *Conn) AcceptTLS(config *tls.Config, o TLSOptions) error {
	s := c.secure(o)
	s.server, s.early = true, slices.Clone(o.Early)
	s.tls = tls.Server(s, config)
	return s.handshake()
}

// secure puts a TLS without its tls.Conn on the connection.
func (c *Conn) secure(o TLSOptions) *secure {
	s := &secure{conn: c, until: o.Deadline, shaking: true, buffers: cipherBuffersOf(c.loop)}
	s.SetRecordSize(o.RecordSize)
	c.tls = s
	return s
}

func (s *secure) handshake() error {
	c := s.conn
	err := s.tls.HandshakeContext(context.Background()) // one that cannot be cancelled: no goroutine watches it
	for err == nil && s.pending() {
		if err = s.flush(); err == ErrAgain {
			err = c.loop.Wait(s.until, &c.writable)
		}
	}
	if err != nil {
		s.flush() // the alert
		return err
	}
	s.shaking = false
	c.readable.Set(c.loop) // what came with the last flight is inside crypto/tls
	return nil
}

// TLS is the connection's TLS, for its state; nil without.
func (c *Conn) TLS() *tls.Conn {
	if c.tls == nil {
		return nil
	}
	return c.tls.tls
}

// read is TryRead. Like a read of a socket it fills p as far as it can, and one that comes back short has taken all there is.
func (s *secure) read(p []byte) (n int, err error) {
	c := s.conn
	for n < len(p) && err == nil {
		var m int
		m, err = s.tls.Read(p[n:])
		if n += m; n < len(p) && err == nil && s.dry && s.records.one() {
			err = errNothing // as it would say; not to ask saves some work on each request
		}
	}
	if err == errNothing {
		s.records.used()
	}
	if s.pending() {
		s.flush() // an answer of TLS itself: a key update, an alert
	}
	switch {
	case err == errNothing:
		c.readable.Clear()
		if n == 0 {
			return 0, ErrAgain
		}
		return n, nil
	case n > 0: // the next read says the error
		return n, nil
	}
	return 0, s.endOf(err)
}

// write is TryWrite, and writev TryWritev.
//
// They say that bytes are written when the ciphertext has left, not when it is made: then nothing is left behind in a
// connection that its user takes for done. Bytes that were encrypted by a call which could not send them are remembered in
// taken; the caller, who was told of none, comes again with the same.
func (s *secure) write(p []byte) (int, error) {
	s.one[0] = p
	n, err := s.writev(s.one[:])
	s.one[0] = nil
	return n, err
}

// writeSoon is TryWriteSoon: the ciphertext waits where plain bytes would, so it counts as written like them. What else
// is encrypted goes behind it, see flush.
func (s *secure) writeSoon(p []byte) (int, error) {
	if s.taken > 0 || s.pending() {
		return s.write(p)
	}
	s.one[0] = p
	err := s.seal(s.one[:])
	s.one[0] = nil
	if err != nil {
		return 0, err
	}
	s.taken = 0
	s.conn.post(s.out)
	s.drop()
	return len(p), nil
}

func (s *secure) writev(bufs [][]byte) (int, error) {
	want := 0
	for _, b := range bufs {
		want += len(b)
	}
	if want == 0 {
		return 0, nil
	}
	if s.taken > 0 || s.pending() {
		if n, err := s.send(want); n > 0 || err != nil {
			return n, err
		}
	}
	if err := s.seal(bufs); err != nil {
		return 0, err
	}
	return s.send(want)
}

// seal encrypts up to writeBound. Small pieces share a record: to copy them costs less than to encrypt one more.
func (s *secure) seal(bufs [][]byte) error {
	part := s.buffers.part[:0]
	for k, b := range bufs {
		for len(b) > 0 && s.taken+len(part) < writeBound {
			room := min(s.record, writeBound-s.taken) - len(part)
			n := min(len(b), room)
			record := b[:n]
			b = b[n:]
			whole := n == room || k == len(bufs)-1
			if len(part) > 0 || !whole {
				part = append(part, record...)
				record = part
			}
			if !whole {
				continue
			}
			if err := s.encrypt(record); err != nil {
				return err
			}
			part = part[:0]
		}
	}
	s.buffers.part = part[:0]
	if len(part) > 0 {
		return s.encrypt(part)
	}
	return nil
}

// encrypt makes one record.
func (s *secure) encrypt(p []byte) error {
	_, err := s.tls.Write(p)
	if err == nil {
		s.taken += len(p)
	}
	return err
}

// send sends ciphertext and tells how many of the plaintext bytes have gone with it. Within a buffer that has gone in part
// they are counted in proportion, rounded down, so that a slow peer's progress shows.
func (s *secure) send(want int) (int, error) {
	before := s.done
	all := len(s.out) - before
	err := s.flush()
	n := s.taken
	if err == ErrAgain {
		n = int(int64(s.taken) * int64(s.done-before) / int64(all))
		if n > 0 {
			err = nil
		}
	}
	if err != nil {
		return 0, err
	}
	n = min(n, want)
	s.taken -= n
	return n, nil
}

// sendFile is TrySendFile. What of the file is encrypted already is not read again.
func (s *secure) sendFile(f File, off, n int64) (int64, error) {
	if s.taken > 0 || s.pending() {
		if m, err := s.send(int(min(n, writeBound))); m > 0 || err != nil {
			return int64(m), err
		}
	}
	if s.buffers.file == nil {
		s.buffers.file = make([]byte, writeBound)
	}
	buf := s.buffers.file[:min(n, writeBound)]
	m, err := f.ReadAt(buf, off)
	if m == 0 {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	w, err := s.write(buf[:m])
	return int64(w), err
}

func (s *secure) pending() bool { return s.done < len(s.out) }

// flush sends ciphertext until there is none, or no room (ErrAgain).
func (s *secure) flush() error {
	c := s.conn
	for s.pending() {
		c.settle()
		if c.closed {
			return ErrClosed
		}
		if !c.writable.IsSet() {
			return ErrAgain
		}
		p := s.out[s.done:]
		n, errno := c.send(p)
		n, err := c.wrote(n, len(p), errno)
		s.done += n
		if err != nil {
			return err
		}
	}
	s.drop()
	return nil
}

// drop gives the buffer back.
func (s *secure) drop() {
	if s.out != nil {
		s.buffers.put(s.out)
		s.out, s.done = nil, 0
	}
}

// finish says goodbye (close_notify), if there is room.
func (s *secure) finish() {
	if !s.shaking && s.tls.CloseWrite() == nil {
		s.flush()
	}
}

// leave is finish and drop when the connection is closed. A lent one may be closed from any goroutine: then nothing of the
// loop's is touched, neither its buffers nor its count of work, and the goodbye has one try. It does not overtake a message of
// which the socket has not taken all.
func (s *secure) leave(lent, reset bool) {
	if lent {
		s.buffers = nil
	}
	switch {
	case reset, s.conn.backlog != nil:
	case !lent:
		s.finish()
	case s.tls.CloseWrite() == nil && s.pending():
		s.conn.send(s.out[s.done:])
	}
	s.drop()
}

// Read is crypto/tls's.
func (s *secure) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		if s.early = s.early[n:]; len(s.early) == 0 {
			s.early = nil
		}
		return n, nil
	}
	c := s.conn
	for {
		switch {
		case c.closed:
			return 0, ErrClosed
		case s.err != nil:
			return 0, s.err
		}
		if !s.dry {
			n, errno := c.recv(p, 0)
			switch {
			case errno == unix.EAGAIN:
				s.dry = true
			case errno != 0:
				s.err = errno
				continue
			case n == 0:
				s.ended = true
				return 0, io.EOF
			default:
				// A look is taken to the end, since the poller has said once what it knows, the peer's end included.
				s.dry = n < len(p) && !c.hangUp.IsSet() && !s.looking
				s.records.pass(p[:n])
				c.BytesRead += int64(n)
				c.loop.Charge(n)
				return n, nil
			}
		}
		if !s.shaking {
			return 0, errNothing
		}
		c.readable.Clear()
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
}

// wait waits for bytes of the handshake, sending what has not been sent.
func (s *secure) wait() error {
	c := s.conn
	switch err := s.flush(); err {
	case nil:
		return c.loop.Wait(s.until, &c.readable)
	case ErrAgain:
		return c.loop.Wait(s.until, &c.readable, &c.writable)
	default:
		return err
	}
}

// Write is crypto/tls's: it takes everything.
func (s *secure) Write(p []byte) (int, error) {
	if len(s.out)-s.done > outBound {
		return 0, errFlood
	}
	if s.out == nil {
		s.out = s.buffers.take()
	}
	s.out = append(s.out, p...)
	return len(p), nil
}

// Handshaking is what callbacks of crypto/tls find as the net.Conn of a handshake: ClientHelloInfo.Conn. They run in its fiber.
type Handshaking interface {
	Loop() *loop.Loop
	Conn() *Conn
	// SetRecordSize overrides TLSOptions.RecordSize: the server may be chosen in the handshake only.
	SetRecordSize(n int)
	// Note keeps v for Conn.TLSNote.
	Note(v any)
}

var _ Handshaking = (*secure)(nil)

func (s *secure) Loop() *loop.Loop { return s.conn.loop }
func (s *secure) Conn() *Conn      { return s.conn }
func (s *secure) Note(v any)       { s.note = v }

func (s *secure) SetRecordSize(n int) {
	if s.record = n; n <= 0 || n > maxRecord {
		s.record = maxRecord
	}
}

// TLSNote is what a callback of the handshake has noted; nil = nothing.
func (c *Conn) TLSNote() any {
	if c.tls == nil {
		return nil
	}
	return c.tls.note
}

// What else a net.Conn has is not crypto/tls's to decide here: the Conn's user closes it, and waits have their own limits.

func (s *secure) Close() error                     { return nil }
func (s *secure) LocalAddr() net.Addr              { return netAddr(s.conn.LocalAddr()) }
func (s *secure) RemoteAddr() net.Addr             { return netAddr(s.conn.remote) }
func (s *secure) SetDeadline(time.Time) error      { return nil }
func (s *secure) SetReadDeadline(time.Time) error  { return nil }
func (s *secure) SetWriteDeadline(time.Time) error { return nil }

func netAddr(a Addr) net.Addr {
	if a.IP.IsValid() {
		return net.TCPAddrFromAddrPort(a.IP)
	}
	return &net.UnixAddr{Name: a.Path, Net: "unix"}
}

// cipherBuffers are a loop's unused buffers for ciphertext. A connection holds one only while it has something unsent.
type cipherBuffers struct {
	free [][]byte
	file []byte // what files are read into
	part []byte // a record that is made of several pieces
}

type cipherBuffersKey struct{}

func cipherBuffersOf(l *loop.Loop) *cipherBuffers {
	if b, ok := l.Value(cipherBuffersKey{}).(*cipherBuffers); ok {
		return b
	}
	b := new(cipherBuffers)
	l.SetValue(cipherBuffersKey{}, b)
	return b
}

// take gives a buffer; b is nil where there is no loop at hand.
func (b *cipherBuffers) take() []byte {
	if b == nil {
		return make([]byte, 0, 64) // for a goodbye
	}
	n := len(b.free)
	if n == 0 {
		return make([]byte, 0, 4<<10)
	}
	buf := b.free[n-1]
	b.free = b.free[:n-1]
	return buf
}

func (b *cipherBuffers) put(buf []byte) {
	if b != nil && len(b.free) < spareCiphers && cap(buf) <= 2*writeBound {
		b.free = append(b.free, buf[:0])
	}
}

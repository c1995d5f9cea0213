package frontend

import (
	"errors"
	"io"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// errLength is for a body that is not as long as its head has said.
var errLength = errors.New("response body does not match its Content-Length")

// output is one response on its way out. Bytes are put into a queue, so that a head leaves in one write with its body, and
// what the socket does not take stays there. Large pieces go past the queue while it is not blocked.
type output struct {
	queue   []byte      // nil until something is queued
	done    int         // bytes of queue that the socket has taken
	files   []fileRange // where between the queue's bytes they go out
	blocked bool        // the socket, or the pace, takes no more for now

	framing     framing
	http11      bool
	bare        bool  // HTTP/0.9: no head
	left        int64 // byLength: body bytes to come
	started     bool  // the head has been queued
	last        bool  // the end of the body has been queued
	keepAlive   bool  // as the head has told the client
	noKeepAlive bool
	timedOut    bool
	err         error // nothing more can be sent

	sent     int64 // bytes that the socket has taken, of this response
	headSize int64 // those of them that come before the body
	pace     pace
	req      *core.Request
	vec      [3][]byte
}

// fileRange is a part of a file in the queue, to be sent when queue[:at] has been.
type fileRange struct {
	file   conn.File
	off, n int64
	at     int
}

// begin prepares for the response to r. The queue is empty then.
func (o *output) begin(r *core.Request) {
	queue, files := o.queue[:0], o.files[:0]
	*o = output{}
	o.queue, o.files, o.req = queue, files, r
}

func (o *output) version(h *http1.RequestHead) {
	o.http11 = h.AtLeast11()
	o.bare = h.Major == 0 && h.Minor == 9
}

func (o *output) release(sh *shard) {
	if o.queue != nil {
		sh.putBuffer(o.queue)
	}
	clear(o.files)
	files := o.files[:0]
	*o = output{}
	o.files = files
}

func (o *output) pending() bool { return o.done < len(o.queue) || len(o.files) > 0 }

func (o *output) fail(err error) error {
	if o.err == nil {
		o.err = err
	}
	return o.err
}

// took accounts for n bytes of this response that the socket has taken.
func (o *output) took(n int64) {
	o.sent += n
	o.req.BytesSent = o.sent
	o.req.BodySent = max(0, o.sent-o.headSize)
}

// complete tells whether the whole response has left.
func (o *output) complete() bool { return o.err == nil && o.last && !o.pending() }

// room makes sure that there is a queue to append to.
func (s *session) room() {
	if s.out.queue == nil {
		s.out.queue = s.shard.takeBuffer()
	}
}

// copyUpTo is how large a piece of a body is copied into the queue: below it a copy costs less than one more
// element for the system call to look at.
const copyUpTo = 8 << 10

// Send implements core.Downstream.
//
// A file must stay open until the response has been flushed.
func (s *session) Send(c core.Chunk) error {
	o := &s.out
	switch {
	case o.err != nil:
		return o.err
	case !o.started:
		if err := s.SendHead(s.req); err != nil {
			return err
		}
	}
	if o.last {
		if c.Size() > 0 {
			return o.fail(errLength)
		}
		return s.TryFlush()
	}
	if err := s.frame(c); err != nil {
		return err
	}
	if c.Last && o.framing == byLength && o.left > 0 {
		return o.fail(errLength)
	}
	o.last = c.Last
	if c.Flush || c.Last || len(o.queue)-o.done >= int(s.settings().PostponeOutput) || len(o.files) > 0 {
		return s.TryFlush()
	}
	return nil
}

// putFile queues a file's range. One that fits into the queue's buffer is read, so that it leaves in one write with what is
// before it: to copy it costs less than a system call more.
func (s *session) putFile(c core.Chunk) error {
	o := &s.out
	if !c.File.IsOpen() || c.Len == 0 {
		return nil
	}
	s.room()
	end := len(o.queue)
	if c.Len > int64(cap(o.queue)-end-lastChunkRoom) {
		o.files = append(o.files, fileRange{c.File, c.Off, c.Len, end})
		return nil
	}
	o.queue = o.queue[:end+int(c.Len)]
	if n, err := c.File.ReadAt(o.queue[end:], c.Off); n < int(c.Len) {
		o.queue = o.queue[:end]
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return o.fail(err)
	}
	return nil
}

// lastChunkRoom is what may follow a file in the queue: the end of its chunk, and the last one.
const lastChunkRoom = len("\r\n0\r\n\r\n")

// put sends mem and tail, or queues them. What is small waits in the queue for company; what is large goes out from where it is.
func (s *session) put(mem, tail []byte) error {
	o := &s.out
	if len(mem) <= copyUpTo || o.blocked || len(o.files) > 0 || o.pace.rate > 0 {
		if len(mem)+len(tail) > 0 {
			s.room()
			o.queue = append(append(o.queue, mem...), tail...)
		}
		return nil
	}
	vec := o.vec[:0]
	for _, p := range [...][]byte{o.queue[o.done:], mem, tail} {
		if len(p) > 0 {
			vec = append(vec, p)
		}
	}
	n, err := s.conn.TryWritev(vec)
	o.vec = [3][]byte{}
	if err != nil && err != conn.ErrAgain {
		return o.fail(err)
	}
	o.took(int64(n))
	n = s.advance(n)
	if n < len(mem) {
		s.room()
		o.queue = append(append(o.queue, mem[n:]...), tail...)
	} else if n -= len(mem); n < len(tail) {
		s.room()
		o.queue = append(o.queue, tail[n:]...)
	} else {
		return nil
	}
	o.blocked = true
	return nil
}

// advance takes n written bytes off the queue, up to the next file, and returns how many are left over.
func (s *session) advance(n int) int {
	o := &s.out
	k := min(n, len(o.queue)-o.done)
	o.done += k
	if o.done == len(o.queue) && len(o.files) == 0 && o.done > 0 {
		o.queue, o.done = o.queue[:0], 0
	}
	return n - k
}

// Congested implements core.Downstream.
func (s *session) Congested() bool { return s.out.blocked && s.out.pending() }

// flushBytes bounds one TryFlush: a client that takes everything at once must not keep the loop to itself.
const flushBytes = 1 << 20

// TryFlush implements core.Downstream.
func (s *session) TryFlush() error {
	o := &s.out
	for start := o.sent; o.err == nil && o.pending(); {
		if o.sent-start >= flushBytes {
			o.blocked = true // who waits for room now lets others have their turn
			return nil
		}
		want := s.next()
		allowed := o.pace.allowed(s.loop.Now(), o.sent, want)
		if allowed == 0 {
			o.blocked = true
			return nil
		}
		n, err := s.writeNext(allowed)
		if err == conn.ErrAgain {
			o.blocked = true
			return nil
		}
		if err != nil {
			return o.fail(err)
		}
		o.took(int64(n))
	}
	o.blocked = false
	return o.err
}

// next is how many bytes can go out in one piece: queued ones up to the next file, or that file's.
func (s *session) next() int64 {
	o := &s.out
	end := len(o.queue)
	if len(o.files) > 0 {
		if end = o.files[0].at; end == o.done {
			return o.files[0].n
		}
	}
	return int64(end - o.done)
}

// writeNext writes up to n bytes of that piece.
func (s *session) writeNext(n int64) (int, error) {
	o := &s.out
	if len(o.files) == 0 || o.files[0].at > o.done {
		p := o.queue[o.done : o.done+int(n)]
		write := s.conn.TryWrite
		if o.last && o.keepAlive && !o.noKeepAlive && !s.h.draining { // nothing follows, not even the connection's end
			write = s.conn.TryWriteSoon
		}
		written, err := write(p)
		s.advance(written)
		return written, err
	}
	f := &o.files[0]
	written, err := s.conn.TrySendFile(f.file, f.off, n)
	f.off += written
	f.n -= written
	if f.n == 0 {
		k := copy(o.files, o.files[1:])
		o.files[k] = fileRange{}
		o.files = o.files[:k]
		s.advance(0)
	}
	return int(written), err
}

// WaitFlush implements core.Downstream.
func (s *session) WaitFlush() error {
	o := &s.out
	timeout := s.settings().SendTimeout
	deadline, sent := s.loop.Now().Add(timeout), o.sent
	for {
		if err := s.TryFlush(); err != nil {
			return err
		}
		if !o.pending() {
			return nil
		}
		if o.sent != sent {
			deadline, sent = s.loop.Now().Add(timeout), o.sent
		}
		if err := s.waitRoom(deadline); err != nil {
			o.timedOut = err == loop.ErrTimeout
			return o.fail(err)
		}
	}
}

// waitRoom waits until more can be sent. Once the response is complete but for that, it discards what still comes of the request's
// body, since a client may read nothing before it has sent everything.
func (s *session) waitRoom(deadline loop.Instant) error {
	o := &s.out
	if o.pace.resume > s.loop.Now() {
		if err := s.loop.Wait(o.pace.resume); err != loop.ErrTimeout {
			return err
		}
		return nil
	}
	if !o.last || s.body.done || s.body.err != nil || s.body.expect || s.discardBody() != conn.ErrAgain {
		return s.loop.Wait(deadline, s.conn.Writable())
	}
	return s.loop.Wait(deadline, s.conn.Writable(), s.conn.Readable())
}

// Writable implements core.Downstream. While the pace holds output back, the socket's readiness says nothing: then it is an
// event that is never set, and ResumeAt says how long to wait.
func (s *session) Writable() *loop.Event {
	if s.out.pace.resume > s.loop.Now() {
		return &s.out.pace.held
	}
	return s.conn.Writable()
}

// Gone implements core.Downstream. As in nginx, a client that only closes its sending side counts as gone.
func (s *session) Gone() *loop.Event { return s.conn.HangUp() }

// ClientGone implements core.Downstream.
func (s *session) ClientGone() bool { return s.conn.HungUp() || s.out.err != nil }

// SetRate implements core.Downstream.
func (s *session) SetRate(bytesPerSecond, after int64) {
	s.out.pace.set(s.loop.Now(), bytesPerSecond, after)
}

// ResumeAt implements core.Downstream.
func (s *session) ResumeAt() loop.Instant { return s.out.pace.resume }

// NoKeepAlive implements core.Downstream.
func (s *session) NoKeepAlive() { s.out.noKeepAlive = true }

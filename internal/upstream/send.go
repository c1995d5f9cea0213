package upstream

import (
	"errors"
	"io"
	"os"

	"hearth/internal/conn"
	"hearth/internal/core"
	"hearth/internal/http1"
	"hearth/internal/loop"
)

// outBody is the request body on its way to the backend: read whole beforehand (and so sendable again), or streamed
// while it arrives. What has been streamed is kept as long as it fits in the buffer, because then it can be sent again.
type outBody struct {
	streaming bool
	stored    core.Stored // when not streaming; empty = no body
	kept      []byte      // the streamed part so far; the buffer is the exchange's
	lost      bool        // more has been streamed than kept holds
	eof       bool        // all of the client's body has been read
	read      int64       // bytes of it read from the client, for a stream
	size      int64       // by Content-Length; -1 = not known, to be sent chunked
}

// streamBuffer is how much of a streamed body is read at once, and kept for another try.
const streamBuffer = 16 << 10

// replayable says whether the body can be sent to another peer from its beginning.
func (b *outBody) replayable() bool { return !b.streaming || !b.lost }

// BodySize is the length of the request body to be sent: 0 for none, -1 when it is not known yet and has to be chunked.
func (x *Exchange) BodySize() int64 { return x.body.size }

// takeBody reads the request's body before a backend is asked (proxy_request_buffering), or prepares to stream it.
func (x *Exchange) takeBody() core.Verdict {
	r, b := x.R, &x.body
	kept := b.kept[:0]
	*b = outBody{}
	b.kept = kept
	if !x.Set.PassRequestBody || !r.HasBody() {
		return core.OK
	}
	if !x.Set.RequestBuffering && r.BodyUnread() && !(x.Set.NoChunks && r.BodySize() < 0) {
		b.streaming, b.size = true, r.BodySize()
		return core.OK
	}
	if err := r.BufferBody(); err != nil {
		return core.BodyVerdict(err)
	}
	b.stored = r.Stored()
	b.size = b.stored.Size
	return core.OK
}

// errEarly says that the response began before the request had been sent; it is not a failure.
var errEarly = errors.New("response before the end of the request")

// Send writes the request: the head, then the body as it is or, with chunked, in chunks. When the backend answers
// before it has everything, sending stops and the answer is read; the connection is then not used again.
func (x *Exchange) Send(head []byte, chunked bool) error {
	err := x.send(head, chunked)
	if err == errEarly {
		x.unsent = true
		return nil
	}
	return err
}

// ReplaceBody has p sent instead of the client's body (proxy_set_body).
func (x *Exchange) ReplaceBody(p []byte) {
	x.body.stored, x.body.streaming, x.body.size = core.Stored{Mem: p, Size: int64(len(p))}, false, int64(len(p))
}

func (x *Exchange) send(head []byte, chunked bool) error {
	b := &x.body
	switch {
	case b.streaming:
		return x.stream(head, chunked)
	case b.stored.Size == 0:
		return x.writeSoon(head)
	case b.stored.File == nil:
		return x.write2(head, b.stored.Mem)
	}
	if err := x.write(head); err != nil {
		return err
	}
	return x.writeFile(b.stored.File, b.stored.Size)
}

// write sends p, waiting for room as often as it takes.
func (x *Exchange) write(p []byte) error {
	for {
		n, err := x.Conn.TryWrite(p)
		if n > 0 {
			x.wrote = true
			if p = p[n:]; len(p) == 0 {
				return nil
			}
			continue
		}
		if err != conn.ErrAgain {
			return err
		}
		if err := x.waitWritable(); err != nil {
			return err
		}
	}
}

// writeSoon is write for a request that nothing follows. Whether any of it has been written is seen later, by what the
// connection has counted.
func (x *Exchange) writeSoon(p []byte) error {
	n, err := x.Conn.TryWriteSoon(p)
	if err != nil && err != conn.ErrAgain {
		return err
	}
	if p = p[n:]; len(p) > 0 {
		return x.write(p)
	}
	return nil
}

// write2 sends head and body in one system call where they fit.
func (x *Exchange) write2(head, body []byte) error {
	if len(body) == 0 {
		return x.write(head)
	}
	x.pair = [2][]byte{head, body}
	n, err := x.Conn.TryWritev(x.pair[:])
	x.pair = [2][]byte{}
	if err != nil && err != conn.ErrAgain {
		return err
	}
	if n > 0 {
		x.wrote = true
	}
	if n < len(head) {
		if err := x.write(head[n:]); err != nil {
			return err
		}
		n = len(head)
	}
	if n -= len(head); n == len(body) {
		return nil
	}
	return x.write(body[n:])
}

// writeFile sends size bytes from the start of a temporary file.
func (x *Exchange) writeFile(f *os.File, size int64) error {
	for at := int64(0); at < size; {
		n, err := x.Conn.TrySendFile(conn.FileOf(f), at, size-at)
		at += n
		if n > 0 {
			x.wrote = true
			continue
		}
		if err != conn.ErrAgain {
			return err
		}
		if err := x.waitWritable(); err != nil {
			return err
		}
	}
	return nil
}

// waitWritable waits for room towards the backend. It also looks for an answer that comes early, which ends the
// sending, and for a client that goes.
func (x *Exchange) waitWritable() error {
	until := deadline(x.R.Loop.Now(), x.Set.SendTimeout)
	for {
		if err := x.early(); err != nil {
			return err
		}
		events := [3]*loop.Event{x.Conn.Writable(), x.Conn.Readable(), nil}
		on := events[:2]
		if x.mindsClient() {
			events[2] = x.R.Down.Gone()
			on = events[:3]
		}
		if err := x.R.Loop.Wait(until, on...); err != nil {
			return err
		}
		if x.Conn.Writable().IsSet() {
			return nil
		}
		if x.mindsClient() && x.R.Down.ClientGone() {
			return errAbort
		}
	}
}

// early looks whether the backend has said something already.
func (x *Exchange) early() error {
	if x.In.Len() > 0 {
		return errEarly
	}
	switch n, err := x.In.read(x.Conn); {
	case n > 0:
		x.answered = true
		return errEarly
	case err != conn.ErrAgain:
		return err
	}
	return nil
}

// mindsClient says whether the client's leaving ends the exchange (proxy_ignore_client_abort; a subrequest goes on).
func (x *Exchange) mindsClient() bool { return !x.Set.IgnoreClientAbort && x.R.Main == x.R }

// stream sends head and a body that is still arriving (proxy_request_buffering off).
func (x *Exchange) stream(head []byte, chunked bool) error {
	b := &x.body
	if cap(b.kept) < streamBuffer {
		b.kept = make([]byte, 0, streamBuffer)
	}
	if len(b.kept) > 0 { // an earlier try has read some
		if err := x.writePiece(head, b.kept, chunked); err != nil {
			return err
		}
		head = nil
	}
	for !b.eof {
		piece, err := x.readPiece(head)
		if piece == nil && head != nil {
			if err := x.write(head); err != nil { // the backend can think while the client sends
				return err
			}
			head = nil
		}
		switch {
		case err == io.EOF:
			b.eof = true
		case err != nil:
			return err
		}
		if len(piece) > 0 {
			if err := x.writePiece(head, piece, chunked); err != nil {
				return err
			}
			head = nil
		}
	}
	if head != nil {
		if err := x.write(head); err != nil {
			return err
		}
	}
	if chunked {
		return x.write(http1.AppendLastChunk(x.scratch[:0], nil))
	}
	return nil
}

// readPiece reads the next piece of the client's body behind what is kept, or over it once the buffer has been full.
// With a head still to send it does not wait: nil and no error then mean that nothing is there.
func (x *Exchange) readPiece(head []byte) ([]byte, error) {
	b, r := &x.body, x.R
	space := b.kept[len(b.kept):cap(b.kept)]
	if len(space) == 0 {
		b.lost = true
		b.kept = b.kept[:0]
		space = b.kept[:cap(b.kept)]
	}
	for {
		n, err := r.TryReadBody(space)
		if n > 0 {
			if !b.lost {
				b.kept = b.kept[:len(b.kept)+n]
			}
			return space[:n], nil
		}
		if err != conn.ErrAgain {
			if err != nil && err != io.EOF {
				err = &clientError{err}
			}
			return nil, err
		}
		if head != nil {
			return nil, nil
		}
		if err := x.early(); err != nil {
			return nil, err
		}
		if err := r.Loop.Wait(deadline(r.Loop.Now(), r.Location.Conf.ClientBodyTimeout), r.Down.BodyReadable(), x.Conn.Readable()); err != nil {
			return nil, &clientError{err}
		}
	}
}

// writePiece sends head (may be nil) and one piece of the body, as a chunk if asked.
func (x *Exchange) writePiece(head, piece []byte, chunked bool) error {
	if !chunked {
		return x.write2(head, piece)
	}
	if head != nil {
		if err := x.write(head); err != nil {
			return err
		}
	}
	if err := x.write2(http1.AppendChunkHead(x.scratch[:0], int64(len(piece))), piece); err != nil {
		return err
	}
	return x.write(crlf)
}

var crlf = []byte(http1.EndChunk)

// clientError is a failure on the client's side of an exchange.
type clientError struct{ err error }

func (e *clientError) Error() string { return e.err.Error() }
func (e *clientError) Unwrap() error { return e.err }

func isClient(err error) bool {
	var c *clientError
	return errors.As(err, &c)
}

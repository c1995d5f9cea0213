package upstream

import (
	"io"

	"hearth/internal/conn"
	"hearth/internal/loop"
)

// upload is a request's body on its way over a stream. Unlike what Send does it never waits, so that it goes on while the
// response is awaited and while that is passed to the client: each may begin and end as it likes (RFC 9113, section 8.1).
// Who waits for anything meanwhile, waits for what the upload needs too.
type upload struct {
	on    bool
	last  bool         // the end of the body is in piece
	room  bool         // the stream took less than it was offered: it waits for that, else for the client
	piece []byte       // read, and not taken by the stream yet
	at    int64        // of a stored body: how much has been read
	moved loop.Instant // when it last got on
	buf   []byte       // for bodies that are stored in a file
}

// uploadPiece is how much of a stored body is read at once from its file.
const uploadPiece = 32 << 10

// BeginUpload starts to send the body on x.Stream, whose head has been sent and has not ended the request.
func (x *Exchange) BeginUpload() error {
	buf := x.up.buf
	x.up = upload{on: true, moved: x.R.Loop.Now(), buf: buf}
	if b := &x.body; b.streaming {
		if cap(b.kept) < streamBuffer {
			b.kept = make([]byte, 0, streamBuffer)
		}
		x.up.piece, x.up.last = b.kept, b.eof // an earlier try has read some
	}
	return x.upload()
}

// upload sends on what it can without waiting. Errors are of the client's side, or of a file; what the backend has
// against the rest of the request shows in its response.
func (x *Exchange) upload() error {
	u := &x.up
	for u.on {
		if x.Stream.Stopped() {
			u.on = false
			return nil
		}
		if len(u.piece) == 0 && !u.last {
			if err := x.nextPiece(); err != nil {
				if err == conn.ErrAgain {
					u.room = false
					return nil
				}
				return err
			}
		}
		end := u.last
		if end && x.body.streaming && x.Set.RequestTrailers {
			if fields := x.R.Main.Down.RequestTrailers(); len(fields) > 0 {
				if n := x.Stream.Write(u.piece, false); n < len(u.piece) {
					u.piece, u.room = u.piece[n:], true
					return nil
				}
				x.Stream.WriteTrailers(fields)
				u.on = false
				return nil
			}
		}
		n := x.Stream.Write(u.piece, end)
		if n > 0 {
			x.wrote = true
			u.moved = x.R.Loop.Now()
		}
		if u.piece = u.piece[n:]; len(u.piece) > 0 {
			u.room = true
			return nil
		}
		u.on = !end
		x.R.Loop.Charge(n)
		x.R.Loop.Breathe()
	}
	return nil
}

// nextPiece reads on; conn.ErrAgain when the client has sent no more yet.
func (x *Exchange) nextPiece() error {
	u, b := &x.up, &x.body
	switch {
	case b.streaming:
		return x.nextStreamed()
	case b.stored.File == nil:
		u.piece, u.last = b.stored.Mem, true
		return nil
	}
	if u.buf == nil {
		u.buf = make([]byte, uploadPiece)
	}
	n, err := b.stored.ReadAt(u.buf[:min(int64(len(u.buf)), b.stored.Size-u.at)], u.at)
	if n == 0 && err != nil {
		return &localError{err}
	}
	u.at += int64(n)
	u.piece, u.last = u.buf[:n], u.at == b.stored.Size
	return nil
}

// nextStreamed is nextPiece of a body that is still arriving.
func (x *Exchange) nextStreamed() error {
	u, b := &x.up, &x.body
	space := b.kept[len(b.kept):cap(b.kept)]
	if len(space) == 0 {
		b.lost = true
		b.kept = b.kept[:0]
		space = b.kept[:cap(b.kept)]
	}
	n, err := x.R.TryReadBody(space)
	if n > 0 {
		if !b.lost {
			b.kept = b.kept[:len(b.kept)+n]
		}
		b.read += int64(n)
		if b.size >= 0 && b.read == b.size {
			b.eof = true
		}
		u.piece, u.last = space[:n], b.eof
		return nil
	}
	switch {
	case err == io.EOF:
		b.eof, u.last = true, true
		return nil
	case err == conn.ErrAgain:
		return err
	}
	return &clientError{err}
}

// uploadEvents is what the upload waits for, nil if for nothing, and until when: proxy_send_timeout for the backend to take more, or
// client_body_timeout for the client to send.
func (x *Exchange) uploadEvent() (*loop.Event, loop.Instant) {
	u := &x.up
	switch {
	case !u.on:
		return nil, 0
	case u.room:
		return x.Stream.Writable(), deadline(u.moved, x.Set.SendTimeout)
	}
	return x.R.Main.Down.BodyReadable(), deadline(u.moved, x.R.Location.Conf.ClientBodyTimeout)
}

// uploadLate is the error of an upload whose time has passed.
func (x *Exchange) uploadLate() error {
	if x.up.room {
		return errSendTimeout
	}
	return &clientError{loop.ErrTimeout}
}

// Await waits until x.Stream is readable: the way a protocol waits for a head. The request's body is sent on meanwhile. The time that
// the backend may be silent counts from the end of the request. The error is of the client, or loop.ErrTimeout.
func (x *Exchange) Await() error {
	began := x.R.Loop.Now()
	for {
		if err := x.upload(); err != nil {
			return err
		}
		if x.Stream.Readable().IsSet() {
			return nil
		}
		sending, until := x.uploadEvent()
		if sending == nil {
			until = deadline(max(began, x.up.moved), x.Set.ReadTimeout)
		}
		events := [3]*loop.Event{x.Stream.Readable(), sending, nil}
		minds := x.mindsClient() && (!x.up.on || x.up.room) // else the body's end tells
		if minds {
			events[2] = x.R.Down.Gone()
		}
		switch err := x.R.Loop.Wait(until, events[:]...); {
		case err == loop.ErrTimeout && sending != nil:
			return x.uploadLate()
		case err != nil:
			return err
		}
		if minds && !x.Stream.Readable().IsSet() && x.R.Down.ClientGone() {
			return errAbort
		}
	}
}

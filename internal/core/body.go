package core

import (
	"errors"
	"io"
	"os"

	"hearth/internal/conn"
	"hearth/internal/http1"
	"hearth/internal/logs"
	"hearth/internal/loop"
)

// requestBody is what core knows of a request's body.
type requestBody struct {
	buf       []byte // its beginning, or all of it
	file      *os.File
	path      string // of file, while it has a name
	size      int64  // bytes read so far from the client
	at        int64  // how far a stored body has been read
	stored    bool   // all of it is in buf and file
	discarded bool   // it was read to nowhere, or will be by the frontend
	err       error  // what ended it, io.EOF included
}

// BodyError is why a request body could not be read, with the status to answer with; 0 = the client is gone.
type BodyError struct {
	Status int
	Cause  error
}

func (e *BodyError) Error() string { return e.Cause.Error() }
func (e *BodyError) Unwrap() error { return e.Cause }

// Verdict is what a handler that needs the body returns.
func (e *BodyError) Verdict() Verdict { return Verdict(e.Status) }

// BodyVerdict is what a handler returns after an error of ReadBody or BufferBody.
func BodyVerdict(err error) Verdict {
	var e *BodyError
	if errors.As(err, &e) {
		return e.Verdict()
	}
	return 500
}

var errTooLarge = errors.New("client intended to send too large chunked body")

// ReadBody reads the request body, as it comes or as BufferBody stored it: it is the one way for handlers to get it.
// It ends with io.EOF; any other error is a *BodyError: 413 beyond client_max_body_size, 400 malformed, 408 too slow.
func (r *Request) ReadBody(p []byte) (int, error) {
	m := r.Main
	b := &m.body
	if b.stored {
		n, err := r.Stored().ReadAt(p, b.at)
		b.at += int64(n)
		if n > 0 {
			err = nil
		}
		return n, err
	}
	if b.err != nil {
		return 0, b.err
	}
	for {
		n, err := m.Down.ReadBody(p)
		if n, err = r.bodyRead(n, err); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// TryReadBody is ReadBody without waiting: conn.ErrAgain when nothing is there.
func (r *Request) TryReadBody(p []byte) (int, error) {
	switch b := &r.Main.body; {
	case b.stored:
		return r.ReadBody(p)
	case b.err != nil:
		return 0, b.err
	}
	for {
		n, err := r.Main.Down.TryReadBody(p)
		if n == 0 && isAgain(err) {
			return 0, err
		}
		if n, err = r.bodyRead(n, err); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// bodyRead accounts for what was read. A chunk that leads beyond the limit is too much as soon as it is announced.
func (r *Request) bodyRead(n int, err error) (int, error) {
	b := &r.Main.body
	before := b.size
	b.size += int64(n)
	if limit := r.Location.Conf.ClientMaxBodySize; limit > 0 && r.Head.Chunked {
		if chunk := int64(n) + r.Main.Down.BodyAhead(); chunk > limit-before {
			r.Error(logs.Error, "client intended to send too large chunked body: %d+%d bytes", before, chunk)
			b.err = &BodyError{413, errTooLarge}
			return 0, b.err
		}
	}
	if err != nil {
		b.err = r.bodyError(err)
	}
	return n, b.err
}

// bodyError gives the error of a frontend its status.
func (r *Request) bodyError(err error) error {
	var malformed *http1.Error
	switch {
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case errors.Is(err, loop.ErrTimeout):
		r.ErrorErr(logs.Info, err, "client timed out")
		return &BodyError{408, err}
	case errors.As(err, &malformed):
		r.Error(logs.Info, "%s", malformed.Reason)
		return &BodyError{malformed.Status, err}
	}
	if r.Head.Major >= 2 {
		r.Error(logs.Info, "client prematurely closed stream")
		return &BodyError{StatusClientClosed, err}
	}
	r.Error(logs.Info, "client prematurely closed connection")
	return &BodyError{400, err}
}

// RewindBody makes ReadBody begin again with a body that BufferBody has stored.
func (r *Request) RewindBody() { r.Main.body.at = 0 }

// HasBody reports whether the client sends a body with the request, be it an empty chunked one.
func (r *Request) HasBody() bool { return r.Head.HasBody() }

// BodySize is the length of the body: as announced, or as read once it has been; -1 when not known yet.
func (r *Request) BodySize() int64 {
	b := &r.Main.body
	switch {
	case b.stored:
		return b.size
	case r.Head.Chunked:
		return -1
	case r.Head.ContentLength > 0:
		return r.Head.ContentLength
	}
	return 0
}

// DiscardBody says that nobody will read the rest of the body. The frontend reads it to nowhere, or closes, after the
// response; a chunked one that is too large is noticed there.
func (r *Request) DiscardBody() error {
	r.Main.body.discarded = true
	return nil
}

// end closes what the body holds.
func (b *requestBody) end(r *Request) {
	if b.file == nil {
		return
	}
	b.file.Close()
	if b.path != "" && r.Location.Conf.ClientBodyInFileOnly != BodyFileKeep {
		os.Remove(b.path)
	}
	b.file, b.path = nil, ""
}

func isAgain(err error) bool { return err == conn.ErrAgain }
